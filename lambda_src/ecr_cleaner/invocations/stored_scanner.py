"""The usages of a run whose scans other invocations made."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ecr_cleaner.errors import AbsentError, HistoryError, NightError
from ecr_cleaner.invocations.store import NightStore
from ecr_cleaner.model.scan import TargetScan, UsageScan
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.usage.scanner import LocalScanner, combined

WORKERS: Final = 16
"""Scans that are fetched side by side."""


@dataclass(frozen=True, slots=True)
class StoredScanner:
    """Reads the scans that a round demands; what is missing, damaged or of another round counts as failed.

    Attributes:
        store: Of the night.
        round: Its number.
        local: Says what this invocation itself would demand.
    """

    store: NightStore
    round: int
    local: LocalScanner

    @property
    def scans_again(self) -> bool:
        """No: the next round does."""
        return False

    def scan(self, now: datetime) -> UsageScan:
        """Every usage that the scans of the round saw.

        Args:
            now: When they are read.

        Raises:
            HistoryError: It is not known which scans the round demands.
            NightError: They were demanded by other settings or another version, or for another registry.
        """
        requested = self.store.read_requested(self.round)
        demanded, own = requested.request, self.local.request([self.local.clients.target], now)
        if demanded.home != own.home:
            message = f"the scans were demanded for the registry {demanded.home}, not for {own.home}"
            raise NightError(message)
        if (demanded.settings_sha256, demanded.catalog_sha256) != (own.settings_sha256, own.catalog_sha256):
            message = "the function was given other settings, or another version, after the scans were demanded"
            raise NightError(message)
        with ThreadPoolExecutor(WORKERS) as pool:
            found = dict(zip(demanded.targets, pool.map(self._read, demanded.targets), strict=True))
        scans = [one for one in found.values() if isinstance(one, TargetScan)]
        # The calls of the whole round: others made these.
        counts = self.local.clients.pacer.counts
        counts.calls["scans"] += sum(scan.calls for scan in scans)
        counts.throttled["scans"] += sum(outcome.throttled for scan in scans for outcome in scan.outcomes)
        problems = {target: one for target, one in found.items() if isinstance(one, str)}
        return combined(requested, scans, now, problems)

    def scan_nothing(self, now: datetime) -> UsageScan:
        """What is known without a call: which sources the settings exclude."""
        return self.local.scan_nothing(now)

    def _read(self, target: ScanTarget) -> TargetScan | str:
        """A scan, or why there is none."""
        try:
            return self.store.read_scan(self.round, target)
        except AbsentError:
            return f"no scan of {target} came back: its invocation failed, or did not end in time"
        except HistoryError as error:
            return f"the scan of {target} cannot be read: {error}"
