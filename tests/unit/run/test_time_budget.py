"""What may be begun: only what can be ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from ecr_cleaner.decision.stop import FRESHNESS
from ecr_cleaner.run.context import RESERVE_SECONDS
from ecr_cleaner.run.time_budget import ACTING_SECONDS, BATCH_SECONDS, EvaluationBudget, RemovalBudget, RepositoryBudget
from tests.builders import NOW

if TYPE_CHECKING:
    from ecr_cleaner.run.context import RunContext
    from ecr_cleaner.run.state import RunState


@dataclass
class Time:
    """What a run knows of time: its clock, what is left, and when the usages were collected."""

    left: float = 900.0
    now: datetime = NOW
    scanned_at: datetime = NOW
    budget: RepositoryBudget = field(init=False)

    def __post_init__(self) -> None:
        ctx = SimpleNamespace(seconds_left=lambda: self.left, clock=lambda: self.now, now=NOW)
        self.state = SimpleNamespace(basis=SimpleNamespace(scan=self))
        self.budget = RemovalBudget(cast("RunContext", ctx), cast("RunState", self.state)).of_repository()

    @property
    def started_at(self) -> datetime:
        """Of the latest scan."""
        return self.scanned_at

    def passes(self, seconds: float) -> None:
        """By the clock, and until the end."""
        self.now += timedelta(seconds=seconds)
        self.left -= seconds


@pytest.mark.parametrize(
    ("batches", "left", "begins"),
    [
        (2, RESERVE_SECONDS + 2 * BATCH_SECONDS, True),
        (2, RESERVE_SECONDS + 2 * BATCH_SECONDS - 1, False),
        (5, RESERVE_SECONDS + 5 * BATCH_SECONDS, True),
        (5, RESERVE_SECONDS + 5 * BATCH_SECONDS - 1, False),
        (1, RESERVE_SECONDS, True),
        (1, RESERVE_SECONDS - 1, False),
        (9, float("inf"), True),
    ],
)
def test_nothing_is_begun_that_cannot_be_ended(batches: int, left: float, *, begins: bool) -> None:
    """What one batch ends needs no more than any call."""
    time = Time(left)
    assert time.budget.may_begin(batches) is begins
    assert time.budget.is_late is (not begins)
    assert not time.budget.is_outdated


def test_the_slowest_batch_is_the_measure() -> None:
    """By the clock or by what is left, whichever says more; a quick one does not shorten it."""
    time = Time()
    assert time.budget.may_begin(2)
    time.passes(80)
    time.budget.pause()
    time.left = RESERVE_SECONDS + 2 * 40
    assert time.budget.may_begin(2), "40 seconds each"
    time.budget.pause()
    time.left = RESERVE_SECONDS + 2 * 40 - 1
    assert not time.budget.may_begin(2)
    time = Time()
    assert time.budget.may_begin(4)
    time.left -= 4 * 30
    time.budget.pause()
    time.left = RESERVE_SECONDS + 2 * 30 - 1
    assert not time.budget.may_begin(2), "a clock that stands still hides nothing"
    time = Time()
    assert time.budget.may_begin(2)
    time.passes(2)
    time.budget.pause()
    time.left = RESERVE_SECONDS + 2 * BATCH_SECONDS - 1
    assert not time.budget.may_begin(2)


def test_what_passes_between_two_repositories_is_no_batch() -> None:
    """A scan, for example."""
    time = Time()
    assert time.budget.may_begin(2)
    time.budget.pause()
    time.passes(300)
    time.left = RESERVE_SECONDS + 2 * BATCH_SECONDS
    assert time.budget.may_begin(2)


def test_without_a_deadline_the_clock_alone_is_the_measure() -> None:
    """On the command line."""
    time = Time(float("inf"))
    assert time.budget.may_begin(2)
    time.now += timedelta(seconds=200)
    time.budget.pause()
    time.left = RESERVE_SECONDS + 2 * 100 - 1
    assert not time.budget.may_begin(2)


def test_usages_have_to_last_until_the_end_of_it() -> None:
    """Otherwise they are collected anew first; but only if something was begun by the present ones."""
    time = Time()
    assert time.budget.may_begin(2)
    time.budget.pause()
    time.now = NOW + FRESHNESS - timedelta(seconds=2 * BATCH_SECONDS)
    assert time.budget.may_begin(2)
    time.budget.pause()
    time.now += timedelta(seconds=1)
    assert time.budget.may_begin(1), "what one batch ends"
    time.budget.pause()
    assert not time.budget.may_begin(2)
    assert (time.budget.is_outdated, time.budget.is_late) == (True, False)
    time.budget.is_outdated = False
    time.scanned_at = time.now - FRESHNESS + timedelta(seconds=1)
    assert time.budget.may_begin(2), "newer ones would not last longer"
    assert not time.budget.is_outdated


def test_what_no_run_could_end_is_begun() -> None:
    """Never would be worse: what is left of it comes first in the next run."""
    batches = int(FRESHNESS.total_seconds() / BATCH_SECONDS)
    time = Time(RESERVE_SECONDS + 1)
    assert not time.budget.may_begin(batches)
    assert time.budget.may_begin(batches + 1)


def test_before_a_scan_the_beginning_of_the_run_counts() -> None:
    """There is none without usages."""
    time = Time()
    time.state.basis = None
    assert time.budget.may_begin(2)


SPARE: Final = RESERVE_SECONDS + ACTING_SECONDS
FRESH: Final = FRESHNESS.total_seconds()


def evaluation_budget(
    *,
    each: float = 10,
    judged: int = 1,
    waiting: int = 1,
    removing: int = 0,
    left: float = 900,
    scanned: float = 0,
    scan_seconds: float = 0,
    dry_run: bool = False,
    refused: bool = False,
) -> EvaluationBudget:
    """Some repositories were judged, after a scan that began so many seconds before."""
    time = Time(left)
    state = SimpleNamespace(
        basis=SimpleNamespace(scan=time), scan_seconds=scan_seconds, is_refused=lambda: refused, judged=0
    )
    settings = SimpleNamespace(dry_run=dry_run)
    ctx = SimpleNamespace(seconds_left=lambda: left, clock=lambda: time.now, settings=settings)
    found = EvaluationBudget(cast("RunContext", ctx), cast("RunState", state), waiting + judged)
    for number in range(judged):
        found.add(removes=number < removing)
    time.now += timedelta(seconds=each * judged)
    time.scanned_at = time.now - timedelta(seconds=scanned)
    return found


@pytest.mark.parametrize(
    ("told", "goes_on"),
    [
        ({"left": SPARE}, True),
        ({"left": SPARE - 1}, False),
        ({"left": SPARE - 1, "judged": 0}, True),  # else nothing would ever be done
        ({"scanned": FRESH - ACTING_SECONDS - 10, "left": SPARE}, True),
        # From here on another scan is needed, all that waits is judged, and what is to go once more.
        ({"scanned": FRESH - ACTING_SECONDS - 9, "left": SPARE + 9}, False),
        ({"scanned": FRESH - ACTING_SECONDS - 9, "left": SPARE + 10}, True),
        ({"scanned": FRESH, "left": SPARE + 109, "judged": 4, "waiting": 3, "removing": 2, "scan_seconds": 60}, False),
        ({"scanned": FRESH, "left": SPARE + 110, "judged": 4, "waiting": 3, "removing": 2, "scan_seconds": 60}, True),
        ({"scanned": FRESH, "left": SPARE, "dry_run": True}, True),
        ({"scanned": FRESH, "left": SPARE, "refused": True}, True),
        ({"scanned": FRESH, "left": SPARE - 1, "dry_run": True}, False),
        ({"scanned": FRESH, "left": float("inf")}, True),
    ],
)
def test_what_was_judged_has_its_effect_in_the_same_run(told: dict[str, Any], *, goes_on: bool) -> None:
    """By the present usages, or by newer ones where there is time for them."""
    assert evaluation_budget(**told).may_go_on() is goes_on


@pytest.mark.parametrize(
    ("told", "finishes"),
    [
        ({"removing": 0, "scanned": FRESH, "left": SPARE - 1}, True),
        ({"removing": 1, "scanned": FRESH - ACTING_SECONDS, "left": SPARE - 1}, True),
        ({"removing": 1, "scanned": FRESH - ACTING_SECONDS + 1, "left": SPARE + 69, "scan_seconds": 60}, False),
        ({"removing": 1, "scanned": FRESH - ACTING_SECONDS + 1, "left": SPARE + 70, "scan_seconds": 60}, True),
        ({"removing": 1, "scanned": FRESH, "left": SPARE - 1, "dry_run": True}, True),
        ({"removing": 1, "scanned": FRESH, "left": SPARE - 1, "refused": True}, True),
    ],
)
def test_one_repository_does_not_take_the_time_of_all(told: dict[str, Any], *, finishes: bool) -> None:
    """What was judged before it has its effect; if nothing was to go, it may take whatever there is."""
    assert evaluation_budget(**told).may_finish() is finishes


def test_of_little_time_half_is_for_judging() -> None:
    """After a scan that took almost as long as its usages are valid."""
    time = Time(scanned_at=NOW - FRESHNESS + timedelta(seconds=40))
    settings = SimpleNamespace(dry_run=False)
    ctx = SimpleNamespace(seconds_left=lambda: SPARE, clock=lambda: time.now, settings=settings)
    state = SimpleNamespace(basis=SimpleNamespace(scan=time), scan_seconds=500, is_refused=lambda: False)
    found = EvaluationBudget(cast("RunContext", ctx), cast("RunState", state), 9)
    found.add(removes=True)
    time.passes(10)
    assert found.may_go_on()
    time.passes(1)
    assert not found.may_go_on()
    time.passes(9)
    assert found.may_finish()
    time.passes(1)
    assert not found.may_finish()


def test_without_a_scan_nothing_goes() -> None:
    """So nothing has to be judged twice."""
    found = evaluation_budget(scanned=FRESH, left=SPARE)
    assert not found.may_go_on()
    found.state.basis = None
    assert found.may_go_on()
