"""Which removals of a run are carried out: all, none before an operator approved them, or the approved ones.

If approval is required, a scheduled run only writes a plan (`PlanProposal`). A run that is invoked with the id of a
plan reads it (`PlanApplication`), and removes the images of this `ApprovedPlan` that it selects by itself as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval import selection
from ecr_cleaner.approval.plan import PlanBinding, SavedPlan
from ecr_cleaner.approval.selection import Permitted
from ecr_cleaner.approval.store import PlanExecution, PlanStore
from ecr_cleaner.errors import CleanerError
from ecr_cleaner.model.plan import PlanSummary, Removal, RemovalStatus, RepositoryPlan, RetainedImage


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

    def select(self, plans: Sequence[RepositoryPlan], binding: PlanBinding, now: datetime) -> Selection:
        """Select from all plans of a run, or from one plan after a new evaluation.

        Args:
            plans: Of the repositories.
            binding: What a plan of the run is bound to.
            now: Start of the run.

        Raises:
            ApprovalError: No plan could be proposed.
            HistoryError: The proposed plan could not be written.
        """


class NoApproval:
    """Permits everything."""

    def select(self, plans: Sequence[RepositoryPlan], binding: PlanBinding, now: datetime) -> Selection:  # noqa: ARG002 - as the protocol has it
        """Permit all removals."""
        return Selection(map(Permitted, plans))


@dataclass(frozen=True, slots=True)
class PlanProposal:
    """Permits nothing, and writes a plan that awaits approval.

    Attributes:
        store: Store of the plans.
        expires_after: How long a plan can be approved.
    """

    store: PlanStore
    expires_after: timedelta

    def select(self, plans: Sequence[RepositoryPlan], binding: PlanBinding, now: datetime) -> Selection:
        """Write a plan, unless there is nothing to remove.

        Raises:
            ApprovalError: The plan would be too long.
            HistoryError: It could not be written.
        """
        plan = approval_plan.of_run(plans, binding, now, self.expires_after)
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

    def select(self, plans: Sequence[RepositoryPlan], binding: PlanBinding, now: datetime) -> Selection:  # noqa: ARG002 - checked before
        """Permit removals that the approved plan contains."""
        approved = self.plan.approved
        return Selection(selection.permitted(plan, approved.get(plan.repository.name, {})) for plan in plans)

    def retained(self, plan: RepositoryPlan) -> tuple[RetainedImage, ...]:
        """Images of the approved plan that a fresh plan of their repository does not remove."""
        return tuple(selection.retained(plan, self.plan.approved.get(plan.repository.name, {})))


@dataclass(slots=True)
class PlanApplication:
    """Carries out the plan that an operator submitted.

    Attributes:
        store: Store of the plans.
        plan_id: The id that the operator submitted.
        run_id: Identifies the run.
        dry_run: Whether nothing is removed, and so nothing is stored.
        plan: The plan; None: it is read from the store.
    """

    store: PlanStore
    plan_id: str
    run_id: str
    dry_run: bool
    plan: SavedPlan | None = None
    _execution: PlanExecution = field(init=False)
    _etag: str | None = field(init=False, default=None)

    def begin(self, binding: PlanBinding, now: datetime) -> ApprovedPlan:
        """Read and check the plan, and store that it is being carried out.

        Args:
            binding: What a plan of the run is bound to.
            now: Start of the run.

        Raises:
            ApprovalError: It cannot be carried out.
            HistoryError: The bucket could not be read or written.
        """
        plan = self.plan or self.store.read(self.plan_id)
        approval_plan.check(plan, binding, now)
        self._execution = PlanExecution(plan=self.plan_id, state="begun", run_id=self.run_id, at=now)
        if not self.dry_run:
            self._etag = self.store.begin(self._execution)
        return ApprovedPlan(plan)

    def finish(self) -> list[str]:
        """Store that nothing of the plan is left to do.

        Returns:
            Why this could not be stored, one sentence each.
        """
        try:
            if self._etag is not None:
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
