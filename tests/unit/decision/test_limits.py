"""What a repository or a whole run may remove, and what counts against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.groups import connected
from ecr_cleaner.decision.limits import WHOLE_RUN, Limits, LimitTracker, Trimmed
from ecr_cleaner.model.plan import Reason, Removal, RemovalStatus, RepositoryPlan, Verdict
from tests.builders import digest, image, repository

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_cleaner.model.image import Image

ATTEMPTED: Final = {
    RemovalStatus.REMOVED,
    RemovalStatus.ARCHIVED,
    RemovalStatus.PARTLY_UNTAGGED,
    RemovalStatus.FAILED,
}


@pytest.mark.parametrize(
    ("percent", "removals", "images", "exceeded"),
    [
        (None, 10_000, 10_000, False),
        (50, 5, 10, False),
        (50, 6, 11, True),
        (100, 3, 3, False),
        (1, 0, 0, False),
        (1, 1, 99, True),
        (1, 1, 100, False),
    ],
)
def test_percentages_hold_exactly(percent: int | None, removals: int, images: int, *, exceeded: bool) -> None:
    """At the limit still goes what is asked for; one more, and nothing does. The cause names the input."""
    limit = f"max_removal_percent_per_repository = {percent}"
    cause = f"{removals} of {images} images would be removed, more than {limit} allows" if exceeded else ""
    limits, run = Limits(1, percent, 1), Limits(1, None, 1, percent)
    assert limits.exceeded_by_repository(removals, images) == cause
    assert run.exceeded_by_run(removals, images) == cause.replace("per_repository", "per_run")
    assert limits.exceeded_by_run(removals, images) == run.exceeded_by_repository(removals, images) == ""


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
    tracker = LimitTracker(Limits(percent_per_repository=50))
    assert tracker.exceeded_by(plan("a", "b", kept=["c", "d"])) == ""
    note(tracker, "a", "b")
    assert tracker.exceeded_by(plan(kept=["c", "d"])) == ""
    said = "3 of 4 images would be removed, more than max_removal_percent_per_repository = 50 allows"
    assert tracker.exceeded_by(plan("d", kept=["c"])) == said
    assert tracker.exceeded_by(plan("c", kept=["d"], of="web")) == "", "what goes elsewhere counts there"


def test_images_removed_already_are_a_part_of_the_whole() -> None:
    """A percentage is of the images that there were."""
    tracker = LimitTracker(Limits(percent_per_repository=50, percent_per_run=50))
    note(tracker, "a")
    assert tracker.exceeded_by(plan("b", kept=["c", "d"])) == tracker.exceeded_by_run() == ""
    assert tracker.exceeded_by(plan("b", kept=["c"])).startswith("2 of 3 images would be removed")


def test_an_image_that_is_tried_again_counts_once() -> None:
    """It is still there, and the next evaluation selects it again."""
    tracker = LimitTracker(Limits(percent_per_repository=50))
    note(tracker, "a", "a", status=RemovalStatus.FAILED)
    assert tracker.exceeded_by(plan("a", kept=["b"])) == ""
    assert tracker.exceeded_by(plan("a", "c", kept=["b"])).startswith("2 of 3 images would be removed")


def test_the_percentage_of_a_run_holds_for_all_repositories_together() -> None:
    """At the limit everything goes; with one more nothing does. The latest evaluation of a repository counts."""
    tracker = LimitTracker(Limits(percent_per_run=50))
    assert tracker.exceeded_by_run() == ""
    tracker.exceeded_by(plan("a", "b", kept=["c"]))
    tracker.exceeded_by(plan("d", kept=["e", "f"], of="web"))
    assert tracker.exceeded_by_run() == ""
    tracker.exceeded_by(plan("g", of="jobs"))
    said = "4 of 7 images would be removed, more than max_removal_percent_per_run = 50 allows"
    assert tracker.exceeded_by_run() == said
    tracker.exceeded_by(plan(kept=["g"], of="jobs"))
    assert tracker.exceeded_by_run() == ""


def test_a_repository_over_its_percentage_counts_with_what_went_before() -> None:
    """Nothing more is removed from it, so the others may go on; its images are a part of the whole all the same."""
    tracker = LimitTracker(Limits(percent_per_repository=50, percent_per_run=40))
    assert tracker.exceeded_by(plan("a", "b", kept=["c"]))
    assert tracker.exceeded_by(plan("d", kept=["e"], of="web")) == tracker.exceeded_by_run() == ""
    note(tracker, "a")
    assert tracker.exceeded_by(plan("b", kept=["c"]))
    assert tracker.exceeded_by_run() == ""
    tracker.exceeded_by(plan("d", "e", kept=["f", "g", "h"], of="web"))
    assert tracker.exceeded_by_run() == ""
    tracker.exceeded_by(plan("d", "e", "f", kept=["g", "h", "i"], of="web"))
    assert tracker.exceeded_by_run().startswith("4 of 9 images would be removed")


# Limits in images


def of_ages(name: str, *groups: tuple[int, int]) -> RepositoryPlan:
    """A repository's plan of groups: each an age in days, and how many images it has (the first one is the oldest)."""
    verdicts, first = [], {}
    for number, (age, size) in enumerate(groups):
        names = [f"{name}-{number}-{part}" for part in range(size)]
        for part, each in enumerate(names):
            made = image(each, repository=name, tags=[f"g{number}-{part}"], pushed=f"{age - min(part, 1)}d")
            verdicts.append(Verdict(made, Reason.OLD_AND_UNUSED))
            first[digest(each)] = frozenset({digest(names[0])} if part else ())
    kept = Verdict(image(f"{name}-kept", repository=name), Reason.IN_USE)
    return RepositoryPlan(repository(name), (*verdicts, kept), first)


def chosen(trimmed: Iterable[Trimmed]) -> list[str]:
    """What goes in a run."""
    return [verdict.image.name for one in trimmed for verdict in one.plan.removals]


def waiting(trimmed: Iterable[Trimmed]) -> dict[str, str]:
    """What waits, and why."""
    removals = [removal for one in trimmed for removal in one.waits]
    assert all(removal.status is RemovalStatus.LIMITED for removal in removals)
    return {removal.verdict.image.name: removal.detail for removal in removals}


def test_without_limits_in_images_everything_goes() -> None:
    """A percentage trims nothing."""
    tracker = LimitTracker(Limits(None, 1, None, 1))
    plans = [of_ages("app", (90, 3), (80, 1)), of_ages("web", (70, 2))]
    assert tracker.trim(plans) == [Trimmed(plan, ()) for plan in plans]


@pytest.mark.parametrize(
    ("limit", "went"),
    [
        (1, []),
        (2, ["app:g1-0", "app:g1-1"]),
        (3, ["app:g1-0", "app:g1-1"]),
        (5, ["app:g1-0", "app:g1-1", "web:g0-0", "web:g0-1", "web:g0-2"]),
        (6, ["app:g0-0", "app:g1-0", "app:g1-1", "web:g0-0", "web:g0-1", "web:g0-2"]),
    ],
)
def test_the_oldest_groups_go(limit: int, went: list[str]) -> None:
    """Whole ones, of all repositories together, at most as many images as the limit says."""
    plans = [of_ages("app", (50, 1), (90, 2)), of_ages("web", (70, 3))]
    tracker = LimitTracker(Limits(removals_per_run=limit))
    found = tracker.trim(plans)
    # A group that is larger than the limit does not keep the others from going.
    assert chosen(found) == (went or ["app:g0-0"])
    assert len(chosen(found)) + len(waiting(found)) == 6
    assert all(one.plan.verdicts[-1].reason is Reason.IN_USE for one in found), "what stays is told all the same"


def test_of_groups_of_one_age_the_name_decides() -> None:
    """Every night in the same way, whatever order ECR lists them in."""
    plans = [of_ages("b", (90, 1), (90, 1)), of_ages("a", (90, 1))]
    for order in (plans, plans[::-1]):
        assert sorted(chosen(LimitTracker(Limits(removals_per_run=2)).trim(order))) == ["a:g0-0", "b:g0-0"]


def test_what_is_left_of_a_group_goes_first() -> None:
    """A signature whose image went last night; one whose image goes now is a part of that."""
    left = Verdict(image("signature", subject="gone", pushed="31d"), Reason.OLD_AND_UNUSED)
    tagged = Verdict(image("t", tags=["sha256-" + digest("nothing")[7:]], pushed="32d"), Reason.OLD_AND_UNUSED)
    own = Verdict(image("own", tags=["sha256-" + digest("own")[7:]], pushed="95d"), Reason.OLD_AND_UNUSED)
    old = of_ages("app", (90, 1))
    signed = Verdict(image("signed", subject="app-0-0", pushed="99d"), Reason.OLD_AND_UNUSED)
    first = {**old.must_go_first, signed.image.digest: frozenset({digest("app-0-0")})}
    whole = RepositoryPlan(old.repository, (*old.verdicts, signed, own, left, tagged), first)
    tracker = LimitTracker(Limits(removals_per_run=2))
    assert set(chosen(tracker.trim([whole]))) == {left.image.name, tagged.image.name}
    tracker = LimitTracker(Limits(removals_per_run=4))
    assert set(chosen(tracker.trim([whole]))) == {left.image.name, tagged.image.name, "app:g0-0", signed.image.name}


def test_each_waiting_image_is_told_with_the_limit_that_holds_it_back() -> None:
    """The repository's before the run's; a full repository holds no other one back."""
    plans = [of_ages("app", (90, 1), (80, 1)), of_ages("web", (70, 1), (60, 1), (50, 1))]
    tracker = LimitTracker(Limits(removals_per_repository=1, removals_per_run=2))
    found = tracker.trim(plans)
    assert chosen(found) == ["app:g0-0", "web:g0-0"]
    repository_limit, run_limit = "max_removals_per_repository = 1", "max_removals_per_run = 2"
    assert waiting(found) == dict.fromkeys(["app:g1-0", "web:g1-0", "web:g2-0"], repository_limit)
    counted = {(scope, str(limit)): len(images) for (scope, limit), images in tracker.waiting.items()}
    assert counted == {("app", repository_limit): 1, ("web", repository_limit): 2}
    tracker = LimitTracker(Limits(removals_per_repository=2, removals_per_run=2))
    found = tracker.trim(plans)
    assert waiting(found) == dict.fromkeys(["web:g0-0", "web:g1-0", "web:g2-0"], run_limit)
    assert {(scope, str(limit)): len(images) for (scope, limit), images in tracker.waiting.items()} == {
        (WHOLE_RUN, run_limit): 3
    }


def test_what_comes_after_the_first_that_waits_waits_too() -> None:
    """Even where there is room for it: otherwise a large group could be overtaken for ever."""
    tracker = LimitTracker(Limits(removals_per_run=4))
    assert chosen(tracker.trim([of_ages("app", (90, 2), (80, 3), (70, 1))])) == ["app:g0-0", "app:g0-1"]


@pytest.mark.parametrize(
    ("limits", "names"),
    [
        (Limits(removals_per_run=2), "max_removals_per_run = 2"),
        (Limits(removals_per_repository=2, removals_per_run=3), "max_removals_per_repository = 2"),
        (Limits(2, None, 1), "max_removals_per_repository = 2 and max_removals_per_run = 1"),
    ],
)
def test_a_group_that_is_larger_than_a_limit_is_told(limits: Limits, names: str) -> None:
    """With the limits that would let it go."""
    tracker = LimitTracker(limits)
    found = tracker.trim([of_ages("app", (90, 3), (80, 1))])
    sentence = f"3 images go together, which {names} never allows: 3 would"
    assert chosen(found) == ["app:g1-0"]
    assert waiting(found) == dict.fromkeys(["app:g0-0", "app:g0-1", "app:g0-2"], sentence)
    assert tracker.oversized == {"app:g0-0": sentence}
    assert tracker.waiting == {}


def test_what_went_counts_when_a_repository_is_evaluated_again() -> None:
    """And what was chosen elsewhere; what waited once does so until the run ends, and is told once."""
    tracker = LimitTracker(Limits(removals_per_run=4))
    app, web = of_ages("app", (90, 1), (80, 1), (50, 1)), of_ages("web", (70, 1), (60, 1), (40, 1))
    assert chosen(tracker.trim([app, web])) == ["app:g0-0", "app:g1-0", "web:g0-0", "web:g1-0"]
    note(tracker, "app-0-0", of="app")
    later = of_ages("app", (90, 1), (80, 1), (50, 1), (85, 1))
    again = RepositoryPlan(later.repository, later.verdicts[1:], later.must_go_first)
    found = tracker.trim([again])
    assert chosen(found) == ["app:g3-0"], "one went, two are chosen elsewhere"
    assert waiting(found) == {"app:g1-0": "max_removals_per_run = 4"}, "of the other one it was said before"
    note(tracker, "web-0-0", "web-1-0", of="web", status=RemovalStatus.CHANGED)
    kept = RepositoryPlan(repository("web"), web.verdicts[3:])
    assert chosen(tracker.trim([kept])) == []
    assert chosen(tracker.trim([again])) == ["app:g3-0"], "there would be room for three, and they wait"


@pytest.mark.parametrize("status", RemovalStatus)
def test_what_may_have_been_removed_counts(status: RemovalStatus) -> None:
    """A call that failed may have worked; an image that was not asked for is certainly there."""
    for limits in (Limits(removals_per_repository=1), Limits(removals_per_run=1)):
        tracker = LimitTracker(limits)
        note(tracker, "a", status=status)
        assert bool(chosen(tracker.trim([plan("b")]))) is (status not in ATTEMPTED)


def test_an_image_that_was_tried_needs_no_more_room() -> None:
    """It failed, and is tried again in the same run."""
    tracker = LimitTracker(Limits(removals_per_repository=2))
    note(tracker, "app-0-0", "app-0-1", status=RemovalStatus.FAILED)
    assert chosen(tracker.trim([of_ages("app", (90, 2), (80, 1))])) == ["app:g0-0", "app:g0-1"]


GROUPS: Final = st.lists(st.tuples(st.integers(31, 60), st.integers(1, 4)), max_size=6)
LIMIT: Final = st.none() | st.integers(1, 8)


@given(st.lists(GROUPS, max_size=3), LIMIT, LIMIT)
def test_several_nights_remove_everything_that_a_limit_ever_allows(
    told: list[list[tuple[int, int]]], per_repository: int | None, per_run: int | None
) -> None:
    """Whole groups, never more than a limit, the oldest first, something every night, and all of it in the end."""
    limits = Limits(removals_per_repository=per_repository, removals_per_run=per_run)
    most = min(limit for limit in (per_repository, per_run, 99) if limit is not None)
    left = [of_ages(f"r{number}", *groups) for number, groups in enumerate(told)]
    allowed = {group.digests for one in left for group in connected(one) if len(group.digests) <= most}
    while allowed:
        tracker = LimitTracker(limits)
        found = tracker.trim(left)
        goes = {verdict.image.digest for one in found for verdict in one.plan.removals}
        removed = {group for group in allowed if group <= goes}
        assert removed, "something goes every night"
        assert goes == frozenset().union(*removed), "no group is split, and no larger one goes"
        assert per_run is None or len(goes) <= per_run
        assert all(per_repository is None or len(one.plan.removals) <= per_repository for one in found)
        waits = {removal.verdict.image.digest for one in found for removal in one.waits}
        assert goes | waits == {verdict.image.digest for one in left for verdict in one.removals}
        assert not goes & waits
        ages = {v.image.digest: min(m.pushed_at for m in members(one, v)) for one in left for v in one.removals}
        for one in found if per_run is None else ():
            old = [ages[v.image.digest] for v in one.plan.removals]
            late = [ages[r.verdict.image.digest] for r in one.waits if frozenset_of(one, r) in allowed]
            assert not old or not late or max(old) <= min(late)
        allowed -= removed
        left = [without(one, goes) for one in left]


def members(one: RepositoryPlan, verdict: Verdict) -> list[Image]:
    """The images that go together with one."""
    (group,) = (group for group in connected(one) if verdict.image.digest in group.digests)
    return [member.image for member in group.verdicts]


def frozenset_of(one: Trimmed, removal: Removal) -> frozenset[str]:
    """The digests that wait together with one."""
    waits = RepositoryPlan(one.plan.repository, tuple(r.verdict for r in one.waits), one.plan.must_go_first)
    return frozenset(member.digest for member in members(waits, removal.verdict))


def without(one: RepositoryPlan, gone: set[str]) -> RepositoryPlan:
    """The plan of the next night."""
    verdicts = tuple(verdict for verdict in one.verdicts if verdict.image.digest not in gone)
    return RepositoryPlan(one.repository, verdicts, one.must_go_first)
