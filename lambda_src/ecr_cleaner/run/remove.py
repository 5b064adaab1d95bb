"""Carries out what was decided for one repository, by usages that are never older than the limit."""

from collections.abc import Callable
from dataclasses import replace

from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan, Verdict
from ecr_cleaner.run import memory
from ecr_cleaner.run.context import RESERVE_SECONDS, RunContext
from ecr_cleaner.run.pace import Pace
from ecr_cleaner.run.state import RunState

Permit = Callable[[RepositoryPlan], RepositoryPlan]
"""What of another evaluation may go."""


def remove(ctx: RunContext, state: RunState, pace: Pace, plan: RepositoryPlan, permit: Permit) -> None:
    """Remove what a repository's plan names, as long as nothing stops the run."""
    repository = plan.repository
    pace.is_late = False
    while plan.removals and not (ctx.settings.dry_run or state.is_refused()):
        if state.is_stale() or pace.is_outdated:
            if ctx.seconds_left() < RESERVE_SECONDS + state.scan_seconds:
                state.cut_off(repository.name, plan)
                return
            pace.is_outdated = False
            _scan_again(ctx, state)
            state.hold([plan])
        # A scan that another repository needed makes this one's verdicts old as well.
        if not state.is_current(repository):
            fresh = _evaluated_again(ctx, state, plan)
            if fresh is None:
                return
            plan = permit(fresh)
        left = state.attempt(repository, lambda _, plan=plan: _remove_some(ctx, state, pace, plan))  # type: ignore[misc]
        pace.pause()
        if not left:
            return
        plan = replace(plan, verdicts=left)
        if ctx.is_deadline_exceeded() or pace.is_late:
            state.cut_off(repository.name, plan)
            return


def _scan_again(ctx: RunContext, state: RunState) -> None:
    """Scan anew, and write down what a later run has to know even if nothing more is judged by it."""
    before = memory.uncovered(state)
    state.add_scan(ctx.scanner.scan(ctx.clock()))
    uncovered = memory.uncovered(state)
    memory.save_uses(ctx, state, uncovered)
    if uncovered != before or (state.latest is not None and state.latest.compared.drop is not None):
        memory.save_history(ctx, state, state.left)


def _evaluated_again(ctx: RunContext, state: RunState, plan: RepositoryPlan) -> RepositoryPlan | None:
    """What is to go by the latest usages; None: nothing may go from here any more."""
    fresh = state.evaluate(plan.repository)
    if plan.repository.name in memory.uncovered(state):
        for verdict in plan.removals:
            detail = "not removed: others may pull from here, and not all of them could be looked at again"
            state.add_removal(Removal(verdict, RemovalStatus.CHANGED, detail=detail))
        return None
    if fresh is None or state.is_refused() or state.exceeds_limit(fresh):
        return None
    state.hold([fresh])
    if state.is_refused():
        return None
    memory.save_verdicts(ctx, state)
    still = {verdict.image.digest for verdict in fresh.removals}
    reasons = {verdict.image.digest: verdict.reason.value for verdict in fresh.verdicts}
    for verdict in plan.removals:
        digest = verdict.image.digest
        if digest not in still:
            detail = f"judged again, it is kept: {reasons.get(digest, 'it is gone')}"
            state.add_removal(Removal(verdict, RemovalStatus.CHANGED, detail=detail))
    return fresh


def _remove_some(ctx: RunContext, state: RunState, pace: Pace, plan: RepositoryPlan) -> tuple[Verdict, ...]:
    """Remove until done, out of time, or out of date.

    Returns:
        What is left.
    """
    removed = _removed_images(ctx, plan)
    if ctx.history is not None:
        ctx.history.removing(plan.repository.name, removed)
    left = []
    for removal in ctx.registry.remove(
        ctx.clients,
        plan,
        lambda: not (ctx.is_deadline_exceeded() or state.is_stale()),
        ctx.journal,
        may_begin=pace.may_begin,
        readings=ctx.own_pulls,
        archive=ctx.archives,
        clock=ctx.clock,
    ):
        if removal.status is RemovalStatus.DEFERRED:
            left.append(removal.verdict)
            continue
        is_removed = removal.status in {RemovalStatus.REMOVED, RemovalStatus.ARCHIVED}
        state.add_removal(removal, removed[removal.verdict.image.digest] if is_removed else None)
    return tuple(left)


def _removed_images(ctx: RunContext, plan: RepositoryPlan) -> dict[str, RemovedImage]:
    """What later runs know of the removals; what is kept after all they see for themselves."""
    now, archives = ctx.clock(), ctx.archives
    return {
        image.digest: RemovedImage(image.tags, now, ctx.run_id, "archive" if archives and image.active else "delete")
        for image in (verdict.image for verdict in plan.removals)
    }
