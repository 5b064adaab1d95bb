"""What holds for every registry and every set of usages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.rules import MAX_TAGS, evaluate
from ecr_cleaner.model.plan import Reason, RepositoryPlan
from ecr_cleaner.model.repository import RepositorySnapshot, Retention
from tests.builders import IMAGE_CONFIG, NOW, digest, image, repository, usage

if TYPE_CHECKING:
    import random

    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.usage import Usage

NAMES = [f"m{i}" for i in range(10)]
CHART = "application/vnd.cncf.helm.config.v1+json"
GLOBS = ["v*", "v1", "*", "prod", "sha256-*", "?2"]
TAGS = ["v1", "v2", "latest", "prod", "sha256-" + digest("m0")[7:] + ".sig", "sha256-" + digest("m3")[7:]]


@dataclass(frozen=True)
class Registry:
    """A repository with hidden truth: what each index lists, even if it cannot be read."""

    contents: RepositorySnapshot
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
        pulled = draw(st.none() | st.sampled_from([0, 1, 14, 15, 100]))
        active = draw(st.integers(0, 9)) > 2
        archived = None if active else draw(st.sampled_from([None, 89, 90, 91, 200]))
        images.append(
            replace(
                made,
                pushed_at=NOW - age,
                active=active,
                archived_at=None if archived is None else NOW - timedelta(days=archived),
                artifact_type=None if is_index else draw(st.sampled_from([IMAGE_CONFIG, IMAGE_CONFIG, CHART])),
                last_pulled_at=None if pulled is None else NOW - timedelta(days=pulled),
            )
        )
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
    return Registry(RepositorySnapshot(tuple(images), children), tuple(usages), tuple(map(digest, recent)))


DEFAULT = Retention(30, 30)
"""Without a rule: 30 days and nothing else."""


@st.composite
def retentions(draw: st.DrawFn) -> Retention:
    """What any rule may say, few of its conditions at a time."""
    return Retention(
        keep_days=draw(st.sampled_from([30, 1, 29, 400])),
        keep_days_untagged=draw(st.sampled_from([30, 1, 29, 400])),
        keep_newest=draw(st.sampled_from([0, 0, 1, 3, 20])),
        keep_tags=tuple(draw(st.lists(st.sampled_from(GLOBS), max_size=2))),
        keep_pulled_within_days=draw(st.sampled_from([None, None, 1, 14])),
        remove_artifacts=draw(st.booleans()),
        delete_archived_after_days=draw(st.sampled_from([None, 90, 120])),
    )


def planned(
    registry: Registry, usages: tuple[Usage, ...] | None = None, retention: Retention = DEFAULT
) -> RepositoryPlan:
    """Judge with an age limit of 30 days, unless told otherwise."""
    judged = replace(repository(), retention=retention)
    recent = dict.fromkeys(registry.recent, ("yesterday",))
    return evaluate(judged, registry.contents, registry.usages if usages is None else usages, NOW, recent)


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
            if referred(i) & kept:
                more.add(i.digest)
            if i.digest in kept:
                more |= referred(i) & images.keys()
        if more <= kept:
            return kept
        kept |= more


@given(registries(), retentions())
def test_nothing_reachable_from_a_usage_is_ever_in_a_plan(registry: Registry, retention: Retention) -> None:
    """The one promise, whatever the rules say."""
    assert not removed(planned(registry, retention=retention)) & needed_by_hand(registry)


@given(registries(), retentions())
def test_everything_kept_stays_whole(registry: Registry, retention: Retention) -> None:
    """No kept index loses a manifest, no kept subject a signature, no kept signature its subject."""
    plan = planned(registry, retention=retention)
    kept = {v.image.digest for v in plan.verdicts if not v.removes}
    assert kept_whole(registry, kept) == kept


@given(registries(), retentions(), st.randoms(use_true_random=False))
def test_verdicts_do_not_depend_on_order(registry: Registry, retention: Retention, chance: random.Random) -> None:
    """AWS lists in any order, and pages end anywhere."""
    images, usages = list(registry.contents.images), list(registry.usages)
    chance.shuffle(images)
    chance.shuffle(usages)
    shuffled = replace(registry, contents=replace(registry.contents, images=tuple(images)), usages=tuple(usages))
    one = {v.image.digest: v for v in planned(registry, retention=retention).verdicts}
    assert {v.image.digest: v for v in planned(shuffled, retention=retention).verdicts} == one


@given(registries(), retentions())
def test_every_image_gets_one_verdict(registry: Registry, retention: Retention) -> None:
    """Kept or not."""
    assert [v.image for v in planned(registry, retention=retention).verdicts] == list(registry.contents.images)


@given(registries(), retentions(), st.data())
def test_a_usage_more_never_removes_more(registry: Registry, retention: Retention, data: st.DataObject) -> None:
    """Seeing more can only protect more."""
    fewer = tuple(u for u in registry.usages if data.draw(st.booleans()))
    assert removed(planned(registry, retention=retention)) <= removed(planned(registry, fewer, retention))


@given(registries(), retentions(), retentions())
def test_a_condition_more_never_removes_more(registry: Registry, one: Retention, other: Retention) -> None:
    """Conditions are alternatives: of two rules the stricter one of each kind keeps all that either keeps."""
    both = Retention(
        keep_days=max(one.keep_days, other.keep_days),
        keep_days_untagged=max(one.keep_days_untagged, other.keep_days_untagged),
        keep_newest=max(one.keep_newest, other.keep_newest),
        keep_tags=one.keep_tags + other.keep_tags,
        keep_pulled_within_days=max(
            (r.keep_pulled_within_days for r in (one, other) if r.keep_pulled_within_days is not None), default=None
        ),
        remove_artifacts=one.remove_artifacts and other.remove_artifacts,
    )
    gone = removed(planned(registry, retention=both))
    assert gone <= removed(planned(registry, retention=one)) & removed(planned(registry, retention=other))


def referred(image: Image) -> set[str]:
    """What an image says it refers to, there or not."""
    by_tag = {f"sha256:{tag[7:71]}" for tag in image.tags if tag.startswith("sha256-")}
    return by_tag | ({image.subject} if image.subject else set())


def followers(registry: Registry) -> set[str]:
    """What has no age of its own: without a name, and found only through another image that has one."""
    images = {i.digest: i for i in registry.contents.images}
    refers = {d: (referred(i) - {d}) & set(images) for d, i in images.items()}
    listed_by = {d: {p for p in images if d in registry.contents.children.get(p, ())} for d in images}
    nameless = {d for d, i in images.items() if all(tag.startswith("sha256-") for tag in i.tags)}
    found = {d for d in nameless if refers[d]}
    while more := {d for d in nameless if listed_by[d] and listed_by[d] <= found} - found:
        found |= more
    anchored = set(images) - found
    while more := {d for d in found if (refers[d] | listed_by[d]) & anchored} - anchored:
        anchored |= more
    return found & anchored


def containers(registry: Registry) -> set[str]:
    """What can be run, by itself or as a part: no charts, and no indexes of nothing but charts."""
    images = {i.digest: i for i in registry.contents.images}
    listed = {d: set(registry.contents.children.get(d, ())) & set(images) for d in images}
    found = {d for d, i in images.items() if (not listed[d] if i.is_index else i.artifact_type != CHART)}
    while more := {d for d in images if listed[d] & found} - found:
        found |= more
    named = {d for d, i in images.items() if any(not tag.startswith("sha256-") for tag in i.tags)}
    while more := {child for d in found for child in listed[d]} - found - named:
        found |= more
    return found


def descriptions(registry: Registry) -> set[str]:
    """What refers to anything, the nameless things it lists, and nameless, tagless lists of nothing else."""
    images = {i.digest: i for i in registry.contents.images}
    listed = {d: set(registry.contents.children.get(d, ())) & set(images) for d in images}
    found = {d for d, i in images.items() if i.subject or is_signature(i)}
    nameless = {d for d, i in images.items() if all(tag.startswith("sha256-") for tag in i.tags)}
    tagless = {d for d, i in images.items() if not i.tags}
    while (
        more := ({c for d in found for c in listed[d]} & nameless) - found
        or {d for d in tagless if listed[d] and listed[d] <= found} - found
    ):
        found |= more
    return found


def unknown(registry: Registry) -> set[str]:
    """What nobody knows the use of: it cannot be run, and describes no image or lies where there is none."""
    runnable = containers(registry)
    return {i.digest for i in registry.contents.images} - runnable - (descriptions(registry) if runnable else set())


@given(registries(), retentions())
def test_every_condition_holds(registry: Registry, retention: Retention) -> None:
    """Each by itself, said as naively as possible: nothing that it names is removed."""
    gone = removed(planned(registry, retention=retention))
    images = registry.contents.images
    tag_kept = {i.digest for i in images if any(fnmatchcase(t, g) for t in i.tags for g in retention.keep_tags)}
    days = retention.keep_pulled_within_days or -1
    pulled = {i.digest for i in images if i.last_pulled_at and NOW - i.last_pulled_at <= timedelta(days=days)}
    pulled |= {index for index, listed in registry.contents.children.items() if pulled & set(listed)}
    shortest = min(retention.keep_days, retention.keep_days_untagged)
    young = {i.digest for i in images if NOW - i.pushed_at <= timedelta(days=shortest)} - followers(registry)
    kept = tag_kept | pulled | young | (set() if retention.remove_artifacts else unknown(registry))
    assert not gone & kept_whole(registry, kept)


@given(registries(), retentions())
def test_no_fewer_than_the_newest_stay(registry: Registry, retention: Retention) -> None:
    """Of the images that carry a name, so many as were asked for, and none that is older than one that goes."""
    gone = removed(planned(registry, retention=retention))
    named = [
        i
        for i in registry.contents.images
        if i.active and i.artifact_type != CHART and not i.subject and not is_signature(i) and i.tags
    ]
    stay = [i for i in named if i.digest not in gone]
    assert len(stay) >= min(retention.keep_newest, len(named))
    newer = [i for i in named if i.digest in gone]
    for lost in newer:
        assert (
            len([i for i in named if (i.pushed_at, i.digest) > (lost.pushed_at, lost.digest)]) >= retention.keep_newest
        )


def is_signature(image: Image) -> bool:
    """Whether one of its tags says what it refers to."""
    return any(tag.startswith("sha256-") for tag in image.tags)


@given(registries())
def test_a_past_never_removes_more(registry: Registry) -> None:
    """Remembering can only protect more."""
    assert removed(planned(registry)) <= removed(planned(replace(registry, recent=())))


@given(registries())
def test_without_usages_and_rules_everything_old_goes(registry: Registry) -> None:
    """Safety is not bought by keeping everything.

    What stays is young, archived, outsized, of a kind that nobody knows, or tells of images where none lies; and what
    such an image needs.
    """
    plan = planned(replace(registry, recent=()), ())
    stays = {
        i.digest
        for i in registry.contents.images
        if (NOW - i.pushed_at <= timedelta(days=30) and i.digest not in followers(registry))
        or not i.active
        or len(i.tags) > MAX_TAGS
    }
    everything = {i.digest for i in registry.contents.images}
    assert removed(plan) == everything - kept_whole(registry, stays | unknown(registry))


@given(registries(), retentions())
def test_what_is_removed_has_no_other_reason(registry: Registry, retention: Retention) -> None:
    """Exactly so many times 24 hours is not old; no usage and no rule is the only reason that removes."""
    shortest = min(retention.keep_days, retention.keep_days_untagged)
    for verdict in planned(registry, retention=retention).removals:
        assert verdict.reason is (Reason.OLD_AND_UNUSED if verdict.image.active else Reason.ARCHIVED_AND_UNUSED)
        assert NOW - verdict.image.pushed_at > timedelta(days=shortest) or verdict.image.digest in followers(registry)
        if not verdict.image.active:
            assert verdict.image.archived_at is not None
            assert retention.delete_archived_after_days is not None
            assert NOW - verdict.image.archived_at > timedelta(days=retention.delete_archived_after_days)


@given(registries(), retentions())
def test_what_holds_a_removed_image_is_removed_too(registry: Registry, retention: Retention) -> None:
    """So that the order of removal can always be kept."""
    plan = planned(registry, retention=retention)
    gone = removed(plan)
    for index, listed in registry.contents.children.items():
        assert index in gone or not gone & set(listed) or index not in {i.digest for i in registry.contents.images}
    assert all(must_go_first <= gone for must_go_first in plan.must_go_first.values())
