"""How an invocation ended: what metrics, event and notification are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ecr_cleaner.model.calls import RunCalls
from ecr_cleaner.model.result import SOUND, NotifyOn
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import SourceStatus
from ecr_cleaner.printable import printable


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """How an invocation ended, with all texts `printable`: it is for people.

    Attributes:
        run_id: Lambda's request id, or one made up.
        function: Name of the function.
        log_group: Where its log lines are.
        region: Where it ran; empty if unknown.
        dry_run: Whether nothing was to be removed.
        status: How it ended.
        causes: Everything that kept it from doing all it should.
        summary: Of the run, as JSON-native values; None if it ended before there was one.
        calls: What it called, by the time that it is announced.
    """

    run_id: str
    function: str
    log_group: str
    region: str
    dry_run: bool
    status: RunStatus
    causes: tuple[str, ...] = ()
    summary: Mapping[str, Any] | None = None
    calls: RunCalls = field(default_factory=RunCalls)

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, printable(getattr(self, one.name)))

    @property
    def totals(self) -> Mapping[str, int]:
        """The sums over all repositories; empty without a summary."""
        return self.summary["totals"] if self.summary else {}

    @property
    def repositories(self) -> list[Mapping[str, Any]]:
        """Sorted by importance: those with problems first, then by the bytes that were or would be removed."""
        found = self.summary["repositories"] if self.summary else []
        return sorted(found, key=_rank)

    @property
    def sources(self) -> list[Mapping[str, Any]]:
        """How each source of usages ended, in each account and region, as far as the summary has them."""
        return self.summary["sources"] if self.summary else []

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many sources ended how, all of them, also those that a summary leaves out."""
        return self.summary["source_outcomes"] if self.summary else dict.fromkeys(SourceStatus, 0)

    @property
    def other_accounts(self) -> Mapping[str, Any] | None:
        """How the look at other accounts ended; None: none was looked at."""
        return self.summary["other_accounts"] if self.summary else None

    def findings(self, kind: str) -> list[Mapping[str, Any]]:
        """The findings of one kind, as far as the summary has them."""
        found = self.summary.get("findings", ()) if self.summary else ()
        return [one for one in found if one["kind"] == kind]

    @property
    def tripwire_tripped(self) -> bool:
        """Whether a drop in usages stopped the run."""
        return bool(self.summary and self.summary["tripwire_tripped"])

    @property
    def went(self) -> int:
        """Images that were deleted or archived, or would be but for the dry run."""
        counts = ("removable",) if self.dry_run else ("removed", "archived")
        return sum(self.totals.get(name, 0) for name in counts)

    @property
    def bytes_went(self) -> int:
        """Their bytes: an upper bound, because layers are shared."""
        counts = ("bytes_removable",) if self.dry_run else ("bytes_removed", "bytes_archived")
        return sum(self.totals.get(name, 0) for name in counts)

    def should_notify(self, on: NotifyOn) -> bool:
        """Whether a notification is sent."""
        if on == "always" or self.status not in {RunStatus.COMPLETED, RunStatus.CONTINUED, RunStatus.DEGRADED}:
            return True
        return self._tells_of_accounts or (on == "removals" and self.went > 0)

    @property
    def _tells_of_accounts(self) -> bool:
        """Whether other accounts are a reason to notify: not every night for what lasts for weeks."""
        changes = self.summary["changes"] if self.summary else None
        if self.status is RunStatus.DEGRADED:
            return changes is None or changes["accounts_due"]
        return bool(changes and changes["accounts_complete"] and changes["accounts_complete"]["count"])

    def with_problems(self, problems: Iterable[str]) -> InvocationResult:
        """The same result with more problems; a refused run stays refused."""
        more = tuple(problems)
        if not more:
            return self
        status = RunStatus.REFUSED if self.status is RunStatus.REFUSED else RunStatus.FAILED
        return replace(self, status=status, causes=(*self.causes, *more))


def _rank(repository: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        repository["status"] in SOUND and not repository["failed"],
        -(repository["bytes_removed"] + repository["bytes_archived"]),
        -repository["bytes_removable"],
        repository["name"],
    )
