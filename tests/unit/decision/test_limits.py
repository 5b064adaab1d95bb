"""What a repository or a whole run may remove, and what counts against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.limits import Limits, LimitTracker
from ecr_cleaner.model.plan import Reason, Removal, RemovalStatus, RepositoryPlan, Verdict
from tests.builders import image, repository

if TYPE_CHECKING:
    from collections.abc import Iterable

ATTEMPTED: Final = {
    RemovalStatus.REMOVED,
    RemovalStatus.ARCHIVED,
    RemovalStatus.PARTLY_UNTAGGED,
    RemovalStatus.FAILED,
}


@pytest.mark.parametrize(
    ("limits", "removals", "images", "exceeded"),
    [
        (Limits(), 10_000, 10_000, ""),
        (Limits(removals_per_repository=5), 5, 5, ""),
        (Limits(removals_per_repository=5), 6, 900, "max_removals_per_repository = 5"),
        (Limits(percent_per_repository=50), 5, 10, ""),
        (Limits(percent_per_repository=50), 6, 11, "max_removal_percent_per_repository = 50"),
        (Limits(percent_per_repository=100), 3, 3, ""),
        (Limits(percent_per_repository=1), 0, 0, ""),
        (Limits(5, 50), 9, 10, "max_removals_per_repository = 5 and max_removal_percent_per_repository = 50"),
    ],
)
def test_limits_hold_exactly(limits: Limits, removals: int, images: int, exceeded: str) -> None:
    """At the limit still goes what is asked for; one more, and nothing does. The cause names the inputs."""
    said = limits.exceeded_by_repository(removals, images)
    assert said == (f"{removals} of {images} images would be removed, more than {exceeded} allows" if exceeded else "")
    # The same numbers for a run, by its own inputs.
    run = Limits(None, None, limits.removals_per_repository, limits.percent_per_repository)
    assert run.exceeded_by_run(removals, images) == said.replace("per_repository", "per_run")
    assert limits.exceeded_by_run(removals, images) == run.exceeded_by_repository(removals, images) == ""


@given(st.integers(0, 50), st.integers(0, 50), st.none() | st.integers(1, 50), st.none() | st.integers(1, 100))
def test_what_limits_let_through_is_within_them(
    removals: int, others: int, count: int | None, percent: int | None
) -> None:
    """Whatever the numbers."""
    images = removals + others
    if not Limits(count, percent).exceeded_by_repository(removals, images):
        assert count is None or removals <= count
        assert percent is None or not images or removals / images * 100 <= percent


def test_no_limit_is_said_to_be_none() -> None:
    """One is enough."""
    assert Limits().are_off
    assert not any(Limits(*(1 if n == i else None for n in range(4))).are_off for i in range(4))


def verdict(name: str, of: str = "app", reason: Reason = Reason.OLD_AND_UNUSED) -> Verdict:
    """On an image of a repository."""
    return Verdict(image(name, repository=of), reason)


def plan(*removed: str, kept: Iterable[str] = (), of: str = "app") -> RepositoryPlan:
    """An evaluation that removes some images and keeps others."""
    stay = (verdict(name, of, Reason.TOO_YOUNG) for name in kept)
    return RepositoryPlan(repository(of), (*(verdict(name, of) for name in removed), *stay))


def note(tracker: LimitTracker, *names: str, of: str = "app", status: RemovalStatus = RemovalStatus.REMOVED) -> None:
    """Tell it how the removal of images ended."""
    for name in names:
        tracker.note(Removal(verdict(name, of), status))


def test_images_removed_already_count_in_their_repository() -> None:
    """Otherwise each evaluation of a run could remove as many again."""
    tracker = LimitTracker(Limits(removals_per_repository=2))
    assert tracker.exceeded_by(plan("a", "b", kept=["c"])) == ""
    note(tracker, "a", "b")
    assert tracker.exceeded_by(plan(kept=["c"])) == ""
    said = "3 of 4 images would be removed, more than max_removals_per_repository = 2 allows"
    assert tracker.exceeded_by(plan("d", kept=["c"])) == said
    assert tracker.exceeded_by(plan("c", "d", of="web")) == "", "what goes elsewhere counts there"


def test_images_removed_already_are_a_part_of_the_whole() -> None:
    """A percentage is of the images that there were."""
    tracker = LimitTracker(Limits(percent_per_repository=50, percent_per_run=50))
    note(tracker, "a")
    assert tracker.exceeded_by(plan("b", kept=["c", "d"])) == tracker.exceeded_by_run() == ""
    assert tracker.exceeded_by(plan("b", kept=["c"])).startswith("2 of 3 images would be removed")


def test_an_image_that_is_tried_again_counts_once() -> None:
    """It is still there, and the next evaluation selects it again."""
    tracker = LimitTracker(Limits(removals_per_repository=1, percent_per_repository=50))
    note(tracker, "a", "a", status=RemovalStatus.FAILED)
    assert tracker.exceeded_by(plan("a", kept=["b"])) == ""
    assert tracker.exceeded_by(plan("a", "c", kept=["b"])).startswith("2 of 3 images would be removed")


@pytest.mark.parametrize("status", RemovalStatus)
def test_what_may_have_been_removed_counts(status: RemovalStatus) -> None:
    """A call that failed may have worked; an image that was not asked for is certainly there."""
    tracker = LimitTracker(Limits(removals_per_repository=1))
    note(tracker, "a", status=status)
    assert bool(tracker.exceeded_by(plan("b"))) is (status in ATTEMPTED)


def test_the_limit_of_a_run_holds_for_all_repositories_together() -> None:
    """At the limit everything goes; with one more nothing does."""
    tracker = LimitTracker(Limits(removals_per_run=3))
    assert tracker.exceeded_by_run() == ""
    assert tracker.exceeded_by(plan("a", "b", kept=["c"])) == ""
    assert tracker.exceeded_by(plan("d", kept=["e", "f"], of="web")) == tracker.exceeded_by_run() == ""
    assert tracker.exceeded_by(plan("g", of="jobs")) == ""
    assert tracker.exceeded_by_run() == "4 of 7 images would be removed, more than max_removals_per_run = 3 allows"


def test_the_latest_evaluation_of_a_repository_counts() -> None:
    """And what was removed by an earlier one."""
    tracker = LimitTracker(Limits(removals_per_run=2))
    tracker.exceeded_by(plan("a", "b", "c"))
    assert tracker.exceeded_by_run()
    tracker.exceeded_by(plan("a", "b", kept=["c"]))
    assert tracker.exceeded_by_run() == ""
    note(tracker, "a", "b")
    tracker.exceeded_by(plan("c"))
    assert tracker.exceeded_by_run() == "3 of 3 images would be removed, more than max_removals_per_run = 2 allows"


def test_a_repository_over_its_limit_counts_with_what_went_before() -> None:
    """Nothing more is removed from it, so the others may go on; its images are a part of the whole all the same."""
    tracker = LimitTracker(Limits(removals_per_repository=2, removals_per_run=2))
    assert tracker.exceeded_by(plan("a", "b", "c"))
    assert tracker.exceeded_by(plan("d", "e", of="web")) == tracker.exceeded_by_run() == ""
    note(tracker, "a")
    assert tracker.exceeded_by(plan("b", "c"))
    assert tracker.exceeded_by_run() == "3 of 5 images would be removed, more than max_removals_per_run = 2 allows"
