"""What a run writes down of images that nothing needs, and which of them it removes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.decision.stop import FRESHNESS
from ecr_cleaner.errors import HistoryError, RepositoryError
from ecr_cleaner.history import unneeded
from ecr_cleaner.history.model import History, HistoryEntry
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.plan import Reason
from ecr_cleaner.model.result import RepositoryOutcome, RepositoryStatus
from ecr_cleaner.report.summary import run_json
from ecr_cleaner.run.context import HISTORY_IS_OFF, RESERVE_SECONDS
from tests.builders import NOW, ago, counts, digest, image, repository
from tests.builders import usage as used
from tests.unit.run.test_pipeline import COMPLETE, DENIED, EVALUATES_FIRST, Told, World, run, told, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ecr_cleaner.model.result import RunResult

__all__ = ["run", "told", "world"]

USED: Final = [((used(tag="v1", repository="a"),), (COMPLETE,))]
NOTHING: Final = [((), (COMPLETE,))]
FEW: Final = {"keep_recently_used_days": 0}
"""What was in use is kept for no other reason than grace."""


@pytest.fixture
def night(run: Callable[..., RunResult], world: World) -> Callable[..., RunResult]:
    """One run with a history; the next one begins a day later."""

    def go(**settings: Any) -> RunResult:
        world.steps.clear()
        result = run(history=True, **({"grace_days": 1} | FEW | settings))
        world.now = max(world.now, NOW)
        world.now += timedelta(days=1)
        return result

    return go


def marks(world: World, name: str = "a") -> dict[str, datetime]:
    """Since when images are known to be unneeded."""
    return unneeded.since(world.histories[name])


def marked(world: World, since: str, name: str = "a") -> World:
    """A repository whose old image was found unneeded before."""
    entry = HistoryEntry(("v1",), unneeded_since=ago(since))
    world.old(name).histories[name] = History(name, ago("1d"), {digest(f"old {name}"): entry}, judged=True)
    return world


def test_a_first_night_only_reports(night: Callable[..., RunResult], world: World, told: Told) -> None:
    """What it found is written down after all is judged; the next night removes, and has nothing to write."""
    world.old("a", "b")
    first = night(**EVALUATES_FIRST)
    assert (first.status, told.removed) == ("completed", [])
    assert world.steps[-3:] == ["save", "verdicts a", "verdicts b"]
    assert marks(world) == {digest("old a"): NOW}
    assert world.followed == {"a", "b"}
    totals = run_json(first)["totals"]
    assert (totals["removable"], totals["in_grace"], totals["kept"], totals["deferred"]) == (2, 2, 0, 0)
    assert (totals["bytes_removable"], first.repositories["a"].due) == (2000, 0)
    second = night()
    assert (second.status, told.removed) == ("completed", ["a:v1", "b:v1"])
    assert "verdicts a" not in world.steps
    assert (run_json(second)["totals"]["removable"], run_json(second)["totals"]["in_grace"]) == (2, 0)


def test_without_a_history_there_is_no_grace(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """And every run says so."""
    world.old("a")
    assert "there is no grace" in HISTORY_IS_OFF
    assert HISTORY_IS_OFF in run(grace_days=30).notes
    assert told.removed == ["a:v1"]


def test_a_dry_night_counts(night: Callable[..., RunResult], world: World, told: Told) -> None:
    """It has looked."""
    world.old("a")
    assert run_json(night(dry_run=True))["totals"]["in_grace"] == 1
    assert marks(world) == {digest("old a"): NOW}
    night()
    assert told.removed == ["a:v1"]


def test_what_is_needed_in_between_begins_anew(night: Callable[..., RunResult], world: World, told: Told) -> None:
    """Whatever keeps it."""
    marked(world, "9d").scans = list(USED)
    night()
    assert marks(world) == {}
    assert world.histories["a"].judged
    world.scans = list(NOTHING)
    night()
    assert (told.removed, marks(world)) == ([], {digest("old a"): NOW + timedelta(days=1)})
    night()
    assert told.removed == ["a:v1"]


def test_what_was_in_use_lately_is_needed(night: Callable[..., RunResult], world: World, told: Told) -> None:
    """Grace begins when nothing else keeps the image."""
    entry = HistoryEntry(("v1",), None, ago("3d"), ("somebody",), unneeded_since=ago("9d"))
    world.old("a").histories["a"] = History("a", ago("1d"), {digest("old a"): entry}, judged=True)
    night(keep_recently_used_days=7)
    assert told.plans["a"].verdicts[0].reason is Reason.RECENTLY_IN_USE
    assert marks(world) == {}


REFUSING: Final[dict[str, tuple[Callable[[World], object], dict[str, Any]]]] = {
    "a source failed": (lambda world: setattr(world, "scans", [((), (COMPLETE, DENIED))]), {}),
    "usages dropped": (lambda world: setattr(world, "usages", counts(ecs=100)), {}),
    "usages are stale": (lambda world: world.lasts.update(scan=FRESHNESS.total_seconds() + 60), {}),
    "a limit of the run": (lambda world: marked(world, "9d", "over"), {"max_removal_percent_per_run": 1}),
    "it cannot be saved": (lambda world: world.errors.update(save=HistoryError("no")), {}),
}


@pytest.mark.parametrize("needed", [True, False])
@pytest.mark.parametrize("why", REFUSING)
def test_a_refused_night_begins_no_grace(
    night: Callable[..., RunResult], world: World, told: Told, why: str, *, needed: bool
) -> None:
    """What was known before it holds after it, unless it found the image needed; what it saw first was not seen."""
    refusing, settings = REFUSING[why]
    marked(world, "9d").old("new")
    world.seconds = 1e6
    if needed:
        world.listings["a"] = [[image("old a", tags=["v1"], repository="a", pushed="1d")]]
    marked(world, "9d", "other")
    before = {name: unneeded.since(world.histories[name]) for name in ("a", "other")}
    is_seen = needed and why != "it cannot be saved"
    refusing(world)
    assert night(**settings).status == "refused"
    assert told.removed == []
    assert {name: marks(world, name) for name in ("a", "other")} == before | ({"a": {}} if is_seen else {})
    assert marks(world, "new") == {}
    assert [step for step in world.steps if step.startswith("verdicts")] == (["verdicts a"] if is_seen else [])


def test_whoever_fails_because_of_a_removal_refuses_it_too(night: Callable[..., RunResult], world: World) -> None:
    """That is known only when all is judged."""
    world.old("a", "b")
    gone = {digest("gone"): RemovedImage(("v0",), ago("1d"), "run-0", "delete")}
    world.histories["b"] = History("b", ago("1d"), {}, gone)
    failing = replace(used(tag="v0", repository="b"), failure="CannotPullContainerError")
    world.scans = [((failing,), (COMPLETE,))]
    assert night().status == "refused"
    assert marks(world) == marks(world, "b") == {}


def test_a_repository_that_fails_does_neither(night: Callable[..., RunResult], world: World, told: Told) -> None:
    """The others go on."""
    marked(marked(world, "9d"), "9d", "b").listings["b"] = [[image("index", kind="index", repository="b")]]
    world.histories["b"] = History(
        "b", ago("1d"), {digest("index"): HistoryEntry(unneeded_since=ago("9d"))}, judged=True
    )
    world.errors["children b"] = RepositoryError("it cannot be read")
    assert night().status == "failed"
    assert told.removed == ["a:v1"]
    assert marks(world, "b") == {digest("index"): ago("9d")}
    assert world.followed == {"a", "b"}


def test_limits_count_what_would_go_now(night: Callable[..., RunResult], world: World, told: Told) -> None:
    """Not what is in grace; and a repository over its limit does neither either."""
    marked(world, "9d")
    world.listings["a"][0].append(image("new", tags=["v2"], repository="a"))
    limit = {"max_removals_per_repository": 1, "max_removals_per_run": 1, "max_removal_percent_per_run": 50}
    assert night(**limit).status == "completed"
    assert told.removed == ["a:v1"]
    world.listings["a"] = [[image(name, tags=[name], repository="a") for name in ("new", "two", "three")]]
    entries = {digest(name): HistoryEntry(unneeded_since=ago("9d")) for name in ("new", "two")}
    world.histories["a"] = History("a", ago("1d"), entries, judged=True)
    assert night(max_removal_percent_per_repository=50).status == "failed"
    assert marks(world) == dict.fromkeys((digest("new"), digest("two")), ago("9d"))
    world.listings["a"][0][0] = image("new", tags=["new"], repository="a", pushed="1d")
    assert night(max_removal_percent_per_repository=10).status == "failed"
    assert marks(world) == {digest("two"): ago("9d")}, "what it finds needed is needed"


def test_who_was_left_out_is_not_followed(night: Callable[..., RunResult], world: World) -> None:
    """A person left it alone, or the settings do; what could not be read stays."""
    world.old("a", "failed")
    world.found |= {
        "other": None,
        "cache": RepositoryOutcome(RepositoryStatus.SKIPPED, "a cache"),
        "tags": RepositoryOutcome(RepositoryStatus.MISCONFIGURED, "its tags are odd"),
        "near": "its tags are odd",
        "unread": RepositoryError("denied"),
    }
    world.errors["look 1 failed"] = RepositoryError("denied")
    night()
    assert world.followed == {"a", "failed", "tags", "unread"}
    night(grace_days=0)
    assert world.followed == {"a", "failed", "tags", "unread"}


def test_no_grace_is_none(night: Callable[..., RunResult], world: World, told: Told) -> None:
    """What was known is out of date when there is one again, so it is forgotten."""
    world.old("a", "b").listings["b"] = [[image("young", tags=["v2"], repository="b", pushed="1d")]]
    entry = HistoryEntry(unneeded_since=ago("1h"))
    world.histories["b"] = History("b", ago("1d"), {digest("young"): entry}, judged=True)
    assert night(grace_days=0).status == "completed"
    assert told.removed == ["a:v1"]
    assert marks(world, "b") == {}
    assert [step for step in world.steps if step.startswith("verdicts")] == ["verdicts b"]


@pytest.mark.parametrize("order", [{}, EVALUATES_FIRST])
def test_what_cannot_be_written_down_stays(
    night: Callable[..., RunResult], world: World, told: Told, order: dict[str, Any]
) -> None:
    """One repository fails, the others go on."""
    marked(world, "9d").old("b")
    marked(world, "9d", "c")
    world.listings["c"][0].append(image("new", repository="c"))
    world.errors |= {"verdicts b": HistoryError("it is lost"), "verdicts c": HistoryError("it is lost")}
    result = night(**order)
    assert (result.status, told.removed) == ("failed", ["a:v1"])
    assert result.causes == ("repository b: it is lost", "repository c: it is lost")


def test_what_there_is_no_time_to_write_down_is_left_for_the_next_run(
    night: Callable[..., RunResult], world: World
) -> None:
    """Its grace begins then."""
    world.old("a", "b")
    world.lasts["verdicts"] = 901.0 - RESERVE_SECONDS
    world.seconds = 900.0
    result = night(**EVALUATES_FIRST)
    assert (result.status, result.deferred) == ("incomplete", ("b",))
    assert (marks(world), marks(world, "b")) == ({digest("old a"): NOW}, {})


def test_what_a_later_scan_of_the_run_finds_in_use_begins_anew(
    night: Callable[..., RunResult], world: World, told: Told
) -> None:
    """The next night it is not unneeded since the first look of this one."""
    marked(marked(world, "9d"), "9d", "b")
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    world.scans = [((), (COMPLETE,)), ((used(tag="v1", repository="b"),), (COMPLETE,))]
    assert night().status == "completed"
    assert told.removed == ["a:v1"]
    assert marks(world, "b") == {}
    assert "remove b:v1" not in world.steps


def test_what_is_found_needed_by_usages_that_age_meanwhile_is_written_down(
    night: Callable[..., RunResult], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though what else is to go from there waits for a scan that this run cannot make."""
    marked(marked(world, "9d"), "9d", "b")
    world.listings["b"][0].append(image("young", tags=["v2"], repository="b", pushed="1d"))
    known = world.histories["b"]
    young = {digest("young"): HistoryEntry(("v2",), unneeded_since=ago("9d"))}
    world.histories["b"] = replace(known, images={**known.images, **young})
    world.lasts["look"] = FRESHNESS.total_seconds() / 2 + 1
    world.seconds = 1e6
    monkeypatch.setattr(World, "scans_again", False)
    assert night().deferred == ("b",)
    assert marks(world, "b") == {digest("old b"): ago("9d")}


def test_time_that_goes_backwards_keeps(night: Callable[..., RunResult], world: World, told: Told) -> None:
    """A run of a clock that was ahead does not hold the image for ever."""
    world.old("a").histories["a"] = History(
        "a", ago("1d"), {digest("old a"): HistoryEntry(("v1",), unneeded_since=NOW + timedelta(days=900))}, judged=True
    )
    night()
    assert (told.removed, marks(world)) == ([], {digest("old a"): NOW})
    night()
    assert told.removed == ["a:v1"]


def test_an_image_is_archived_and_deleted_each_after_its_own_grace(
    night: Callable[..., RunResult], world: World
) -> None:
    """What an index lists is learned when it goes, not before."""
    world.found["a"] = repository("a")
    world.listings["a"] = [[image("index", kind="index", tags=["v1"], repository="a")]]
    archive = {"removal_mode": "archive"}
    night(**archive)
    assert world.archives == []
    night(**archive)
    assert world.archives == [True]
    world.listings["a"] = [[image("index", kind="index", tags=["v1"], repository="a", active=False)]]
    night(**archive)
    assert marks(world) == {}
