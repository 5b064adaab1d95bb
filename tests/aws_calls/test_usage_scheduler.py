"""How EventBridge Scheduler is read: every schedule, for the task definition it names in either way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.errors import IncompleteAnswerError, SourceError
from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.usage.sources import scheduler
from tests.aws_calls.consumers import (
    CLUSTER,
    account,
    defines,
    definition,
    tagged,
    undefined,
    written,
)
from tests.builders import ACCOUNT, HOST

if TYPE_CHECKING:
    from ecr_cleaner.usage.source import SourceContext
    from tests.aws_calls.script import Script

LISTING: Final = {"MaxResults": 100}
REPORT = definition("report:3")
SDK: Final = "arn:aws:scheduler:::aws-sdk"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/scheduler"
INPUT: Final = json.dumps({"Cluster": "prod", "TaskDefinition": REPORT})


def schedule(name: str = "nightly", group: str = "default") -> dict[str, str]:
    """A schedule as it is listed: without its target's details."""
    return {"Name": name, "GroupName": group, "State": "DISABLED"}


def listed(script: Script, *schedules: dict[str, str]) -> None:
    """The schedules, on one page."""
    script.pages("scheduler", "list_schedules", "Schedules", schedules or [schedule()], **LISTING)


def starts(script: Script, name: str = "nightly", group: str = "default", arn: str = CLUSTER, **target: Any) -> None:
    """The schedule is asked for, and this is its target."""
    told = {"Target": {"Arn": arn, "RoleArn": ROLE, **target}}
    script.answer("scheduler", "get_schedule", told, GroupName=group, Name=name)


def ecs(name: str = REPORT) -> dict[str, Any]:
    """What the target of an ECS cluster says."""
    return {"TaskDefinitionArn": name}


def used(script: Script, read: SourceContext | None = None) -> list[Usage]:
    """What Scheduler uses."""
    return list(scheduler.collect(read or account(script)))


def usage(reference: Reference, named: str = "report:3", name: str = "default/nightly") -> Usage:
    """A usage by a schedule."""
    return Usage(reference, "scheduler", f"schedule {name}, task definition {named}", UsageKind.SCHEDULED)


@pytest.mark.parametrize(("name", "named"), [(REPORT, "report:3"), (definition("report"), "report")])
def test_an_ecs_target_uses_every_image_of_its_task_definition(script: Script, name: str, named: str) -> None:
    """Also of a disabled schedule; a family means its newest revision, which ECS finds."""
    listed(script)
    starts(script, EcsParameters=ecs(name))
    defines(script, name, tagged("v1"), "nginx", tagged("v2"))
    assert used(script) == [usage(written(), named), usage(written(tagged("v2"), "v2"), named)]


@pytest.mark.parametrize(
    "arn",
    [
        f"{SDK}:ecs:runTask",
        f"{SDK}:ecs:startTask",
        f"{SDK}:ecs:RunTask",
        "arn:aws-cn:scheduler:::aws-sdk:ecs:runTask",
    ],
)
@pytest.mark.parametrize("name", [REPORT, "report:3", "report"])
def test_a_universal_target_uses_the_task_definition_of_its_input(script: Script, arn: str, name: str) -> None:
    """In the forms that ECS itself understands."""
    listed(script)
    starts(script, arn=arn, Input=json.dumps({"TaskDefinition": name}))
    defines(script, name, tagged("v1"))
    assert used(script) == [usage(written(), name.rpartition("/")[2])]


@pytest.mark.parametrize("text", [None, "no JSON", "[]", "7", "null", "{}", '{"taskDefinition": "report"}'])
def test_a_universal_target_whose_input_cannot_be_read_is_an_error(script: Script, text: str | None) -> None:
    """A task will start, and nobody knows from what."""
    listed(script)
    starts(script, arn=f"{SDK}:ecs:runTask", **({} if text is None else {"Input": text}))
    message = "^schedule default/nightly starts an ECS task, but its input names no TaskDefinition that can be read$"
    with pytest.raises(SourceError, match=message):
        used(script)


@pytest.mark.parametrize("arn", [CLUSTER, f"{SDK}:sqs:sendMessage", f"{SDK}:ecs:stopTask", f"{SDK}:batch:runTask"])
def test_any_other_target_uses_nothing(script: Script, arn: str) -> None:
    """It starts no task, whatever its input says."""
    listed(script)
    starts(script, arn=arn, Input=INPUT)
    assert used(script) == []


def test_a_task_definition_that_is_gone_is_noted(script: Script) -> None:
    """The next start will fail, so it protects nothing; the next schedule is read."""
    listed(script, schedule("dead", "shop"), schedule())
    starts(script, "dead", "shop", EcsParameters=ecs(definition("old:1")))
    undefined(script, definition("old:1"))
    starts(script, EcsParameters=ecs())
    defines(script, REPORT, tagged("v1"))
    read = account(script)
    assert used(script, read) == [usage(written())]
    assert read.notes == [
        f"schedule shop/dead names task definition {definition('old:1')}, which does not exist any more"
    ]


def test_a_schedule_deleted_since_it_was_listed_is_passed_over(script: Script) -> None:
    """One-time schedules delete themselves; the next one is read."""
    listed(script, schedule("once"), schedule())
    script.refuse("scheduler", "get_schedule", "ResourceNotFoundException", GroupName="default", Name="once")
    starts(script, EcsParameters=ecs())
    defines(script, REPORT, tagged("v1"))
    listed(script, schedule(), schedule("once", "other"))
    assert used(script) == [usage(written())]


def test_schedules_are_read_page_by_page(script: Script) -> None:
    """Of every group; the second page's schedule counts."""
    first = {"Schedules": [schedule()], "NextToken": "more"}
    script.answer("scheduler", "list_schedules", first, **LISTING)
    starts(script, EcsParameters=ecs())
    defines(script, REPORT, tagged("v1"))
    second = {"Schedules": [schedule("hourly", "shop")]}
    script.answer("scheduler", "list_schedules", second, **LISTING, NextToken="more")
    starts(script, "hourly", "shop", EcsParameters=ecs())
    assert used(script) == [usage(written()), usage(written(), name="shop/hourly")]


def test_an_image_in_the_input_of_any_target_is_in_use(script: Script) -> None:
    """Every API can be called by a schedule, with whatever it takes."""
    script.pages("scheduler", "list_schedules", "Schedules", [{"Name": "n", "GroupName": "default"}], MaxResults=100)
    told = {"ProcessingJobName": "p", "AppSpecification": {"ImageUri": f"{HOST}/etl:v7"}}
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob",
        "RoleArn": "arn:aws:iam::123456789012:role/starts-jobs",
        "Input": json.dumps(told),
    }
    script.answer("scheduler", "get_schedule", {"Target": target}, GroupName="default", Name="n")
    (found,) = scheduler.collect(account(script))
    assert (found.reference.repository, found.reference.tag, found.consumer) == ("etl", "v7", "schedule default/n")


def test_a_target_that_does_not_say_what_it_is_is_no_answer(script: Script) -> None:
    """It may start a task."""
    listed(script)
    script.cut_short("scheduler", "get_schedule", {"Target": {"RoleArn": ROLE}}, GroupName="default", Name="nightly")
    with pytest.raises(IncompleteAnswerError, match="Incomplete response from GetSchedule: field 'Arn' is missing"):
        used(script)
