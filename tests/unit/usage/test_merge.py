"""How the scans of a run become what it knows of usages."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.requested_scans import ScanRequest
from ecr_cleaner.model.scan import ALL_SOURCES, SourceOutcome, SourceStatus, TargetScan
from ecr_cleaner.model.usage import ScanTarget, Usage, UsageKind
from ecr_cleaner.schema import seal, unseal
from ecr_cleaner.usage.merge import AHEAD
from ecr_cleaner.usage.merge import merge as merged_at
from tests.builders import ACCOUNT, NOW, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ecr_cleaner.model.scan import UsageScan

SECOND: Final = timedelta(seconds=1)
SOURCES: Final = ("apprunner", "ecs", "lambda")
EXCLUDED: Final = frozenset({"lambda"})
TARGETS: Final = tuple(ScanTarget(ACCOUNT, region) for region in ("eu-central-1", "eu-west-1", "us-east-1"))
FOREIGN: Final = ScanTarget("210987654321", "us-east-1")
REQUEST: Final = ScanRequest(
    targets=TARGETS,
    run_id="run-1",
    settings_sha256="a" * 64,
    catalog_sha256="b" * 64,
    sources=SOURCES,
    excluded=EXCLUDED,
    requested_at=NOW,
)

USAGES: Final = st.lists(
    st.builds(
        lambda tag, consumer, evidence, source, cluster: replace(
            usage(tag=tag, consumer=consumer, evidence=evidence), source=source, cluster=cluster
        ),
        tag=st.sampled_from(["v1", "v2"]),
        consumer=st.text(max_size=5),
        evidence=st.sampled_from(UsageKind),
        source=st.sampled_from(["apprunner", "ecs"]),
        cluster=st.sampled_from([None, "prod"]),
    ),
    max_size=4,
)


def merge(request: ScanRequest, scans: Iterable[TargetScan]) -> UsageScan:
    """As the function itself does; all scans are there."""
    return merged_at(request, scans, NOW)


def scan_of(target: ScanTarget, usages: list[Usage], seconds: int = 0) -> TargetScan:
    """A valid scan that returned these usages."""
    here = [replace(one, target=target) for one in usages]
    keys = [("apprunner", None), ("ecs", None), ("apprunner", "prod"), ("ecs", "prod")]
    counted = [(*key, sum((one.source, one.cluster) == key for one in here)) for key in keys]
    complete = [
        SourceOutcome(target, source, SourceStatus.COMPLETE, usages=count, cluster=cluster, notes=("a note",))
        for source, cluster, count in counted
        if count or cluster is None
    ]
    complete[0] = replace(complete[0], seconds=1.5, calls=40, throttled=2, facts=3)
    excluded = SourceOutcome(target, "lambda", SourceStatus.DISABLED, detail="excluded")
    return TargetScan(
        target=target,
        run_id=REQUEST.run_id,
        settings_sha256=REQUEST.settings_sha256,
        catalog_sha256=REQUEST.catalog_sha256,
        usages=tuple(here),
        outcomes=(*complete, excluded),
        findings=(Finding(FindingKind.NOT_DETERMINED, Severity.INFO, target.region, "said by the scan", 3),),
        calls=58,
        started_at=NOW + seconds * SECOND,
        finished_at=NOW + (seconds + 20) * SECOND,
    )


SCANS: Final = st.tuples(*(st.builds(scan_of, st.just(target), USAGES, st.integers(0, 9)) for target in TARGETS))


def failed(scan: UsageScan) -> set[ScanTarget]:
    """The targets without a valid scan."""
    assert all(outcome.source == ALL_SOURCES for outcome in scan.failures)
    return {outcome.target for outcome in scan.failures}


@given(SCANS, st.randoms())
def test_the_order_does_not_matter(scans: tuple[TargetScan, ...], random: Any) -> None:
    """Nothing is lost, whoever finishes first."""
    merged = merge(REQUEST, scans)
    mixed = list(scans)
    random.shuffle(mixed)
    assert merge(REQUEST, mixed) == merged
    assert merged.failures == ()
    assert set(merged.usages) == {one for scan in scans for one in scan.usages}
    assert len(set(merged.usages)) == len(merged.usages)
    assert sorted(outcome.key for outcome in merged.outcomes) == [outcome.key for outcome in merged.outcomes]
    assert {outcome.key for outcome in merged.outcomes} == {one.key for scan in scans for one in scan.outcomes}
    assert merged.started_at == min(scan.started_at for scan in scans)
    assert (merged.calls, len(merged.findings)) == (3 * 58, 3)
    assert {outcome.source for outcome in merged.unprotected} == EXCLUDED


@given(SCANS, st.sets(st.sampled_from(TARGETS), min_size=1))
def test_a_missing_scan_is_a_failed_target(scans: tuple[TargetScan, ...], missing: set[ScanTarget]) -> None:
    """Nobody looked there, and that must not look like a place without consumers."""
    merged = merge(REQUEST, [scan for scan in scans if scan.target not in missing])
    assert failed(merged) == missing
    assert {outcome.detail for outcome in merged.failures} == {f"there is no scan of {one}" for one in missing}
    assert merged.started_at >= NOW


@given(SCANS, st.sampled_from(TARGETS), USAGES)
def test_of_two_scans_neither_is_believed_and_both_protect(
    scans: tuple[TargetScan, ...], target: ScanTarget, usages: list[Usage]
) -> None:
    """Also if they are equal: something made a scan that the run did not ask for."""
    other = scan_of(target, usages)
    for doubled in ([*scans, other], [other, *scans], [*scans, scans[TARGETS.index(target)]]):
        merged = merge(REQUEST, doubled)
        assert failed(merged) == {target}
        assert set(merged.usages) == {one for scan in doubled for one in scan.usages}


@given(SCANS, USAGES)
def test_a_scan_that_nobody_asked_for_fails_by_its_name(scans: tuple[TargetScan, ...], usages: list[Usage]) -> None:
    """And what it saw is protected all the same."""
    foreign = scan_of(FOREIGN, usages)
    merged = merge(REQUEST, [*scans, foreign])
    assert failed(merged) == {FOREIGN}
    assert set(merged.usages) >= set(foreign.usages)


def test_the_outcome_of_one_cluster_is_none_of_the_source() -> None:
    """Other clusters may not have been looked at."""
    whole = scan_of(TARGETS[0], [])
    (ecs,) = (outcome for outcome in whole.outcomes if outcome.source == "ecs")
    others = tuple(outcome for outcome in whole.outcomes if outcome.source != "ecs")
    scan = replace(whole, outcomes=(*others, replace(ecs, cluster="prod")))
    merged = merge(REQUEST, [scan, *(scan_of(target, []) for target in TARGETS[1:])])
    assert failed(merged) == {TARGETS[0]}
    assert "has no outcome of source ecs" in merged.failures[0].detail


@pytest.mark.parametrize("nothing", [{"targets": ()}, {"sources": ()}])
def test_a_scan_of_nothing_is_not_asked_for(nothing: dict[str, Any]) -> None:
    """It would be complete, and nothing would look used."""
    with pytest.raises(ValueError, match="no target or of no source"):
        replace(REQUEST, **nothing)


def _without(scan: TargetScan, at: int) -> TargetScan:
    return replace(scan, outcomes=scan.outcomes[:at] + scan.outcomes[at + 1 :])


def _outcome(scan: TargetScan, **changed: Any) -> TargetScan:
    first, *rest = scan.outcomes
    return replace(scan, outcomes=(replace(first, **changed), *rest))


ALTERED: Final[dict[str, Callable[[TargetScan], TargetScan]]] = {
    "another target": lambda scan: replace(scan, target=FOREIGN),
    "another run": lambda scan: replace(scan, run_id="run-0"),
    "other settings": lambda scan: replace(scan, settings_sha256="c" * 64),
    "other sources": lambda scan: replace(scan, catalog_sha256="c" * 64),
    "stale": lambda scan: replace(scan, started_at=NOW - timedelta(microseconds=1)),
    "from the future": lambda scan: replace(
        scan, started_at=NOW + AHEAD + SECOND, finished_at=NOW + AHEAD + 2 * SECOND
    ),
    "ended before it started": lambda scan: replace(scan, finished_at=scan.started_at - SECOND),
    "no usages": lambda scan: replace(scan, usages=()),
    "a usage less": lambda scan: replace(scan, usages=scan.usages[1:]),
    "a usage more": lambda scan: replace(scan, usages=(*scan.usages, scan.usages[0])),
    "a usage of another source": lambda scan: replace(
        scan, usages=(replace(scan.usages[0], source="lambda"), *scan.usages[1:])
    ),
    "a usage of another cluster": lambda scan: replace(
        scan, usages=(replace(scan.usages[0], cluster="test"), *scan.usages[1:])
    ),
    "a usage of another target": lambda scan: replace(
        scan, usages=(replace(scan.usages[0], target=FOREIGN), *scan.usages[1:])
    ),
    "no outcomes": lambda scan: replace(scan, outcomes=()),
    "the first outcome less": lambda scan: _without(scan, 0),
    "the last outcome less": lambda scan: _without(scan, len(scan.outcomes) - 1),
    "an outcome twice": lambda scan: replace(scan, outcomes=(*scan.outcomes, scan.outcomes[0])),
    "an outcome of an unknown source": lambda scan: _outcome(scan, source="braket"),
    "an outcome of another target": lambda scan: _outcome(scan, target=FOREIGN),
    "an outcome of another cluster": lambda scan: _outcome(scan, cluster="test"),
    "an outcome that counts less": lambda scan: _outcome(scan, usages=scan.outcomes[0].usages - 1),
    "a source excluded that the settings do not exclude": lambda scan: _outcome(scan, status=SourceStatus.DISABLED),
    "a source not excluded that the settings exclude": lambda scan: replace(
        scan, outcomes=(*scan.outcomes[:-1], replace(scan.outcomes[-1], status=SourceStatus.COMPLETE))
    ),
}


@pytest.mark.parametrize("name", ALTERED)
@given(SCANS, st.sampled_from(TARGETS), USAGES)
def test_a_scan_that_was_altered_is_a_failed_target(
    name: str, scans: tuple[TargetScan, ...], target: ScanTarget, usages: list[Usage]
) -> None:
    """In whichever of its values; the others are believed, and what is left of it protects."""
    some = [replace(usage(tag="v1"), source="apprunner"), *usages]
    scan = ALTERED[name](scan_of(target, some))
    others = [one for one in scans if one.target != target]
    merged = merge(REQUEST, [*others, scan])
    assert failed(merged) == {scan.target, target}
    assert set(merged.usages) == {one for each in (*others, scan) for one in each.usages}
    assert all(outcome.detail for outcome in merged.failures)
    assert merged.started_at >= NOW


def test_a_failed_target_says_all_that_is_wrong_with_its_scan() -> None:
    """Each with the scan that it is about."""
    scan = scan_of(TARGETS[0], [replace(usage(tag="v1"), source="lambda"), usage(tag="v1")])
    altered = replace(scan, usages=scan.usages[:1], outcomes=scan.outcomes[1:])
    altered = replace(altered, run_id="run-0", settings_sha256="c" * 64)
    merged = merge(REQUEST, [altered, *(scan_of(target, []) for target in TARGETS[1:])])
    assert [outcome.detail for outcome in merged.failures] == [
        "; ".join(
            f"the scan of {TARGETS[0]} {what}"
            for what in (
                "belongs to run run-0, not to run-1",
                "was made with other settings",
                "has no outcome of source apprunner",
                f"has 0 usages of source ecs in {TARGETS[0]}, not 1",
                f"has 1 usages of source lambda in {TARGETS[0]}, not 0",
            )
        )
    ]


def test_usages_of_a_source_without_an_outcome_are_too_many() -> None:
    """Nothing says that this is all that the source has."""
    scan = scan_of(TARGETS[0], [])
    extra = replace(scan, usages=(replace(usage(tag="v1"), source="braket", target=TARGETS[0]),))
    merged = merge(REQUEST, [extra, *(scan_of(target, []) for target in TARGETS[1:])])
    assert [outcome.detail for outcome in merged.failures] == [
        f"the scan of {TARGETS[0]} has 1 usages of source braket in {TARGETS[0]}, not 0"
    ]


def test_a_scan_may_end_at_the_moment_at_which_it_started() -> None:
    """A clock has its steps."""
    scans = [replace(scan, finished_at=scan.started_at) for scan in (scan_of(target, []) for target in TARGETS)]
    assert merge(REQUEST, scans).failures == ()


def test_a_failed_source_stays_a_failed_source() -> None:
    """It is named by its target, and the other sources of the scan are believed."""
    scans = [scan_of(target, []) for target in TARGETS]
    denied = SourceOutcome(TARGETS[0], "apprunner", SourceStatus.FAILED, detail="denied")
    scans[0] = replace(scans[0], outcomes=(denied, *scans[0].outcomes[1:]))
    assert merge(REQUEST, scans).failures == (denied,)


@given(st.one_of(*(st.builds(scan_of, st.just(target), USAGES, st.integers(0, 9)) for target in TARGETS)))
def test_a_scan_is_the_same_after_it_was_a_document(scan: TargetScan) -> None:
    """Also what is empty."""
    assert asdict(unseal(TargetScan, seal(scan), "s3://bucket/scan.json")) == asdict(scan), "costs included"


@given(st.builds(scan_of, st.just(TARGETS[0]), USAGES), st.data())
def test_a_document_that_was_altered_is_none(scan: TargetScan, data: st.DataObject) -> None:
    """In whichever byte, or cut short: the checksum is over all that it says."""
    body = seal(scan)
    at = data.draw(st.integers(0, len(body) - 2))
    other = data.draw(st.integers(0x21, 0x7E).filter(lambda byte: byte != body[at]))
    with pytest.raises(NotWholeError):
        unseal(TargetScan, body[:at] + bytes([other]) + body[at + 1 :], "s3://bucket/scan.json")
    with pytest.raises(NotWholeError):
        unseal(TargetScan, body[:at], "s3://bucket/scan.json")


@pytest.mark.parametrize("name", ["a usage of another target", "an outcome of another target"])
def test_a_document_says_of_everything_which_target_it_is_of(name: str) -> None:
    """So that what is of another one is found when the scans are merged."""
    scan = ALTERED[name](scan_of(TARGETS[0], [usage(tag="v1")]))
    assert unseal(TargetScan, seal(scan), "s3://bucket/scan.json") == scan
