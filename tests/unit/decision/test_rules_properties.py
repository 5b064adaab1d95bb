"""What holds for every registry and every set of usages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from hypothesis import assume, given
from hypothesis import strategies as st

from ecr_cleaner.decision.rules import MAX_TAGS, evaluate
from ecr_cleaner.model.plan import Reason, RepositoryPlan
from ecr_cleaner.model.repository import RepositorySnapshot
from tests.builders import IMAGE_CONFIG, NOW, digest, image, repository, usage

if TYPE_CHECKING:
    import random
    from collections.abc import Collection

    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.usage import Usage

NAMES = [f"m{i}" for i in range(10)]
CHART = "application/vnd.cncf.helm.config.v1+json"
CACHE = "application/vnd.buildkit.cacheconfig.v0"
GLOBS = ["v*", "v1", "*", "prod", "sha256-*", "?[0-2]", "[!v]*"]
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
                artifact_type=None if is_index else draw(st.sampled_from([IMAGE_CONFIG, IMAGE_CONFIG, CHART, CACHE])),
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


Rule = dict[str, Any]
"""A rule without its repositories, which are all."""


@dataclass(frozen=True)
class Settings:
    """What keeps images besides their use."""

    keep_days: int = 30
    rules: tuple[Rule, ...] = ()
    delete_archived_after_days: int | None = None


DEFAULT = Settings()
"""Without a rule: 30 days and nothing else."""

AGES = st.sampled_from([30, 1, 29, 400])


def globs() -> st.SearchStrategy[tuple[str, ...]]:
    """Some that fit the tags."""
    return st.lists(st.sampled_from(GLOBS), min_size=1, max_size=2).map(tuple)


@st.composite
def selectors(draw: st.DrawFn) -> Rule:
    """What any rule may select."""
    rule: Rule = {}
    if draw(st.booleans()):
        rule["tags"] = draw(globs())
    if draw(st.integers(0, 3)) == 0 and (excepted := [g for g in draw(globs()) if g != "*"]):
        rule["except_tags"] = tuple(excepted)
    if draw(st.booleans()) and ("tags" in rule or "except_tags" not in rule):
        rule["untagged"] = True
    if draw(st.integers(0, 2)) == 0:
        rule["artifact_types"] = draw(st.sampled_from([("*",), (CACHE,), ("*buildkit*", CHART)]))
    return rule


@st.composite
def some_rules(draw: st.DrawFn, max_size: int = 3) -> tuple[Rule, ...]:
    """What any rules may say."""
    rules = []
    for selected in draw(st.lists(selectors(), max_size=max_size)):
        said: Rule = {
            "keep_days": draw(st.none() | AGES),
            "keep_newest": draw(st.sampled_from([None, None, 1, 2, 20])),
            "keep_pulled_within_days": draw(st.sampled_from([None, None, 1, 14])),
        }
        if draw(st.integers(0, 5)) == 0 or set(said.values()) == {None}:
            said = {"keep": True}
        rules.append({**selected, **said})
    return tuple(rules)


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    """Whatever the settings may say of a repository."""
    return Settings(draw(AGES), draw(some_rules()), draw(st.sampled_from([None, 90, 120])))


def planned(registry: Registry, usages: tuple[Usage, ...] | None = None, by: Settings = DEFAULT) -> RepositoryPlan:
    """Judge with an age limit of 30 days, unless told otherwise."""
    judged = repository("app", by.keep_days, rules=by.rules, delete_archived_after_days=by.delete_archived_after_days)
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
            # Signatures may be in another repository than the signed image.
            signs = reference.digest in referred(i) - images.keys()
            if i.digest == reference.digest or by_tag or signs:
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


@given(registries(), settings())
def test_nothing_reachable_from_a_usage_is_ever_in_a_plan(registry: Registry, by: Settings) -> None:
    """The one promise, whatever the rules say."""
    assert not removed(planned(registry, by=by)) & needed_by_hand(registry)


@given(registries(), settings())
def test_everything_kept_stays_whole(registry: Registry, by: Settings) -> None:
    """No kept index loses a manifest, no kept subject a signature, no kept signature its subject."""
    plan = planned(registry, by=by)
    kept = {v.image.digest for v in plan.verdicts if not v.removes}
    assert kept_whole(registry, kept) == kept


@given(registries(), settings(), st.randoms(use_true_random=False))
def test_verdicts_do_not_depend_on_order(registry: Registry, by: Settings, chance: random.Random) -> None:
    """AWS lists in any order, and pages end anywhere; and no rule comes before another."""
    images, usages, order = list(registry.contents.images), list(registry.usages), list(range(len(by.rules)))
    chance.shuffle(images)
    chance.shuffle(usages)
    chance.shuffle(order)
    shuffled = replace(registry, contents=replace(registry.contents, images=tuple(images)), usages=tuple(usages))
    one = {v.image.digest: v for v in planned(registry, by=by).verdicts}
    assert {v.image.digest: v for v in planned(shuffled, by=by).verdicts} == one
    turned = replace(by, rules=tuple(by.rules[number] for number in order))
    for verdict in planned(registry, by=turned).verdicts:
        before = one[verdict.image.digest]
        assert verdict.reason is before.reason
        assert {order[number] for number in verdict.rules} == set(before.rules)
        assert len(verdict.evidence) == len(before.evidence)


@given(registries(), settings())
def test_every_image_gets_one_verdict(registry: Registry, by: Settings) -> None:
    """Kept or not."""
    assert [v.image for v in planned(registry, by=by).verdicts] == list(registry.contents.images)


@given(registries(), settings(), st.data())
def test_a_usage_more_never_removes_more(registry: Registry, by: Settings, data: st.DataObject) -> None:
    """Seeing more can only protect more."""
    fewer = tuple(u for u in registry.usages if data.draw(st.booleans()))
    assert removed(planned(registry, by=by)) <= removed(planned(registry, fewer, by))


def extended(data: st.DataObject, rule: Rule) -> Rule:
    """A rule that says one thing more, beside its age."""
    name = data.draw(st.sampled_from(["keep_newest", "keep_pulled_within_days", "keep"]))
    if name == "keep":
        said = ("keep_days", "keep_newest", "keep_pulled_within_days")
        return {**{key: value for key, value in rule.items() if key not in said}, "keep": True}
    if rule.get("keep"):
        return rule
    return {**rule, name: (rule.get(name) or 0) + data.draw(st.sampled_from([1, 13]))}


@given(registries(), settings(), st.data())
def test_a_rule_that_says_more_never_removes_more(registry: Registry, by: Settings, data: st.DataObject) -> None:
    """More of the newest, pulls of a longer time, or all for ever; and an age only if it is longer."""
    assume(by.rules)
    at = data.draw(st.integers(0, len(by.rules) - 1))
    more = extended(data, by.rules[at])
    if data.draw(st.booleans()) and not more.get("keep"):
        more = {**more, "keep_days": max(more.get("keep_days") or by.keep_days, data.draw(AGES))}
    rules = tuple(more if number == at else rule for number, rule in enumerate(by.rules))
    assert removed(planned(registry, by=replace(by, rules=rules))) <= removed(planned(registry, by=by))


@given(registries(), settings(), selectors(), st.sampled_from([1, 2, 14]), st.sampled_from([None, 400]))
def test_a_rule_more_without_a_shorter_age_never_removes_more(
    registry: Registry, by: Settings, selected: Rule, number: int, age: int | None
) -> None:
    """But for artifacts, which only a rule for their type removes; one that keeps for ever removes none either."""
    said: list[Rule] = [{"keep": True}]
    if "artifact_types" not in selected:
        said.append({"keep_days": age, "keep_newest": number, "keep_pulled_within_days": None})
        said.append({"keep_days": age, "keep_newest": None, "keep_pulled_within_days": number})
    before = removed(planned(registry, by=by))
    for each in said:
        assert removed(planned(registry, by=replace(by, rules=(*by.rules, {**selected, **each})))) <= before, each


@given(registries(), settings(), some_rules(max_size=1))
def test_a_rule_more_never_removes_what_another_one_selects(
    registry: Registry, by: Settings, more: tuple[Rule, ...]
) -> None:
    """Whatever it says: only what no rule selected before, and what belongs to that, may go sooner."""
    both = removed(planned(registry, by=replace(by, rules=by.rules + more)))
    before, world = removed(planned(registry, by=by)), World(registry, by)
    selected = {d for d in world.images if all(world.selects_all_of(end) for end in world.holders(d))}
    assert not any(world.is_kept(lost) for lost in (both - before) & selected)


@given(registries(), settings())
def test_a_slow_reference_says_the_same(registry: Registry, by: Settings) -> None:
    """Written from the description of the rules, as naively as possible."""
    assert removed(planned(registry, by=by)) == World(registry, by).removed()


@given(registries(), settings())
def test_a_rule_keeps_as_many_of_the_newest_as_it_says(registry: Registry, by: Settings) -> None:
    """Of those that it selects, or all of them if there are fewer."""
    gone, world = removed(planned(registry, by=by)), World(registry, by)
    for rule in by.rules:
        first = world.counted(rule)[: rule.get("keep_newest") or 0]
        assert not gone & set(first)


class World:
    """The rules said once more: every image is asked everything, and nothing is remembered."""

    def __init__(self, registry: Registry, by: Settings) -> None:
        self.registry, self.by = registry, by
        self.images = {i.digest: i for i in registry.contents.images}
        self.lists = {d: set(registry.contents.children.get(d, ())) & set(self.images) for d in self.images}
        self.containers, self.unknown = containers(registry), unknown(registry)
        self.descriptions, self.followers = descriptions(registry), followers(registry)

    def above(self, one: str) -> set[str]:
        """What lists it, and what it refers to."""
        listing = {index for index, listed in self.lists.items() if one in listed}
        return listing | ((referred(self.images[one]) - {one}) & set(self.images))

    def holders(self, one: str) -> set[str]:
        """By whose rules it goes."""

        def is_end(d: str) -> bool:
            return is_named(self.images[d]) or not self.above(d)

        reached = {one}
        while more := {up for d in reached if not is_end(d) for up in self.above(d)} - reached:
            reached |= more
        return {d for d in reached if is_end(d)} or reached

    def parts(self, index: str) -> set[str]:
        """All that it lists, to any depth."""
        found = set(self.lists[index])
        while more := {part for d in found for part in self.lists[d]} - found:
            found |= more
        return found

    def is_of_kind(self, rule: Rule, one: str) -> bool:
        """Whether a rule speaks of container images or artifacts, whichever it is."""
        if "artifact_types" not in rule:
            return bool(rule.get("keep")) or one not in self.unknown
        types = {self.images[one].artifact_type or ""}
        if self.images[one].is_index:
            types = {self.images[d].artifact_type or "" for d in self.parts(one) if not self.images[d].is_index} or {""}
        fits = all(any(fnmatchcase(each, glob) for glob in rule["artifact_types"]) for each in types)
        return one not in self.containers and fits

    def share(self, rule: Rule, one: str) -> tuple[int, int]:
        """Of how many of its tags a rule speaks, and how many it has; an untagged image counts as one with a tag."""
        i = self.images[one]
        by_tags = {"tags", "except_tags"} & set(rule)
        if not self.is_of_kind(rule, one):
            return 0, 1
        if not by_tags and "untagged" not in rule:
            return 1, 1
        if not i.tags:
            return int("untagged" in rule and not referred(i)), 1
        if not by_tags or any(fnmatchcase(tag, glob) for tag in i.tags for glob in rule.get("except_tags", ())):
            return 0, 1
        fitting = [tag for tag in i.tags if any(fnmatchcase(tag, glob) for glob in rule.get("tags", ("*",)))]
        return len(fitting), len(i.tags)

    def selects_all_of(self, one: str, *, as_artifact: bool = False) -> bool:
        """Whether a rule speaks of all that an image is."""
        rules = [rule for rule in self.by.rules if "artifact_types" in rule or not as_artifact]
        return any(spoken == of for spoken, of in (self.share(rule, one) for rule in rules))

    def counted(self, rule: Rule) -> list[str]:
        """What the newest of a rule are chosen from, the newest first."""
        selects = {"tags", "except_tags", "untagged", "artifact_types"} & set(rule)
        found = {
            d
            for d, i in self.images.items()
            if i.active
            and d in self.holders(d)
            and self.share(rule, d)[0]
            and (selects or is_named(i))
            and not refers(i, self.images)
            and (d not in self.descriptions if "artifact_types" in rule else d in self.containers)
        }
        found -= {part for index in found for part in self.parts(index)}
        return sorted(found, key=lambda d: (self.images[d].pushed_at, d), reverse=True)

    def is_young(self, one: str) -> bool:
        """Whether one of its ages has not passed."""
        ages = []
        for end in self.holders(one):
            rules = [rule for rule in self.by.rules if not rule.get("keep") and self.share(rule, end)[0]]
            ages += [rule["keep_days"] or self.by.keep_days for rule in rules]
            ages += [] if self.selects_all_of(end) else [self.by.keep_days]
        age = NOW - self.images[one].pushed_at
        return one not in self.followers and any(age <= timedelta(days=days) for days in ages)

    def is_kept_by_rule(self, one: str) -> bool:
        """Whether a rule keeps it by anything but its age."""
        pulls = [self.images[d].last_pulled_at for d in {one} | self.parts(one)]
        for rule in self.by.rules:
            holds = [end for end in self.holders(one) if self.share(rule, end)[0]]
            if rule.get("keep"):
                if one in holds:
                    return True
                continue
            days = timedelta(days=rule["keep_pulled_within_days"] or -1)
            if holds and any(pull is not None and NOW - pull <= days for pull in pulls):
                return True
            if rule["keep_newest"] and one in self.counted(rule)[: rule["keep_newest"]]:
                return True
        return False

    def is_kept(self, one: str) -> bool:
        """Whether anything but a use keeps it for itself."""
        i, days = self.images[one], self.by.delete_archived_after_days
        long_there = days and i.archived_at and NOW - i.archived_at > timedelta(days=days)
        freed = one not in self.unknown or all(self.selects_all_of(d, as_artifact=True) for d in self.holders(one))
        return self.is_young(one) or self.is_kept_by_rule(one) or not freed or not (i.active or long_there)

    def removed(self) -> set[str]:
        """All that nothing keeps, neither for itself nor for what it belongs to."""
        kept = needed_by_hand(self.registry) | {d for d in self.images if self.is_kept(d)}
        return set(self.images) - kept_whole(self.registry, kept)


def referred(image: Image) -> set[str]:
    """What an image says it refers to, there or not."""
    by_tag = {f"sha256:{tag[7:71]}" for tag in image.tags if tag.startswith("sha256-")}
    return by_tag | ({image.subject} if image.subject else set())


def followers(registry: Registry) -> set[str]:
    """What has no age of its own: without a name, and found only through another image that has one."""
    images = {i.digest: i for i in registry.contents.images}
    subjects = {d: (referred(i) - {d}) & set(images) for d, i in images.items()}
    listed_by = {d: {p for p in images if d in registry.contents.children.get(p, ())} for d in images}
    nameless = {d for d, i in images.items() if not is_named(i)}
    found = {d for d in nameless if subjects[d]}
    while more := {d for d in nameless if listed_by[d] and listed_by[d] <= found} - found:
        found |= more
    anchored = set(images) - found
    while more := {d for d in found if (subjects[d] | listed_by[d]) & anchored} - anchored:
        anchored |= more
    return found & anchored


def containers(registry: Registry) -> set[str]:
    """What can be run, by itself or as a part: no charts, and no indexes of nothing but charts."""
    images = {i.digest: i for i in registry.contents.images}
    listed = {d: set(registry.contents.children.get(d, ())) & set(images) for d in images}
    found = {d for d, i in images.items() if (not listed[d] if i.is_index else i.artifact_type not in {CHART, CACHE})}
    while more := {d for d in images if listed[d] & found} - found:
        found |= more
    named = {d for d, i in images.items() if is_named(i)}
    while more := {child for d in found for child in listed[d]} - found - named:
        found |= more
    return found


def descriptions(registry: Registry) -> set[str]:
    """What refers to anything, the nameless things it lists, and nameless, tagless lists of nothing else."""
    images = {i.digest: i for i in registry.contents.images}
    listed = {d: set(registry.contents.children.get(d, ())) & set(images) for d in images}
    found = {d for d, i in images.items() if refers(i, images)}
    nameless = {d for d, i in images.items() if not is_named(i)}
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


def is_named(image: Image) -> bool:
    """Whether somebody chose one of its tags, its own digest among them."""
    return any(not tag.startswith("sha256-") or tag[7:71] == image.digest[7:] for tag in image.tags)


def refers(image: Image, images: Collection[str]) -> bool:
    """Whether it refers to another image; beside a name, a tag only if that is there."""
    others = referred(image) - {image.digest}
    return image.subject is not None or bool(others & {*images}) or (bool(others) and not is_named(image))


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


@given(registries(), settings())
def test_what_is_removed_has_no_other_reason(registry: Registry, by: Settings) -> None:
    """Exactly so many times 24 hours is not old; no usage and no rule is the only reason that removes."""
    shortest = min([by.keep_days, *(rule["keep_days"] or by.keep_days for rule in by.rules if not rule.get("keep"))])
    for verdict in planned(registry, by=by).removals:
        assert verdict.reason is (Reason.OLD_AND_UNUSED if verdict.image.active else Reason.ARCHIVED_AND_UNUSED)
        assert NOW - verdict.image.pushed_at > timedelta(days=shortest) or verdict.image.digest in followers(registry)
        if not verdict.image.active:
            assert verdict.image.archived_at is not None
            assert by.delete_archived_after_days is not None
            assert NOW - verdict.image.archived_at > timedelta(days=by.delete_archived_after_days)


@given(registries(), settings())
def test_what_holds_a_removed_image_is_removed_too(registry: Registry, by: Settings) -> None:
    """So that the order of removal can always be kept."""
    plan = planned(registry, by=by)
    gone = removed(plan)
    for index, listed in registry.contents.children.items():
        assert index in gone or not gone & set(listed) or index not in {i.digest for i in registry.contents.images}
    assert all(must_go_first <= gone for must_go_first in plan.must_go_first.values())
