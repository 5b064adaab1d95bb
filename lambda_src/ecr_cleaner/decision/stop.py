"""Pure: what stops a whole run from removing anything."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ecr_cleaner.decision import denials, usage_drop
from ecr_cleaner.decision.limits import LimitTracker
from ecr_cleaner.decision.usage_drop import UsageDrop
from ecr_cleaner.model.scan import SourceKey, UsageScan
from ecr_cleaner.model.slowest import slowest_words

FRESHNESS: Final = timedelta(minutes=10)
"""Usages older than this are collected again before more is removed."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why nothing (more) may be removed anywhere; false if there is no reason.

    Attributes:
        uncertain: Why it is not certain what is in use; one sentence each.
        failing: Consumers that fail because of removed images; one sentence each.
        over_limit: More images would be removed from all repositories together than a limit allows; empty if not.
        drop: The drop in usages that waits for confirmation; one of the reasons in `uncertain`.
        is_for_time: Whether there is no other reason than that collecting the usages took too long.
    """

    uncertain: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    over_limit: str = ""
    drop: UsageDrop | None = None
    is_for_time: bool = False

    @property
    def reasons(self) -> tuple[str, ...]:
        """All of them, the most severe first."""
        limit = (f"all repositories together: {self.over_limit}",) if self.over_limit else ()
        return (*self.uncertain, *self.failing, *limit)

    @property
    def drop_id(self) -> str | None:
        """Id of the drop that waits for confirmation; None: none does."""
        return self.drop.id if self.drop else None

    def __bool__(self) -> bool:
        return bool(self.reasons)


@dataclass(frozen=True, slots=True)
class Tripwire:
    """How far usages may drop.

    Attributes:
        baseline: Images in use by source, of the last run that was complete; None: they are not compared.
        max_percent: The largest drop that is accepted, in percent; None: they are not compared.
        function_name: Of the function, in the command that confirms a drop.
        region: Of the function, in that command.
    """

    baseline: Mapping[SourceKey, int] | None
    max_percent: int | None
    function_name: str
    region: str

    def drop(self, scan: UsageScan, now: Mapping[SourceKey, int], concerns: Callable[[str], bool]) -> UsageDrop | None:
        """The drop of the sources of some accounts; None: there is none, or the own account was not seen completely.

        Args:
            scan: The latest one.
            now: Its images in use by source.
            concerns: Whether an account, by its id, is one of them.
        """
        if self.baseline is None or scan.own_failures:
            return None
        before = {key: count for key, count in self.baseline.items() if concerns(key.target.account_id)}
        return usage_drop.drop(before, now, self.max_percent)


@dataclass(frozen=True, slots=True)
class ComparedScan:
    """A scan that was compared with the last complete run.

    Attributes:
        scan: Of it, the sources of other accounts have failed whose usages dropped.
        counts: Images in use by source, those that dropped included.
        drop: The drop that waits for confirmation: that of the own account, else that of others; None: there is none.
    """

    scan: UsageScan
    counts: Mapping[SourceKey, int]
    drop: UsageDrop | None = None


def compared(scan: UsageScan, tripwire: Tripwire) -> ComparedScan:
    """Compare a scan with the last complete run.

    What dropped in another account concerns only what that account may pull. What dropped in the own one stops the
    run, as `decide_stop` says. Both are confirmed at once.
    """
    counts = usage_drop.counts(scan)
    theirs = tripwire.drop(scan, counts, scan.others.accounts.__contains__)
    waits = _own_drop(scan, tripwire, counts) or theirs
    if theirs is not None and waits is not None:
        scan = usage_drop.failed_by(scan, theirs, _confirmed_by(waits, tripwire))
    return ComparedScan(scan, counts, waits)


def _own_drop(scan: UsageScan, tripwire: Tripwire, counts: Mapping[SourceKey, int]) -> UsageDrop | None:
    return tripwire.drop(scan, counts, lambda account: scan.account_id in {"", account})


def _confirmed_by(drop: UsageDrop, tripwire: Tripwire) -> str:
    command = usage_drop.confirm_command(drop, tripwire.function_name, tripwire.region)
    return f"max_usage_drop_percent = {tripwire.max_percent} allows less; if this is right, confirm it: {command}"


def decide_stop(
    scan: UsageScan, failing: Sequence[str], limits: LimitTracker, tripwire: Tripwire, now: datetime
) -> Stop:
    """Decide whether a run may remove anything at all.

    Args:
        scan: The latest one.
        failing: Consumers that fail because of removed images, by the evaluations of this scan.
        limits: Counts the removals of all repositories, by the latest evaluation of each.
        tripwire: What the usages are compared with.
        now: The time at which the scan was complete.
    """
    drop = _own_drop(scan, tripwire, usage_drop.counts(scan)) if tripwire.baseline is not None else None
    uncertain = denials.failed_sources(scan.own_failures)
    if drop is not None:
        command = usage_drop.confirm_command(drop, tripwire.function_name, tripwire.region)
        limit = f"max_usage_drop_percent = {tripwire.max_percent}"
        dropped = f"the number of images in use dropped by more than {limit} allows: {drop}"
        uncertain.append(f"{dropped}; if this is right, confirm it: {command}")
    if is_stale(scan, now):
        minutes = (now - scan.started_at).total_seconds() / 60
        slow = slowest_words(scan.outcomes)
        uncertain.append(f"collecting the usages took {minutes:.0f} minutes, so they are out of date{slow}")
    over_limit = "" if uncertain or failing else limits.exceeded_by_run()
    others = drop or failing or not all(one.is_out_of_time for one in scan.own_failures)
    return Stop(tuple(uncertain), tuple(failing), over_limit, drop, is_for_time=bool(uncertain) and not others)


def is_stale(scan: UsageScan, now: datetime) -> bool:
    """Whether too much may have been deployed since the usages were collected."""
    return now - scan.started_at > FRESHNESS
