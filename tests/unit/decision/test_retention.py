"""Which rules hold for a repository and for each of its images, and what they keep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.decision.retention import of_repository
from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.model.plan import Reason
from ecr_cleaner.model.repository import RepositoryRule, RepositorySnapshot, Retention
from ecr_cleaner.model.rules import RetentionRule
from tests.builders import NOW, digest, image, repository, usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.plan import Verdict

CHART = "application/vnd.cncf.helm.config.v1+json"
CACHE = "application/vnd.buildkit.cacheconfig.v0"

# Which rules name a repository, and the ages that they have there


def test_without_rules_only_the_default_age_holds() -> None:
    """The original's behaviour."""
    assert of_repository("app", (), default_keep_days=30) == Retention(30)
    assert of_repository("app", (), default_keep_days=1) == Retention(1)
    assert Retention(30).words == "default: keeps 30 days"


def test_the_age_of_a_tag_is_told_as_such() -> None:
    """Whoever set 30 days as the default and reads 60 looks for the tag; a raised one is the tag's too."""
    tagged = of_repository("app", (), default_keep_days=30, tag_days=60)
    assert tagged == Retention(60, is_tagged=True)
    assert tagged.words == "the repository's tag: keeps 60 days"
    assert of_repository("app", (), default_keep_days=9, minimum_keep_days=9, tag_days=2).is_tagged


def test_every_rule_that_names_a_repository_holds_for_it() -> None:
    """By its number in the settings; the age that it leaves out is the default's."""
    rules = (
        RetentionRule(repositories=("other", "another"), keep_days=1),
        RetentionRule(repositories=("none", "app*"), keep_newest=3),
        RetentionRule(repositories=("*",), keep_days=60),
    )
    found = of_repository("app", rules, default_keep_days=30)
    assert found == Retention(30, (RepositoryRule(1, rules[1], 30), RepositoryRule(2, rules[2], 60)))
    assert [held.number for held in of_repository("other", rules, default_keep_days=30).rules] == [0, 2]


@pytest.mark.parametrize(
    ("rule", "tag", "ages"),
    [
        ({"keep_days": 90}, None, (30, 90)),
        ({"keep_newest": 1}, None, (30, 30)),
        ({"keep_days": 90}, 45, (45, 45)),
        ({"keep_days": 90}, 2, (5, 5)),
        ({"keep_days": 90, "tags": ("v*",)}, 45, (45, 90)),
        ({"keep_days": 9, "untagged": True}, 45, (45, 9)),
        ({"keep_newest": 1, "except_tags": ("v*",)}, 45, (45, 45)),
        ({"keep_days": 9, "artifact_types": ("*",)}, 2, (5, 9)),
        # Settings refuse these; nobody else may slip through either.
        ({"keep_days": 1}, None, (30, 5)),
        ({"keep_days": 1, "tags": ("v*",)}, None, (30, 5)),
    ],
)
def test_the_repositorys_tag_replaces_the_default_and_rules_without_selector(
    rule: dict[str, Any], tag: int | None, ages: tuple[int, int]
) -> None:
    """Not what a rule says of images that it selects; and no age is ever below the minimum."""
    rules = (RetentionRule(repositories=("*",), **rule),)
    found = of_repository("app", rules, default_keep_days=30, minimum_keep_days=5, tag_days=tag)
    assert (found.keep_days, found.rules[0].keep_days) == ages


def test_the_shortest_age_is_of_a_rule_that_lets_something_go() -> None:
    """What is kept for ever has none."""
    told = [
        RetentionRule(repositories=("*",), tags=("a",), keep_days=9),
        RetentionRule(repositories=("*",), tags=("b",), keep=True),
    ]
    assert of_repository("app", told, default_keep_days=30).shortest_keep_days == 9
    assert of_repository("app", told, default_keep_days=7).shortest_keep_days == 7
    assert of_repository("app", told[1:], default_keep_days=30).shortest_keep_days == 30


# What rules select and keep

NAMES = ("a", "b", "c", "d", "e", "index", "child", "signature", "chart", "old-chart")


def verdicts(
    images: Iterable[Image], *rules: dict[str, Any], children: Mapping[str, Iterable[str]] | None = None, days: int = 30
) -> dict[str, Verdict]:
    """Name to verdict where nothing is in use; children by name."""
    images = tuple(images)
    names = {digest(n): n for n in NAMES}
    listed = {digest(index): tuple(map(digest, parts)) for index, parts in (children or {}).items()}
    plan = evaluate(repository("app", days, rules=rules), RepositorySnapshot(images, listed), (), NOW)
    return {names[v.image.digest]: v for v in plan.verdicts}


def told(found: dict[str, Verdict], name: str) -> tuple[str, str]:
    """Reason and evidence."""
    return found[name].reason.value, "; ".join(found[name].evidence)


def gone(found: dict[str, Verdict]) -> set[str]:
    """The names of what is removed."""
    return {name for name, verdict in found.items() if verdict.reason is Reason.OLD_AND_UNUSED}


KINDS = (
    image("a", tags=["v1"], pushed="9d"),
    image("b", tags=["v2", "v2-rc"], pushed="9d"),
    image("c", tags=["pr-1"], pushed="9d"),
    image("d", pushed="9d"),
    image("e", tags=["v3", "pr-3"], pushed="9d"),
    image("chart", tags=["v1.0"], artifact_type=CHART, pushed="9d"),
    image("old-chart", artifact_type=CACHE, pushed="9d"),
)


@pytest.mark.parametrize(
    ("selectors", "selected"),
    [
        ({}, "a b c d e"),
        ({"tags": ("v*",)}, "a b"),
        ({"tags": ("v*", "pr-*")}, "a b c e"),
        ({"tags": ("v[0-9]",)}, "a"),
        ({"tags": ("*",)}, "a b c e"),
        ({"tags": ("v*",), "except_tags": ("*-rc",)}, "a"),
        ({"except_tags": ("v*",)}, "c"),
        ({"untagged": True}, "d"),
        ({"tags": ("v*",), "untagged": True}, "a b d"),
        ({"tags": ("*",), "except_tags": ("pr-*",), "untagged": True}, "a b d"),
        ({"artifact_types": ("*",)}, "chart old-chart"),
        ({"artifact_types": ("application/vnd.buildkit.*",)}, "old-chart"),
        ({"artifact_types": ("*",), "untagged": True}, "old-chart"),
        ({"artifact_types": ("*",), "tags": ("v*",)}, "chart"),
        ({"artifact_types": ("*",), "tags": ("v*",), "untagged": True}, "chart old-chart"),
        ({"artifact_types": ("*",), "except_tags": ("v*",)}, ""),
        ({"artifact_types": (CHART, "text/plain")}, "chart"),
    ],
)
def test_the_table_of_selectors(selectors: dict[str, Any], selected: str) -> None:
    """What a rule selects goes by its age; all else is too young by the default, or an artifact that stays."""
    assert gone(verdicts(KINDS, {**selectors, "keep_days": 3})) == set(selected.split())


def test_a_rule_that_keeps_for_ever_keeps_artifacts_too() -> None:
    """Whoever frees artifacts by one rule and keeps a tag by another means both."""
    free = {"artifact_types": ("*",), "keep_days": 3}
    found = verdicts(KINDS, free, {"tags": ("v*",), "keep": True}, days=3)
    assert gone(found) == {"c", "d", "old-chart"}
    assert told(found, "chart") == ("kept_by_rule", "retention_rules[1] keeps v*")
    assert gone(verdicts(KINDS, free, {"keep": True}, days=3)) == set()
    assert "chart" in gone(verdicts(KINDS, free, {"tags": ("v*",), "keep_days": 90}))


def test_a_rule_with_another_tag_beside_its_own_only_keeps() -> None:
    """The newest release carries latest too: it counts, it stays; and it goes no sooner than without the rule."""
    images = [
        image("a", tags=["latest", "v3"], pushed="40d"),
        image("b", tags=["v2"], pushed="50d"),
        image("c", tags=["v1"], pushed="60d"),
    ]
    found = verdicts(images, {"tags": ("v*",), "keep_newest": 2})
    assert gone(found) == {"c"}
    assert told(found, "a") == ("among_newest", "retention_rules[0] keeps the 2 newest of v*: number 1")
    assert told(verdicts(images, {"tags": ("latest",), "keep": True}), "a")[0] == "kept_by_rule"
    young = [image("a", tags=["v1", "pr-1"], pushed="9d")]
    found = verdicts(young, {"tags": ("pr-*",), "keep_days": 3})
    assert told(found, "a") == ("too_young", "the default keeps it for 30 days too")
    found = verdicts(young, {"tags": ("pr-*",), "keep_days": 10})
    assert told(found, "a") == (
        "too_young",
        "retention_rules[0] keeps pr-* for 10 days; the default keeps it for 30 days too",
    )
    assert gone(verdicts(young, {"tags": ("pr-*",), "keep_days": 3}, {"tags": ("*",), "keep_days": 5})) == {"a"}
    assert gone(verdicts(young, {"tags": ("pr-*",), "except_tags": ("v*",), "keep": True}, days=5)) == {"a"}


def test_each_of_the_rules_has_to_let_an_image_go() -> None:
    """In whichever order; a rule that leaves the age out has the default's."""
    images = [image("a", tags=["v1"], pushed="9d")]
    short: dict[str, Any] = {"tags": ("v*",), "keep_days": 3}
    long: dict[str, Any] = {"keep_days": 10}
    for rules in ([short, long], [long, short]):
        found = verdicts(images, *rules)
        assert (gone(found), found["a"].rules) == (set(), (0, 1))
    found = verdicts(images, short, {"tags": ("v1",), "keep_newest": 1}, days=9)
    assert told(found, "a") == ("too_young", "retention_rules[1] keeps v1 for 9 days")
    assert gone(verdicts(images, short, {"keep_days": 8})) == {"a"}


def test_exactly_so_many_days_are_kept() -> None:
    """By a rule as by the default."""
    images = [image("a", pushed="7d"), image("b", pushed="7d1s")]
    found = verdicts(images, {"untagged": True, "keep_days": 7})
    assert gone(found) == {"b"}
    assert told(found, "a") == ("too_young", "retention_rules[0] keeps untagged for 7 days")
    assert told(verdicts(images), "a") == ("too_young", "")


def test_the_manifests_of_an_index_go_by_its_rules() -> None:
    """They are untagged because their index carries the tag; an orphan is an untagged image."""
    images = [image("index", kind="index", tags=["v1"], pushed="20d"), image("child", pushed="20d")]
    lists = {"index": ["child"]}
    untagged = {"untagged": True, "keep_days": 7}
    found = verdicts(images, untagged, children=lists)
    assert (gone(found), found["child"].rules) == (set(), ())
    found = verdicts(images, {"tags": ("v*",), "keep_days": 7}, {"untagged": True, "keep": True}, children=lists)
    assert (gone(found), found["child"].rules) == ({"index", "child"}, (0,))
    assert gone(verdicts(images[1:], untagged)) == {"child"}


def test_a_manifest_that_two_indexes_list_goes_by_both() -> None:
    """One index is tagged, the other's tag has moved on."""
    images = [
        image("index", kind="index", pushed="20d"),
        image("b", kind="index", tags=["v2"], pushed="20d"),
        image("child", pushed="20d"),
        image("c", pushed="20d"),
    ]
    lists = {"index": ["child", "c"], "b": ["child"]}
    found = verdicts(images, {"untagged": True, "keep_days": 7}, children=lists)
    assert gone(found) == {"index", "c"}
    assert told(found, "child") == ("too_young", "the default keeps it for 30 days too")
    found = verdicts(images, {"untagged": True, "keep_days": 7}, {"tags": ("v*",), "keep_days": 25}, children=lists)
    assert told(found, "child") == ("too_young", "retention_rules[1] keeps v* for 25 days")


def test_what_is_met_twice_ends_no_search() -> None:
    """The index that is still to be seen holds too."""
    images = [
        image("index", kind="index", tags=["v1"], pushed="20d"),
        *(image(name, kind="index", pushed="20d") for name in "ba"),
        image("child", pushed="20d"),
    ]
    lists = {"index": ["child"], "b": ["child", "a"], "a": ["child"]}
    found = verdicts(images, {"untagged": True, "keep_days": 7}, children=lists)
    assert gone(found) == {"a", "b"}
    assert told(found, "child") == ("too_young", "the default keeps it for 30 days too")


def test_what_is_held_twice_by_one_is_held_by_all_the_others_too() -> None:
    """Two lists that lie in the same list end no search: the longest age holds."""
    images = [
        image("index", kind="index", tags=["v1"], pushed="20d"),
        image("a", kind="index", pushed="20d"),
        image("b", kind="index", pushed="20d"),
        image("c", kind="index", pushed="20d"),
        image("child", pushed="20d"),
    ]
    lists = {"index": ["child"], "a": ["child"], "b": ["child"], "c": ["a", "b"]}
    assert gone(verdicts(images, {"untagged": True, "keep_days": 7}, children=lists)) == {"a", "b", "c"}


@pytest.mark.parametrize("tags", [[], ["sha256-" + digest("a")[7:] + ".sig"]])
def test_signatures_go_by_the_rules_of_their_image(tags: list[str]) -> None:
    """In both schemes; a tag of the scheme is no name, and no rule selects it."""
    signature = image("signature", tags=tags, subject=None if tags else "a", pushed="20d")
    images = [image("a", tags=["v1"], pushed="20d"), signature]
    others = {"tags": ("sha256-*",), "untagged": True, "keep": True}
    found = verdicts(images, {"tags": ("v*",), "keep_days": 7}, others)
    assert gone(found) == {"a", "signature"}
    assert found["signature"].rules == (0,)
    assert gone(verdicts(images, {**others, "keep": False, "keep_days": 7})) == set()


def test_a_signature_without_its_image_is_tagged_or_nothing() -> None:
    """Its image may lie in another repository: untagged does not select it, a tag does."""
    images = [
        image("a", tags=["sha256-" + digest("elsewhere")[7:] + ".sig"], pushed="20d"),
        image("b", subject="elsewhere", pushed="20d"),
        image("c", tags=["v1"], pushed="1d"),
    ]
    assert gone(verdicts(images, {"untagged": True, "keep_days": 7})) == set()
    assert gone(verdicts(images, {"tags": ("*",), "keep_days": 7})) == {"a"}
    assert gone(verdicts(images, {"keep_days": 7})) == {"a", "b"}
    assert gone(verdicts(images[:2], {"artifact_types": ("*",), "keep_days": 7})) == set(), "they are of type image"
    artifacts = [replace(one, artifact_type=CACHE) for one in images[:2]]
    assert gone(verdicts(artifacts, {"keep_days": 7})) == set()
    assert gone(verdicts([*artifacts, images[2]], {"keep_days": 7})) == {"a", "b"}, (
        "beside an image they describe images"
    )
    assert gone(verdicts(artifacts, {"artifact_types": ("*",), "keep_days": 7})) == {"a", "b"}


def test_a_ring_of_signatures_goes_by_all_its_rules() -> None:
    """Tags can be made to say that two images refer to each other."""
    images = [
        image("a", tags=["sha256-" + digest("b")[7:] + ".x"], pushed="20d"),
        image("b", tags=["sha256-" + digest("a")[7:] + ".y"], pushed="20d"),
    ]
    assert gone(verdicts(images)) == set()
    assert gone(verdicts(images, {"tags": ("*.x",), "keep_days": 7})) == set()
    assert gone(verdicts(images, {"tags": ("*.x", "*.y"), "keep_days": 7})) == {"a", "b"}
    assert gone(verdicts(images, {"tags": ("*.x",), "keep": True}, days=7)) == set()


# The newest


def test_the_newest_tagged_images_stay_at_any_age() -> None:
    """Without a selector untagged ones neither stay nor take a place, and young ones take theirs."""
    images = [
        image("a", tags=["v1"], pushed="90d"),
        image("b", tags=["v2"], pushed="80d"),
        image("c", pushed="70d"),
        image("d", tags=["v3"], pushed="1d"),
    ]
    found = verdicts(images, {"keep_newest": 2})
    assert gone(found) == {"a", "c"}
    assert told(found, "b") == ("among_newest", "retention_rules[0] keeps the 2 newest of tagged images: number 2")
    assert told(found, "d")[0] == "too_young"


def test_a_rule_counts_what_it_selects() -> None:
    """Untagged builds if it selects them; whatever else lies beside takes no place."""
    builds = [
        image("a", tags=["latest"], pushed="40d"),
        *(image(name, pushed=f"{age}d") for name, age in zip("bcde", (50, 60, 70, 80), strict=True)),
    ]
    assert gone(verdicts(builds, {"untagged": True, "keep_newest": 3})) == {"a", "e"}
    assert gone(verdicts(builds, {"untagged": True, "tags": ("*",), "keep_newest": 4})) == {"e"}
    found = verdicts(builds, {"untagged": True, "keep_newest": 2}, {"untagged": True, "keep_newest": 3})
    assert told(found, "c")[1] == (
        "retention_rules[0] keeps the 2 newest of untagged: number 2;"
        " retention_rules[1] keeps the 3 newest of untagged: number 2"
    )
    assert gone(found) == {"a", "e"}


def test_of_images_of_one_moment_the_digest_decides() -> None:
    """In whichever order they are listed, and never fewer stay than were asked for."""
    images = [image(name, tags=[name]) for name in "abcd"]
    kept = {frozenset("abcd") - gone(verdicts(order, {"keep_newest": 2})) for order in (images, images[::-1])}
    ((first, second),) = kept
    assert {first, second} == set(sorted("abcd", key=digest)[-2:])


@pytest.mark.parametrize("selectors", [{}, {"tags": ("*",), "untagged": True}])
def test_parts_signatures_and_artifacts_take_no_place_among_the_newest(selectors: dict[str, Any]) -> None:
    """Ten kept releases are ten images that somebody can deploy."""
    images = [
        image("a", tags=["v1"], pushed="90d"),
        image("index", kind="index", tags=["v2"], pushed="80d"),
        image("child", pushed="80d"),
        image("signature", tags=["sha256-" + digest("index")[7:] + ".sig"], pushed="79d"),
        image("b", tags=["sbom"], subject="index", pushed="78d"),
        image("chart", tags=["1.0"], artifact_type=CHART, pushed="77d"),
        image("c", tags=["archived"], active=False, pushed="76d"),
        image("e", subject="elsewhere", pushed="75d"),
        image("d", tags=["v0"], pushed="100d"),
    ]
    found = verdicts(images, {**selectors, "keep_newest": 2}, children={"index": ["child"]})
    assert gone(found) == {"d", "e"}
    assert {name for name, verdict in found.items() if verdict.reason is Reason.AMONG_NEWEST} == {"a", "index"}
    assert told(found, "child")[0] == "part_of_kept_image"
    assert told(found, "signature")[0] == "refers_to_kept_image"


def test_an_index_and_what_it_lists_count_once() -> None:
    """Also where the manifests have tags of their own; a manifest whose index a rule does not select counts."""
    images = [
        image("a", tags=["v0"], pushed="50d"),
        image("index", kind="index", tags=["v1"]),
        image("child", tags=["v1-arm64"], pushed="39d"),
    ]
    lists = {"index": ["child"]}
    found = verdicts(images, {"tags": ("v*",), "keep_newest": 2}, children=lists)
    assert {name: verdict.reason for name, verdict in found.items()} == {
        "a": Reason.AMONG_NEWEST,
        "index": Reason.AMONG_NEWEST,
        "child": Reason.PART_OF_KEPT_IMAGE,
    }
    found = verdicts(images, {"tags": ("*-arm64",), "keep_newest": 1}, children=lists)
    assert (gone(found), found["child"].reason) == ({"a", "index"}, Reason.AMONG_NEWEST)


def test_a_manifest_that_got_a_name_later_makes_its_index_newer() -> None:
    """ECR tells the last push of a digest: the release of today may be a manifest of a year ago."""
    images = [
        image("a", tags=["v1"], pushed="50d"),
        image("index", kind="index", tags=["v0"], pushed="60d"),
        image("child", tags=["v2"], pushed="40d"),
        image("b", pushed="39d"),
    ]
    found = verdicts(images, {"tags": ("v*",), "keep_newest": 1}, children={"index": ["child", "b"]})
    assert gone(found) == {"a"}
    found = verdicts(images, {"tags": ("v0", "v1"), "keep_newest": 1}, children={"index": ["child", "b"]})
    assert gone(found) == {"index", "child", "b"}, "only what the rule selects is its newest"


@pytest.mark.parametrize("named", ["own digest", "inputs"])
@pytest.mark.parametrize("rule", [{}, {"tags": ("*",)}, {"tags": ("v*",)}])
def test_an_image_that_is_tagged_by_a_hash_refers_to_nothing(rule: dict[str, Any], named: str) -> None:
    """By its own, or by that of what it was built from; an artifact too."""
    hashes = {name: digest(name if named == "own digest" else f"sources of {name}")[7:] for name in "abc"}
    images = [image(one, tags=[f"v{one}", f"sha256-{hashes[one]}"], pushed=f"{40 + ord(one)}d") for one in "abc"]
    assert gone(verdicts(images, {**rule, "keep_newest": 2})) == {"c"}
    charts = [replace(one, artifact_type=CHART) for one in images]
    assert gone(verdicts(charts, {"artifact_types": ("*",), "keep_newest": 2})) == {"c"}


def test_a_tag_of_its_own_digest_is_a_name() -> None:
    """Whoever pulls by it finds it without another image."""
    images = [image(name, tags=[f"sha256-{digest(name)[7:]}"], pushed=f"{40 + ord(name)}d") for name in "ab"]
    assert gone(verdicts(images, {"keep_newest": 1})) == {"b"}


# Artifacts


def test_artifacts_go_only_by_a_rule_for_their_type() -> None:
    """Then by what that rule says; their newest are counted by themselves."""
    images = [
        image("a", tags=["v1"]),
        image("chart", tags=["1.1"], artifact_type=CHART, pushed="50d"),
        image("old-chart", tags=["1.0"], artifact_type=CHART, pushed="60d"),
    ]
    every = {"artifact_types": ("*",)}
    assert gone(verdicts(images)) == {"a"}
    assert gone(verdicts(images, {**every, "keep_days": 3})) == {"a", "chart", "old-chart"}
    assert gone(verdicts(images, {**every, "keep_days": 50}, days=90)) == {"old-chart"}
    assert gone(verdicts(images, {**every, "keep_newest": 1}, {"keep_newest": 1})) == {"old-chart"}
    assert gone(verdicts(images, {**every, "keep_days": 3}, {"tags": ("1.0", "v*"), "keep": True})) == {"chart"}
    assert gone(verdicts(images, {**every, "tags": ("1.?",), "keep": True})) == {"a"}


def test_plain_versions_stay_and_those_of_branches_go() -> None:
    """By a class of signs, or by what is excepted."""
    tags = {"a": "1.4.0", "b": "10.12.103", "c": "1.4.1-feat-login-3", "d": "1.4.2-rc.1"}
    charts = [image(name, tags=[tag], artifact_type=CHART, pushed="60d") for name, tag in tags.items()]
    every = {"artifact_types": ("*",), "keep_days": 14}
    assert gone(verdicts(charts, every, {"tags": ("*",), "except_tags": ("*-*",), "keep": True})) == {"c", "d"}
    assert gone(verdicts(charts, {**every, "tags": ("*-*",)})) == {"c", "d"}
    assert gone(verdicts(charts, every, {"tags": ("1[0-9].*",), "keep": True})) == {"a", "c", "d"}


def test_an_index_of_artifacts_is_of_the_type_of_all_that_it_lists() -> None:
    """ECR gives it none; what it lists goes with it."""
    images = [
        image("index", kind="index", tags=["cache"]),
        image("a", artifact_type=CACHE),
        image("b", artifact_type=CHART),
    ]
    by_type = {"artifact_types": ("application/vnd.buildkit.*",), "keep_days": 3}
    assert gone(verdicts(images[:2], by_type, children={"index": ["a"]})) == {"index", "a"}
    found = verdicts(images, by_type, children={"index": ["a", "b"]})
    assert {verdict.reason for verdict in found.values()} == {Reason.NOT_A_CONTAINER_IMAGE}
    both = {"artifact_types": (CACHE, CHART), "keep_days": 3}
    assert gone(verdicts(images, both, children={"index": ["a", "b"]})) == {"index", "a", "b"}
    typed = [replace(images[0], artifact_type="text/plain"), images[1]]
    assert gone(verdicts(typed, {"artifact_types": (CACHE,), "keep_days": 3}, children={"index": ["a"]})) == set()
    assert gone(verdicts(typed, {"artifact_types": ("text/*",), "keep_days": 3}, children={"index": ["a"]})) == {
        "index",
        "a",
    }
    untyped = [images[0], replace(images[1], artifact_type=None)]
    assert gone(verdicts(untyped, {"artifact_types": ("?*",), "keep_days": 3}, children={"index": ["a"]})) == set()
    odd = [replace(image("a"), media_type=None, artifact_type=None)]
    assert gone(verdicts(odd, {"artifact_types": ("?*",), "keep_days": 3})) == set(), "it has no type"
    assert gone(verdicts(odd, {"artifact_types": ("*",), "keep_days": 3})) == {"a"}


def test_an_artifact_that_two_lists_hold_goes_only_if_both_may() -> None:
    """One of them is tagged, and no rule frees it."""
    images = [
        image("index", kind="index", tags=["v1"]),
        image("b", kind="index"),
        image("a", artifact_type=CACHE),
    ]
    rule = {"artifact_types": ("*",), "untagged": True, "keep_days": 3}
    found = verdicts(images, rule, children={"index": ["a"], "b": ["a"]})
    assert gone(found) == {"b"}
    assert told(found, "a")[0] == "not_a_container_image"
    both = {"artifact_types": ("*",), "tags": ("v*",), "untagged": True, "keep_days": 3}
    assert gone(verdicts(images, both, children={"index": ["a"], "b": ["a"]})) == {"a", "b", "index"}


# What is kept for ever, and for its pulls


def test_a_rule_keeps_what_it_selects_for_ever() -> None:
    """With all that belongs to it."""
    images = [image("a", tags=["release-7"]), image("b", tags=["Release-7"]), image("c", tags=["my-release-7"])]
    found = verdicts(images, {"tags": ("prod", "release-*"), "keep": True})
    assert told(found, "a") == ("kept_by_rule", "retention_rules[0] keeps prod release-*")
    assert gone(found) == {"b", "c"}
    young = verdicts([image("a", tags=["release-7"], pushed="1h")], {"tags": ("release-*",), "keep": True})
    assert told(young, "a")[0] == "kept_by_rule", "it has no age"


@pytest.mark.parametrize(("pulled", "stays"), [("14d", True), ("14d1s", False), ("1h", True), (None, False)])
def test_a_recent_pull_keeps_the_image(pulled: str | None, *, stays: bool) -> None:
    """Exactly so many times 24 hours is recent."""
    images = [image("a", tags=["v1"], pulled=pulled)]
    assert gone(verdicts(images, {"keep_pulled_within_days": 14})) == (set() if stays else {"a"})
    assert gone(verdicts(images, {"tags": ("x",), "keep_pulled_within_days": 14})) == {"a"}
    assert gone(verdicts(images)) == {"a"}


@pytest.mark.parametrize(("pulled", "stays"), [("7d", True), ("7d1s", False), ("1h", True), (None, False)])
def test_where_others_may_pull_a_recent_pull_keeps_the_image(pulled: str | None, *, stays: bool) -> None:
    """Whatever its rules say: who pulled is not known. What a rule keeps is told by the rule."""
    shared = Retention(30, keep_pulled_within_days=7)
    images = [image("index", kind="index", tags=["v1"]), image("a", pulled=pulled), image("b")]

    def evaluated(retention: Retention) -> dict[str, Verdict]:
        contents = RepositorySnapshot(tuple(images), {digest("index"): (digest("a"),)})
        plan = evaluate(replace(repository(), retention=retention), contents, [], NOW)
        return dict(zip(("index", "a", "b"), plan.verdicts, strict=True))

    found = evaluated(shared)
    assert gone(found) == ({"b"} if stays else {"index", "a", "b"})
    if stays:
        assert told(found, "a")[0] == "may_be_in_use_elsewhere"
        assert told(found, "a")[1].endswith(" UTC; others may pull from here")
        assert told(found, "index")[0] == "may_be_in_use_elsewhere"
        assert told(found, "index")[1].startswith("lists app@")
    assert gone(evaluated(replace(shared, keep_pulled_within_days=None))) == {"index", "a", "b"}


def test_a_pull_of_a_part_keeps_the_whole() -> None:
    """Index and manifests have pull times of their own; a runtime leaves its trace on either. The last is told."""
    images = [
        image("index", kind="index", tags=["v1"]),
        image("child", pulled="2d"),
        image("b", pulled="3d"),
        image("c"),
    ]
    lists = {"index": ["child", "b"]}
    rule = {"keep_pulled_within_days": 14}
    words = "retention_rules[0] keeps images pulled within 14 days: "
    found = verdicts(images, rule, children=lists)
    assert told(found, "index") == (
        "pulled_recently",
        f"{words}lists app@{digest('child')}, pulled 2026-02-27 12:00 UTC",
    )
    assert told(found, "child") == ("pulled_recently", f"{words}pulled 2026-02-27 12:00 UTC")
    assert gone(found) == {"c"}
    by_index = [replace(images[0], last_pulled_at=images[1].last_pulled_at), image("child"), image("b")]
    found = verdicts(by_index, rule, children=lists)
    assert (gone(found), found["b"].reason) == (set(), Reason.PART_OF_KEPT_IMAGE)


def test_only_the_rules_of_an_index_decide_whether_pulls_keep_it() -> None:
    """The one that shares its pulled manifest has another rule."""
    images = [
        image("index", kind="index", tags=["v1"]),
        image("b", kind="index", tags=["pr-1"]),
        image("child", pulled="2d"),
    ]
    lists = {"index": ["child"], "b": ["child"]}
    rules = {"tags": ("v*",), "keep_pulled_within_days": 14}, {"tags": ("pr-*",), "keep_days": 3}
    assert gone(verdicts(images, *rules, children=lists)) == {"b"}


def test_a_kept_signature_keeps_its_image() -> None:
    """A signature without its image is worth nothing; who verifies one may be about to run the image."""
    images = [image("a", tags=["v1"]), image("signature", subject="a", pulled="1d")]
    found = verdicts(images, {"tags": ("v1",), "keep_pulled_within_days": 14})
    assert told(found, "signature")[0] == "pulled_recently"
    assert told(found, "a") == ("subject_of_kept_image", f"referred to by app@{digest('signature')}")


def test_an_image_stays_with_all_of_its_signatures_if_one_stays() -> None:
    """And with what it lists; the index that lists it too goes without it."""
    images = [
        image("index", kind="index", tags=["v1"]),
        image("a", kind="index"),
        image("b", subject="a"),
        image("signature", subject="a", pulled="1d"),
        image("child"),
    ]
    lists = {"index": ["a"], "a": ["child"]}
    assert gone(verdicts(images, {"keep_pulled_within_days": 14}, children=lists)) == {"index"}


def test_whatever_keeps_an_image_keeps_what_hangs_on_it() -> None:
    """Children and signatures, by everything that a rule says."""
    images = [
        image("index", kind="index", tags=["v1"], pulled="3d"),
        image("child"),
        image("signature", subject="index"),
    ]
    for said in ({"keep_newest": 1}, {"keep": True}, {"keep_pulled_within_days": 3}, {"keep_days": 40}):
        rules = {"tags": ("v1",), **said}, {"untagged": True, "keep_days": 1}
        assert gone(verdicts(images, *rules, children={"index": ["child"]})) == set(), said


def test_three_lines_say_what_most_want() -> None:
    """Some newest of one kind, two weeks of another, three days of untagged caches; and a use is never touched."""
    rules = (
        {"tags": ("v*",), "keep_newest": 2},
        {"tags": ("pr-*",), "keep_days": 14},
        {"untagged": True, "artifact_types": ("application/vnd.buildkit.*",), "keep_days": 3},
    )
    images = [
        *(image(name, tags=[f"v{age}"], pushed=f"{age}d") for name, age in (("a", 60), ("b", 70), ("c", 80))),
        image("d", tags=["pr-1"], pushed="15d"),
        image("e", tags=["pr-2"], pushed="14d"),
        image("chart", tags=["buildcache"], artifact_type=CACHE, pushed="50d"),
        image("old-chart", artifact_type=CACHE, pushed="4d"),
        image("child", artifact_type=CACHE, pushed="2d"),
    ]
    assert gone(verdicts(images, *rules)) == {"c", "d", "old-chart"}
    named = tuple(usage(of=name) for name in ("c", "d", "old-chart"))
    assert evaluate(repository(rules=rules), RepositorySnapshot(tuple(images)), named, NOW).removals == ()
