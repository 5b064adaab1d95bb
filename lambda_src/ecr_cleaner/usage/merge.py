"""Pure: merges the scans of all targets into what the run knows of usages. Fails closed.

A scan that is missing, there twice, not asked for, of another run, of other settings or sources, stale or incomplete
becomes a failed outcome of its target, so that nothing is removed. The usages of such a scan still protect images.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from ecr_cleaner.model.requested_scans import ScanRequest
from ecr_cleaner.model.scan import ALL_SOURCES, SourceKey, SourceOutcome, SourceStatus, TargetScan, UsageScan
from ecr_cleaner.model.usage import ScanTarget

AHEAD: Final = timedelta(minutes=1)
"""How far the clock of another machine that scans may be ahead: usages must not look newer than they are."""


def merge(
    request: ScanRequest,
    scans: Iterable[TargetScan],
    now: datetime,
    problems: Mapping[ScanTarget, str] = MappingProxyType({}),
) -> UsageScan:
    """Merge the scans of one run.

    Args:
        request: What is demanded of them.
        scans: In any order.
        now: When they were all there.
        problems: Why there is no scan of a target, where more is known than that.

    Returns:
        Every usage of every scan, and the outcomes of the valid ones; a failed outcome for each target without a
        valid scan.
    """
    by_target: dict[ScanTarget, list[TargetScan]] = {target: [] for target in request.targets}
    for scan in scans:
        by_target.setdefault(scan.target, []).append(scan)
    merged = [
        (
            target,
            of_target,
            _problem(request, target, of_target, now) if of_target else problems.get(target) or _absent(target),
        )
        for target, of_target in sorted(by_target.items())
    ]
    valid = [scan for _, of_target, problem in merged if not problem for scan in of_target]
    failed = [_failed(target, problem) for target, _, problem in merged if problem]
    every = [scan for _, of_target, _ in merged for scan in of_target]
    return UsageScan(
        usages=tuple(dict.fromkeys(usage for scan in every for usage in scan.usages)),
        outcomes=tuple(
            sorted([*failed, *(outcome for scan in valid for outcome in scan.outcomes)], key=lambda one: one.key)
        ),
        started_at=min((scan.started_at for scan in valid), default=request.requested_at),
        findings=tuple(dict.fromkeys(finding for scan in every for finding in scan.findings)),
        calls=sum(scan.calls for scan in every),
        answered={target: frozenset(one for scan in of for one in scan.answered) for target, of in by_target.items()},
        account_id=request.home.account_id,
    )


def _failed(target: ScanTarget, problem: str) -> SourceOutcome:
    return SourceOutcome(target, ALL_SOURCES, SourceStatus.FAILED, detail=problem)


def _absent(target: ScanTarget) -> str:
    return f"there is no scan of {target}"


def _problem(request: ScanRequest, target: ScanTarget, scans: Sequence[TargetScan], now: datetime) -> str:
    """Why a target has no valid scan; empty if it has."""
    if target not in request.targets:
        return f"a scan of {target} exists, and the run did not ask for it"
    if len(scans) > 1:
        return f"there are {len(scans)} scans of {target}, and only one can be right"
    return "; ".join(_mismatches(request, scans[0], now))


def _mismatches(request: ScanRequest, scan: TargetScan, now: datetime) -> Iterator[str]:
    """What of a scan is not what the run demands."""
    name = f"the scan of {scan.target}"
    if scan.run_id != request.run_id:
        yield f"{name} belongs to run {scan.run_id}, not to {request.run_id}"
    if scan.settings_sha256 != request.settings_sha256:
        yield f"{name} was made with other settings"
    if scan.catalog_sha256 != request.catalog_sha256:
        yield f"{name} was made with other sources"
    if scan.started_at < request.requested_at:
        yield f"{name} is stale: it started {scan.started_at:%Y-%m-%d %H:%M:%S} UTC, before it was requested"
    if scan.started_at > now + AHEAD:
        yield f"{name} started {scan.started_at:%Y-%m-%d %H:%M:%S} UTC, and it is not so late yet"
    if scan.finished_at < scan.started_at:
        yield f"{name} ended before it started"
    yield from _wrong_outcomes(request, scan)
    yield from _miscounts(scan)


def _wrong_outcomes(request: ScanRequest, scan: TargetScan) -> Iterator[str]:
    name = f"the scan of {scan.target}"
    keys = Counter(outcome.key for outcome in scan.outcomes)
    whole = {key.source for key in keys if key.cluster is None}  # the outcome of one cluster says nothing of others
    expected = request.sources_of(scan.target)
    for source in sorted(expected - whole):
        yield f"{name} has no outcome of source {source}"
    for source in sorted({key.source for key in keys} - expected):
        yield f"{name} has an outcome of source {source}, which the run does not have there"
    for key in sorted(keys):
        if keys[key] > 1 or key.target != scan.target:
            yield f"{name} has {keys[key]} outcomes of source {key}"
    excluded = {outcome.source for outcome in scan.outcomes if outcome.status is SourceStatus.DISABLED}
    for source in sorted(excluded ^ (request.excluded & expected)):
        yield f"{name} and the settings disagree on whether source {source} is excluded"


def _miscounts(scan: TargetScan) -> Iterator[str]:
    """Usages that no outcome counts, or outcomes that count usages that are not there."""
    usages = Counter(SourceKey(usage.target or scan.target, usage.source, usage.cluster) for usage in scan.usages)
    counted = {outcome.key: outcome.usages for outcome in scan.outcomes}
    for key in sorted(usages.keys() | counted.keys()):
        if usages[key] != counted.get(key, 0):
            yield f"the scan of {scan.target} has {usages[key]} usages of source {key}, not {counted.get(key, 0)}"
