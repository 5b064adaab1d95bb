"""Carries out what was decided, repositories side by side, by usages that are never older than the limit."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Self

from ecr_cleaner.errors import OutOfTimeError
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan, Verdict
from ecr_cleaner.model.repository import Repository
from ecr_cleaner.run import record
from ecr_cleaner.run.context import RESERVE_SECONDS, RunContext
from ecr_cleaner.run.evaluate import IS_EVALUATING
from ecr_cleaner.run.evaluate_all import evaluated, first_plan
from ecr_cleaner.run.side_by_side import MAX_PLANS_UNDER_WAY, Attempt, SideBySide, attempted
from ecr_cleaner.run.state import RunState
from ecr_cleaner.run.time_budget import RemovalBudget, RepositoryBudget

LOCK_IS_LOST: Final = "the run lost its lock, which another one may hold by now"

Permit = Callable[[RepositoryPlan], RepositoryPlan]
"""What of another evaluation may go."""


def remove_and_evaluate(
    ctx: RunContext, state: RunState, plans: Sequence[RepositoryPlan], unjudged: Sequence[Repository], permit: Permit
) -> None:
    """Remove what plans name, and evaluate other repositories meanwhile; whose plans are carried out at once.

    It ends when nothing is left, time runs out, or nothing more may be removed. Then the other repositories are
    evaluated all the same.

    Args:
        ctx: What the run was given.
        state: What became of it so far.
        plans: By the latest usages.
        unjudged: The other repositories. Without any, it was decided before what of all plans may go.
        permit: Says what of a plan that was made here may go.
    """
    # Reading may end at any call; what removes has to learn what became of it.
    ctx.clients.deadline_exceeded = lambda: IS_EVALUATING.get() and ctx.is_deadline_exceeded()
    budget = RemovalBudget(ctx, state)
    before: dict[str, RepositoryPlan] = {}  # what is left, by repository
    waiting = [*unjudged]
    while plans or waiting:
        with Removals(ctx, state, budget) as removals:
            for plan in plans:
                removals.begin(plan)
            turn = _EvaluationQueue(ctx, state, waiting)
            for repository, fresh in evaluated(ctx, state, turn):
                removals.begin(_to_remove(ctx, state, fresh, before.pop(repository.name, None), permit))
        plans = ()
        if removals.left and not (state.is_refused() or ctx.holds_lock()):
            state.errors.append(LOCK_IS_LOST)
        left = [] if state.is_refused() else removals.left
        before = {plan.repository.name: plan for plan in left}
        waiting = [*(plan.repository for plan in left), *turn.left]
        if not waiting:
            return
        is_late = ctx.is_deadline_exceeded()
        if is_late or not (
            state.is_refused() or _has_fresh_usages(ctx, state, turn.left, outdated=removals.is_outdated)
        ):
            for repository in filter(state.may_go_on, waiting):
                state.cut_off(repository.name, before.get(repository.name))
            return
        state.hold([*before.values()])
        _tell_uncovered(state, before)


def _has_fresh_usages(ctx: RunContext, state: RunState, unjudged: Iterable[Repository], *, outdated: bool) -> bool:
    """Whether more can go by the latest usages; they are collected again if they are too old and there is time."""
    if not (state.is_stale() or outdated):
        return True
    if ctx.seconds_left() < RESERVE_SECONDS + state.scan_seconds:
        return False
    # What is evaluated by later usages alone was seen in use by these: that protects it like any other recent use.
    record.save_uses(ctx, state, [one.name for one in unjudged])
    before = record.uncovered(state)
    # It may take longer than the scan before; nothing is removed meanwhile, so any of its calls may be the last one.
    usual, ctx.clients.deadline_exceeded = ctx.clients.deadline_exceeded, ctx.is_deadline_exceeded
    try:
        state.add_scan(ctx.scanner.scan(ctx.clock()))
    except OutOfTimeError:
        return False
    finally:
        ctx.clients.deadline_exceeded = usual
    uncovered = record.uncovered(state)
    # A later run has to know this even if nothing more is judged by it.
    record.save_uses(ctx, state, uncovered)
    if uncovered != before or (state.latest is not None and state.latest.compared.drop is not None):
        record.save_history(ctx, state, state.left)
    return True


@dataclass(slots=True)
class _EvaluationQueue:
    """Repositories that are evaluated one after the other, as long as that makes sense.

    Attributes:
        left: Those that are not taken yet.
    """

    ctx: RunContext
    state: RunState
    left: list[Repository]

    def __iter__(self) -> Iterator[Repository]:
        """Take the next one."""
        # By usages that are too old nothing may go. In a run in which nothing goes anyway they still say what would.
        while (
            self.left and not self.ctx.is_deadline_exceeded() and (self.state.is_refused() or not self.state.is_stale())
        ):
            yield self.left.pop(0)


def _to_remove(
    ctx: RunContext,
    state: RunState,
    plan: RepositoryPlan | None,
    old: RepositoryPlan | None,
    permit: Permit,
) -> RepositoryPlan | None:
    """What is to go by a new evaluation; None if nothing may.

    Args:
        ctx: What the run was given.
        state: What became of it so far.
        plan: Every verdict; None if there are none.
        old: What is left of its plan by earlier usages; None: it was not evaluated before.
        permit: Says what may go.
    """
    fresh = plan
    if old is None and plan is not None:
        fresh = first_plan(ctx, state, plan)
    elif plan is not None and (state.is_refused() or state.exceeds_limit(plan)):
        fresh = None
    state.reconsider([fresh] if fresh is not None else [])
    if fresh is None or state.is_refused():
        return None
    if old is not None:
        _tell_changes(state, old, fresh)
    return permit(fresh)


def _tell_uncovered(state: RunState, plans: Mapping[str, RepositoryPlan]) -> None:
    """Report what stays in repositories that are skipped by the latest usages."""
    for name in record.uncovered(state):
        for verdict in plans[name].removals if name in plans else ():
            detail = "not removed: others may pull from here, and not all of them could be looked at again"
            state.add_removal(Removal(verdict, RemovalStatus.CHANGED, detail=detail))


def _tell_changes(state: RunState, old: RepositoryPlan, fresh: RepositoryPlan) -> None:
    still = {verdict.image.digest for verdict in fresh.removals}
    reasons = {verdict.image.digest: verdict.reason.value for verdict in fresh.verdicts}
    for verdict in old.removals:
        digest = verdict.image.digest
        if digest not in still:
            detail = f"judged again, it is kept: {reasons.get(digest, 'it is gone')}"
            state.add_removal(Removal(verdict, RemovalStatus.CHANGED, detail=detail))


@dataclass(slots=True)
class _CarriedOut:
    """What became of a plan.

    Attributes:
        budget: Whether time ran out, or the usages got too old.
        removed: What later runs know of each image, by digest.
        removals: How they ended.
        left: What is left of it.
    """

    budget: RepositoryBudget
    removed: Mapping[str, RemovedImage] = field(default_factory=dict)
    removals: list[Removal] = field(default_factory=list)
    left: Attempt[tuple[Verdict, ...]] = field(default_factory=Attempt)


@dataclass(slots=True)
class Removals:
    """Those that are under way, each repository's in a thread.

    Attributes:
        ctx: What the run was given.
        state: Takes over how they ended, in the order in which they began.
        budget: The time that they take.
        left: What is left of plans because the usages are too old.
        is_outdated: Whether something can only be ended by newer usages.
    """

    ctx: RunContext
    state: RunState
    budget: RemovalBudget
    left: list[RepositoryPlan] = field(default_factory=list)
    is_outdated: bool = False
    _threads: SideBySide = field(init=False)
    _begun: deque[tuple[RepositoryPlan, "Future[_CarriedOut]"]] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        self._threads = SideBySide(self.ctx.workers)

    def __enter__(self) -> Self:
        """Start the threads."""
        self._threads.__enter__()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Take over how all removals ended. Once something was raised, none goes on, and what went is told first."""
        if error is not None:
            self.state.errors.append(f"the run could not go on: {type(error).__name__}: {error}")
        try:
            while self._begun:
                self._end(*self._begun.popleft())
        except BaseException as another:
            self.__exit__(None, another, None)
            raise
        self._threads.__exit__()

    def begin(self, plan: RepositoryPlan | None) -> None:
        """Carry out a plan, after it is written down what was found unneeded since the last time."""
        verdicts = [*record.unwritten_verdicts(self.ctx, self.state)]
        if plan is None or not plan.removals or self.ctx.settings.dry_run or self.state.is_refused():
            plan = None
        elif self.state.is_stale():
            self.left.append(plan)
            plan = None
        if plan is None and verdicts:
            plan = RepositoryPlan(verdicts[-1][0], ())
        if plan is not None:
            work = partial(self._carry_out, plan, verdicts)
            self._begun.append((plan, self._threads.begin(work)))
        while self._begun and (self._begun[0][1].done() or len(self._begun) > MAX_PLANS_UNDER_WAY):
            self._end(*self._begun.popleft())

    def _carry_out(self, plan: RepositoryPlan, verdicts: Iterable[tuple[Repository, frozenset[str]]]) -> _CarriedOut:
        """In a thread of its own: nothing here changes what the run knows."""
        ctx = self.ctx
        carried = _CarriedOut(self.budget.of_repository())
        for one in verdicts:
            saved = record.write_verdicts(ctx, one)
            if saved.outcome is not None or saved.is_out_of_time:
                carried.left = Attempt(outcome=saved.outcome, is_out_of_time=saved.is_out_of_time)
                return carried
        if plan.removals:
            carried.removed = record.removed_images(ctx, plan)
            carried.left = attempted(lambda: self._remove(plan, carried), ctx.is_deadline_exceeded)
            carried.budget.pause()
        return carried

    def _remove(self, plan: RepositoryPlan, carried: _CarriedOut) -> tuple[Verdict, ...]:
        """Remove until done, out of time, out of date, or stopped.

        Returns:
            What is left.

        Raises:
            AwsError: Something other than the removal itself failed.
            CleanerError: It could not be written down what is to go; or time ran out.
        """
        ctx, state = self.ctx, self.state
        if ctx.history is not None:
            ctx.history.removing(plan.repository.name, carried.removed)
        left = []
        for removal in ctx.registry.remove(
            ctx.clients,
            plan,
            lambda: not (ctx.is_deadline_exceeded() or state.is_stale() or state.is_refused()) and ctx.holds_lock(),
            ctx.journal,
            may_begin=carried.budget.may_begin,
            readings=ctx.own_pulls,
            archive=ctx.archives,
            clock=ctx.clock,
        ):
            if removal.status is RemovalStatus.DEFERRED:
                left.append(removal.verdict)
            else:
                carried.removals.append(removal)
        return tuple(left)

    def _end(self, plan: RepositoryPlan, done: "Future[_CarriedOut]") -> None:
        """Take over what became of a plan."""
        carried, name = done.result(), plan.repository.name
        for removal in carried.removals:
            is_removed = removal.status in {RemovalStatus.REMOVED, RemovalStatus.ARCHIVED}
            self.state.add_removal(removal, carried.removed[removal.verdict.image.digest] if is_removed else None)
        left = self.state.end(name, carried.left)
        if not left:
            return
        plan = replace(plan, verdicts=left)
        if self.ctx.is_deadline_exceeded() or carried.budget.is_late:
            self.state.cut_off(name, plan)
        else:
            self.left.append(plan)
            self.is_outdated |= carried.budget.is_outdated
