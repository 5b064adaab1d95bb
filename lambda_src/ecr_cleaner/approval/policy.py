"""Stands between what a run would remove and its removal, where a person has to approve.

In a scheduled run `PlanProposal` writes the plan into the bucket and lets nothing pass. In a run that a person starts
with a plan's id `PlanApplication` lets pass what the plan names, if the run would remove it by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval.selection import Approved, permitted, retained
from ecr_cleaner.approval.store import PlanExecution, PlanStore
from ecr_cleaner.errors import ApprovalError, CleanerError
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan
from ecr_cleaner.model.result import PlanSummary, RepositoryStatus, Stay

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from ecr_cleaner.approval.plan import SavedPlan
    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.model.result import RepositoryOutcome
    from ecr_cleaner.settings.loader import Settings


class ApprovalPolicy(Protocol):
    """What a run asks before it removes anything."""

    def begin(self, account: str, region: str, now: datetime) -> PlanSummary | None:
        """The registry is known, and nothing is judged yet; tells of the plan that is about to be carried out.

        Raises:
            ApprovalError: There is nothing to begin.
            HistoryError: The bucket does not answer.
        """

    def look(self, plan: RepositoryPlan) -> None:
        """A repository was judged, or judged again."""

    def ask(self, plans: Iterable[RepositoryPlan]) -> PlanSummary | None:
        """Everything is judged, and the run would remove now; tells of the plan that waits from here on."""

    def permit(self, plan: RepositoryPlan) -> tuple[RepositoryPlan, tuple[Removal, ...]]:
        """What of a repository's removals may go, and how each other one ends; none is told twice."""

    def end(
        self, repositories: Mapping[str, RepositoryOutcome], unfinished: Collection[str], *, stopped: bool
    ) -> list[str]:
        """The run has removed what it could.

        Args:
            repositories: Those that opted in, by name.
            unfinished: Names of those of which something is left, or failed.
            stopped: Whether nothing more may go, or time ran out, for the run as a whole.

        Returns:
            What could not be noted, one sentence each.
        """


@dataclass(slots=True)
class PlanProposal:
    """Writes the plan of a scheduled run; nothing passes.

    Attributes:
        store: Where to.
        settings: What the run is told.
        function: Name of the function.
    """

    store: PlanStore
    settings: Settings
    function: str
    _account: str = field(init=False)
    _region: str = field(init=False)
    _now: datetime = field(init=False)

    def begin(self, account: str, region: str, now: datetime) -> None:
        """Remember whose run it is."""
        self._account, self._region, self._now = account, region, now

    def look(self, plan: RepositoryPlan) -> None:
        """Verdicts are as ever."""

    def ask(self, plans: Iterable[RepositoryPlan]) -> PlanSummary | None:
        """Write the plan, if there is anything to approve, and say what to send.

        Raises:
            ApprovalError: The plan would be too long.
            HistoryError: It could not be written.
        """
        plan = approval_plan.of_run(
            plans,
            account=self._account,
            region=self._region,
            function=self.function,
            removal=self.settings.removal_mode,
            settings_sha256=self.settings.sha256,
            now=self._now,
            expires_after=timedelta(hours=self.settings.plan_expiry_hours),
        )
        if not plan.images:
            return None
        self.store.write(plan)
        return proposed(plan)

    def permit(self, plan: RepositoryPlan) -> tuple[RepositoryPlan, tuple[Removal, ...]]:
        """Nothing."""
        endings = tuple(Removal(verdict, RemovalStatus.PROPOSED) for verdict in plan.removals)
        return RepositoryPlan(plan.repository, ()), endings

    def end(self, *_: object, **__: object) -> list[str]:
        """Nothing has gone."""
        return []


@dataclass(slots=True)
class PlanApplication:
    """Lets pass what stands in the plan that a person approved.

    Attributes:
        store: Where it lies.
        settings: What the run is told.
        function: Name of the function.
        plan_id: What the person sent.
        run_id: Of this run.
        plan: The plan; None until it is read from the store.
    """

    store: PlanStore
    settings: Settings
    function: str
    plan_id: str
    run_id: str
    plan: SavedPlan | None = None
    _planned: dict[str, dict[str, Approved]] = field(init=False)
    _mark: PlanExecution = field(init=False)
    _etag: str | None = field(init=False, default=None)
    _stays: dict[tuple[str, str], Stay] = field(init=False, default_factory=dict)
    _looked_at: set[str] = field(init=False, default_factory=set)
    _ended: set[tuple[str, str]] = field(init=False, default_factory=set)
    _passed: set[tuple[str, str]] = field(init=False, default_factory=set)

    def begin(self, account: str, region: str, now: datetime) -> PlanSummary:
        """Read the plan, hold it against what is here, and note that it is being carried out.

        Raises:
            ApprovalError: It may not be carried out.
            HistoryError: The bucket does not answer.
        """
        self.plan = plan = self.plan or self.store.read(self.plan_id)
        approval_plan.check(
            plan,
            account=account,
            region=region,
            function=self.function,
            removal=self.settings.removal_mode,
            settings_sha256=self.settings.sha256,
            now=now,
        )
        self._planned = plan.approved
        self._mark = PlanExecution(plan=self.plan_id, state="begun", run_id=self.run_id, at=now)
        if not self.settings.dry_run:
            self._etag = self.store.begin(self._mark)
        return applied(plan, self._stays)

    def look(self, plan: RepositoryPlan) -> None:
        """Note what the plan names and this look keeps."""
        name = plan.repository.name
        again = name in self._looked_at
        self._looked_at.add(name)
        for stay in retained(plan, self._planned.get(name, {})):
            # What went between two looks did not stay.
            if not (again and stay.reason == "gone"):
                self._stays[name, stay.digest] = stay

    def ask(self, plans: Iterable[RepositoryPlan]) -> None:
        """A person has been asked already."""

    def permit(self, plan: RepositoryPlan) -> tuple[RepositoryPlan, tuple[Removal, ...]]:
        """What stands in the plan with the same tags."""
        name = plan.repository.name
        passes, endings = permitted(plan, self._planned.get(name, {}))
        new = tuple(one for one in endings if (name, one.verdict.image.digest) not in self._ended)
        self._ended |= {(name, one.verdict.image.digest) for one in new}
        self._passed |= {(name, verdict.image.digest) for verdict in passes.verdicts}
        return passes, new

    def end(
        self, repositories: Mapping[str, RepositoryOutcome], unfinished: Collection[str], *, stopped: bool
    ) -> list[str]:
        """Say of which repositories nobody looked, and note that the plan was carried out, if nothing of it is left."""
        for name, images in self._planned.items():
            found = repositories.get(name)
            if found is not None and found.status is RepositoryStatus.JUDGED:
                continue
            reason = found.status.value if found else "not_opted_in"
            detail = found.detail if found else "the repository did not opt in, or does not exist"
            for digest, approved in images.items():
                if (name, digest) not in self._passed:  # how these end, the run tells
                    self._stays.setdefault((name, digest), Stay(name, digest, approved.tags, reason, detail))
        if self._etag is None or stopped or self._planned.keys() & set(unfinished):
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


def applied(plan: SavedPlan, stays: Mapping[tuple[str, str], Stay]) -> PlanSummary:
    """What a run tells of a plan that a person sent."""
    return PlanSummary("applied", plan.id, plan.expires_at, plan.images, plan.size_bytes, stays=stays)


def store_of(clients: AwsClients, settings: Settings) -> PlanStore | None:
    """Where the plans lie that wait for approval; None if none is required."""
    if settings.plans is None:
        return None
    return PlanStore(clients, settings.plans.bucket, settings.plans.prefix)


def policy_of(  # noqa: PLR0913, PLR0917 - what a run knows of itself
    clients: AwsClients,
    settings: Settings,
    plan_id: str | None,
    function: str,
    run_id: str,
    plan: SavedPlan | None = None,
) -> ApprovalPolicy | None:
    """What a run has to pass; None: nothing, it removes by itself, or nothing at all.

    Args:
        clients: Of the run.
        settings: What it is told.
        plan_id: Of the plan that a person sent; None: nobody did.
        function: Name of the function.
        run_id: Of the run.
        plan: That plan; None until it is read from the store.

    Raises:
        ApprovalError: There is a plan, and no approval is required.
    """
    store = store_of(clients, settings)
    if store is None and plan_id is not None:
        message = "require_approval is false: no plan waits for approval"
        raise ApprovalError(message)
    if store is None:
        return None
    if plan_id is not None:
        return PlanApplication(store, settings, function, plan_id, run_id, plan)
    return None if settings.dry_run else PlanProposal(store, settings, function)
