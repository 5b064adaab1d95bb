"""Whether another invocation goes on with what one night left."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.decision.continuation import after, former_rounds, next_round_rescans, why_not
from ecr_cleaner.decision.limits import Limits, LimitTracker
from ecr_cleaner.model.night import Night, RepositoryCounts
from ecr_cleaner.model.plan import Reason, RepositoryPlan, Verdict
from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus, RunResult
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from tests.builders import NOW, TARGET, image, repository

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST: Final = Night("night-1", NOW)


def result(*, facts: int = 0, late: bool = False, dry: bool = False, **repositories: tuple[int, int, int]) -> RunResult:
    """Of a round: by repository its images, those that were to go, and those that were deleted."""
    found: Mapping[str, RepositoryResult] = {
        name: RepositoryResult(
            name,
            keep_days=30,
            images=images,
            reasons=Counter(old_and_unused=due),
            removals=Counter(removed=deleted),
            bytes_removed=deleted * 10,
        )
        for name, (images, due, deleted) in repositories.items()
    }
    scan = UsageScan((), (SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE, facts=facts),), NOW)
    deferred = () if late else ("left",)
    return RunResult("run", dry, "us-east-1", scan=scan, repositories=found, deferred=deferred, is_unsure_for_time=late)


@pytest.mark.parametrize(
    ("night", "ended", "most", "says"),
    [
        (FIRST, result(a=(9, 3, 1)), 1, ""),
        (FIRST, result(a=(9, 0, 0)), 1, ""),  # evaluated for the first time in this night
        (replace(FIRST, repositories={"a": RepositoryCounts(9)}), result(a=(9, 3, 0)), 8, "this round gained nothing"),
        (replace(FIRST, repositories={"a": RepositoryCounts(9)}), result(a=(9, 3, 1)), 8, ""),
        (FIRST, result(), 8, "this round gained nothing"),
        (FIRST, result(a=(9, 3, 1)), 0, "max_continuations = 0"),
        (replace(FIRST, continuations=3), result(a=(9, 3, 1)), 3, "max_continuations = 3"),
        (FIRST, result(dry=True, a=(9, 3, 0)), 8, "a dry run is not continued"),
        (FIRST, result(dry=True, late=True), 8, ""),
        (FIRST, result(late=True), 8, ""),
        (replace(FIRST, continuations=1, facts=5), result(late=True, facts=5), 8, "this round gained nothing"),
        (replace(FIRST, continuations=1, facts=5), result(late=True, facts=6), 8, ""),
    ],
)
def test_a_round_follows_if_it_begins_further_on(night: Night, ended: RunResult, most: int, says: str) -> None:
    """By images that went, repositories that were not evaluated before, or facts that the scan found."""
    told = why_not(night, ended, most, approval=False)
    assert told.startswith(says)
    assert bool(told) is bool(says)


def test_the_first_scan_that_takes_too_long_is_made_again() -> None:
    """Whoever asks before the round has ended is told what its end decides."""
    for night in (FIRST, replace(FIRST, continuations=1)):
        for most in (0, 1, 8):
            for approval in (False, True):
                follows = not why_not(night, result(late=True), most, approval=approval)
                assert next_round_rescans(night, most, approval=approval) == follows


def test_what_a_person_approves_is_not_continued() -> None:
    """A plan that is proposed would be followed by another one."""
    assert why_not(FIRST, result(a=(9, 3, 1)), 8, approval=True).startswith("a person approves")


def test_each_round_adds_to_the_night() -> None:
    """What went, how much of it, and what went wrong."""
    one = after(FIRST, replace(result(facts=2, a=(10, 6, 4), b=(5, 1, 1)), problems=("it broke",)), continues=True)
    assert (one.continuations, one.is_over, one.facts, one.bytes_removed) == (1, False, 2, 50)
    assert one.repositories == {"a": RepositoryCounts(10, 6, 4), "b": RepositoryCounts(5, 1, 1)}
    two = after(replace(one, round=2), result(a=(6, 2, 2)), continues=False)
    assert (two.continuations, two.is_over, two.bytes_removed) == (1, True, 70)
    assert two.repositories["a"] == RepositoryCounts(images=10, removable=6, deleted=6)
    assert two.problems == ("it broke",)
    assert former_rounds(FIRST) == []
    assert "5 images (50 bytes) went" in former_rounds(one)[0]


def test_what_was_archived_went_too() -> None:
    """But it is there still."""
    before = replace(FIRST, repositories={"a": RepositoryCounts(9, 4, archived=1)})
    ended = result(a=(9, 3, 1))
    archived = replace(ended.repositories["a"], removals=Counter(removed=1, archived=1), bytes_archived=5)
    ended = replace(ended, repositories={"a": archived})
    assert not why_not(before, ended, 8, approval=False)
    night = after(before, ended, continues=True)
    assert night.repositories["a"] == RepositoryCounts(images=9, removable=4, deleted=1, archived=2)
    assert night.bytes_removed == 15


def test_who_did_not_scan_used_no_facts() -> None:
    """It ended before."""
    assert after(FIRST, replace(result(), scan=None), continues=False).facts == 0


def test_what_a_limit_keeps_is_not_to_go() -> None:
    """Of the whole night's images it is no part."""
    over = result(a=(10, 6, 0))
    limited = {"a": replace(over.repositories["a"], status=RepositoryStatus.OVER_LIMIT)}
    assert after(FIRST, replace(over, repositories=limited), continues=True).repositories["a"].removable == 0


def test_limits_count_former_rounds() -> None:
    """In percent of what was there when the night began, also of repositories that this round has not evaluated."""
    before = {"a": RepositoryCounts(images=10, removable=5, deleted=4, archived=1), "b": RepositoryCounts(10, 1, 1)}
    kept = tuple(Verdict(image(str(number), repository="a"), Reason.IN_USE) for number in range(6))
    plan = RepositoryPlan(repository("a"), kept)
    for percent, exceeded in ((50, ""), (49, "5 of 10 images would be removed")):
        limits = LimitTracker(Limits(percent_per_repository=percent), before=before)
        assert limits.exceeded_by(plan).startswith(exceeded)
        assert bool(limits.exceeded_by(plan)) is bool(exceeded)
    for percent, exceeded in ((30, ""), (29, "6 of 20 images would be removed")):
        limits = LimitTracker(Limits(percent_per_run=percent), before=before)
        assert limits.exceeded_by_run().startswith(exceeded)
        assert bool(limits.exceeded_by_run()) is bool(exceeded)
