"""When an image that nothing needs goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision import grace, rules
from ecr_cleaner.decision.grace import JITTER
from ecr_cleaner.history import model as past
from ecr_cleaner.history import unneeded
from ecr_cleaner.model.plan import Reason
from ecr_cleaner.model.repository import RepositorySnapshot
from tests.builders import NOW, ago, digest, image, repository, usage
from tests.unit.decision.test_rules_properties import Registry, Settings, planned, registries, removed, settings

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_cleaner.history.model import History
    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.plan import RepositoryPlan

DAY = timedelta(days=1)


def judged(*images: Image, children: dict[str, tuple[str, ...]] | None = None) -> RepositoryPlan:
    """The verdicts on some images, of which nothing is in use but what v9 names."""
    listed = {digest(index): tuple(map(digest, names)) for index, names in (children or {}).items()}
    return rules.evaluate(repository(), RepositorySnapshot(images, listed), [usage(tag="v9")], NOW)


def graced(plan: RepositoryPlan, since: dict[str, str] | None = None, days: int = 1) -> RepositoryPlan:
    """The same with grace; of the images that are named so it is known since when they are unneeded."""
    known = {digest(name): ago(text) for name, text in (since or {}).items()}
    return grace.apply(plan, grace.unneeded_since(plan, known, NOW), NOW, days)


def reasons(plan: RepositoryPlan) -> dict[str, Reason]:
    """Digest to reason."""
    return {verdict.image.digest: verdict.reason for verdict in plan.verdicts}


ONE = judged(image("a", tags=["v1"]))


@pytest.mark.parametrize(
    ("days", "since", "goes"),
    [
        (1, "0s", False),
        (1, "21h59m59s", False),
        (1, "22h", True),
        (1, "9d", True),
        (2, "1d21h59m59s", False),
        (2, "1d22h", True),
        (30, "29d21h59m59s", False),
        (30, "29d22h", True),
        (0, "0s", True),
    ],
)
def test_grace_is_over_at_a_moment(days: int, since: str, *, goes: bool) -> None:
    """So many days of 24 hours less two after the run that found it so; the moment itself is over."""
    plan = graced(ONE, {"a": since}, days)
    assert removed(plan) == ({digest("a")} if goes else set())
    assert reasons(plan) == {digest("a"): Reason.OLD_AND_UNUSED if goes else Reason.IN_GRACE}


def test_what_is_found_for_the_first_time_does_not_go() -> None:
    """Since now, which the evidence says, and when it goes."""
    (verdict,) = graced(ONE).verdicts
    assert verdict == replace(
        ONE.verdicts[0],
        reason=Reason.IN_GRACE,
        evidence=(
            "found unneeded since 2026-03-01 12:00 UTC",
            "it goes with the first run from 2026-03-02 10:00 UTC on, unless something needs it by then",
        ),
        goes_after=NOW + timedelta(hours=22),
    )
    assert (verdict.removes, verdict.unneeded) == (False, True)
    assert grace.unneeded_since(ONE, {}, NOW) == {digest("a"): NOW}


def test_what_is_needed_is_in_no_grace() -> None:
    """It has its own reason, and nothing is known of it any more."""
    plan = judged(image("used", tags=["v9"]), image("young", pushed="1d"), image("a"))
    assert grace.unneeded_since(plan, {digest("used"): ago("9d"), digest("young"): ago("9d")}, NOW) == {
        digest("a"): NOW
    }
    assert reasons(graced(plan, {"used": "9d", "young": "9d"})) == {
        digest("used"): Reason.IN_USE,
        digest("young"): Reason.TOO_YOUNG,
        digest("a"): Reason.IN_GRACE,
    }


def test_a_time_that_has_not_come_yet_does_not_count() -> None:
    """Some clock was wrong: in doubt the image was found just now."""
    known = {digest("a"): NOW + 300 * DAY}
    assert grace.unneeded_since(ONE, known, NOW) == {digest("a"): NOW}
    assert grace.unneeded_since(ONE, {digest("a"): ago("1s")}, NOW) == {digest("a"): ago("1s")}


INDEX = image("index", kind="index", tags=["v1"])
MANIFESTS = image("amd64"), image("arm64")
SIGNATURE = image("signature", subject="index")
GROUP = judged(INDEX, *MANIFESTS, SIGNATURE, image("other"), children={"index": ("amd64", "arm64")})
NAMES = ("index", "amd64", "arm64", "signature")


@pytest.mark.parametrize("late", NAMES)
def test_what_belongs_together_goes_together(late: str) -> None:
    """When the last of it may; whatever part that is, and what does not belong to it does not wait."""
    since = dict.fromkeys((*NAMES, "other"), "9d") | {late: "2h"}
    plan = graced(GROUP, since)
    assert removed(plan) == {digest("other")}
    assert {verdict.goes_after for verdict in plan.verdicts if not verdict.removes} == {ago("2h") + DAY - JITTER}
    assert removed(graced(GROUP, since | {late: "22h"})) == removed(GROUP)


def test_who_waits_for_another_says_for_whom() -> None:
    """And since when both are unneeded."""
    evidence = {
        v.image.digest: v.evidence for v in graced(GROUP, dict.fromkeys(NAMES, "9d") | {"index": "2h"}).verdicts
    }
    goes = "it goes with the first run from 2026-03-02 08:00 UTC on, unless something needs it by then"
    assert evidence[digest("arm64")] == (
        "found unneeded since 2026-02-20 12:00 UTC",
        goes,
        "it goes together with app:v1, found unneeded since 2026-03-01 10:00 UTC",
    )
    assert evidence[digest("index")] == ("found unneeded since 2026-03-01 10:00 UTC", goes)


def test_what_stays_names_nothing_that_must_go_first() -> None:
    """The order of removal is told of what goes."""
    late = graced(GROUP, dict.fromkeys((*NAMES, "other"), "9d") | {"arm64": "2h"})
    assert late.must_go_first == {digest("other"): frozenset()}
    assert late.parts == {}
    plan = graced(GROUP, dict.fromkeys(NAMES, "9d"))
    assert set(plan.must_go_first) == {digest(name) for name in NAMES}
    assert plan.must_go_first[digest("arm64")] == GROUP.must_go_first[digest("arm64")] == {digest("index")}
    assert plan.parts == GROUP.parts
    assert set(plan.parts) == {digest("index")}


def test_two_groups_that_a_kept_image_joins_are_two() -> None:
    """What is kept does not go, so nothing waits for it."""
    shared = image("shared", tags=["v9"])
    indexes = image("old", kind="index"), image("new", kind="index")
    signature = image("of shared", subject="shared")
    plan = judged(shared, signature, image("a", subject="old"), *indexes, children={"new": ("a",)})
    assert removed(graced(plan, {"old": "9d", "a": "9d", "new": "1h"})) == set()
    apart = judged(shared, *indexes, image("a", subject="old"))
    assert removed(graced(apart, {"old": "9d", "a": "9d", "new": "1h"})) == {digest("old"), digest("a")}


# Night after night


@dataclass(frozen=True)
class Night:
    """What one run finds.

    Attributes:
        hours: Since the run before.
        registry: With its usages.
        by: What keeps its images besides their use.
        counts: Whether its verdicts are written down: the run was not refused, and did not fail.
    """

    hours: int
    registry: Registry
    by: Settings
    counts: bool


@st.composite
def nights(draw: st.DrawFn) -> list[Night]:
    """Runs over one repository, in which images, usages and rules change as they like, most of them a day apart."""
    found = []
    registry = draw(registries())
    for _ in range(draw(st.integers(1, 6))):
        change = draw(st.integers(0, 3))
        if change == 0:
            registry = draw(registries())
        elif change == 1:
            registry = replace(registry, usages=draw(registries()).usages)
        by = draw(settings())
        found.append(Night(draw(st.sampled_from([24, 22, 21, 48, 1])), registry, by, draw(st.integers(0, 4)) > 0))
    return found


@dataclass(frozen=True)
class Judged:
    """What became of one run.

    Attributes:
        at: When it began.
        counts: As in `Night`.
        without: The verdicts without grace.
        plan: Those with it.
    """

    at: datetime
    counts: bool
    without: RepositoryPlan
    plan: RepositoryPlan


def live(some: list[Night], days: int) -> list[Judged]:
    """Runs that remember as the real ones do; none removes, so that every image is there as long as it says."""
    known: History | None = None
    at, found = NOW, []
    for night in some:
        at += timedelta(hours=night.hours)
        seen = past.observe("app", night.registry.contents.images, {}, at, complete=night.counts)
        known = past.remember(known, seen, 7)
        without = planned(night.registry, by=night.by)
        since = grace.unneeded_since(without, unneeded.since(known), at)
        found.append(Judged(at, night.counts, without, grace.apply(without, since, at, days)))
        if night.counts:
            known = unneeded.judged(known, set(since), at)
    return found


@given(nights(), st.integers(0, 3))
def test_grace_keeps_and_never_removes_more(some: list[Night], days: int) -> None:
    """Every verdict that keeps stays as it is; 0 days change nothing."""
    for run in live(some, days):
        assert len(run.plan.verdicts) == len(run.without.verdicts)
        for verdict, before in zip(run.plan.verdicts, run.without.verdicts, strict=True):
            assert verdict == before or (before.removes and verdict.reason is Reason.IN_GRACE)
        if not days:
            assert run.plan == run.without
        assert all(first <= removed(run.plan) for first in run.plan.must_go_first.values())
        assert set(run.plan.must_go_first) == removed(run.plan)
        assert set(run.plan.parts) <= removed(run.plan)


@given(nights(), st.integers(1, 3))
def test_what_goes_was_found_unneeded_by_every_run_that_counts(some: list[Night], days: int) -> None:
    """For the days at least, in a run before this one, and without one in between that found otherwise."""
    runs = live(some, days)
    for number, run in enumerate(runs):
        for name in removed(run.plan):
            found = False
            for before in reversed(runs[:number]):
                if before.counts:
                    assert name in removed(before.without)
                    found = before.at <= run.at - (days * DAY - JITTER)
                if found:
                    break
            assert found, "no run that counts was long enough ago"


@given(nights(), st.integers(1, 3))
def test_what_every_run_found_unneeded_for_the_days_goes(some: list[Night], days: int) -> None:
    """Grace ends, unless a part of the same image has to wait; nights that do not count do not begin it anew."""
    runs = live(some, days)
    for number, run in enumerate(runs):
        waiting = {v.image.digest: v.goes_after for v in run.plan.verdicts if v.reason is Reason.IN_GRACE}
        first = dict.fromkeys(removed(run.without), run.at)
        unbroken = set(first)
        for before in reversed(runs[:number]):
            # What is not there at all is forgotten, whoever looks.
            unbroken &= removed(before.without) if before.counts else {v.image.digest for v in before.without.verdicts}
            first |= dict.fromkeys(unbroken, before.at) if before.counts else {}
        for group in _groups(run.without):
            ends = max(first[name] for name in group) + days * DAY - JITTER
            assert {waiting.get(name) for name in group} == {ends if run.at < ends else None}


def _groups(plan: RepositoryPlan) -> list[set[str]]:
    """Connected images, as naively as possible: groups that share one are joined until none do."""
    groups = [{name, *first} for name, first in plan.must_go_first.items()]
    joined: list[set[str]] = []
    while groups:
        one = groups.pop()
        others = [other for other in groups if other & one]
        if others:
            groups = [one.union(*others), *(other for other in groups if not other & one)]
        else:
            joined.append(one)
    return joined
