"""What the latest scan means, held against earlier runs: for the run, for its repositories and for later runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from ecr_cleaner.decision import regions
from ecr_cleaner.decision.stop import ComparedScan, Tripwire, compared
from ecr_cleaner.history.reader import HistoryReader
from ecr_cleaner.model.scan import SourceKey, UsageScan
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.regions import is_looked_at


@dataclass(frozen=True, slots=True)
class LatestScan:
    """The latest scan.

    Attributes:
        compared: The scan itself, in which regions are closed and sources have failed by what earlier runs saw.
        tripwire: What its usages are compared with.
        gone: Accounts that earlier runs looked at, and this one does not.
    """

    compared: ComparedScan
    tripwire: Tripwire
    gone: frozenset[str] = field(default_factory=frozenset)

    @property
    def notes(self) -> Iterator[str]:
        """What an operator should know of the accounts that are gone."""
        for one in sorted(self.gone):
            yield f"account {one} is not looked at any more: what it used is only protected as recently used"


def held_against_history(
    scan: UsageScan, history: HistoryReader | None, settings: Settings, region: str, function_name: str
) -> LatestScan:
    """Hold a scan against what earlier runs saw.

    Args:
        scan: The latest one.
        history: As the last run left it, open; None: nothing is known of earlier runs.
        settings: Of the run.
        region: Of the registry and the function.
        function_name: Of the function, in the command that confirms a drop.
    """
    known, baseline = (history.answered, dict(history.usages)) if history is not None else (None, None)
    tripwire = Tripwire(baseline, settings.max_usage_drop_percent, function_name, region)
    checked = regions.checked(scan, region, known, partial(is_looked_at, settings=settings, home=region))
    return LatestScan(compared(checked, tripwire), tripwire, _gone(scan, baseline or {}))


def _gone(scan: UsageScan, baseline: Mapping[SourceKey, int]) -> frozenset[str]:
    if scan.others.problem:
        return frozenset()
    before = {key.target.account_id for key in baseline}
    return frozenset(before - {scan.account_id} - scan.others.accounts - scan.others.excepted)
