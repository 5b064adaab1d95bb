"""Which rule holds for a repository, and what its conditions keep."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.retention import matches, of_repository
from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.model.plan import Reason
from ecr_cleaner.model.repository import RepositorySnapshot, Retention
from ecr_cleaner.model.rules import RetentionRule
from tests.builders import NOW, digest, image, repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_cleaner.model.image import Image

CHART = "application/vnd.cncf.helm.config.v1+json"

# Globs


@pytest.mark.parametrize(
    ("glob", "name", "fits"),
    [
        ("app", "app", True),
        ("app", "app-prod", False),
        ("app", "my-app", False),
        ("app", "App", False),
        ("*", "", True),
        ("*", "shop/api", True),
        ("", "", True),
        ("", "a", False),
        ("shop/*", "shop/api/v1", True),
        ("shop/*", "shop/", True),
        ("shop/*", "shop", False),
        ("*/api", "a/b/api", True),
        ("*api*", "shop/apis", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", True),
        ("a?c", "ac", False),
        ("a**c", "ac", True),
        ("*a*b", "aab", True),
        ("*ab", "aab", True),
        ("*ab", "xb", False),
        ("aX", "a", False),
        ("v[12]", "v1", False),
        ("v[12]", "v[12]", True),
        ("v.1", "vx1", False),
        ("a\\*", "a*", False),
        ("*", "two\nlines", True),
    ],
)
def test_globs(glob: str, name: str, *, fits: bool) -> None:
    """Whole names, case and all; only * and ? are signs."""
    assert matches(glob, name) is fits


@given(glob=st.text("aA/[.\n**?", max_size=8), name=st.text("aA/[.\n", max_size=7))
def test_a_glob_means_its_regular_expression(glob: str, name: str) -> None:
    """Said in another language."""
    signs = {"*": ".*", "?": "."}
    pattern = "".join(signs.get(character) or re.escape(character) for character in glob)
    assert matches(glob, name) is bool(re.fullmatch(pattern, name, re.DOTALL))


@given(parts=st.lists(st.text("ab/", max_size=3), min_size=1, max_size=5), data=st.data())
def test_a_name_fits_when_parts_of_it_are_blotted_out(parts: list[str], data: st.DataObject) -> None:
    """Whatever a star hides."""
    glob = "".join("*" if data.draw(st.booleans()) else part for part in parts)
    assert matches(glob, "".join(parts))


@pytest.mark.timeout(5)
def test_a_glob_of_many_stars_takes_no_time() -> None:
    """A regular expression would still be trying when the function's time is up."""
    assert not matches("*a" * 100 + "b", "a" * 256)


# Which rule holds

WHOLE: dict[str, Any] = {
    "keep_days": 60,
    "keep_days_untagged": 5,
    "keep_newest": 10,
    "keep_tags": ("v*",),
    "keep_pulled_within_days": 14,
    "remove_artifacts": True,
}


def test_without_rules_only_the_default_age_holds() -> None:
    """The original's behaviour."""
    assert of_repository("app", (), default_keep_days=30) == Retention(30, 30)


def test_the_first_rule_that_matches_holds_alone() -> None:
    """What it leaves out comes from the defaults, never from a later rule."""
    rules = (
        RetentionRule(repositories=("other", "another"), keep_days=1),
        RetentionRule(repositories=("none", "app*"), keep_newest=3),
        RetentionRule(repositories=("*",), **WHOLE),
    )
    assert of_repository("app", rules, default_keep_days=30) == Retention(30, 30, keep_newest=3, rule=1)
    assert of_repository("shop/web", rules, default_keep_days=30) == Retention(rule=2, **WHOLE)
    assert of_repository("other", rules, default_keep_days=30) == Retention(1, 1, rule=0)


def test_a_rule_can_say_everything_that_a_retention_holds() -> None:
    """Beside its repositories nothing more, and its number nothing less."""
    rule = set(RetentionRule.model_fields) - {"repositories"}
    assert rule == {field.name for field in fields(Retention)} - {"rule", "delete_archived_after_days"} == set(WHOLE)


@pytest.mark.parametrize(
    ("told", "tag", "ages"),
    [
        ({}, None, (30, 30)),
        ({"keep_days": 90}, None, (90, 90)),
        ({"keep_days_untagged": 7}, None, (30, 7)),
        ({"keep_days": 90, "keep_days_untagged": 7}, None, (90, 7)),
        ({"keep_days": 90, "keep_days_untagged": 7}, 45, (45, 45)),
        ({}, 45, (45, 45)),
        ({"keep_days": 90}, 2, (5, 5)),
        # Settings refuse these; nobody else may slip through either.
        ({"keep_days": 1, "keep_days_untagged": 2}, None, (5, 5)),
    ],
)
def test_ages_come_from_the_tag_then_the_rule_then_the_default(
    told: dict[str, int], tag: int | None, ages: tuple[int, int]
) -> None:
    """And none is ever below the minimum."""
    rules = (RetentionRule(repositories=("*",), **told),)  # type: ignore[arg-type]
    found = of_repository("app", rules, default_keep_days=30, minimum_keep_days=5, tag_days=tag)
    assert (found.keep_days, found.keep_days_untagged) == ages


# What the conditions keep


def judged(
    images: Iterable[Image], children: Mapping[str, Iterable[str]] | None = None, **conditions: Any
) -> dict[str, tuple[str, str]]:
    """Name to (reason, evidence) where nothing is in use; children by name."""
    images = tuple(images)
    names = {digest(n): n for i in images for n in NAMES if digest(n) == i.digest}
    listed = {digest(index): tuple(map(digest, parts)) for index, parts in (children or {}).items()}
    plan = evaluate(repository(**conditions), RepositorySnapshot(images, listed), (), NOW)
    return {names[v.image.digest]: (v.reason.value, "; ".join(v.evidence)) for v in plan.verdicts}


NAMES = ("a", "b", "c", "d", "index", "child", "signature", "chart", "old-chart")


def gone(found: dict[str, tuple[str, str]]) -> set[str]:
    """The names of what is removed."""
    return {name for name, (reason, _) in found.items() if reason == Reason.OLD_AND_UNUSED}


def test_untagged_images_have_an_age_of_their_own() -> None:
    """Shorter or longer; exactly so many days are kept."""
    images = [
        image("a", tags=["v1"], pushed="20d"),
        image("b", pushed="7d"),
        image("c", pushed="7d1s"),
    ]
    assert gone(judged(images, keep_days_untagged=7)) == {"c"}
    assert gone(judged(images, keep_days=7, keep_days_untagged=30)) == {"a"}


def test_the_manifests_of_an_index_go_by_its_age() -> None:
    """They are untagged because their index carries the tag; an orphan is an untagged image."""
    images = [image("index", kind="index", tags=["v1"], pushed="20d"), image("child", pushed="20d")]
    lists = {"index": ["child"]}
    assert gone(judged(images, lists, keep_days_untagged=7)) == set()
    assert gone(judged(images, lists, keep_days=7, keep_days_untagged=30)) == {"index", "child"}
    assert gone(judged(images[1:], keep_days_untagged=7)) == {"child"}
    assert gone(judged(images[1:], keep_days=7)) == {"child"}


def test_the_manifests_of_an_untagged_index_go_with_it() -> None:
    """Its tag has moved on; a manifest that a tagged index lists too stays with that one."""
    images = [
        image("index", kind="index", pushed="20d"),
        image("b", kind="index", tags=["v2"], pushed="20d"),
        image("child", pushed="20d"),
        image("c", pushed="20d"),
    ]
    lists = {"index": ["child", "c"], "b": ["child"]}
    assert gone(judged(images, lists, keep_days_untagged=7)) == {"index", "c"}


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
    found = judged(images, lists, keep_days_untagged=7)
    assert gone(found) == {"a", "b", "c"}
    assert found["child"] == ("too_young", "")


@pytest.mark.parametrize("tags", [[], ["sha256-" + digest("a")[7:] + ".sig"]])
def test_signatures_go_by_the_age_of_their_image(tags: list[str]) -> None:
    """In both schemes; a tag of the scheme is no name."""
    signature = image("signature", tags=tags, subject=None if tags else "a", pushed="20d")
    images = [image("a", tags=["v1"], pushed="20d"), signature]
    assert gone(judged(images, keep_days=7, keep_days_untagged=30)) == {"a", "signature"}
    untagged = [replace(images[0], tags=()), signature]
    assert gone(judged(untagged, keep_days_untagged=7)) == {"a", "signature"}


def test_a_signature_without_its_image_goes_by_its_own_age() -> None:
    """One that carries a tag is a tagged image: its image may lie in another repository."""
    images = [
        image("a", tags=["sha256-" + digest("elsewhere")[7:] + ".sig"], pushed="20d"),
        image("b", subject="elsewhere", pushed="20d"),
    ]
    assert gone(judged(images, keep_days_untagged=7)) == {"b"}


def test_a_ring_of_signatures_goes_by_the_longest_age() -> None:
    """Tags can be made to say that two images refer to each other."""
    images = [
        image("a", tags=["sha256-" + digest("b")[7:]], pushed="20d"),
        image("b", tags=["sha256-" + digest("a")[7:]], pushed="20d"),
    ]
    assert gone(judged(images, keep_days_untagged=7)) == set()
    assert gone(judged(images, keep_days=7, keep_days_untagged=8)) == {"a", "b"}


def test_the_newest_tagged_images_stay_at_any_age() -> None:
    """Untagged ones neither stay nor take a place, and young ones take theirs."""
    images = [
        image("a", tags=["v1"], pushed="90d"),
        image("b", tags=["v2"], pushed="80d"),
        image("c", pushed="70d"),
        image("d", tags=["v3"], pushed="1d"),
    ]
    found = judged(images, keep_newest=2)
    assert gone(found) == {"a", "c"}
    assert found["b"] == ("among_newest", "number 2 of the newest 2")
    assert found["d"][0] == "too_young"


def test_of_images_of_one_moment_the_digest_decides() -> None:
    """In whichever order they are listed, and never fewer stay than were asked for."""
    images = [image(name, tags=[name]) for name in "abcd"]
    kept = {frozenset("abcd") - gone(judged(order, keep_newest=2)) for order in (images, images[::-1])}
    ((first, second),) = kept
    assert {first, second} == set(sorted("abcd", key=digest)[-2:])


def test_parts_signatures_and_artifacts_take_no_place_among_the_newest() -> None:
    """Ten kept releases are ten images that somebody can deploy."""
    images = [
        image("a", tags=["v1"], pushed="90d"),
        image("index", kind="index", tags=["v2"], pushed="80d"),
        image("child", pushed="80d"),
        image("signature", tags=["sha256-" + digest("index")[7:] + ".sig"], pushed="79d"),
        image("b", tags=["sbom"], subject="index", pushed="78d"),
        image("chart", tags=["1.0"], artifact_type=CHART, pushed="77d"),
        image("c", tags=["archived"], active=False, pushed="76d"),
        image("d", tags=["v0"], pushed="100d"),
    ]
    found = judged(images, {"index": ["child"]}, keep_newest=2)
    assert gone(found) == {"d"}
    assert {name for name, (reason, _) in found.items() if reason == Reason.AMONG_NEWEST} == {"a", "index"}
    assert found["child"][0] == "part_of_kept_image"
    assert found["signature"][0] == "refers_to_kept_image"


def test_a_manifest_with_a_tag_of_its_own_counts_among_the_newest() -> None:
    """Somebody gave it a name."""
    images = [image("index", kind="index", tags=["v1"]), image("child", tags=["v1-arm64"], pushed="39d")]
    assert judged(images, {"index": ["child"]}, keep_newest=1)["child"][0] == "among_newest"


def test_artifacts_go_only_where_a_rule_says_so() -> None:
    """Then under the same conditions; their newest are counted by themselves."""
    images = [
        image("a", tags=["v1"]),
        image("chart", tags=["1.1"], artifact_type=CHART, pushed="50d"),
        image("old-chart", tags=["1.0"], artifact_type=CHART, pushed="60d"),
    ]
    assert gone(judged(images)) == {"a"}
    assert gone(judged(images, remove_artifacts=True)) == {"a", "chart", "old-chart"}
    assert gone(judged(images, remove_artifacts=True, keep_days=50)) == {"old-chart"}
    assert gone(judged(images, remove_artifacts=True, keep_newest=1)) == {"old-chart"}
    assert gone(judged(images, remove_artifacts=True, keep_tags=("1.0", "v*"))) == {"chart"}


def test_a_tag_that_matches_keeps_the_image() -> None:
    """Any tag, any glob; the evidence names both."""
    images = [image("a", tags=["latest", "release-7"]), image("b", tags=["Release-7", "my-release-7"])]
    found = judged(images, keep_tags=("prod", "release-*"))
    assert found["a"] == ("tag_kept", "tag release-7 matches release-*")
    assert gone(found) == {"b"}


@pytest.mark.parametrize(("pulled", "stays"), [("14d", True), ("14d1s", False), ("1h", True), (None, False)])
def test_a_recent_pull_keeps_the_image(pulled: str | None, *, stays: bool) -> None:
    """Exactly so many times 24 hours is recent."""
    images = [image("a", tags=["v1"], pulled=pulled)]
    assert gone(judged(images, keep_pulled_within_days=14)) == (set() if stays else {"a"})
    assert gone(judged(images)) == {"a"}


def test_a_pull_of_a_part_keeps_the_whole() -> None:
    """Index and manifests have pull times of their own; a runtime may leave its trace on either."""
    images = [
        image("index", kind="index", tags=["v1"]),
        image("child", pulled="2d"),
        image("b"),
        image("c"),
    ]
    lists = {"index": ["child", "b"]}
    found = judged(images, lists, keep_pulled_within_days=14)
    assert found["index"] == ("pulled_recently", f"lists app@{digest('child')}, pulled 2026-02-27 12:00 UTC")
    assert found["child"] == ("pulled_recently", "pulled 2026-02-27 12:00 UTC")
    assert found["b"][0] == "part_of_kept_image"
    assert gone(found) == {"c"}
    by_index = [replace(images[0], last_pulled_at=images[1].last_pulled_at), image("child"), image("b")]
    assert gone(judged(by_index, lists, keep_pulled_within_days=14)) == set()


def test_a_signature_that_a_condition_keeps_keeps_its_image() -> None:
    """A signature without its image is worth nothing; who verifies one may be about to run the image."""
    pulled = [image("a", tags=["v1"]), image("signature", subject="a", pulled="1d")]
    found = judged(pulled, keep_pulled_within_days=14)
    assert found["signature"][0] == "pulled_recently"
    assert found["a"] == ("subject_of_kept_image", f"referred to by app@{digest('signature')}")
    tagged = [image("a"), image("signature", tags=["sha256-" + digest("a")[7:] + ".sig"])]
    assert {name: reason for name, (reason, _) in judged(tagged, keep_tags=("*.sig",)).items()} == {
        "signature": "tag_kept",
        "a": "subject_of_kept_image",
    }


def test_an_image_stays_with_all_of_its_signatures_if_one_stays() -> None:
    """And with what it lists; the index that lists it too goes without it."""
    images = [
        image("index", kind="index", tags=["v1"]),
        image("a", kind="index"),
        image("b", subject="a"),
        image("signature", subject="a", pulled="1d"),
        image("child"),
    ]
    assert gone(judged(images, {"index": ["a"], "a": ["child"]}, keep_pulled_within_days=14)) == {"index"}


def test_whatever_keeps_an_image_keeps_what_hangs_on_it() -> None:
    """Children and signatures, by each of the conditions."""
    images = [
        image("index", kind="index", tags=["v1"], pulled="3d"),
        image("child"),
        image("signature", subject="index"),
    ]
    conditions: tuple[dict[str, Any], ...] = (
        {"keep_newest": 1},
        {"keep_tags": ("v1",)},
        {"keep_pulled_within_days": 3},
        {"keep_days": 40, "keep_days_untagged": 1},
    )
    for condition in conditions:
        assert gone(judged(images, {"index": ["child"]}, **condition)) == set(), condition
