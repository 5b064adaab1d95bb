"""Scans one target: calls every source that is not excluded, in one account and region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_cleaner.errors import CleanerError
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, TargetScan
from ecr_cleaner.usage import collect
from ecr_cleaner.usage.catalog import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.model.scan import ScanRequest
    from ecr_cleaner.model.usage import ScanTarget, Usage
    from ecr_cleaner.settings.loader import Settings
    from ecr_cleaner.usage.source import Source


def scan_target(  # noqa: PLR0913 - what a scan needs, each by name
    clients: AwsClients,
    request: ScanRequest,
    target: ScanTarget,
    settings: Settings,
    *,
    clock: Callable[[], datetime],
    sources: Sequence[Source] = SOURCES,
) -> TargetScan:
    """Scan one target.

    Args:
        clients: Of the run.
        request: What the run demands of the scan.
        target: One of its targets.
        settings: Of the run.
        clock: Now, in UTC.
        sources: Those of the run.

    Returns:
        The scan. If there are no clients of the target, every source has failed.

    Raises:
        OutOfTimeError: No time is left for all of it.
    """
    started_at = max(clock(), request.requested_at)
    usages: tuple[Usage, ...]
    try:
        there = clients.for_target(target)
    except CleanerError as error:
        usages, outcomes, calls = (), _failed(target, settings, str(error), sources), 0
    else:
        before = there.calls
        usages, outcomes = collect.collect(there, settings, started_at, sources)
        calls = there.calls - before
    return TargetScan(
        target=target,
        run_id=request.run_id,
        settings_sha256=request.settings_sha256,
        catalog_sha256=request.catalog_sha256,
        usages=usages,
        outcomes=outcomes,
        findings=(),
        calls=calls,
        started_at=started_at,
        finished_at=max(clock(), started_at),
    )


def _failed(
    target: ScanTarget, settings: Settings, detail: str, sources: Sequence[Source]
) -> tuple[SourceOutcome, ...]:
    failed = tuple(
        SourceOutcome(target, source.name, SourceStatus.FAILED, detail=detail)
        for source in sources
        if not collect.is_excluded(source, settings)
    )
    return failed + collect.disabled(target, settings, sources)
