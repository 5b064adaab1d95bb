"""What a run says of a plan, in its result and in the log."""

from __future__ import annotations

import json
import logging
import shlex
from typing import TYPE_CHECKING

from ecr_cleaner.approval.policy import ApprovedPlan, proposed
from ecr_cleaner.model.plan import PlanSummary, RetainedImage
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.report.log import LogReporter
from ecr_cleaner.report.summary import SHOWN, plan_json
from ecr_cleaner.run.application import ApplicationState
from tests.builders import REGION, digest
from tests.unit.approval.test_plan import made, repository_plan

if TYPE_CHECKING:
    import pytest

PLAN = made(repository_plan("api", "a", "b"))


def stay(name: str, reason: str = "in_use") -> RetainedImage:
    """An image that stays."""
    return RetainedImage("api", digest(name), (name,), reason, "why")


def applied(*stays: RetainedImage) -> PlanSummary:
    """What a run says of the plan after an evaluation that kept these images."""
    state = ApplicationState(ApprovedPlan(PLAN))
    state.add_evaluation("api", stays)
    return state.summary()


def test_a_proposed_plan_says_what_to_send() -> None:
    """Id, size, expiry, and the command word for word."""
    found = plan_json(proposed(PLAN))
    assert json.loads(json.dumps(found)) == found
    command = found.pop("command")
    assert found == {
        "state": "awaits_approval",
        "id": PLAN.id,
        "expires_at": "2026-03-04T12:00:00+00:00",
        "images": 2,
        "bytes": 2000,
        "stays": {},
        "stays_shown": [],
    }
    words = shlex.split(command)
    assert words[:7] == ["aws", "lambda", "invoke", "--region", REGION, "--function-name", "cleaner"]
    event = json.loads(words[words.index("--payload") + 1])
    assert event == {"schema_version": 1, "action": "apply", "plan": PLAN.id}
    assert words[words.index("--cli-read-timeout") + 1] == "0", "a run takes up to a quarter of an hour"


def test_an_applied_plan_says_what_stays() -> None:
    """By reason, and the first of them by name; a result has a largest size."""
    found = plan_json(applied(*(stay(f"i{number}", "gone" if number else "in_use") for number in range(SHOWN + 5))))
    assert (found["state"], found["command"]) == ("applied", "")
    assert found["stays"] == {"gone": SHOWN + 4, "in_use": 1}
    assert len(found["stays_shown"]) == SHOWN
    assert found["stays_shown"][0].keys() == {"repository", "digest", "tags", "reason", "detail"}


def test_the_log_names_every_image_that_stays(caplog: pytest.LogCaptureFixture) -> None:
    """And that a plan waits."""
    caplog.set_level(logging.DEBUG, logger="ecr_cleaner")
    plan = applied(stay("b"), stay("a", "gone"))
    LogReporter().run(RunResult("id", dry_run=False, region=REGION, plan=plan))
    lines = [vars(line) for line in caplog.records if line.getMessage() == "Image of the approved plan is kept"]
    assert {(line["digest"], line["reason"], line["plan"]) for line in lines} == {
        (digest("a"), "gone", PLAN.id),
        (digest("b"), "in_use", PLAN.id),
    }
    caplog.clear()
    plan = proposed(PLAN)
    LogReporter().run(RunResult("id", dry_run=False, region=REGION, plan=plan))
    first, last = caplog.records
    assert (first.getMessage(), vars(first)["plan"]) == ("Plan waits for approval", plan_json(plan))
    assert vars(last)["summary"]["plan"] == plan_json(plan)
