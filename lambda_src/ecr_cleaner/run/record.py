"""What a run writes down for later ones."""

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Final

from ecr_cleaner.decision import usage_drop
from ecr_cleaner.errors import HistoryError
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.plan import RepositoryPlan
from ecr_cleaner.model.repository import Repository
from ecr_cleaner.model.result import RepositoryStatus
from ecr_cleaner.run.context import RunContext
from ecr_cleaner.run.side_by_side import Attempt, SideBySide, attempted
from ecr_cleaner.run.state import RunState

_JUDGED: Final = frozenset({RepositoryStatus.EVALUATED, RepositoryStatus.OVER_LIMIT})


def save_history(ctx: RunContext, state: RunState, left: Collection[str]) -> None:
    """Write down what holds for all repositories: what usages are compared with, or what waits for confirmation.

    Args:
        ctx: What the run was given.
        state: What became of it so far.
        left: Names of the repositories that the next run begins with, in their order.

    Raises:
        HistoryError: It cannot be written.
    """
    history, basis, listing, latest = ctx.history, state.basis, state.listing, state.latest
    if history is not None and basis is not None and listing is not None and latest is not None:
        compared, drop = latest.compared, latest.compared.drop
        history.save(
            listing.names,
            None if basis.scan.own_failures else compared.counts,
            drop.id if drop else None,
            listing.judged - {*uncovered(state)},
            basis.scan.answered,
            left=left,
            # What dropped in another account alone waits; the scan has those sources as failed.
            complete=usage_drop.counts(basis.scan) if state.stop.drop is None else None,
            forgotten=latest.gone,
        )


def uncovered(state: RunState) -> list[str]:
    """Names of the repositories that are skipped because not everybody was looked at who may pull from them."""
    known = state.listing.repositories if state.listing else ()
    return sorted(one.name for one in known if state.repositories[one.name].status is RepositoryStatus.SKIPPED)


def save_uses(ctx: RunContext, state: RunState, unjudged: Iterable[str]) -> None:
    """Write down what is in use in repositories that are not judged, side by side: no use may be missed.

    A history that cannot be read or written is a problem of the run; the repository itself will fail by it.

    Raises:
        OutOfTimeError: No time is left for all of them.
    """
    history, basis = ctx.history, state.basis
    if history is None or basis is None:
        return
    usages, at = basis.usages.all, basis.scan.started_at
    named = {one.reference.repository for one in usages if not (one.reference.is_wide or one.reference.digest)}
    anywhere = [one for one in usages if one.reference.is_wide or one.reference.digest]
    of = {name: [one for one in usages if one.reference.repository == name] for name in named & {*unjudged}}

    def note(name: str) -> str:
        try:
            history.used(name, [*anywhere, *of.get(name, ())], at)
        except HistoryError as error:
            return f"repository {name}: {error}"
        return ""

    with SideBySide(ctx.workers) as threads:
        state.problems += [problem for _, problem in threads.each(note, unjudged) if problem]


def unwritten_verdicts(ctx: RunContext, state: RunState) -> Iterator[tuple[Repository, frozenset[str]]]:
    """Repositories of which it is to be written down which images are unneeded, with their digests; each one once.

    In a refused run, and in a repository over its limit, none begins to be; but what is needed there is needed.
    """

    def counts(name: str) -> bool:
        return not state.is_refused() and state.repositories[name].status is not RepositoryStatus.OVER_LIMIT

    if ctx.history is not None:
        for repository, digests in state.verdicts.taken(counts):
            if state.repositories[repository.name].status in _JUDGED:
                yield repository, digests


def save_verdicts(ctx: RunContext, state: RunState) -> None:
    """Write down which images are unneeded, side by side."""
    if state.is_refused() and ctx.is_deadline_exceeded():
        return
    with SideBySide(ctx.workers) as threads:
        for (repository, _), saved in threads.each(partial(write_verdicts, ctx), unwritten_verdicts(ctx, state)):
            state.end(repository.name, saved)


def write_verdicts(ctx: RunContext, taken: tuple[Repository, frozenset[str]]) -> Attempt[None]:
    """Write down which images of a repository are unneeded."""
    (repository, digests), history = taken, ctx.history
    if history is None:
        return Attempt()
    return attempted(lambda: history.judged(repository.name, digests, ctx.now), ctx.is_deadline_exceeded)


def removed_images(ctx: RunContext, plan: RepositoryPlan) -> dict[str, RemovedImage]:
    """What later runs know of the removals; what is kept after all they see for themselves."""
    now, archives = ctx.clock(), ctx.archives
    return {
        image.digest: RemovedImage(image.tags, now, ctx.run_id, "archive" if archives and image.active else "delete")
        for image in (verdict.image for verdict in plan.removals)
    }
