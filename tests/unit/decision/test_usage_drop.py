"""How far usages may drop before a person has to confirm it."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.usage_drop import UsageDrop, confirm_command, counts, drop
from ecr_cleaner.model.scan import SourceKey, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ReferenceScope, ScanTarget, Usage, UsageKind
from ecr_cleaner.settings.request import ConfirmationRequest
from tests.builders import ACCOUNT, NOW, TARGET, digest, usage
from tests.builders import counts as counted


@pytest.mark.parametrize(
    ("before", "now", "percent", "trips"),
    [
        (10, 5, 50, False),
        (10, 4, 50, True),
        (11, 5, 50, True),
        (0, 0, 0, False),
        (5, 0, 50, True),
        (4, 0, 50, False),
        (1, 0, 50, False),
        (100, 95, 0, True),
        (100, 96, 0, False),
        (100, 95, 50, False),
        (10, 10, 0, False),
        (10, 20, 0, False),
        (10, 0, 100, False),
        (10, 0, None, False),
    ],
)
def test_usages_may_fall_by_a_share(before: int, now: int, percent: int | None, *, trips: bool) -> None:
    """By exactly that share still passes, and so do four images, whatever share they are."""
    found = drop(counted(**{"ecs": before, "lambda": 3}), counted(**{"ecs": now, "lambda": 3}), percent)
    assert found == (UsageDrop(counted(ecs=before), counted(ecs=now)) if trips else None)


def test_what_was_not_seen_twice_is_not_compared() -> None:
    """A source that is new, or that a person excluded since."""
    assert drop(counted(ecs=10), counted(**{"lambda": 0}), 50) is None
    assert drop({}, counted(ecs=0), 50) is None


COUNTS: Final = st.dictionaries(
    st.builds(
        SourceKey, st.just(TARGET), st.sampled_from(["ecs", "lambda"]), part=st.sampled_from([None, "inventory a.json"])
    ),
    st.integers(0, 20),
)


@given(COUNTS, COUNTS, st.integers(0, 100))
def test_a_drop_is_what_fell_by_both(before: dict[SourceKey, int], now: dict[SourceKey, int], percent: int) -> None:
    """By five images and by the share; everything else is left out of it."""
    both = before.keys() & now.keys()
    fell = {key for key in both if now[key] <= before[key] - 5 and before[key] - now[key] > before[key] * percent / 100}
    found = drop(before, now, percent)
    assert set(found.before if found else ()) == set(found.now if found else ()) == fell
    assert found is None or all((found.before[key], found.now[key]) == (before[key], now[key]) for key in fell)


def seen(**what: Any) -> Usage:
    """A usage as a scan returns it."""
    return replace(usage(**what), target=TARGET)


def test_only_full_answers_are_counted() -> None:
    """A service that is suddenly not in the region uses nothing; one that a person excluded is not asked."""
    outcomes = (
        SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE, usages=7),
        SourceOutcome(TARGET, "apprunner", SourceStatus.NOT_OFFERED),
        SourceOutcome(TARGET, "lambda", SourceStatus.DISABLED),
        SourceOutcome(TARGET, "scheduler", SourceStatus.FAILED, usages=3),
    )
    usages = (seen(tag="v1"), replace(seen(tag="v1"), source="scheduler"), usage(tag="v2"))
    assert counts(UsageScan(usages, outcomes, NOW)) == counted(ecs=1, apprunner=0)


ECS: Final = (SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE),)


def images(*usages: Usage) -> int:
    """How many images these usages are counted as."""
    (found,) = counts(UsageScan(usages, ECS, NOW)).values()
    return found


def test_images_are_counted_and_not_who_uses_them() -> None:
    """A service that is scaled from a hundred services to one still uses its image."""
    services = [seen(tag="v1", consumer=f"ecs service {number}") for number in range(100)]
    others = (seen(tag="v2"), seen(tag="v1", repository="other"), seen(of="a"), seen(of="a", repository="other"))
    assert images(*services) == 1
    assert images(*services, *others) == 5


def test_a_name_and_the_digest_to_which_it_was_resolved_are_one_image() -> None:
    """They are of one text, or the only ones of a consumer; the digest of a function is told without a repository."""
    service = seen(tag="v1")
    resolved = replace(service, reference=replace(service.reference, tag=None, digest=digest("a")), consumer="revision")
    assert images(service, resolved) == 1
    function = [seen(of="a", repository=None), seen(tag="v1"), seen(of="a")]
    assert images(*function) == 1
    assert images(function[0], seen(tag="v1", consumer="another")) == 2


def test_a_list_of_names_and_digests_is_all_of_them() -> None:
    """One digest in it says nothing of all its names."""
    assert images(seen(of="a"), *(seen(tag=f"v{number}") for number in range(9))) == 10


def test_each_digest_of_a_name_that_moves_is_an_image() -> None:
    """Services that were deployed at different times, all by `latest`."""
    name = seen(tag="latest")
    pinned = [replace(name, reference=replace(name.reference, tag=None, digest=digest(one))) for one in "abc"]
    assert images(name, *pinned) == 3


USAGES: Final = st.lists(
    st.builds(
        seen,
        tag=st.sampled_from(["v1", "v2"]),
        of=st.sampled_from([None, "a", "b"]),
        repository=st.sampled_from(["app", "api"]),
        consumer=st.sampled_from(["one", "another"]),
        evidence=st.sampled_from(UsageKind),
    )
)


@given(USAGES, st.randoms(use_true_random=False))
def test_an_image_is_counted_once_at_most(usages: list[Usage], random: Any) -> None:
    """Whatever the order; something in use is one image at least, and never less than all its digests."""
    mixed = list(usages)
    random.shuffle(mixed)
    references = {one.reference for one in usages if one.evidence is not UsageKind.RUNNING}
    digests = {one.digest for one in references if one.digest}
    assert max(len(digests), bool(references)) <= images(*usages) <= len(references)
    assert images(*mixed) == images(*usages, *usages) == images(*usages)


def test_each_account_region_and_cluster_is_counted_by_itself() -> None:
    """What vanishes in one of them is not hidden by what stays in another."""
    elsewhere = ScanTarget(ACCOUNT, "eu-central-1")
    keys = [SourceKey(TARGET, "ecs"), SourceKey(elsewhere, "ecs"), SourceKey(TARGET, "ecs", "prod")]
    outcomes = tuple(SourceOutcome(key.target, key.source, SourceStatus.COMPLETE, cluster=key.cluster) for key in keys)
    usages = tuple(replace(usage(tag="v1"), target=key.target, cluster=key.cluster) for key in keys)
    assert counts(UsageScan(usages, outcomes, NOW)) == dict.fromkeys(keys, 1)
    assert counts(UsageScan(usages[:2], outcomes, NOW)) == {keys[0]: 1, keys[1]: 1, keys[2]: 0}
    fall = drop(dict.fromkeys(keys, 9), {keys[0]: 9, keys[1]: 0, keys[2]: 9}, 50)
    assert str(fall) == "ecs in 123456789012/eu-central-1 from 9 to 0"


def test_what_only_runs_is_not_counted() -> None:
    """Jobs and tasks end; what is configured to start them counts, also if it runs the same image."""
    running = [seen(tag=f"v{number}", evidence=UsageKind.RUNNING) for number in range(9)]
    others = [seen(tag=kind.value, evidence=kind) for kind in UsageKind if kind is not UsageKind.RUNNING]
    assert images(*running) == 0
    assert images(*running, seen(tag="v1")) == 1
    assert images(*running, *others) == 3


def test_what_a_person_names_in_the_settings_is_not_counted() -> None:
    """No answer of AWS can be wrong about it."""
    outcomes = (SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE, is_input=True),)
    assert counts(UsageScan((seen(tag="v1"),), outcomes, NOW)) == {}


def test_a_whole_repository_is_one() -> None:
    """However many images it covers."""
    one = seen(tag="v1")
    wide = replace(one, reference=replace(one.reference, tag=None, breadth=ReferenceScope.REPOSITORY))
    assert images(wide, replace(wide, consumer="another")) == 1


def test_each_part_is_counted_by_itself_too() -> None:
    """One that names nothing any more has fallen, and one that is not there any more is missing from the whole."""
    parts = ("inventory a.json", "inventory b.json")
    outcomes = (SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE, parts=parts),)
    usages = [seen(tag=f"v{number}", consumer=parts[0]) for number in range(9)]
    whole, first, second = (SourceKey(TARGET, "ecs", part=part) for part in (None, *parts))
    before = counts(UsageScan((*usages, seen(tag="v1", consumer=parts[1])), outcomes, NOW))
    assert before == {whole: 9, first: 9, second: 1}
    others = tuple(seen(tag=f"v{number}", consumer=parts[1]) for number in range(9))
    fall = drop(before, counts(UsageScan(others, outcomes, NOW)), 50)
    assert str(fall) == "ecs in 123456789012/us-east-1, inventory a.json from 9 to 0"
    gone = (replace(outcomes[0], parts=parts[1:]),)
    assert drop(before, counts(UsageScan(others, gone, NOW)), 50) is None
    assert drop(before, counts(UsageScan((), gone, NOW)), 50) == UsageDrop({whole: 9}, {whole: 0})


def test_a_fall_has_an_id_of_its_own() -> None:
    """A word on one fall says nothing of another."""
    fall = UsageDrop(counted(**{"ecs": 10, "lambda": 4}), counted(**{"ecs": 2, "lambda": 0}))
    assert fall.id == UsageDrop(counted(**{"lambda": 4, "ecs": 10}), counted(**{"lambda": 0, "ecs": 2})).id
    others = [
        UsageDrop(counted(ecs=10), counted(ecs=2)),
        UsageDrop(fall.now, fall.before),
        UsageDrop(fall.before, counted(**{"ecs": 2, "lambda": 1})),
    ]
    assert len({fall.id, *(other.id for other in others)}) == 4
    assert str(fall) == "ecs in 123456789012/us-east-1 from 10 to 2, lambda in 123456789012/us-east-1 from 4 to 0"


def test_the_command_that_confirms_is_understood() -> None:
    """Ready to paste: its payload is the event that the function reads."""
    fall = UsageDrop(counted(ecs=10), counted(ecs=2))
    words = shlex.split(confirm_command(fall, "registry-cleaner", "eu-west-1"))
    assert words[:3] == ["aws", "lambda", "invoke"]
    assert words[words.index("--function-name") + 1] == "registry-cleaner"
    assert words[words.index("--region") + 1] == "eu-west-1"
    payload = words[words.index("--payload") + 1]
    assert ConfirmationRequest.model_validate(json.loads(payload)).id == fall.id
    assert " " not in payload, "it is pasted, and may be broken into lines where there are blanks"
