"""How an invocation ended, as it is told to those who were not there: metrics, event, notification."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ecr_cleaner.model.result import FAILS_RUN, RepositoryStatus, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_cleaner.model.result import NotifyOn


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """How an invocation ended.

    Attributes:
        run_id: Lambda's request id, or one made up.
        function: Name of the function.
        log_group: Where its log lines are.
        region: Where it ran; empty if nobody knows.
        dry_run: Whether nothing was to be removed.
        status: How it ended.
        causes: Everything that kept it from doing all it should.
        summary: Of the run, as JSON-native values; None if it ended before there was one.
    """

    run_id: str
    function: str
    log_group: str
    region: str
    dry_run: bool
    status: RunStatus
    causes: tuple[str, ...] = ()
    summary: Mapping[str, Any] | None = None

    @property
    def totals(self) -> Mapping[str, int]:
        """The sums over all repositories; empty without a summary."""
        return self.summary["totals"] if self.summary else {}

    @property
    def repositories(self) -> list[Mapping[str, Any]]:
        """Those that a person wants to see first come first: with problems, then by what went or would go."""
        found = self.summary["repositories"] if self.summary else []
        return sorted(found, key=_rank)

    @property
    def sources(self) -> list[Mapping[str, Any]]:
        """How each source of usages ended, in each account and region."""
        return self.summary["sources"] if self.summary else []

    @property
    def tripwire_tripped(self) -> bool:
        """Whether a fall of usages stopped the run."""
        return bool(self.summary and self.summary["tripwire_tripped"])

    @property
    def went(self) -> int:
        """Images that went, were archived, or would go but for the dry run."""
        told = ("removable",) if self.dry_run else ("removed", "archived")
        return sum(self.totals.get(name, 0) for name in told)

    @property
    def bytes_went(self) -> int:
        """Their bytes: an upper bound, for layers are shared."""
        told = ("bytes_removable",) if self.dry_run else ("bytes_removed", "bytes_archived")
        return sum(self.totals.get(name, 0) for name in told)

    def concerns(self, occasions: NotifyOn) -> bool:
        """Whether somebody who wants to hear on these occasions is told of it."""
        if occasions == "always" or self.status is not RunStatus.COMPLETED:
            return True
        return occasions == "removals" and self.went > 0

    def worsened(self, problems: Iterable[str]) -> InvocationResult:
        """The same ending with more that went wrong; a refused run stays one."""
        more = tuple(problems)
        if not more:
            return self
        status = RunStatus.REFUSED if self.status is RunStatus.REFUSED else RunStatus.FAILED
        return replace(self, status=status, causes=(*self.causes, *more))


def _rank(repository: Mapping[str, Any]) -> tuple[Any, ...]:
    status = RepositoryStatus(repository["status"])
    sound = not (FAILS_RUN[status] or status is RepositoryStatus.LEFT or repository["failed"])
    return (
        sound,
        -(repository["bytes_removed"] + repository["bytes_archived"]),
        -repository["bytes_removable"],
        repository["name"],
    )
