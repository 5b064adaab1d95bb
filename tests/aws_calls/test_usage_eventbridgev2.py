"""How subscribers of EventBridge's buses of the second version are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.sources import eventbridgev2
from tests.aws_calls.consumers import account, defines, definition, tagged, undefined, written
from tests.builders import ACCOUNT, REGION

if TYPE_CHECKING:
    from ecr_cleaner.usage.source import SourceContext
    from tests.aws_calls.script import Script

ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/starts-tasks"
REPORT: Final = definition("report:3")
NAME: Final = "reports/0123456789abcdefghijklmno"


def arn(name: str = NAME) -> str:
    """Of a subscriber."""
    return f"arn:aws:events:{REGION}:{ACCOUNT}:subscriber/{name}"


def subscribes(script: Script, called: dict[str, Any], **more: Any) -> None:
    """There is one subscriber."""
    script.answer("eventbridgev2", "list_subscribers", {"Subscribers": [{"SubscriberArn": arn()}]}, MaxResults=100)
    told = {"InvokeConfiguration": {"RoleArn": ROLE, "TargetArn": "arn:aws:events:::aws-sdk:ecs:runTask", **called}}
    script.answer("eventbridgev2", "describe_subscriber", told | more, SubscriberArn=arn())


def universal(told: object) -> dict[str, Any]:
    """What a universal target is called with."""
    return {"UniversalTargetParameters": {"Input": told if isinstance(told, str) else json.dumps(told)}}


def used(script: Script, read: SourceContext | None = None) -> list[Usage]:
    """What subscribers use."""
    return list(eventbridgev2.collect(read or account(script)))


def usage(named: str = "") -> Usage:
    """A usage by the subscriber."""
    consumer = f"eventbridge subscriber {NAME}" + (f", task definition {named}" if named else "")
    return Usage(written(), "eventbridgev2", consumer, UsageKind.SCHEDULED)


@pytest.mark.parametrize(
    ("called", "more"),
    [
        (universal({"TrainingJobName": "x", "AlgorithmSpecification": {"TrainingImage": tagged("v1")}}), {}),
        (universal(f"{{% {{'Image': '{tagged('v1')}', 'Name': $events.Data.name}} %}}"), {}),
        ({"SqsParameters": {"MessageAttributes": {"image": {"StringValue": tagged("v1")}}}}, {}),
        (
            {},
            {
                "Transformer": {
                    "Type": "JSONATA",
                    "JsonataConfiguration": {"Expression": f"{{'image': '{tagged('v1')}'}}"},
                }
            },
        ),
    ],
    ids=["input", "expression", "parameters", "transformation"],
)
def test_an_image_anywhere_in_what_is_called_is_used(
    script: Script, called: dict[str, Any], more: dict[str, Any]
) -> None:
    """Whatever the target is."""
    subscribes(script, called, **more)
    assert used(script) == [usage()]


@pytest.mark.parametrize(
    "told",
    [
        {"Cluster": "prod", "TaskDefinition": REPORT},
        {"taskDefinition": REPORT},
        {"Overrides": {"ContainerOverrides": [{"Environment": [{"Name": "NEXT", "Value": REPORT}]}]}},
        f"{{% {{'TaskDefinition': '{REPORT}', 'Cluster': $events.Data.cluster}} %}}",
    ],
)
def test_a_task_definition_that_is_started_is_used(script: Script, told: object) -> None:
    """By ECS's own member, or by its whole name anywhere."""
    subscribes(script, universal(told))
    defines(script, REPORT, tagged("v1"))
    assert used(script) == [usage("report:3")]


def test_a_task_definition_that_is_chosen_later_is_noted(script: Script) -> None:
    """It cannot be known before."""
    subscribes(script, universal("{% {'TaskDefinition': $events.Data.definition} %}"))
    read = account(script)
    assert used(script, read) == []
    assert read.notes[0].startswith(f"eventbridge subscriber {NAME} chooses a task definition only when it starts one")


def test_a_task_definition_that_is_gone_is_noted(script: Script) -> None:
    """The next start will fail, so it protects nothing."""
    subscribes(script, universal({"TaskDefinition": REPORT}))
    undefined(script, REPORT)
    read = account(script)
    assert used(script, read) == []
    assert "which does not exist any more" in read.notes[0]


@pytest.mark.parametrize("there", ["eu-west-3:123456789012", f"{REGION}:999999999999"])
def test_a_task_definition_of_elsewhere_is_noted(script: Script, there: str) -> None:
    """It cannot be read with these clients."""
    elsewhere = f"arn:aws:ecs:{there}:task-definition/report:3"
    subscribes(script, universal({"TaskDefinition": elsewhere}))
    read = account(script)
    assert used(script, read) == []
    assert f"names task definition {elsewhere}, which is not in {ACCOUNT}/{REGION}" in read.notes[0]


def test_subscribers_are_read_page_by_page(script: Script) -> None:
    """One that is listed no more is passed over."""
    gone = {"SubscriberArn": arn("gone/0123456789abcdefghijklmno")}
    script.answer("eventbridgev2", "list_subscribers", {"Subscribers": [gone], "NextToken": "more"}, MaxResults=100)
    script.refuse("eventbridgev2", "describe_subscriber", "ResourceNotFoundException", **gone)
    rest = {"Subscribers": [{"SubscriberArn": arn()}]}
    script.answer("eventbridgev2", "list_subscribers", rest, MaxResults=100, NextToken="more")
    called = {"RoleArn": ROLE, "TargetArn": "x", **universal({"Image": tagged("v1")})}
    script.answer("eventbridgev2", "describe_subscriber", {"InvokeConfiguration": called}, SubscriberArn=arn())
    script.answer("eventbridgev2", "list_subscribers", rest, MaxResults=100)
    assert used(script) == [usage()]
