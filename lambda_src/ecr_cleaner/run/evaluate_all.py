"""Evaluates repositories side by side, and takes over what was found in their order."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from ecr_cleaner.errors import HistoryError
from ecr_cleaner.model.plan import RepositoryPlan
from ecr_cleaner.model.repository import Repository
from ecr_cleaner.model.result import RepositoryStatus
from ecr_cleaner.run.context import RunContext
from ecr_cleaner.run.evaluate import evaluate
from ecr_cleaner.run.side_by_side import ImageMemoryLimit, SideBySide
from ecr_cleaner.run.state import RunState


def evaluated(
    ctx: RunContext, state: RunState, repositories: Iterable[Repository]
) -> Iterator[tuple[Repository, RepositoryPlan | None]]:
    """Every verdict on the images of each repository that nothing ended so far; None if there are none.

    Args:
        ctx: What the run was given.
        state: Takes over what is found on the way.
        repositories: Taken as there is time for them.
    """
    basis = state.basis
    if basis is None:
        return
    room = ImageMemoryLimit()

    def in_turn() -> Iterator[Repository]:
        for repository in repositories:
            if state.may_go_on(repository):
                room.enter(repository.name)
                yield repository

    with SideBySide(ctx.workers) as threads, room:
        for repository, evaluation in threads.each(partial(evaluate, ctx, basis, room), in_turn()):
            room.leave(repository.name)
            yield repository, state.take(evaluation)


def first_plan(ctx: RunContext, state: RunState, plan: RepositoryPlan) -> RepositoryPlan | None:
    """Report what was found of a repository that was evaluated for the first time.

    Returns:
        What is to go; None if nothing may.
    """
    name = plan.repository.name
    state.repositories[name] = state.repositories[name].with_plan(plan)
    ctx.reporter.evaluated(plan, dry_run=ctx.settings.dry_run, refused=state.is_refused())
    if ctx.progress is not None:
        ctx.progress(name, sum(one.status is RepositoryStatus.EVALUATED for one in state.repositories.values()))
    if state.exceeds_limit(plan) or not plan.removals:
        return None
    # Only what goes is remembered until it goes.
    return replace(plan, verdicts=plan.removals)


def may_reveal_pull_failures(ctx: RunContext, state: RunState, repository: Repository) -> bool:
    """Whether evaluating a repository may show that a consumer fails because of what an earlier run removed from it."""
    if state.basis is None:
        return False
    monitor = state.basis.pull_failures
    if ctx.history is None or not monitor.is_named(repository.name):
        return repository.name in monitor.repositories
    try:
        known = ctx.history.known(repository.name)
    except HistoryError:
        return True
    return monitor.may_fail(repository.name, known.removed if known else {})
