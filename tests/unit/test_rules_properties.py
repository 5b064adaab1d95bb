"""What holds for every registry and every set of usages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.model import Contents, Image, RepositoryPlan, Usage
from ecr_cleaner.rules import MAX_TAGS, judge
from tests.builders import NOW, digest, image, repository, usage

if TYPE_CHECKING:
    import random

NAMES = [f"m{i}" for i in range(10)]
TAGS = ["v1", "v2", "latest", "prod", "sha256-" + digest("m0")[7:] + ".sig", "sha256-" + digest("m3")[7:]]


@dataclass(frozen=True)
class Registry:
    """A repository with hidden truth: what each index lists, even if it cannot be read."""

    contents: Contents
    usages: tuple[Usage, ...]
    recent: tuple[str, ...] = ()


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    """Up to ten manifests that list, refer, carry tags, age and are used in any way."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=10, unique=True))
    free_tags = list(draw(st.permutations(TAGS)))
    images: list[Image] = []
    children: dict[str, tuple[str, ...]] = {}
    for position, name in enumerate(names):
        is_index = draw(st.booleans())
        tags = [free_tags.pop() for _ in range(draw(st.integers(0, min(2, len(free_tags)))))]
        subject = draw(st.none() | st.sampled_from(names[:position])) if position else None
        made = image(name, kind="index" if is_index else "image", tags=tags, subject=subject)
        age = timedelta(days=draw(st.sampled_from([0, 29, 30, 31, 400])), seconds=draw(st.sampled_from([0, 1])))
        images.append(replace(made, pushed_at=NOW - age, active=draw(st.integers(0, 9)) > 0))
        if is_index:
            listed = draw(st.lists(st.sampled_from(names[:position]), max_size=3)) if position else []
            children[digest(name)] = (*map(digest, listed), digest("not-here"))
    usages = draw(
        st.lists(
            st.builds(
                usage,
                tag=st.none() | st.sampled_from([*TAGS, "gone"]),
                of=st.none() | st.sampled_from([*NAMES, "gone"]),
                repository=st.sampled_from(["app", "app", "other", None]),
            ),
            max_size=4,
        )
    )
    # Only consumers that name nothing at all may not exist: a digest anywhere needs its digest.
    usages = [u for u in usages if u.reference.repository or u.reference.digest]
    recent = draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))
    return Registry(Contents(tuple(images), children), tuple(usages), tuple(map(digest, recent)))


def planned(registry: Registry, usages: tuple[Usage, ...] | None = None) -> RepositoryPlan:
    """Judge with an age limit of 30 days."""
    recent = dict.fromkeys(registry.recent, ("yesterday",))
    return judge(repository(), registry.contents, registry.usages if usages is None else usages, NOW, recent)


def removed(plan: RepositoryPlan) -> set[str]:
    """The digests that would go."""
    return {verdict.image.digest for verdict in plan.removals}


def needed_by_hand(registry: Registry) -> set[str]:
    """Everything reachable from a usage, written as naively as possible: repeat until nothing is added."""
    images = {i.digest: i for i in registry.contents.images}
    lists = registry.contents.children
    roots = set(registry.recent) & set(images)
    for used in registry.usages:
        reference = used.reference
        for i in images.values():
            by_tag = reference.repository == "app" and (reference.effective_tag in i.tags)
            if i.digest == reference.digest or by_tag:
                roots.add(i.digest)
    while True:  # upward: a used child keeps its index
        more = {index for index, listed in lists.items() if index in images and roots & set(listed)} - roots
        if not more:
            break
        roots |= more
    return kept_whole(registry, roots)


def kept_whole(registry: Registry, kept: set[str]) -> set[str]:
    """What a set of images needs to stay whole."""
    images = {i.digest: i for i in registry.contents.images}
    kept = set(kept)
    while True:
        more = {child for index in kept for child in registry.contents.children.get(index, ()) if child in images}
        for i in images.values():
            tag_subjects = {f"sha256:{t[7:71]}" for t in i.tags if t.startswith("sha256-")}
            if ({i.subject} | tag_subjects) & kept:
                more.add(i.digest)
        if more <= kept:
            return kept
        kept |= more


@given(registries())
def test_nothing_reachable_from_a_usage_is_ever_in_a_plan(registry: Registry) -> None:
    """The one promise."""
    assert not removed(planned(registry)) & needed_by_hand(registry)


@given(registries())
def test_everything_kept_stays_whole(registry: Registry) -> None:
    """No kept index loses a manifest, no kept subject loses a signature."""
    plan = planned(registry)
    kept = {v.image.digest for v in plan.verdicts if not v.removes}
    assert kept_whole(registry, kept) == kept


@given(registries(), st.randoms(use_true_random=False))
def test_verdicts_do_not_depend_on_order(registry: Registry, chance: random.Random) -> None:
    """AWS lists in any order, and pages end anywhere."""
    images, usages = list(registry.contents.images), list(registry.usages)
    chance.shuffle(images)
    chance.shuffle(usages)
    shuffled = replace(registry, contents=replace(registry.contents, images=tuple(images)), usages=tuple(usages))
    one = {v.image.digest: v for v in planned(registry).verdicts}
    assert {v.image.digest: v for v in planned(shuffled).verdicts} == one


@given(registries())
def test_every_image_gets_one_verdict(registry: Registry) -> None:
    """Kept or not."""
    assert [v.image for v in planned(registry).verdicts] == list(registry.contents.images)


@given(registries(), st.data())
def test_a_usage_more_never_removes_more(registry: Registry, data: st.DataObject) -> None:
    """Seeing more can only protect more."""
    fewer = tuple(u for u in registry.usages if data.draw(st.booleans()))
    assert removed(planned(registry)) <= removed(planned(registry, fewer))


@given(registries())
def test_a_past_never_removes_more(registry: Registry) -> None:
    """Remembering can only protect more."""
    assert removed(planned(registry)) <= removed(planned(replace(registry, recent=())))


@given(registries())
def test_without_usages_everything_old_goes(registry: Registry) -> None:
    """Safety is not bought by keeping everything: what nothing young, archived or outsized holds is removed."""
    plan = planned(replace(registry, recent=()), ())
    stays = {
        i.digest
        for i in registry.contents.images
        if NOW - i.pushed_at <= timedelta(days=30) or not i.active or len(i.tags) > MAX_TAGS
    }
    everything = {i.digest for i in registry.contents.images}
    assert removed(plan) == everything - kept_whole(registry, stays)


@given(registries())
def test_only_the_old_is_removed(registry: Registry) -> None:
    """Exactly 30 times 24 hours is not old."""
    assert all(NOW - v.image.pushed_at > timedelta(days=30) for v in planned(registry).removals)


@given(registries())
def test_what_holds_a_removed_image_is_removed_too(registry: Registry) -> None:
    """So that the order of removal can always be kept."""
    plan = planned(registry)
    gone = removed(plan)
    for index, listed in registry.contents.children.items():
        assert index in gone or not gone & set(listed) or index not in {i.digest for i in registry.contents.images}
    assert all(holders <= gone for holders in plan.holders.values())
