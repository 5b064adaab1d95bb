"""What the settings and an event say of approval, and that the settings win."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_cleaner.compose import KNOWN_SOURCES
from ecr_cleaner.errors import SettingsError
from ecr_cleaner.settings.loader import Settings, for_invocation, from_environment
from ecr_cleaner.settings.request import ApplyRequest, read_request
from ecr_cleaner.settings.schema import Storage

PLACE = {"bucket": "shared", "prefix": "ecr-cleaner/1/"}
REQUIRED: dict[str, Any] = {"require_approval": True, "storage": PLACE}
PLAN = "0123456789abcdef" * 4
EVENT = {"schema_version": 1, "action": "apply", "plan": PLAN}


def environment(dry_run: str = "false", **document: Any) -> dict[str, str]:
    """Of a function."""
    return {"DRY_RUN": dry_run, "ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 1} | document)}


def told(**document: Any) -> Settings:
    """What it is told."""
    return from_environment(environment(**document), KNOWN_SOURCES)


def test_without_a_word_nobody_is_asked() -> None:
    """The default, and how long a plan would be good for."""
    assert (told().require_approval, told().plan_expiry_hours, told().plans) == (False, 72, None)
    assert told(storage=PLACE).plans is None


def test_what_is_said_is_read() -> None:
    """With the place of the plans."""
    found = told(**REQUIRED, plan_expiry_hours=1)
    plans = Storage(bucket="shared", prefix="ecr-cleaner/1/plans/")
    assert (found.require_approval, found.plan_expiry_hours, found.plans) == (True, 1, plans)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"require_approval": "true", "storage": PLACE}, "require_approval"),
        ({"require_approval": 1, "storage": PLACE}, "require_approval"),
        ({"require_approval": None}, "require_approval"),
        ({"require_approval": True}, "storage: require_approval = true needs a bucket for the plans, got None"),
        ({"require_approval": True, "storage": None}, "storage: require_approval = true needs a bucket for the plans"),
        ({"plan_expiry_hours": 0}, "plan_expiry_hours"),
        ({"plan_expiry_hours": 721}, "plan_expiry_hours"),
        ({"plan_expiry_hours": 1.5}, "plan_expiry_hours"),
        ({"plan_expiry_hours": "72"}, "plan_expiry_hours"),
        (REQUIRED | {"storage": PLACE | {"prefix": "plans"}}, "storage: prefix"),
        (REQUIRED | {"storage": PLACE | {"bucket": ""}}, "storage: bucket"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_an_error(document: dict[str, Any], problem: str) -> None:
    """It names the place."""
    with pytest.raises(SettingsError) as raised:
        told(**document)
    assert any(f"ECR_CLEANER_SETTINGS: {problem}" in one for one in raised.value.problems)


def test_an_event_names_a_plan() -> None:
    """And may ask what would go."""
    assert read_request(EVENT) == ApplyRequest(schema_version=1, action="apply", plan=PLAN)
    asked, event = for_invocation(environment(**REQUIRED), EVENT | {"dry_run": True}, KNOWN_SOURCES)
    assert (asked.dry_run, event) == (True, ApplyRequest(schema_version=1, action="apply", plan=PLAN, dry_run=True))
    asked, event = for_invocation(environment(**REQUIRED), EVENT, KNOWN_SOURCES)
    assert (asked.dry_run, event) == (False, ApplyRequest(schema_version=1, action="apply", plan=PLAN))


@pytest.mark.parametrize(
    "change",
    [
        {"plan": PLAN.upper()},
        {"plan": PLAN[:-1]},
        {"plan": f"{PLAN}\n"},
        {"plan": f"../{PLAN[3:]}"},
        {"plan": {"repositories": []}},
        {"plan": None},
        {"repositories": []},
        {"dry_run": False},
        {"schema_version": 2},
        {"schema_version": None},
        {"force": True},
    ],
    ids=str,
)
def test_an_event_carries_an_id_and_never_a_plan(change: dict[str, Any]) -> None:
    """Nothing else is understood."""
    with pytest.raises(SettingsError):
        read_request(EVENT | change)


def test_the_settings_win() -> None:
    """Over every event; all that is against it is told at once."""
    for more in ({}, {"dry_run": True}):
        with pytest.raises(SettingsError) as raised:
            for_invocation(environment("true"), EVENT | more, KNOWN_SOURCES)
        assert raised.value.problems == (
            (
                "event: action: apply: dry_run is true: nothing is removed, and no plan is carried out,"
                " whoever approves of it"
            ),
            "event: action: apply: require_approval is false: no plan waits for approval, every run removes by itself",
        )


def test_equal_settings_have_an_equal_hash() -> None:
    """In whatever order they are told."""
    one = told(protected_images=["a:1", "b:1", "c:1"], accepted_gaps={"source:ecs": "known", "source:lambda": "known"})
    other = told(
        accepted_gaps={"source:lambda": "known", "source:ecs": "known"}, protected_images=["c:1", "a:1", "b:1"]
    )
    assert one.sha256 == other.sha256


def test_a_dry_run_does_not_change_the_hash() -> None:
    """A plan that is looked at first is the same plan."""
    assert (
        from_environment(environment("true"), KNOWN_SOURCES).sha256
        == from_environment(environment("false"), KNOWN_SOURCES).sha256
    )


def test_every_setting_counts() -> None:
    """Whoever approved did so of what these settings remove."""
    changes: list[dict[str, Any]] = [
        {},
        REQUIRED,
        REQUIRED | {"plan_expiry_hours": 71},
        REQUIRED | {"storage": PLACE | {"bucket": "other"}},
        {"accepted_gaps": {"eks:*": "known"}},
        {"accepted_gaps": {"source:ecs": "known"}},
        {"accepted_gaps": {"source:ecs": "for another reason"}},
        {"protected_images": ["a:1"]},
        {"minimum_keep_days": 2},
        {"max_removals_per_run": 1},
        {"keep_recently_used_days": 1},
        {"grace_days": 2},
        {"retention_rules": [{"repositories": ["a"], "keep": True}]},
        {"retention_rules": [{"repositories": ["a"], "keep": True}, {"repositories": ["b"], "keep": True}]},
        {"retention_rules": [{"repositories": ["b"], "keep": True}, {"repositories": ["a"], "keep": True}]},
        {"task_definition_revisions": "all"},
    ]
    hashes = [told(**change).sha256 for change in changes]
    hashes.append(from_environment(environment() | {"DEFAULT_KEEP_DAYS": "31"}, KNOWN_SOURCES).sha256)
    assert len(set(hashes)) == len(changes) + 1
