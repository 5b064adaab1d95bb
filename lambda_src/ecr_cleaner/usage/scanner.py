"""Scans every target of a run and merges the scans."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol

from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import OutOfTimeError
from ecr_cleaner.facts.store import FactStore
from ecr_cleaner.model.requested_scans import RequestedScans, ScanRequest
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, TargetScan, UsageScan
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


def combined(
    requested: RequestedScans,
    scans: Iterable[TargetScan],
    now: datetime,
    problems: Mapping[ScanTarget, str] = MappingProxyType({}),
) -> UsageScan:
    """What a run knows of usages by its scans.

    Args:
        requested: What the run demands.
        scans: In any order.
        now: When they were all there.
        problems: Why there is no scan of a target, where more is known than that.
    """
    merged = merge(requested.request, scans, now, problems)
    outcomes = tuple(sorted([*requested.outcomes, *merged.outcomes], key=lambda one: one.key))
    return replace(merged, outcomes=outcomes, others=requested.others)


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
        requested = self.requested(now)
        with self._scans_of(requested.request) as scan, ThreadPoolExecutor(TARGETS) as waiting:
            # A thread for each target only waits for its sources, which are read side by side in all targets.
            scans = list(waiting.map(scan, requested.request.targets))
        return combined(requested, scans, self.clock())

    def requested(self, now: datetime) -> RequestedScans:
        """Which scans a run demands.

        Args:
            now: The moment before the first call.

        Raises:
            OutOfTimeError: No time is left for it.
            SettingsError: They name the own account as another one.
        """
        found = accounts.targets(self.clients, self.settings, now)
        return RequestedScans(self.request(found.targets, now), found.outcomes, found.others)

    def scan_one(self, request: ScanRequest, target: ScanTarget) -> TargetScan:
        """One of the scans that a run demands; if time runs out, every source of it has failed.

        What was read until then is kept as facts, so the next try begins further on.
        """
        started_at = max(self.clock(), request.requested_at)
        try:
            with self._scans_of(request) as scan:
                return scan(target)
        except OutOfTimeError as error:
            cause = str(error)
        finally:
            # Nothing is read any more: there is time to write down what came of it.
            self.clients.deadline_exceeded = None
        if self.known is not None:
            self.known.save()
        looking = [one for one in self.sources if one.name in request.sources_of(target)]
        late = (
            SourceOutcome(target, one.name, SourceStatus.FAILED, detail=cause, is_out_of_time=True)
            for one in looking
            if not is_excluded(one, self.settings)
        )
        return TargetScan(
            target=target,
            run_id=request.run_id,
            settings_sha256=self.settings.sha256,
            catalog_sha256=names_sha256(self.sources),
            usages=(),
            outcomes=(*late, *excluded(target, self.settings, looking)),
            findings=(),
            calls=0,
            started_at=started_at,
            finished_at=max(self.clock(), started_at),
        )

    @contextmanager
    def _scans_of(self, request: ScanRequest) -> Iterator[Callable[[ScanTarget], TargetScan]]:
        with (
            ThreadPoolExecutor(self.helpers) if self.helpers else nullcontext() as helpers,
            ThreadPoolExecutor(WORKERS) as pool,
        ):
            yield partial(self._scan, request, pool, helpers)

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

    def request(self, targets: Sequence[ScanTarget], now: datetime) -> ScanRequest:
        """What a run demands of the scans of some targets.

        Args:
            targets: The account and region of the registry first.
            now: The moment before the first call.
        """
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
