"""Removal that begins before every repository is evaluated: when it may, and what stops it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from ecr_cleaner.decision.stop import FRESHNESS
from ecr_cleaner.errors import HistoryError
from ecr_cleaner.history.model import History
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.plan import Reason, RepositoryPlan, Verdict
from ecr_cleaner.model.result import RepositoryStatus
from ecr_cleaner.run import remove
from ecr_cleaner.run.remove import LOCK_IS_LOST, Removals
from tests.builders import ago, digest, image, repository
from tests.builders import usage as used
from tests.unit.run import test_pipeline
from tests.unit.run.test_pipeline import COMPLETE, Told, World, client_error, run, told, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from ecr_cleaner.model.plan import Removal
    from ecr_cleaner.model.result import RunResult
    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.run.context import RunContext
    from ecr_cleaner.run.state import RunState
    from ecr_cleaner.run.time_budget import RemovalBudget

__all__ = ["run", "told", "world"]

GONE: Final = {digest("before"): RemovedImage(("v0",), ago("3d"), "run-0", "delete")}
FAILS: Final = replace(used(tag="v0", repository="b"), failure="CannotPullContainerError: not found")


def unasked(tag: str, repository: str) -> Usage:
    """The usage of a consumer that was not asked whether it got its image."""
    return replace(used(tag=tag, repository=repository), unasked="prod/app")


def order(world: World) -> list[str]:
    """The looks at repositories and the removals."""
    return [step for step in world.steps if step.startswith(("look ", "remove "))]


def test_it_begins_as_repositories_are_evaluated(run: Callable[..., RunResult], world: World) -> None:
    """After the state is written down; and who waits is written down again at the end."""
    world.old("a", "b")
    assert run(history=True).status == "completed"
    assert order(world) == ["look 1 a", "remove a:v1", "look 1 b", "remove b:v1"]
    assert world.steps.index("save") < world.steps.index("remove a:v1")
    assert (world.steps[-1], world.left) == ("save", ())


@pytest.mark.parametrize(
    "settings",
    [
        {"max_removals_per_run": 99},
        {"max_removal_percent_per_run": 100},
        {"dry_run": True},
    ],
)
def test_what_depends_on_all_repositories_waits_for_all(
    run: Callable[..., RunResult], world: World, settings: dict[str, Any]
) -> None:
    """Which images are the oldest, or how many percent go, is known at the end."""
    world.old("a", "b")
    run(history=True, **settings)
    assert order(world)[:2] == ["look 1 a", "look 1 b"]


def doubtful(world: World, usage: Usage, repository: str = "b") -> None:
    """Three repositories; a run removed an image of one of them, which a usage names."""
    world.old("a", "b", "c")
    world.histories[repository] = History(repository, ago("1d"), {}, GONE)
    world.scans = [((usage,), (COMPLETE,))]


def test_whoever_may_fail_for_want_of_what_went_is_looked_at_first(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """And stops everything, though all others are evaluated for the report."""
    doubtful(world, FAILS)
    summary = run(history=True)
    assert (summary.status, told.removed) == ("refused", [])
    assert order(world) == ["look 1 b", "look 1 a", "look 1 c"]
    assert summary.repositories["c"].due == 1


@pytest.mark.parametrize(
    ("usage", "first"),
    [
        (unasked("v0", "b"), "look 1 b"),
        (unasked("v9", "b"), "look 1 a"),
        (unasked("v0", "c"), "look 1 a"),
    ],
)
def test_whoever_was_not_asked_is_looked_at_first_if_an_earlier_run_removed_its_image(
    run: Callable[..., RunResult], world: World, usage: Usage, first: str
) -> None:
    """Most consumers are not asked: if each repository that one names came first, nothing would begin early."""
    doubtful(world, usage)
    run(history=True)
    assert order(world)[0] == first


def test_a_past_that_cannot_be_read_is_looked_at_first(
    run: Callable[..., RunResult], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in it is not known."""
    doubtful(world, unasked("v9", "b"))

    def known(_: World, name: str) -> None:
        message = f"the history of {name} cannot be read"
        raise HistoryError(message)

    monkeypatch.setattr(World, "known", known)
    run(history=True)
    assert order(world)[0] == "look 1 b"


def test_a_repository_that_cannot_be_read_while_others_lose_images_stops_the_rest(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """If somebody may fail for want of an image of it; what is left is evaluated all the same."""
    world.old("a", "b", "c")
    world.scans = [((unasked("v0", "b"),), (COMPLETE,))]
    world.errors["look 1 b"] = client_error("AccessDeniedException", "DescribeImages")
    world.consumer_fails = "it cannot pull"
    summary = run(history=True)
    assert (summary.status, told.removed) == ("refused", ["a:v1"])
    assert order(world) == ["look 1 a", "remove a:v1", "look 1 b", "look 1 c"]
    assert told.events.count("judged c") == 1


def test_evaluating_waits_for_removing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is faster, and the plans of a whole account would fill the memory."""
    monkeypatch.setattr(remove, "MAX_PLANS_UNDER_WAY", 2)
    ended: list[RepositoryPlan] = []

    def end(_: Removals, plan: RepositoryPlan, done: Future[None]) -> None:
        done.result()
        ended.append(plan)

    monkeypatch.setattr(Removals, "_end", end)
    monkeypatch.setattr(Removals, "_carry_out", lambda *_: time.sleep(0.01))
    ctx = SimpleNamespace(workers=2, history=None, settings=SimpleNamespace(dry_run=False))
    state = SimpleNamespace(is_refused=lambda: False, is_stale=lambda: False)
    plans = [RepositoryPlan(repository(name), (Verdict(image("old"), Reason.OLD_AND_UNUSED),)) for name in "abcdef"]
    with Removals(cast("RunContext", ctx), cast("RunState", state), cast("RemovalBudget", None)) as removals:
        for number, plan in enumerate(plans, 1):
            removals.begin(plan)
            assert number - len(ended) <= 2
    assert ended == plans


def test_usages_that_age_meanwhile_are_collected_again(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """What was not evaluated yet is evaluated by the later ones."""
    world.old("a", "b")
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    world.scans = [((), (COMPLETE,)), ((used(tag="v1", repository="b"),), (COMPLETE,))]
    summary = run(history=True)
    assert (summary.status, told.removed) == ("completed", ["a:v1"])
    assert [step for step in world.steps if step.startswith(("look", "scan", "remove "))] == [
        *("scan", "look 1 a", "remove a:v1", "scan", "look 1 b")
    ]


def test_a_run_that_cannot_scan_again_leaves_the_rest(
    run: Callable[..., RunResult], world: World, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To another invocation; what is in use there is written down, because it is not evaluated."""
    world.old("a", "b", "c")
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    world.scans = [((used(tag="v1", repository="c", consumer="a task"),), (COMPLETE,))]
    monkeypatch.setattr(World, "scans_again", False)
    summary = run(history=True)
    assert (summary.status, summary.deferred, told.removed) == ("incomplete", ("b", "c"), ["a:v1"])
    assert world.steps.count("scan") == 1
    assert {"used b", "used c a task"} <= {*world.steps}
    assert world.left == ("b", "c")


def test_whoever_was_not_even_read_is_left_too(run: Callable[..., RunResult], world: World) -> None:
    """Also the first in turn, before which others were looked at that might have stopped everything."""
    doubtful(world, unasked("v0", "b"))
    world.lasts["look"] = 850.0
    assert {*run(history=True).deferred} == {"a", "b", "c"} == {*world.left}


def test_a_run_that_is_killed_leaves_another_order(run: Callable[..., RunResult], world: World) -> None:
    """The repository by which it was killed comes last."""
    world.old("a", "b", "c")
    world.errors["look 1 a"] = MemoryError()
    with pytest.raises(MemoryError):
        run(history=True)
    assert world.left == ("b", "c", "a")


def test_a_history_that_cannot_be_written_removes_nothing(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """What would go is told all the same."""
    world.old("a", "b")
    world.errors["save"] = HistoryError("S3 is away")
    summary = run(history=True)
    assert (summary.status, told.removed) == ("refused", [])
    assert {name: one.due for name, one in summary.repositories.items()} == {"a": 1, "b": 1}


def test_an_outcome_that_changes_nothing_asks_for_no_decision(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """A repository that is deleted meanwhile stops nothing."""
    world.old("a", "b")
    world.errors["look 1 a"] = client_error("RepositoryNotFoundException", "DescribeImages")
    summary = run(history=True)
    assert (summary.status, told.removed) == ("completed", ["b:v1"])
    assert summary.repositories["a"].status is RepositoryStatus.GONE


def test_a_run_that_lost_its_lock_removes_nothing_more(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """Another one may be under way; what is left is evaluated for the report."""
    world.old("a", "b", "c")
    world.holds_lock = [True, False]
    summary = run(history=True)
    assert (summary.status, told.removed) == ("refused", ["a:v1"])
    assert LOCK_IS_LOST in summary.refusals
    assert summary.repositories["c"].due == 1


def test_what_earlier_usages_of_the_run_showed_is_written_down(run: Callable[..., RunResult], world: World) -> None:
    """Of what is evaluated by later ones alone: who ran then protects the image as a recent use."""
    world.old("a", "b")
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    world.scans = [((used(tag="v1", repository="b", consumer="a task"),), (COMPLETE,)), ((), (COMPLETE,))]
    run(history=True)
    second = len(world.steps) - 1 - world.steps[::-1].index("scan")
    assert "used b a task" in world.steps[:second]


def test_a_bug_ends_the_removals_and_what_went_is_told(
    run: Callable[..., RunResult], world: World, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is evaluated or removed beside it."""
    monkeypatch.setattr(test_pipeline, "WORKERS", 3)
    world.old("a", "b", "c")
    world.errors |= dict.fromkeys(("remove a:v1", "remove b:v1"), ZeroDivisionError("a bug"))
    begun = threading.Barrier(3, timeout=10)
    remove = World.remove

    def together(world: World, clients: object, plan: RepositoryPlan, *args: Any, **named: Any) -> Iterator[Removal]:
        begun.wait()
        yield from remove(world, clients, plan, *args, **named)

    monkeypatch.setattr(World, "remove", together)
    with pytest.raises(ZeroDivisionError):
        run(history=True)
    assert told.removed == ["c:v1"]
