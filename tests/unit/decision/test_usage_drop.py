"""How far usages may drop before a person has to confirm it."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest

from ecr_cleaner.decision.usage_drop import UsageDrop, confirm_command, counts, drop
from ecr_cleaner.model.scan import SourceKey, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget, Usage
from ecr_cleaner.settings.request import ConfirmationRequest
from tests.builders import ACCOUNT, NOW, TARGET, usage
from tests.builders import counts as counted


@pytest.mark.parametrize(
    ("before", "now", "percent", "trips"),
    [
        (10, 5, 50, False),
        (10, 4, 50, True),
        (11, 5, 50, True),
        (1, 0, 50, True),
        (2, 1, 50, False),
        (0, 0, 0, False),
        (10, 9, 0, True),
        (10, 10, 0, False),
        (10, 20, 0, False),
        (10, 0, 100, False),
        (10, 0, None, False),
    ],
)
def test_usages_may_fall_by_a_share(before: int, now: int, percent: int | None, *, trips: bool) -> None:
    """By exactly that share still passes."""
    found = drop(counted(**{"ecs": before, "lambda": 3}), counted(**{"ecs": now, "lambda": 3}), percent)
    assert found == (UsageDrop(counted(ecs=before), counted(ecs=now)) if trips else None)


def test_what_was_not_seen_twice_is_not_compared() -> None:
    """A source that is new, or that a person excluded since."""
    assert drop(counted(ecs=10), counted(**{"lambda": 0}), 50) is None
    assert drop({}, counted(ecs=0), 50) is None


def seen(**what: Any) -> Usage:
    """A usage as a scan returns it."""
    return replace(usage(**what), target=TARGET)


def test_only_full_answers_are_counted() -> None:
    """A service that is suddenly not in the region uses nothing; one that a person excluded is not asked."""
    outcomes = (
        SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE, usages=7),
        SourceOutcome(TARGET, "apprunner", SourceStatus.NOT_IN_REGION),
        SourceOutcome(TARGET, "lambda", SourceStatus.DISABLED),
        SourceOutcome(TARGET, "scheduler", SourceStatus.FAILED, usages=3),
    )
    usages = (seen(tag="v1"), replace(seen(tag="v1"), source="scheduler"))
    assert counts(UsageScan(usages, outcomes, NOW)) == counted(ecs=1, apprunner=0)


def test_images_are_counted_and_not_who_uses_them() -> None:
    """A service that is scaled from a hundred tasks to one still uses its image; a name and its digest are two."""
    ecs = (SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE),)
    tasks = tuple(seen(tag="v1", consumer=f"ecs task {number}") for number in range(100))
    others = (seen(tag="v2"), seen(tag="v1", repository="other"), seen(of="a"), seen(tag="v1", of="a"))
    assert counts(UsageScan(tasks, ecs, NOW)) == counted(ecs=1)
    assert counts(UsageScan(tasks + others, ecs, NOW)) == counted(ecs=5)


def test_each_account_region_and_cluster_is_counted_by_itself() -> None:
    """What vanishes in one of them is not hidden by what stays in another."""
    elsewhere = ScanTarget(ACCOUNT, "eu-central-1")
    keys = [SourceKey(TARGET, "ecs"), SourceKey(elsewhere, "ecs"), SourceKey(TARGET, "ecs", "prod")]
    outcomes = tuple(SourceOutcome(key.target, key.source, SourceStatus.COMPLETE, cluster=key.cluster) for key in keys)
    usages = tuple(replace(usage(tag="v1"), target=key.target, cluster=key.cluster) for key in keys)
    assert counts(UsageScan(usages, outcomes, NOW)) == dict.fromkeys(keys, 1)
    assert counts(UsageScan(usages[:2], outcomes, NOW)) == {keys[0]: 1, keys[1]: 1, keys[2]: 0}
    fall = drop(dict.fromkeys(keys, 1), {keys[0]: 1, keys[1]: 0, keys[2]: 1}, 50)
    assert str(fall) == "ecs in 123456789012/eu-central-1 from 1 to 0"


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
