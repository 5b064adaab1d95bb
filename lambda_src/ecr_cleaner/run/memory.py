"""What a run writes down for later ones."""

from collections.abc import Collection
from typing import Final

from ecr_cleaner.decision import usage_drop
from ecr_cleaner.model.result import RepositoryStatus
from ecr_cleaner.run.context import RunContext
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
    history, basis, listing = ctx.history, state.basis, state.listing
    if history is not None and basis is not None and listing is not None:
        counts = None if basis.scan.failures else usage_drop.counts(basis.scan)
        drop_id, answered = state.stop.drop_id, basis.scan.answered
        history.save(listing.names, counts, drop_id, listing.judged, answered, left=left)


def save_verdicts(ctx: RunContext, state: RunState) -> None:
    """Write down which images are unneeded.

    In a refused run, and in a repository over its limit, none begins to be; but what is needed there is needed.
    """
    history = ctx.history
    if history is None or (state.is_refused() and ctx.is_deadline_exceeded()):
        return

    def counts(name: str) -> bool:
        return not state.is_refused() and state.repositories[name].status is not RepositoryStatus.OVER_LIMIT

    for repository, digests in state.verdicts.taken(counts):
        state.attempt(repository, lambda one, of=digests: history.judged(one.name, of, ctx.now), _JUDGED)  # type: ignore[misc]
