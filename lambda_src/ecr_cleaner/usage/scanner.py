"""Scans every target of a run and merges the scans."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.model.scan import ScanRequest, UsageScan
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.catalog import SOURCES, names_sha256
from ecr_cleaner.usage.executions import ExecutionMemory
from ecr_cleaner.usage.merge import merge
from ecr_cleaner.usage.scan import excluded, is_excluded, scan_target
from ecr_cleaner.usage.source import Source


class Scanner(Protocol):
    """Finds out which images are in use, wherever the scans are made."""

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
    """Scans in this process. Its one target is the account and region of the registry.

    Attributes:
        clients: Of the run; their account has to be known by the time of the first scan.
        settings: Of the run.
        run_id: Of the run.
        clock: Now, in UTC.
        sources: All there are.
        memory: Where what is found of executions is kept; None: nowhere.
    """

    clients: AwsClients
    settings: Settings
    run_id: str
    clock: Callable[[], datetime]
    sources: Sequence[Source] = SOURCES
    memory: ExecutionMemory | None = None

    def scan(self, now: datetime) -> UsageScan:
        """As `Scanner` says."""
        request = self._request(now)
        return merge(
            request,
            [
                scan_target(
                    self.clients,
                    request,
                    target,
                    self.settings,
                    clock=self.clock,
                    sources=self.sources,
                    memory=self.memory,
                )
                for target in request.targets
            ],
        )

    def scan_nothing(self, now: datetime) -> UsageScan:
        """As `Scanner` says."""
        return UsageScan((), excluded(self.clients.target, self.settings, self.sources), now)

    def _request(self, now: datetime) -> ScanRequest:
        return ScanRequest(
            targets=(self.clients.target,),
            run_id=self.run_id,
            settings_sha256=self.settings.sha256,
            catalog_sha256=names_sha256(self.sources),
            sources=tuple(source.name for source in self.sources),
            excluded=frozenset(source.name for source in self.sources if is_excluded(source, self.settings)),
            requested_at=now,
        )
