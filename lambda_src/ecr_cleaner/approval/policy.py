"""Which removals of a run are carried out: all, none before an operator approved them, or the approved ones.

If approval is required, a scheduled run only writes a plan (`PlanProposal`). A run that is invoked with the id of a
plan reads it (`PlanApplication`), and removes the images of this `ApprovedPlan` that it selects by itself as well.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval import selection
from ecr_cleaner.approval.plan import PlanBinding, SavedPlan
from ecr_cleaner.approval.store import PlanExecution, PlanStore
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import ApprovalError, CleanerError
from ecr_cleaner.model.plan import PlanSummary, Removal, RemovalStatus, RepositoryPlan, RetainedImage
from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus
from ecr_cleaner.settings.loader import Settings


@dataclass(frozen=True, slots=True)
class Origin:
    """Registry and time of a run.

    Attributes:
        account: Account id of the registry.
        region: Region of the registry.
        now: Start of the run.
    """

    account: str
    region: str
    now: datetime

    def binding(self, function: str, settings: Settings) -> PlanBinding:
        """What a plan of the run is bound to."""
        return PlanBinding(self.account, self.region, function, settings.removal_mode, settings.sha256)


@dataclass(frozen=True, slots=True)
class Permitted:
    """The permitted part of the plan of one repository.

    Attributes:
        plan: The permitted removals.
        endings: Outcomes of all other removals.
    """

    plan: RepositoryPlan
    endings: tuple[Removal, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """The permitted part of the plans of a run.

    Attributes:
        permitted: For each repository.
        proposed: The plan that awaits approval; None: there is none.
    """

    permitted: Iterable[Permitted]
    proposed: SavedPlan | None = None


class ApprovalPolicy(Protocol):
    """Selects the removals of a run that are permitted."""

    def select(self, plans: Sequence[RepositoryPlan], origin: Origin) -> Selection:
        """Select from all plans of a run, or from one plan after a new evaluation.

        Raises:
            ApprovalError: No plan could be proposed.
            HistoryError: The proposed plan could not be written.
        """


class NoApproval:
    """Permits everything."""

    def select(self, plans: Sequence[RepositoryPlan], origin: Origin) -> Selection:  # noqa: ARG002 - as the protocol has it
        """Permit all removals."""
        return Selection(map(Permitted, plans))


@dataclass(frozen=True, slots=True)
class PlanProposal:
    """Permits nothing, and writes a plan that awaits approval.

    Attributes:
        store: Store of the plans.
        settings: Settings of the run.
        function: Name of the function.
    """

    store: PlanStore
    settings: Settings
    function: str

    def select(self, plans: Sequence[RepositoryPlan], origin: Origin) -> Selection:
        """Write a plan, unless there is nothing to remove.

        Raises:
            ApprovalError: The plan would be too long.
            HistoryError: It could not be written.
        """
        expires_after = timedelta(hours=self.settings.plan_expiry_hours)
        plan = approval_plan.of_run(plans, origin.binding(self.function, self.settings), origin.now, expires_after)
        if plan.images:
            self.store.write(plan)
        return Selection(map(_proposed, plans), plan if plan.images else None)


def _proposed(plan: RepositoryPlan) -> Permitted:
    endings = tuple(Removal(verdict, RemovalStatus.PROPOSED) for verdict in plan.removals)
    return Permitted(RepositoryPlan(plan.repository, ()), endings)


@dataclass(frozen=True, slots=True)
class ApprovedPlan:
    """Permits the removals of a plan that an operator approved, with equal tags and reason.

    Attributes:
        plan: The plan.
    """

    plan: SavedPlan

    @property
    def repositories(self) -> frozenset[str]:
        """Names of the repositories in the plan."""
        return frozenset(repository.name for repository in self.plan.repositories)

    def select(self, plans: Sequence[RepositoryPlan], origin: Origin) -> Selection:  # noqa: ARG002 - checked before
        """Permit removals that the approved plan contains."""
        approved = self.plan.approved
        return Selection(
            Permitted(*selection.permitted(plan, approved.get(plan.repository.name, {}))) for plan in plans
        )

    def retained(self, plan: RepositoryPlan) -> tuple[RetainedImage, ...]:
        """Images of the approved plan that a fresh plan of their repository does not remove."""
        return tuple(selection.retained(plan, self.plan.approved.get(plan.repository.name, {})))

    def unevaluated(
        self, repositories: Mapping[str, RepositoryResult], permitted: Collection[tuple[str, str]]
    ) -> Iterator[RetainedImage]:
        """Images of the approved plan in repositories that were not evaluated.

        Args:
            repositories: Results of the opted-in repositories, by name.
            permitted: Repository and digest of permitted removals, whose outcomes are reported already.
        """
        for name, images in self.plan.approved.items():
            result = repositories.get(name)
            if result is not None and result.status is RepositoryStatus.EVALUATED:
                continue
            reason = result.status.value if result else "not_opted_in"
            detail = result.detail if result else "the repository did not opt in, or does not exist"
            for digest, approved in images.items():
                if (name, digest) not in permitted:
                    yield RetainedImage(name, digest, approved.tags, reason, detail)


@dataclass(slots=True)
class PlanApplication:
    """Carries out the plan that an operator submitted.

    Attributes:
        store: Store of the plans.
        settings: Settings of the run.
        function: Name of the function.
        plan_id: The id that the operator submitted.
        run_id: Identifies the run.
        plan: The plan; None: it is read from the store.
    """

    store: PlanStore
    settings: Settings
    function: str
    plan_id: str
    run_id: str
    plan: SavedPlan | None = None
    _execution: PlanExecution = field(init=False)
    _etag: str | None = field(init=False, default=None)

    def begin(self, origin: Origin) -> ApprovedPlan:
        """Read and check the plan, and store that it is being carried out.

        Raises:
            ApprovalError: It cannot be carried out.
            HistoryError: The bucket could not be read or written.
        """
        plan = self.plan or self.store.read(self.plan_id)
        approval_plan.check(plan, origin.binding(self.function, self.settings), origin.now)
        self._execution = PlanExecution(plan=self.plan_id, state="begun", run_id=self.run_id, at=origin.now)
        if not self.settings.dry_run:
            self._etag = self.store.begin(self._execution)
        return ApprovedPlan(plan)

    def finish(self) -> list[str]:
        """Store that nothing of the plan is left to do.

        Returns:
            Why this could not be stored, one sentence each.
        """
        if self._etag is None:
            return []
        try:
            self.store.finish(self._execution.model_copy(update={"state": "done"}), self._etag)
        except CleanerError as error:
            problem = (
                f"it could not be stored that plan {self.plan_id} was carried out ({error}); submitting it again is"
                " safe, every run evaluates everything anew"
            )
            return [problem]
        return []


def proposed(plan: SavedPlan) -> PlanSummary:
    """Summary of a plan that awaits approval."""
    command = approval_plan.apply_command(plan.id, plan.function, plan.region)
    return PlanSummary("awaits_approval", plan.id, plan.expires_at, plan.images, plan.size_bytes, command)


def applied(plan: SavedPlan, stays: Mapping[tuple[str, str], RetainedImage]) -> PlanSummary:
    """Summary of a plan that was carried out."""
    return PlanSummary("applied", plan.id, plan.expires_at, plan.images, plan.size_bytes, stays=stays)


def store_of(clients: AwsClients, settings: Settings) -> PlanStore | None:
    """Store of the plans; None if no approval is required."""
    if settings.plans is None:
        return None
    return PlanStore(clients, settings.plans.bucket, settings.plans.prefix)


def policy_of(clients: AwsClients, settings: Settings, function: str) -> ApprovalPolicy:
    """The policy of a run without a submitted plan."""
    store = None if settings.dry_run else store_of(clients, settings)
    return PlanProposal(store, settings, function) if store else NoApproval()


def application_of(  # noqa: PLR0913 - what a run knows of itself, each by name
    clients: AwsClients, settings: Settings, *, plan_id: str, plan: SavedPlan | None, function: str, run_id: str
) -> PlanApplication:
    """The execution of a plan that an operator submitted.

    Args:
        clients: AWS clients of the run.
        settings: Settings of the run.
        plan_id: The submitted id.
        plan: The plan; None: it is read from the store.
        function: Name of the function.
        run_id: Identifies the run.

    Raises:
        ApprovalError: No approval is required.
    """
    store = store_of(clients, settings)
    if store is None:
        message = "require_approval is false: no plan awaits approval"
        raise ApprovalError(message)
    return PlanApplication(store, settings, function, plan_id, run_id, plan)
