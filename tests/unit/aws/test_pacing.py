"""How calls are held back: by a share of the rates that AWS publishes, else by what AWS lets through."""

from __future__ import annotations

import threading
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.aws import pacing
from ecr_cleaner.aws.pacing import BURST, FIRST_RATE, HIGHEST_RATE, LOWEST_RATE, SECONDS_TO_GROW, Pacer
from ecr_cleaner.aws.quotas import QUOTAS, Quota, quota_of
from ecr_cleaner.model.calls import ServiceCalls

if TYPE_CHECKING:
    from collections.abc import Sequence

UNPUBLISHED: Final = ("batch", "DescribeJobQueues")
SERVICES: Final = {"ecr": "ecr", "ecs": "ecs", "eventbridge": "events", "lambda": "lambda", "s3": "s3"} | {
    "sfn": "stepfunctions",
    "resource-groups-tagging-api": "resourcegroupstaggingapi",
}
"""Services as botocore's events name them, to the names of their clients."""

SHARED: Final = [quota for quota in QUOTAS if quota.is_shared]


class VirtualClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        """Seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def clock() -> VirtualClock:
    """A clock of one's own."""
    return VirtualClock()


@pytest.fixture
def pacer(clock: VirtualClock) -> Pacer:
    """A pacer that lives by it."""
    return Pacer(clock=clock.time, sleep=clock.sleep)


def calls(pacer: Pacer, clock: VirtualClock, count: int, operation: tuple[str, str]) -> float:
    """Seconds that some calls take, to the microsecond."""
    started = clock.now
    for _ in range(count):
        pacer.wait(*operation)
    return round(clock.now - started, 6)


@cache
def names_of(quota: Quota) -> list[str]:
    """Operations that take from a bucket."""
    model = botocore.session.get_session().get_service_model(SERVICES[quota.service])
    assert model.service_id.hyphenize() == quota.service
    return [name for name in model.operation_names if quota_of(quota.service, name) == quota]


def most_in_a_window(times: Sequence[float], rate: float) -> float:
    """How many more calls than the rate allows were made in the window in which these were the most."""
    before = [number - rate * time for number, time in enumerate(times)]
    return max(1 + last - first for first, last in zip(accumulate(before, min), before, strict=True))


@given(
    st.sampled_from(SHARED),
    st.integers(10, 100),
    st.lists(st.tuples(st.floats(0, 120), st.integers(1, 12), st.booleans()), min_size=1, max_size=12),
)
def test_never_more_than_the_share_in_any_window(
    quota: Quota, percent: int, bursts: list[tuple[float, int, bool]]
) -> None:
    """The share of the refill a second, and of the burst, whatever was idle, asked or throttled before."""
    clock = VirtualClock()
    pacer = Pacer(clock.time, clock.sleep, percent / 100)
    operations = names_of(quota)
    times: list[float] = []
    for idle, count, throttled in bursts:
        clock.now += idle
        for number in range(count * 5):
            operation = operations[number % len(operations)]
            pacer.wait(quota.service, operation)
            times.append(clock.now)
        if throttled:
            pacer.throttled(quota.service, operations[0])
    share = percent / 100
    assert most_in_a_window(times, quota.refill * share) <= max(1, quota.burst * share) + 1e-6


@given(st.lists(st.tuples(st.floats(0, 60), st.integers(1, 40), st.booleans()), min_size=1, max_size=10))
def test_what_has_no_published_rate_is_never_faster_than_the_highest(bursts: list[tuple[float, int, bool]]) -> None:
    """However long nothing was throttled."""
    clock, times = VirtualClock(), list[float]()
    pacer = Pacer(clock.time, clock.sleep)
    for idle, count, throttled in bursts:
        clock.now += idle
        for _ in range(count):
            pacer.wait(*UNPUBLISHED)
            times.append(clock.now)
        if throttled:
            pacer.throttled(*UNPUBLISHED)
    assert most_in_a_window(times, HIGHEST_RATE) <= BURST + 1e-6


@pytest.mark.parametrize(
    ("operation", "percent", "burst", "rate"),
    [
        (("ecs", "DescribeTaskDefinition"), 50, 25, 10),
        (("ecs", "DescribeTaskDefinition"), 100, 50, 20),
        (("lambda", "ListFunctions"), 50, 7, 7.5),
        (("lambda", "GetFunction"), 10, 10, 10),
        (("sfn", "ListStateMachineVersions"), 50, 50, 0.5),
        (("ecr", "PutImage"), 10, 1, 1),
        (("kubernetes", "GET"), 10, 20, 50),
    ],
)
def test_after_the_burst_the_share_of_the_rate_holds(
    clock: VirtualClock, operation: tuple[str, str], percent: int, burst: int, rate: float
) -> None:
    """All of it is taken, and no more; a cluster's own server says when it is too much."""
    pacer = Pacer(clock.time, clock.sleep, percent / 100)
    assert calls(pacer, clock, burst, operation) == 0
    assert calls(pacer, clock, 30, operation) == pytest.approx(30 / rate)
    clock.now += 3600
    assert calls(pacer, clock, burst, operation) == 0, "idle time is saved up"
    assert calls(pacer, clock, 10, operation) == pytest.approx(10 / rate), "and not without end"


def test_operations_of_one_bucket_take_from_it_together(pacer: Pacer, clock: VirtualClock) -> None:
    """As AWS counts them; those of another bucket do not wait for them."""
    assert calls(pacer, clock, 25, ("ecs", "ListTaskDefinitionFamilies")) == 0
    assert calls(pacer, clock, 10, ("ecs", "DescribeTaskDefinition")) == pytest.approx(1)
    assert calls(pacer, clock, 25, ("ecs", "DescribeServiceRevisions")) == 0
    assert calls(pacer, clock, BURST, UNPUBLISHED) == 0
    assert calls(pacer, clock, BURST, ("batch", "ListJobs")) == 0


def test_another_target_has_buckets_of_its_own(pacer: Pacer, clock: VirtualClock) -> None:
    """AWS counts by account and region; the share is the same."""
    pacer.share = 0.2
    calls(pacer, clock, 10, ("ecs", "ListClusters"))
    other = pacer.another()
    assert calls(other, clock, 10, ("ecs", "ListClusters")) == 0
    assert calls(other, clock, 4, ("ecs", "ListClusters")) == pytest.approx(1)


def test_a_call_that_was_held_ahead_is_made_at_once(pacer: Pacer, clock: VirtualClock) -> None:
    """By the thread that it was held for, once, however often that asks; it takes one token."""
    assert calls(pacer, clock, BURST, UNPUBLISHED) == 0
    began = clock.now
    pacer.hold_ahead(*UNPUBLISHED)
    pacer.hold_ahead(*UNPUBLISHED)
    assert clock.now - began == pytest.approx(1 / FIRST_RATE)
    other = threading.Thread(target=pacer.wait, args=UNPUBLISHED)
    other.start()
    other.join()
    pacer.wait("batch", "DescribeJobDefinitions")
    assert clock.now - began == pytest.approx(2 / FIRST_RATE)
    pacer.wait(*UNPUBLISHED)
    assert clock.now - began == pytest.approx(2 / FIRST_RATE)
    pacer.wait(*UNPUBLISHED)
    assert clock.now - began == pytest.approx(3 / FIRST_RATE)


def test_threads_share_the_buckets() -> None:
    """Four workers together keep the rate of one."""
    waits: list[float] = []
    pacer = Pacer(clock=lambda: 0.0, sleep=waits.append)

    def work() -> None:
        for _ in range(25):
            pacer.wait("ecs", "ListClusters")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wait for wait in waits if wait > 1e-6) == pytest.approx([(n + 1) / 10 for n in range(75)])


def rate(pacer: Pacer, clock: VirtualClock) -> float:
    """Calls a second that an operation without a published rate makes, its bucket being empty."""
    calls(pacer, clock, BURST, UNPUBLISHED)
    return 1 / calls(pacer, clock, 1, UNPUBLISHED)


def test_what_is_not_throttled_grows(pacer: Pacer, clock: VirtualClock) -> None:
    """From 5 calls a second by one for every 5 seconds to 20 of them."""
    began, made = clock.now, list[int]()
    calls(pacer, clock, BURST, UNPUBLISHED)
    for number in range(20):
        made.append(0)
        while clock.now < began + SECONDS_TO_GROW * (number + 1):
            pacer.wait(*UNPUBLISHED)
            made[-1] += 1
    rates = [min(HIGHEST_RATE, FIRST_RATE + number) for number in range(20)]
    assert made == pytest.approx([rate * SECONDS_TO_GROW for rate in rates], abs=1.5)


def test_what_is_throttled_is_halved_and_grows_from_there(pacer: Pacer, clock: VirtualClock) -> None:
    """Once for all calls that were under way together, and not below one in two seconds."""
    pacer.wait(*UNPUBLISHED)
    clock.now += 200
    assert rate(pacer, clock) == pytest.approx(20)
    for _ in range(8):
        pacer.throttled(*UNPUBLISHED)
    assert rate(pacer, clock) == pytest.approx(10)
    pacer.throttled(*UNPUBLISHED)
    clock.now += 5
    calls(pacer, clock, 100, UNPUBLISHED)
    assert 5 < 1 / calls(pacer, clock, 1, UNPUBLISHED) < 20
    for _ in range(9):
        clock.now += 1
        pacer.throttled(*UNPUBLISHED)
    assert calls(pacer, clock, 1, UNPUBLISHED) == pytest.approx(1 / LOWEST_RATE)


def test_the_rates_that_hold_calls_back_are_told(clock: VirtualClock) -> None:
    """Each with the time in which anything waited, however much did; of two regions, the one that waits longer."""
    waits: list[float] = []
    here = Pacer(clock.time, waits.append)
    there = here.another()
    for _ in range(BURST + 5):
        there.wait(*UNPUBLISHED)
    for _ in range(25 + 40):  # a share of half leaves a burst of 25 and 10 a second
        here.wait("ecs", "DescribeTaskDefinition")
    clock.now += 60
    for pacer, more in ((here, 20), (there, 10)):
        for _ in range(25 + more):
            pacer.wait("ecs", "ListTaskDefinitions")
    here.throttled(*UNPUBLISHED)
    told = here.counts.told()
    assert [(one.service, one.operations[0], round(one.seconds, 3)) for one in told.held_back] == [
        ("ecs", "DescribeTaskDefinition", 4 + 2),
        ("batch", "DescribeJobQueues", 1),
    ]
    assert told.services == (ServiceCalls("ecs", 65 + 45 + 35, 0), ServiceCalls("batch", BURST + 5, 1))
    assert (told.calls, told.throttled) == (145 + BURST + 5, 1)


def test_the_first_calls_may_be_too_many_already(pacer: Pacer, clock: VirtualClock) -> None:
    """What is left of the burst is not made any more."""
    calls(pacer, clock, BURST // 2, UNPUBLISHED)
    pacer.throttled(*UNPUBLISHED)
    assert calls(pacer, clock, 1, UNPUBLISHED) == pytest.approx(2 / FIRST_RATE)


def test_an_operation_begins_where_the_slowest_of_its_service_is(pacer: Pacer, clock: VirtualClock) -> None:
    """What a service let through says what to begin with; what it throttled says it too."""
    calls(pacer, clock, 1, ("ecr", "GetRepositoryPolicy"))
    clock.now += 3 * SECONDS_TO_GROW
    calls(pacer, clock, BURST, ("ecr", "DescribeImages"))
    assert calls(pacer, clock, 1, ("ecr", "DescribeImages")) == pytest.approx(1 / (FIRST_RATE + 3), rel=1e-3)
    pacer.throttled("ecr", "GetRepositoryPolicy")
    calls(pacer, clock, BURST, ("ecr", "ListTagsForResource"))
    assert calls(pacer, clock, 1, ("ecr", "ListTagsForResource")) == pytest.approx(2 / (FIRST_RATE + 3), rel=1e-3)


def test_a_published_rate_holds_when_others_use_it_up(pacer: Pacer, clock: VirtualClock) -> None:
    """Their calls are throttled as well: nothing that was saved up is spent, and the share is the share."""
    pacer.throttled("ecs", "DescribeServices")
    assert calls(pacer, clock, 10, ("ecs", "DescribeServices")) == pytest.approx(1)


def test_every_published_operation_exists_and_is_in_its_own_bucket() -> None:
    """A misspelled name would be paced as one without a published rate."""
    for quota in SHARED:
        names = names_of(quota)
        assert names
        for glob in quota.operations:
            assert "*" in glob or glob in names


def test_a_share_is_of_what_is_published_alone() -> None:
    """The smallest published bucket that saves up more than a second holds more than the burst of the others."""
    assert min(quota.burst for quota in SHARED if quota.burst > quota.refill) > pacing.BURST
