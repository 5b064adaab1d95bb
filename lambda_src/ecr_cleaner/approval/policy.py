"""Which plans of a run are carried out: all of them, none before an operator approved, or what was approved.

Where approval is required a scheduled run proposes: `PlanProposal` writes its plan into the bucket, and nothing is
removed. A run that is sent a plan's id is a `PlanApplication`: it reads the plan, and what stands in this
`ApprovedPlan` is removed if the run would remove it by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval import selection
from ecr_cleaner.approval.store import PlanExecution, PlanStore
from ecr_cleaner.errors import ApprovalError, CleanerError
from ecr_cleaner.model.plan import PlanSummary, Removal, RemovalStatus, RepositoryPlan, RetainedImage
from ecr_cleaner.model.result import RepositoryStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ecr_cleaner.approval.plan import SavedPlan
    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.model.result import RepositoryResult
    from ecr_cleaner.settings.loader import Settings


@dataclass(frozen=True, slots=True)
class Origin:
    """Where and when the plans of a run are made.

    Attributes:
        account: The registry's.
        region: The registry's.
        now: The moment the run began.
    """

    account: str
    region: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Permitted:
    """What of one repository's plan may be carried out.

    Attributes:
        plan: What may.
        endings: How every other removal ends.
    """

    plan: RepositoryPlan
    endings: tuple[Removal, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """What of the plans of a run may be carried out.

    Attributes:
        permitted: By repository.
        proposed: What waits for approval instead; None: nothing.
    """

    permitted: Iterable[Permitted]
    proposed: SavedPlan | None = None


class ApprovalPolicy(Protocol):
    """Selects what of the plans of a run may be carried out."""

    def select(self, plans: Sequence[RepositoryPlan], origin: Origin) -> Selection:
        """Select from the plans of a run that may remove, or from one of them that was made again.

        Raises:
            ApprovalError: They cannot be put up for approval.
            HistoryError: Likewise: the bucket does not take them.
        """


class NoApproval:
    """Selects everything."""

    def select(self, plans: Sequence[RepositoryPlan], origin: Origin) -> Selection:  # noqa: ARG002 - as the protocol has it
        """All of it."""
        return Selection(map(Permitted, plans))


@dataclass(frozen=True, slots=True)
class PlanProposal:
    """Selects nothing, and writes the plan that waits for approval.

    Attributes:
        store: Where to.
        settings: Of the run.
        function: Name of the function.
    """

    store: PlanStore
    settings: Settings
    function: str

    def select(self, plans: Sequence[RepositoryPlan], origin: Origin) -> Selection:
        """Write the plan, if there is anything to approve.

        Raises:
            ApprovalError: The plan would be too long.
            HistoryError: It could not be written.
        """
        plan = approval_plan.of_run(
            plans,
            account=origin.account,
            region=origin.region,
            function=self.function,
            removal=self.settings.removal_mode,
            settings_sha256=self.settings.sha256,
            now=origin.now,
            expires_after=timedelta(hours=self.settings.plan_expiry_hours),
        )
        if plan.images:
            self.store.write(plan)
        return Selection(map(_proposed, plans), plan if plan.images else None)


def _proposed(plan: RepositoryPlan) -> Permitted:
    endings = tuple(Removal(verdict, RemovalStatus.PROPOSED) for verdict in plan.removals)
    return Permitted(RepositoryPlan(plan.repository, ()), endings)


@dataclass(frozen=True, slots=True)
class ApprovedPlan:
    """Selects what stands in the plan that an operator approved, with the same tags and for the same reason.

    Attributes:
        plan: That.
    """

    plan: SavedPlan

    @property
    def repositories(self) -> frozenset[str]:
        """Names of those that it names."""
        return frozenset(repository.name for repository in self.plan.repositories)

    def select(self, plans: Sequence[RepositoryPlan], origin: Origin) -> Selection:  # noqa: ARG002 - checked before
        """What stands in both."""
        approved = self.plan.approved
        return Selection(
            Permitted(*selection.permitted(plan, approved.get(plan.repository.name, {}))) for plan in plans
        )

    def retained(self, plan: RepositoryPlan) -> tuple[RetainedImage, ...]:
        """What it names and a fresh plan of a repository keeps."""
        return tuple(selection.retained(plan, self.plan.approved.get(plan.repository.name, {})))

    def unevaluated(
        self, repositories: Mapping[str, RepositoryResult], permitted: Collection[tuple[str, str]]
    ) -> Iterator[RetainedImage]:
        """What it names in repositories that ended without a plan.

        Args:
            repositories: Those that opted in, by name.
            permitted: Repository and digest of what was permitted; how that ended is reported by itself.
        """
        for name, images in self.plan.approved.items():
            found = repositories.get(name)
            if found is not None and found.status is RepositoryStatus.JUDGED:
                continue
            reason = found.status.value if found else "not_opted_in"
            detail = found.detail if found else "the repository did not opt in, or does not exist"
            for digest, approved in images.items():
                if (name, digest) not in permitted:
                    yield RetainedImage(name, digest, approved.tags, reason, detail)


@dataclass(slots=True)
class PlanApplication:
    """Carries out the plan that an operator sent.

    Attributes:
        store: Where it lies.
        settings: Of the run.
        function: Name of the function.
        plan_id: What the operator sent.
        run_id: Of this run.
        plan: The plan; None: it is read from the store.
    """

    store: PlanStore
    settings: Settings
    function: str
    plan_id: str
    run_id: str
    plan: SavedPlan | None = None
    _mark: PlanExecution = field(init=False)
    _etag: str | None = field(init=False, default=None)

    def begin(self, origin: Origin) -> ApprovedPlan:
        """Read the plan, hold it against what is here, and note that it is being carried out.

        Raises:
            ApprovalError: It may not be carried out.
            HistoryError: The bucket does not answer.
        """
        plan = self.plan or self.store.read(self.plan_id)
        approval_plan.check(
            plan,
            account=origin.account,
            region=origin.region,
            function=self.function,
            removal=self.settings.removal_mode,
            settings_sha256=self.settings.sha256,
            now=origin.now,
        )
        self._mark = PlanExecution(plan=self.plan_id, state="begun", run_id=self.run_id, at=origin.now)
        if not self.settings.dry_run:
            self._etag = self.store.begin(self._mark)
        return ApprovedPlan(plan)

    def finish(self) -> list[str]:
        """Note that nothing of the plan is left to be carried out.

        Returns:
            Why that could not be noted, one sentence each.
        """
        if self._etag is None:
            return []
        try:
            self.store.finish(self._mark.model_copy(update={"state": "done"}), self._etag)
        except CleanerError as error:
            problem = (
                f"that plan {self.plan_id} was carried out could not be noted ({error}); nothing more goes by sending"
                " it again than a new look allows"
            )
            return [problem]
        return []


def proposed(plan: SavedPlan) -> PlanSummary:
    """What a run tells of a plan that waits for a person."""
    command = approval_plan.apply_command(plan.id, plan.function, plan.region)
    return PlanSummary("awaits_approval", plan.id, plan.expires_at, plan.images, plan.size_bytes, command)


def applied(plan: SavedPlan, stays: Mapping[tuple[str, str], RetainedImage]) -> PlanSummary:
    """What a run tells of a plan that a person sent."""
    return PlanSummary("applied", plan.id, plan.expires_at, plan.images, plan.size_bytes, stays=stays)


def store_of(clients: AwsClients, settings: Settings) -> PlanStore | None:
    """Where the plans lie that wait for approval; None if none is required."""
    if settings.plans is None:
        return None
    return PlanStore(clients, settings.plans.bucket, settings.plans.prefix)


def policy_of(clients: AwsClients, settings: Settings, function: str) -> ApprovalPolicy:
    """Which plans a run carries out that nobody sent a plan."""
    store = None if settings.dry_run else store_of(clients, settings)
    return PlanProposal(store, settings, function) if store else NoApproval()


def application_of(  # noqa: PLR0913 - what a run knows of itself, each by name
    clients: AwsClients,
    settings: Settings,
    *,
    plan_id: str,
    plan: SavedPlan | None,
    function: str,
    run_id: str,
) -> PlanApplication:
    """The plan that an operator sent.

    Args:
        clients: Of the run.
        settings: Of the run.
        plan_id: What was sent.
        plan: That plan; None: it is read from the store.
        function: Name of the function.
        run_id: Of the run.

    Raises:
        ApprovalError: No approval is required.
    """
    store = store_of(clients, settings)
    if store is None:
        message = "require_approval is false: no plan waits for approval"
        raise ApprovalError(message)
    return PlanApplication(store, settings, function, plan_id, run_id, plan)
