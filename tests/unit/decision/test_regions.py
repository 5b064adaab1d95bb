"""Regions of which nothing could be read: closed by the organization, or failed as a whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.regions import checked
from ecr_cleaner.model.scan import ALL_SOURCES, REGIONS, Denial, PolicyType, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget
from tests.builders import ACCOUNT, NOW, REGION, TARGET

if TYPE_CHECKING:
    from collections.abc import Collection

ELSEWHERE: Final = ScanTarget(ACCOUNT, "eu-west-1")
FURTHER: Final = ScanTarget(ACCOUNT, "eu-west-3")
FORBIDDEN: Final = Denial("ecs:ListClusters", policy=PolicyType.SERVICE_CONTROL, is_explicit=True)
LIGHTSAIL: Final = "lightsail:GetContainerServices"


def outcome(source: str, status: SourceStatus, target: ScanTarget = ELSEWHERE, **more: object) -> SourceOutcome:
    """How a source ended."""
    return SourceOutcome(target, source, status, **more)  # type: ignore[arg-type]


def denied(source: str, target: ScanTarget = ELSEWHERE, denial: Denial | None = FORBIDDEN) -> SourceOutcome:
    """A source that was denied."""
    return outcome(source, SourceStatus.FAILED, target, detail=f"{source} was denied; or accept it", denial=denial)


EMPTY: Final = outcome("lightsail", SourceStatus.COMPLETE)
CLOSED: Final = (denied("batch"), denied("ecs"), EMPTY, outcome("omics", SourceStatus.NOT_OFFERED))


def statuses(
    *outcomes: SourceOutcome, known: Collection[str] | None = (), answered: Collection[str] = (LIGHTSAIL,)
) -> list[tuple[str, SourceStatus]]:
    """How the sources of the other region count in the end."""
    home = outcome("ecs", SourceStatus.COMPLETE, TARGET)
    scan = UsageScan((), (*outcomes, home), NOW, answered={ELSEWHERE: frozenset(answered)})
    found = checked(scan, REGION, None if known is None else {ELSEWHERE: known})
    assert home in found.outcomes
    return [(one.source, one.status) for one in found.outcomes if one.target != TARGET]


def test_a_region_in_which_the_organization_denies_everything_is_closed() -> None:
    """One outcome; what the operator excluded is told beside it."""
    excluded = outcome("apprunner", SourceStatus.DISABLED)
    assert statuses(*CLOSED) == [(ALL_SOURCES, SourceStatus.CLOSED)]
    assert statuses(*CLOSED, excluded) == [(ALL_SOURCES, SourceStatus.CLOSED), ("apprunner", SourceStatus.DISABLED)]
    assert statuses(*CLOSED, known=[LIGHTSAIL]) == [(ALL_SOURCES, SourceStatus.CLOSED)]


@pytest.mark.parametrize(
    ("outcomes", "known", "answered"),
    [
        pytest.param(CLOSED, None, (), id="nobody remembers"),
        pytest.param(CLOSED, ["ecs:ListClusters"], (), id="it answered in an earlier run"),
        pytest.param((*CLOSED, denied("eks", denial=None)), (), (), id="another failure"),
        pytest.param((*CLOSED, denied("eks", denial=replace(FORBIDDEN, is_explicit=False))), (), (), id="not explicit"),
        pytest.param(
            (*CLOSED, denied("eks", denial=replace(FORBIDDEN, policy=PolicyType.IDENTITY))), (), (), id="another policy"
        ),
    ],
)
def test_a_region_of_which_nothing_is_known_fails_once(
    outcomes: tuple[SourceOutcome, ...], known: Collection[str] | None, answered: Collection[str]
) -> None:
    """With the first cause, and without what would exclude a source everywhere."""
    assert statuses(*outcomes, known=known, answered=answered) == [(ALL_SOURCES, SourceStatus.FAILED)]


@pytest.mark.parametrize(
    ("outcomes", "answered"),
    [
        pytest.param(CLOSED, ["ecs:ListClusters"], id="something answered"),
        pytest.param((denied("ecs"), EMPTY), (), id="one source alone"),
        pytest.param((*CLOSED, outcome("pipes", SourceStatus.COMPLETE, usages=1)), (), id="something is used"),
    ],
)
def test_a_region_in_which_something_answers_keeps_its_outcomes(
    outcomes: tuple[SourceOutcome, ...], answered: Collection[str]
) -> None:
    """Each failure by itself, with its own remedy."""
    assert set(statuses(*outcomes, answered=answered)) == {(one.source, one.status) for one in outcomes}


def test_the_registrys_own_region_is_never_closed() -> None:
    """Nothing could be cleaned there."""
    outcomes = tuple(replace(one, target=TARGET) for one in CLOSED)
    scan = UsageScan((), outcomes, NOW)
    assert set(checked(scan, REGION, {}).outcomes) == set(outcomes)


def test_what_leaves_out_all_such_regions_is_said_once() -> None:
    """One line to paste."""
    outcomes = [denied(source, target) for source in ("batch", "ecs") for target in (ELSEWHERE, FURTHER)]
    told = checked(UsageScan((), tuple(outcomes), NOW), REGION, None).outcomes
    assert [one.source for one in told] == [ALL_SOURCES] * 2
    assert all(one.detail.startswith("nothing could be read there: source batch: batch was denied,") for one in told)
    assert "accepted_gaps" not in told[0].detail
    entry = 'accepted_gaps = { "region:eu-west-1" = "<reason>", "region:eu-west-3" = "<reason>" }'
    assert told[1].detail.endswith(entry)


def test_a_region_without_time_is_not_to_be_left_out() -> None:
    """A later run reads it: the line to paste names the others alone."""
    late = [outcome(one, SourceStatus.FAILED, FURTHER, detail="late", is_out_of_time=True) for one in ("batch", "ecs")]
    denials = [denied(source) for source in ("batch", "ecs")]
    (first, last) = checked(UsageScan((), (*denials, *late), NOW), REGION, None).outcomes
    assert (first.is_out_of_time, last.is_out_of_time) == (False, True)
    assert first.detail.endswith('accepted_gaps = { "region:eu-west-1" = "<reason>" }')
    assert "accepted_gaps" not in last.detail


@given(
    st.lists(
        st.tuples(
            st.sampled_from([TARGET, ELSEWHERE, FURTHER]),
            st.sampled_from("abcd"),
            st.sampled_from(list(SourceStatus)),
            st.sampled_from([None, FORBIDDEN]),
        ),
        unique_by=lambda one: one[:2],
    ),
    st.booleans(),
)
def test_a_failure_vanishes_only_where_a_region_is_closed(
    made: list[tuple[ScanTarget, str, SourceStatus, Denial | None]], is_remembered: object
) -> None:
    """Each target with a failed source has one afterwards too, or it is another region that answered nothing."""
    outcomes = tuple(outcome(source, status, target, denial=denial) for target, source, status, denial in made)
    scan = UsageScan((), outcomes, NOW)
    found = checked(scan, REGION, {} if is_remembered else None)
    failed = {one.target for one in scan.failures}
    closed = {one.target for one in found.outcomes if one.source == ALL_SOURCES and one.status is SourceStatus.CLOSED}
    assert {one.target for one in found.failures} == failed - closed
    assert TARGET not in closed
    assert is_remembered or not closed


def test_a_region_that_the_account_cannot_use_any_more_is_told() -> None:
    """If it ever answered, and if the list of regions is to be believed; one that is not asked for is not."""
    known = {one: {"ecs:ListClusters"} for one in (TARGET, ELSEWHERE, ScanTarget("999999999999", "eu-west-3"))}
    scan = UsageScan((), (outcome("ecs", SourceStatus.COMPLETE, TARGET),), NOW)

    def lost(
        scan: UsageScan, known: dict[ScanTarget, set[str]] | None, *, everywhere: bool = True
    ) -> list[tuple[ScanTarget, SourceStatus]]:
        found = checked(scan, REGION, known, lambda _: everywhere)
        return [(one.target, one.status) for one in found.unprotected]

    assert lost(scan, known) == [(ELSEWHERE, SourceStatus.CLOSED)]
    assert lost(scan, known, everywhere=False) == lost(scan, None) == lost(scan, {ELSEWHERE: {LIGHTSAIL}}) == []
    failed = replace(scan, outcomes=(*scan.outcomes, outcome("regions", SourceStatus.FAILED, TARGET)))
    assert lost(failed, known) == []
    accepted = replace(scan, outcomes=(*scan.outcomes, outcome(ALL_SOURCES, SourceStatus.DISABLED)))
    assert lost(accepted, known) == [(ELSEWHERE, SourceStatus.DISABLED)]


def test_a_region_of_another_account_is_closed_by_the_same_rule() -> None:
    """Also the one that the registry lies in; the own one never is."""
    there = ScanTarget("222233334444", REGION)
    outcomes = tuple(replace(one, target=target) for target in (TARGET, there) for one in CLOSED)
    found = checked(UsageScan((), outcomes, NOW, account_id=ACCOUNT), REGION, {})
    assert [(one.source, one.status) for one in found.outcomes if one.target == there] == [
        (ALL_SOURCES, SourceStatus.CLOSED)
    ]
    assert {one for one in found.outcomes if one.target == TARGET} == set(outcomes[: len(CLOSED)])


def test_another_account_of_which_nothing_could_be_read_is_left_out_as_a_whole() -> None:
    """To leave out a region would leave it out in every account."""
    there = ScanTarget("222233334444", REGION)
    outcomes = tuple(denied(source, there, denial=None) for source in ("batch", "ecs"))
    (failed,) = checked(UsageScan((), outcomes, NOW, account_id=ACCOUNT), REGION, {}).outcomes
    assert failed.detail.endswith('accept it: accepted_gaps = { "account:222233334444" = "<reason>" }')


def test_a_region_that_another_account_cannot_use_any_more_is_told() -> None:
    """Unless its list of regions failed, or the account itself."""
    there, lost = (ScanTarget("222233334444", region) for region in (REGION, "eu-west-1"))
    complete, failed = outcome("ecs", SourceStatus.COMPLETE, there), outcome(REGIONS, SourceStatus.FAILED, there)
    for outcomes, expected in (((complete,), [lost]), ((complete, failed), []), ((), [])):
        scan = UsageScan((), outcomes, NOW, account_id=ACCOUNT)
        found = checked(scan, REGION, {lost: {"ecs:ListClusters"}}, lambda _: True)
        assert [one.target for one in found.outcomes if one.status is SourceStatus.CLOSED] == expected
