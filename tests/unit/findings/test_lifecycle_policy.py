"""ECR's lifecycle policies are understood as its user guide writes them, and never guessed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.globs import matches
from ecr_cleaner.findings.lifecycle_policy import CountType, Policy, Rule, fates, read
from tests.builders import NOW, ago, digest, image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_cleaner.model.image import Image

EXPIRE = {"type": "expire"}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}


def rule(
    priority: int, count: int, unit: str | None = None, *, action: dict[str, str] = EXPIRE, **selection: Any
) -> dict[str, Any]:
    """One rule; of any image, by count, unless it says otherwise."""
    told = {"tagStatus": "any", "countType": "sinceImagePushed" if unit else "imageCountMoreThan"} | selection
    told |= {"countNumber": count} | ({"countUnit": unit} if unit else {})
    return {"rulePriority": priority, "selection": told, "action": action}


def tagged(*prefixes: str) -> dict[str, Any]:
    """A selection by the beginnings of tags."""
    return {"tagStatus": "tagged", "tagPrefixList": list(prefixes)}


def policy(*rules: dict[str, Any]) -> Policy:
    """As ECR would hand it out."""
    return read(json.dumps({"rules": list(rules)}))


def taken(found: Policy, *images: Image) -> set[str]:
    """The names of the images that go; each is named by its digest's builder name, A, B, C."""
    assert found.not_understood == ()
    names = {digest(name): name for name in "ABCDEF"}
    return {names[one] for one in fates(found, images, {}, [i.digest for i in images], NOW)}


PROD_AND_BETA = (
    image("A", tags=["beta-1", "prod-1"], pushed="10d"),
    image("B", tags=["beta-2", "prod-2"], pushed="9d"),
    image("C", tags=["beta-3"], pushed="8d"),
)
SIX = (
    image("A", tags=["alpha-1"], pushed="12d"),
    image("B", tags=["beta-1"], pushed="11d"),
    image("C", tags=["alpha-2", "beta-2"], pushed="10d"),
    image("D", tags=["alpha-3"], pushed="4d"),
    image("E", tags=["beta-3"], pushed="3d"),
    image("F", tags=["alpha-4", "beta-4"], pushed="2d"),
)
GREEK = (
    image("A", tags=["alpha-1", "beta-1", "gamma-1"], pushed="10d"),
    image("B", tags=["alpha-2", "beta-2"], pushed="9d"),
    image("C", tags=["alpha-3", "beta-3", "gamma-2"], pushed="8d"),
)
FOUR = (
    image("A", tags=["alpha-1"], pushed="4d"),
    image("B", tags=["beta-1"], pushed="3d"),
    image("C", pushed="2d"),
    image("D", tags=["alpha-2"], pushed="1d"),
)
FIVE = (
    image("A", tags=["alpha-1", "beta-1"], pushed="4d"),
    image("B", pushed="3d"),
    image("C", tags=["alpha-2"], pushed="2d"),
    image("D", tags=["git-hash"], pushed="1d"),
    image("E", pushed="23h"),
)


@pytest.mark.parametrize(
    ("rules", "images", "expected"),
    [
        ([rule(1, 1, **tagged("prod")), rule(2, 1, **tagged("beta"))], PROD_AND_BETA, {"A"}),
        ([rule(1, 1, **tagged("beta")), rule(2, 1, **tagged("prod"))], PROD_AND_BETA, {"A", "B"}),
        ([rule(1, 5, "days", **tagged("alpha", "beta"))], SIX, {"C"}),
        ([rule(1, 1, tagStatus="tagged", tagPatternList=["alpha*", "beta*"])], GREEK, {"A", "B"}),
        ([rule(1, 1)], FOUR, {"A", "B", "C"}),
        ([rule(1, 1, **tagged("alpha")), rule(2, 1, "days", tagStatus="untagged"), rule(3, 1)], FIVE, {"A", "B", "D"}),
    ],
    ids=["prod first", "beta first", "all prefixes", "all patterns", "all images", "all kinds of rules"],
)
def test_the_examples_of_the_user_guide(
    rules: list[dict[str, Any]], images: tuple[Image, ...], expected: set[str]
) -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html, each with its result."""
    assert taken(policy(*rules), *images) == expected
    assert taken(policy(*reversed(rules)), *images) == expected, "the numbers tell the order, not the places"


@pytest.mark.parametrize(("pushed", "goes"), [("14d", False), ("14d+1s", True), ("15d", True), ("13d", False)])
def test_an_age_limit_is_over_when_it_is_over(pushed: str, *, goes: bool) -> None:
    """Older than so many days: to the second."""
    assert taken(policy(rule(1, 14, "days")), image("A", pushed=pushed)) == ({"A"} if goes else set())


def test_the_moment_is_told() -> None:
    """A person wants to know how long there is."""
    one = image("A", pushed="10d")
    (fate,) = fates(policy(rule(7, 14, "days")), [one], {}, [one.digest], NOW + timedelta(days=5)).values()
    assert (fate.rule.priority, fate.due) == (7, ago("10d") + timedelta(days=14))
    (fate,) = fates(policy(rule(7, 1)), [one, image("B")], {}, [digest("B")], NOW).values()
    assert fate.due is None


@pytest.mark.parametrize(
    ("pulled", "restored", "goes"),
    [(None, False, True), ("91d", False, True), ("90d", False, False), ("91d", True, False), ("1d", True, False)],
)
def test_pulls_keep_from_the_archive(pulled: str | None, *, restored: bool, goes: bool) -> None:
    """Never pulled: the push counts; restored and not pulled since: the restoration counts."""
    one = image("A", pushed="50d" if restored else "200d", pulled=pulled)
    one = replace(one, uploaded_at=ago("300d")) if restored else one
    found = policy(rule(1, 90, "days", countType="sinceImagePulled", action=ARCHIVE))
    assert taken(found, one) == ({"A"} if goes else set())
    assert found.rules[0].action == "archive"


def test_a_pull_before_a_later_push_of_the_same_image_counts_as_pull() -> None:
    """Only a restoration puts the push in its place."""
    one = image("A", pushed="10d", pulled="91d")
    assert taken(policy(rule(1, 90, "days", countType="sinceImagePulled", action=ARCHIVE)), one) == {"A"}


def test_archived_images_are_out_of_reach_and_not_counted() -> None:
    """A rule looks at its storage class alone; of those in the archive nothing is said."""
    images = [image("A", pushed="9d"), image("B", pushed="8d", active=False), image("C", pushed="400d", active=False)]
    assert taken(policy(rule(1, 1)), *images) == set()
    archived = rule(2, 90, "days", countType="sinceImageTransitioned", storageClass="archive")
    assert taken(policy(rule(1, 1, "days"), archived), *images) == {"A"}
    assert taken(policy(rule(1, 1) | {"rulePriority": 3}, archived), *images) == set()


def test_what_an_index_lists_goes_after_the_index() -> None:
    """An index that stays, or whose own rule leaves it, keeps it; an archived or absent one does not."""
    child, index = image("A", pushed="20d"), image("B", kind="index", tags=["v1"], pushed="20d")
    parents = {child.digest: [index.digest]}
    untagged = policy(rule(1, 7, "days", tagStatus="untagged"))

    def goes(found: Policy, *images: Image) -> bool:
        return child.digest in fates(found, images, parents, [child.digest], NOW)

    assert not goes(untagged, child, index)
    assert goes(policy(rule(1, 7, "days")), child, index)
    assert goes(untagged, child)
    assert goes(untagged, child, replace(index, active=False))
    assert not goes(policy(rule(1, 7, "days")), child, replace(index, pushed_at=ago("1d")))


def test_indexes_that_list_each_other_stay() -> None:
    """None of them can go first."""
    one, two = image("A", kind="index", pushed="20d"), image("B", kind="index", pushed="20d")
    parents = {one.digest: [two.digest], two.digest: [one.digest]}
    assert fates(policy(rule(1, 7, "days")), [one, two], parents, [one.digest, two.digest], NOW) == {}


def test_indexes_may_list_indexes_to_any_depth() -> None:
    """Whoever pushes chooses the depth."""
    images = [image(str(number), pushed="90d") for number in range(3000)]
    parents = {one.digest: (index.digest,) for index, one in pairwise(images)}
    found = fates(policy(rule(1, 7, "days")), images, parents, [images[-1].digest], NOW)
    assert found.keys() == {images[-1].digest}


def test_an_age_beyond_all_time_is_never_reached() -> None:
    """ECR's documentation names no largest number."""
    assert taken(policy(rule(1, 10**12, "days")), image("A", pushed="90d")) == set()


def test_what_is_not_there_has_no_fate() -> None:
    """It may be gone already."""
    assert fates(policy(rule(1, 7, "days")), [], {}, [digest("A")], NOW) == {}


WHOLE = rule(1, 14, "days", **tagged("v"))


def changed(**members: Any) -> dict[str, Any]:
    """A rule in which the selection says something else; None takes a member away."""
    selection = {name: value for name, value in (WHOLE["selection"] | members).items() if value is not None}
    return WHOLE | {"selection": selection}


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        (WHOLE | {"expiresAt": 1}, "has a member 'expiresAt', which is not known here"),
        (changed(sizeMoreThan=1), "has a member 'sizeMoreThan', which is not known here"),
        (changed(countType="sinceImageSigned"), "'sinceImageSigned' is not a valid CountType"),
        (changed(countUnit="hours"), "counts in 'hours' with sinceImagePushed"),
        (changed(countUnit=None), "counts in None with sinceImagePushed"),
        (changed(countType="imageCountMoreThan"), "counts in 'days' with imageCountMoreThan"),
        (changed(storageClass="archive"), "has sinceImagePushed with the storage class 'archive'"),
        (changed(countType="sinceImageTransitioned"), "has sinceImageTransitioned with the storage class None"),
        (changed(tagStatus="signed"), "has the tagStatus 'signed'"),
        (changed(tagPrefixList=None), "has 0 lists of tags with the tagStatus 'tagged'"),
        (changed(tagPatternList=["v*"]), "has 2 lists of tags with the tagStatus 'tagged'"),
        (changed(tagStatus="any"), "has 1 lists of tags with the tagStatus 'any'"),
        (changed(tagPrefixList=[]), "has no list of tags in tagPrefixList"),
        (changed(tagPrefixList="v"), "has no list of tags in tagPrefixList"),
        (changed(tagPrefixList=["v*"]), "has 'v*' in tagPrefixList"),
        (changed(tagPrefixList=None, tagPatternList=["v?"]), "has 'v?' in tagPatternList"),
        (changed(tagPrefixList=None, tagPatternList=["*1*2*3*4*"]), "has '*1*2*3*4*' in tagPatternList"),
        (changed(tagPrefixList=[3]), "is not written as ECR's documentation says"),
        (changed(countNumber=0), "is not written as ECR's documentation says"),
        (changed(countNumber=True), "is not written as ECR's documentation says"),
        (changed(countNumber=None), "is not written as ECR's documentation says"),
        (WHOLE | {"selection": None}, "is not written as ECR's documentation says"),
        (WHOLE | {"action": {"type": "quarantine"}}, 'has the action {"type": "quarantine"} with sinceImagePushed'),
        (WHOLE | {"action": ARCHIVE | {"targetStorageClass": "deep"}}, 'has the action {"targetStorageClass": "deep"'),
        (changed(countType="sinceImagePulled"), 'has the action {"type": "expire"} with sinceImagePulled'),
        (
            changed(countType="sinceImageTransitioned", storageClass="archive") | {"action": ARCHIVE},
            'has the action {"targetStorageClass": "archive", "type": "transition"} with sinceImageTransitioned',
        ),
    ],
)
def test_what_is_not_known_is_not_guessed(told: dict[str, Any], cause: str) -> None:
    """It is not evaluated, and neither is what comes after it: it might have kept images from that."""
    found = policy(rule(9, 1), told | {"rulePriority": 5}, rule(2, 1, **tagged("x")))
    assert [one.priority for one in found.rules] == [2]
    unknown, after = found.not_understood
    assert unknown.startswith("rule 5 of its lifecycle policy ")
    assert cause in unknown
    assert after == "rule 9 of its lifecycle policy comes after rule 5"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"rules": 3}',
        '{"rules": [3]}',
        '{"rules": [{}]}',
        '{"rules": [{"rulePriority": "1"}]}',
        '{"rules": [{"rulePriority": 0}]}',
        '{"rules": [{"rulePriority": true}]}',
    ],
)
def test_what_is_no_policy_is_said_to_be_none(text: str) -> None:
    """As a whole."""
    assert read(text) == Policy(
        not_understood=("its lifecycle policy is no list of rules, each with its rulePriority",)
    )


def test_of_two_rules_with_one_priority_nobody_knows_which_comes_first() -> None:
    """ECR takes no such policy."""
    assert policy(rule(1, 1), rule(1, 2)) == Policy(
        not_understood=("its lifecycle policy has two rules of the same priority",)
    )


def test_a_description_says_nothing() -> None:
    """It is for people."""
    assert policy(WHOLE | {"description": "old"}) == policy(WHOLE)
    assert policy(WHOLE).rules == (Rule(1, "expire", "tagged", ("v*",), CountType.SINCE_PUSHED, 14),)


# For every policy and every repository


def marked(found: Policy, images: Iterable[Image]) -> set[str]:
    """The evaluation rules of the guide, word by word and as slow as they come."""
    images = list(images)
    result: set[str] = set()
    identified_above: set[str] = set()
    for one in found.rules:
        identified = [
            i
            for i in images
            if i.active
            and (
                one.tag_status == "any"
                or (one.tag_status == "untagged" and not i.tags)
                or (one.tag_status == "tagged" and all(any(matches(p, t) for t in i.tags) for p in one.patterns))
            )
        ]
        if one.count_type is CountType.MORE_THAN:
            youngest_first = sorted(identified, key=lambda i: (i.pushed_at, i.digest), reverse=True)
            marks = {i.digest for i in youngest_first[one.count :]}
        else:
            marks = {i.digest for i in identified if NOW - i.pushed_at > timedelta(days=one.count)}
        result |= marks - identified_above
        identified_above |= {i.digest for i in identified}
    return result


IMAGES = st.lists(
    st.builds(
        lambda name, days, tags, active: image(name, pushed=f"{days}d", tags=tags, active=active),
        st.integers(0, 30).map(str),
        st.integers(0, 20),
        st.lists(st.sampled_from(["v1", "v2", "prod-1", "prod-2", "dev"]), max_size=2, unique=True),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda i: i.digest,
)
SELECTIONS = st.sampled_from(
    [
        {"tagStatus": "any"},
        {"tagStatus": "untagged"},
        tagged("v"),
        tagged("prod", "v"),
        {"tagStatus": "tagged", "tagPatternList": ["*-1"]},
    ]
)
RULES = st.lists(
    st.builds(lambda s, n, unit: rule(1, n, unit, **s), SELECTIONS, st.integers(1, 5), st.sampled_from([None, "days"])),
    max_size=4,
).map(lambda rules: [one | {"rulePriority": at + 1} for at, one in enumerate(rules)])


@given(RULES, IMAGES)
def test_every_policy_is_evaluated_as_the_guide_says(rules: list[dict[str, Any]], images: list[Image]) -> None:
    """Against the same rules, written down in another way."""
    found = policy(*rules)
    assert set(fates(found, images, {}, [i.digest for i in images], NOW)) == marked(found, images)


@given(RULES, IMAGES, st.randoms(use_true_random=False))
def test_who_asks_and_in_which_order_makes_no_difference(
    rules: list[dict[str, Any]], images: list[Image], chance: Any
) -> None:
    """The fate of an image does not depend on what else is asked about, or how ECR lists."""
    found = policy(*rules)
    whole = fates(found, images, {}, [i.digest for i in images], NOW)
    shuffled = list(images)
    chance.shuffle(shuffled)
    for one in images:
        alone = fates(found, shuffled, {}, [one.digest], NOW)
        assert alone == {d: fate for d, fate in whole.items() if d == one.digest}


@given(RULES, IMAGES, st.integers(0, 30))
def test_what_goes_now_is_gone_later(rules: list[dict[str, Any]], images: list[Image], days: int) -> None:
    """Looking ahead hides nothing."""
    found, wanted = policy(*rules), [i.digest for i in images]
    now = set(fates(found, images, {}, wanted, NOW))
    assert now <= set(fates(found, images, {}, wanted, NOW + timedelta(days=days)))


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_reading_never_fails(text: str) -> None:
    """Whatever ECR hands out is a policy, or is said not to be understood."""
    found = read(text)
    assert found.rules == () or found.not_understood == ()


@given(st.sampled_from(["rulePriority", "selection", "action"]), st.recursive(st.none() | st.integers(), st.lists))
def test_no_member_may_be_anything_else(member: str, value: Any) -> None:
    """Half a rule is none."""
    found = policy(WHOLE | {member: value})
    assert found.rules == () or member == "rulePriority"
    assert bool(found.not_understood) is not bool(found.rules)
