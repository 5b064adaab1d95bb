"""What stops a whole run from removing anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from ecr_cleaner.decision.limits import Limits, LimitTracker
from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.decision.stop import FRESHNESS, Stop, Tripwire, compared, decide_stop, is_stale
from ecr_cleaner.decision.usage_drop import UsageDrop, confirm_command
from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.scan import SourceKey, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget
from tests.builders import ACCOUNT, NOW, REGION, TARGET, counts, image, repository

COMPLETE: Final = SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE)
FAILED: Final = SourceOutcome(TARGET, "lambda", SourceStatus.FAILED, detail="denied")
FAILS: Final = "service s fails without app:v1"


def tripwire(baseline: int | None = None, max_percent: int | None = 50) -> Tripwire:
    """What the usages of ECS are compared with."""
    return Tripwire(counts(ecs=baseline) if baseline is not None else None, max_percent, "cleaner", REGION)


def exceeded() -> LimitTracker:
    """A run that would remove two images of two, and may remove half of them."""
    tracker = LimitTracker(Limits(percent_per_run=50))
    images = (image("a"), image("b"))
    assert not tracker.exceeded_by(evaluate(repository(), RepositorySnapshot(images), (), NOW))
    return tracker


def test_a_run_that_is_certain_goes_on() -> None:
    """Every source answered, nothing fell, nobody fails, and no limit is exceeded."""
    stop = decide_stop(UsageScan((), (COMPLETE,), NOW), (), LimitTracker(Limits()), tripwire(0), NOW)
    assert stop == Stop()
    assert not stop


@pytest.mark.parametrize("failing", [(), (FAILS,)])
def test_what_is_not_certain_comes_first(failing: tuple[str, ...]) -> None:
    """The limits are not asked then: what would go rests on usages that are not complete."""
    stop = decide_stop(UsageScan((), (FAILED,), NOW), failing, exceeded(), tripwire(10), NOW)
    assert stop.reasons == ("source lambda in 123456789012/us-east-1: denied", *failing)
    assert (stop.over_limit, stop.drop) == ("", None)
    assert stop


def test_a_drop_waits_for_confirmation() -> None:
    """With the command that confirms exactly this one."""
    stop = decide_stop(UsageScan((), (COMPLETE,), NOW), (), exceeded(), tripwire(10), NOW)
    fall = UsageDrop(counts(ecs=10), counts(ecs=0))
    assert stop.drop == fall
    fell = f"the number of images in use dropped by more than max_usage_drop_percent = 50 allows: {fall}"
    confirm = f"if this is right, confirm it: {confirm_command(fall, 'cleaner', REGION)}"
    assert stop.reasons == (f"{fell}; {confirm}",)


@pytest.mark.parametrize(("baseline", "max_percent"), [(None, 50), (10, None), (0, 50)])
def test_without_anything_to_compare_nothing_fell(baseline: int | None, max_percent: int | None) -> None:
    """No history, no limit, or nothing was in use before."""
    scan = UsageScan((), (COMPLETE,), NOW)
    assert not decide_stop(scan, (), LimitTracker(Limits()), tripwire(baseline, max_percent), NOW)


def test_a_scan_that_took_too_long_is_out_of_date_when_it_ends() -> None:
    """Up to the last moment it is not."""
    scan, limits = UsageScan((), (COMPLETE,), NOW - FRESHNESS), LimitTracker(Limits())
    assert not decide_stop(scan, (), limits, tripwire(), NOW)
    late = UsageScan((), (COMPLETE,), NOW - 7 * FRESHNESS)
    assert decide_stop(late, (), limits, tripwire(), NOW).reasons == (
        "collecting the usages took 70 minutes, so they are out of date",
    )


def test_the_slowest_sources_are_named() -> None:
    """Three at most, the slowest first; what took less than a minute makes no scan slow."""
    seconds = {"ecs": 60.0, "lambda": 649.6, "batch": 59.9, "pipes": 100.0, "apprunner": 100.0}
    outcomes = [replace(COMPLETE, source=name, seconds=took) for name, took in seconds.items()]
    outcomes[1] = replace(outcomes[1], calls=1204, throttled=3, facts=1)
    late = UsageScan((), tuple(outcomes), NOW - 2 * FRESHNESS)
    here = "in 123456789012/us-east-1"
    (reason,) = decide_stop(late, (), LimitTracker(Limits()), tripwire(), NOW).reasons
    assert reason == (
        "collecting the usages took 20 minutes, so they are out of date; the slowest sources:"
        f" lambda {here} (650 s, 1,204 calls, 3 throttled, 1 facts of earlier runs);"
        f" apprunner {here} (100 s); pipes {here} (100 s)"
    )


def test_a_minute_is_slow() -> None:
    """And less is not."""
    for seconds, told in ((60.0, True), (59.9, False)):
        late = UsageScan((), (replace(COMPLETE, seconds=seconds),), NOW - 2 * FRESHNESS)
        (reason,) = decide_stop(late, (), LimitTracker(Limits()), tripwire(), NOW).reasons
        assert ("slowest" in reason) is told


def test_whoever_fails_holds_back_everything() -> None:
    """Whatever the limits say."""
    stop = decide_stop(UsageScan((), (COMPLETE,), NOW), (FAILS,), exceeded(), tripwire(), NOW)
    assert (stop.reasons, stop.over_limit) == ((FAILS,), "")


def test_the_limit_of_the_run_is_the_last_reason() -> None:
    """Of all repositories together."""
    stop = decide_stop(UsageScan((), (COMPLETE,), NOW), (), exceeded(), tripwire(), NOW)
    assert stop.over_limit == exceeded().exceeded_by_run()
    assert stop.reasons == (f"all repositories together: {stop.over_limit}",)
    assert "max_removal_percent_per_run = 50" in stop.over_limit


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (SourceStatus.COMPLETE, False),
        (SourceStatus.NOT_OFFERED, False),
        (SourceStatus.DISABLED, False),
        (SourceStatus.FAILED, True),
    ],
)
def test_one_failed_source_refuses_everything(status: SourceStatus, *, refused: bool) -> None:
    """Access denied is not unused."""
    outcomes = (
        SourceOutcome(TARGET, "lambda", SourceStatus.COMPLETE),
        SourceOutcome(TARGET, "ecs", status, detail="why"),
    )
    stop = decide_stop(UsageScan((), outcomes, NOW), (), LimitTracker(Limits()), Tripwire(None, None, "", ""), NOW)
    assert stop.reasons == (("source ecs in 123456789012/us-east-1: why",) if refused else ())


def test_usages_go_stale() -> None:
    """What was deployed since the scan began may be missing from it."""
    scan = UsageScan((), (), NOW)
    assert not is_stale(scan, NOW + FRESHNESS)
    assert is_stale(scan, NOW + FRESHNESS + timedelta(seconds=1))


THERE: Final = ScanTarget("222233334444", REGION)
OTHERS: Final = OtherAccounts(frozenset({THERE.account_id}))
ABROAD: Final = SourceKey(THERE, "ecs")


def abroad(*outcomes: SourceOutcome) -> UsageScan:
    """A scan of another account as well, in which nothing is in use."""
    return UsageScan((), (COMPLETE, *outcomes), NOW, account_id=ACCOUNT, others=OTHERS)


def test_a_drop_in_another_account_fails_its_source_and_stops_nothing() -> None:
    """What that account may pull stays until somebody confirms it; the own usages are compared on."""
    tripwired = replace(tripwire(0), baseline={**counts(ecs=0), ABROAD: 10})
    found = compared(abroad(replace(COMPLETE, target=THERE)), tripwired)
    fall = UsageDrop({ABROAD: 10}, {ABROAD: 0})
    assert found.drop == fall
    assert found.counts == {**counts(ecs=0), ABROAD: 0}
    (failed,) = found.scan.failures
    assert (failed.key, found.scan.own_failures) == (ABROAD, ())
    assert failed.detail.startswith("the number of images in use dropped from 10 to 0; max_usage_drop_percent = 50")
    assert failed.detail.endswith(confirm_command(fall, "cleaner", REGION))
    assert not decide_stop(found.scan, (), LimitTracker(Limits()), tripwired, NOW)


def test_drops_here_and_in_another_account_are_confirmed_at_once() -> None:
    """By the one command that the refused run names."""
    tripwired = replace(tripwire(0), baseline={**counts(ecs=10), ABROAD: 10})
    found = compared(abroad(replace(COMPLETE, target=THERE)), tripwired)
    stop = decide_stop(found.scan, (), LimitTracker(Limits()), tripwired, NOW)
    assert stop.drop == found.drop == UsageDrop(counts(ecs=10), counts(ecs=0))
    (failed,) = found.scan.failures
    command = confirm_command(stop.drop, "cleaner", REGION)
    assert failed.detail.endswith(command)
    assert stop.reasons[0].endswith(command)


def test_what_failed_in_another_account_is_no_drop_and_stops_nothing() -> None:
    """Its earlier count is kept until it answers again."""
    tripwired = replace(tripwire(0), baseline={**counts(ecs=0), ABROAD: 10})
    scan = abroad(replace(FAILED, target=THERE, source="ecs"))
    found = compared(scan, tripwired)
    assert (found.scan, found.drop, found.counts) == (scan, None, counts(ecs=0))
    assert not decide_stop(scan, (), LimitTracker(Limits()), tripwired, NOW)
