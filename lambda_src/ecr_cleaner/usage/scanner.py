"""Scans every target of a run and merges the scans."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.facts.store import FactStore
from ecr_cleaner.model.scan import ScanRequest, TargetScan, UsageScan
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import accounts
from ecr_cleaner.usage.catalog import SOURCES, names_sha256
from ecr_cleaner.usage.excluded import excluded, is_excluded
from ecr_cleaner.usage.merge import merge
from ecr_cleaner.usage.scan import scan_target
from ecr_cleaner.usage.source import Source

WORKERS: Final = 8
"""Sources of one run that are read side by side, in whatever account and region."""

HELPERS: Final = 16
"""Threads that help them with their items, in whatever account and region."""

TARGETS: Final = 16
"""Targets that are scanned side by side: the clients of each one take megabytes until its last source has answered."""


class Scanner(Protocol):
    """Finds out which images are in use, wherever the scans are made."""

    @property
    def scans_again(self) -> bool:
        """Whether it can scan more than once in a run."""

    def scan(self, now: datetime) -> UsageScan:
        """Scan every target; what cannot be scanned is a failed outcome.

        Args:
            now: The moment before the first call. Scans that started earlier are stale.

        Raises:
            OutOfTimeError: No time is left for all of it.
        """

    def scan_nothing(self, now: datetime) -> UsageScan:
        """What is known without a call: which sources the settings exclude."""


@dataclass(frozen=True, slots=True)
class LocalScanner:
    """Scans in this process: the account and region of the registry, its other regions and other accounts.

    Attributes:
        clients: Of the run; their account has to be known by the time of the first scan.
        settings: Of the run.
        run_id: Of the run.
        clock: Now, in UTC.
        sources: All there are.
        known: What earlier runs read that never changes; None: nothing is known, and nothing is kept.
        helpers: Threads that help the sources with their items; 0: each source reads one after the other.
    """

    clients: AwsClients
    settings: Settings
    run_id: str
    clock: Callable[[], datetime]
    sources: Sequence[Source] = SOURCES
    known: FactStore | None = None
    helpers: int = HELPERS

    @property
    def scans_again(self) -> bool:
        """As `Scanner` says."""
        return True

    def scan(self, now: datetime) -> UsageScan:
        """As `Scanner` says."""
        found = accounts.targets(self.clients, self.settings, now)
        request = self._request(found.targets, now)
        # A thread for each target only waits for its sources, which are read side by side in all targets.
        with (
            ThreadPoolExecutor(self.helpers) if self.helpers else nullcontext() as helpers,
            ThreadPoolExecutor(TARGETS) as waiting,
            ThreadPoolExecutor(WORKERS) as pool,
        ):
            scan = partial(self._scan, request, pool, helpers)
            merged = merge(request, waiting.map(scan, found.targets))
        outcomes = tuple(sorted([*found.outcomes, *merged.outcomes], key=lambda one: one.key))
        return replace(merged, outcomes=outcomes, others=found.others)

    def scan_nothing(self, now: datetime) -> UsageScan:
        """As `Scanner` says."""
        target = self.clients.target
        return UsageScan((), excluded(target, self.settings, self.sources), now, account_id=target.account_id)

    def _scan(self, request: ScanRequest, pool: Executor, helpers: Executor | None, target: ScanTarget) -> TargetScan:
        return scan_target(
            self.clients,
            request,
            target,
            self.settings,
            pool=pool,
            clock=self.clock,
            sources=self.sources,
            known=self.known,
            helpers=helpers,
        )

    def _request(self, targets: Sequence[ScanTarget], now: datetime) -> ScanRequest:
        return ScanRequest(
            targets=tuple(targets),
            run_id=self.run_id,
            settings_sha256=self.settings.sha256,
            catalog_sha256=names_sha256(self.sources),
            sources=tuple(source.name for source in self.sources),
            home_only=frozenset(source.name for source in self.sources if source.home_only),
            excluded=frozenset(source.name for source in self.sources if is_excluded(source, self.settings)),
            requested_at=now,
        )
