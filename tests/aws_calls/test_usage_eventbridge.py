"""How EventBridge is read: every bus, every rule, every target, for the task definitions they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.usage.sources import eventbridge
from tests.aws_calls.consumers import (
    CLUSTER,
    account,
    defines,
    definition,
    tagged,
    undefined,
    written,
)
from tests.builders import ACCOUNT, HOST, REGION

if TYPE_CHECKING:
    from ecr_cleaner.usage.source import SourceContext
    from tests.aws_calls.script import Script

LISTING: Final = {"Limit": 100}
REPORT = definition("report:3")


def arn(bus: str) -> str:
    """The ARN of a bus."""
    return f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}"


def buses(script: Script, *pages: list[str]) -> None:
    """The buses, by name."""
    told = [[{"Name": name, "Arn": arn(name)} for name in page] for page in pages]
    script.pages("events", "list_event_buses", "EventBuses", *told, **LISTING)


def rules(script: Script, *pages: list[str], bus: str = "default") -> None:
    """The rules of a bus, by name; none of them is enabled."""
    told = [[{"Name": name, "State": "DISABLED"} for name in page] for page in pages]
    script.pages("events", "list_rules", "Rules", *told, EventBusName=arn(bus), **LISTING)


def targets(script: Script, *pages: list[str | None], rule: str = "nightly", bus: str = "default") -> None:
    """The targets of a rule, by task definition; None is one that starts no task."""
    told = [[target(name) for name in page] for page in pages]
    script.pages("events", "list_targets_by_rule", "Targets", *told, **of_rule(rule, bus), **LISTING)


def of_rule(name: str, bus: str = "default") -> dict[str, str]:
    """How the targets of a rule are asked for."""
    return {"Rule": name, "EventBusName": arn(bus)}


def target(task_definition: str | None) -> dict[str, Any]:
    """A target as EventBridge tells it."""
    told: dict[str, Any] = {"Id": "1", "Arn": CLUSTER}
    return told if task_definition is None else told | {"EcsParameters": {"TaskDefinitionArn": task_definition}}


def one_rule(script: Script, *names: str | None) -> None:
    """One bus with one rule with these targets."""
    buses(script, ["default"])
    rules(script, ["nightly"])
    targets(script, list(names))


def used(script: Script, read: SourceContext | None = None) -> list[Usage]:
    """What EventBridge uses."""
    return list(eventbridge.collect(read or account(script)))


def usage(reference: Reference, named: str = "report:3", rule: str = "default/nightly") -> Usage:
    """A usage by a rule."""
    consumer = f"eventbridge rule {rule}, task definition {named}"
    return Usage(reference, "eventbridge", consumer, UsageKind.SCHEDULED)


@pytest.mark.parametrize(("name", "named"), [(REPORT, "report:3"), (definition("report"), "report")])
def test_a_target_uses_every_image_of_its_task_definition(script: Script, name: str, named: str) -> None:
    """Also of a disabled rule; a family means its newest revision, which ECS finds."""
    one_rule(script, None, name)
    defines(script, name, tagged("v1"), "nginx", tagged("v2"))
    assert used(script) == [usage(written(), named), usage(written(tagged("v2"), "v2"), named)]


@pytest.mark.parametrize("name", ["shop", "aws.partner/example.com/shop"])
def test_a_bus_is_called_by_what_its_arn_says(script: Script, name: str) -> None:
    """Its name is not needed beside that; a partner's has slashes in it."""
    script.answer("events", "list_event_buses", {"EventBuses": [{"Arn": arn(name)}]}, **LISTING)
    rules(script, ["nightly"], bus=name)
    targets(script, [REPORT], bus=name)
    defines(script, REPORT, tagged("v1"))
    assert used(script) == [usage(written(), rule=f"{name}/nightly")]


def test_nothing_is_used_where_nothing_is(script: Script) -> None:
    """A bus without rules, a rule without targets, a target that starts no task."""
    buses(script, ["empty", "default"])
    rules(script, [], bus="empty")
    rules(script, ["idle", "nightly"])
    # The model does not know of rules without targets, but EventBridge does.
    script.cut_short("events", "list_targets_by_rule", {"Targets": []}, **of_rule("idle"), **LISTING)
    targets(script, [None])
    assert used(script) == []


def test_a_task_definition_that_is_gone_is_noted(script: Script) -> None:
    """The next start will fail, so it protects nothing; the next target is read."""
    one_rule(script, definition("old:1"), REPORT)
    undefined(script, definition("old:1"))
    defines(script, REPORT, tagged("v1"))
    read = account(script)
    assert used(script, read) == [usage(written())]
    assert read.notes == [
        f"eventbridge rule default/nightly names task definition {definition('old:1')}, which does not exist any more"
    ]


def test_buses_rules_and_targets_are_read_page_by_page(script: Script) -> None:
    """What stands on a second page counts, at each of the three levels."""
    arns = [{"Name": name, "Arn": arn(name)} for name in ("default", "shop")]
    names = ["a:1", "b:1", "c:1", "d:1"]
    script.answer("events", "list_event_buses", {"EventBuses": arns[:1], "NextToken": "more"}, **LISTING)
    rules(script, [])
    script.answer("events", "list_event_buses", {"EventBuses": arns[1:]}, **LISTING, NextToken="more")
    asked = {"EventBusName": arn("shop"), **LISTING}
    script.answer("events", "list_rules", {"Rules": [{"Name": "first"}], "NextToken": "more"}, **asked)
    targets(script, ["a:1"], ["b:1"], rule="first", bus="shop")
    script.answer("events", "list_rules", {"Rules": [{"Name": "second"}]}, **asked, NextToken="more")
    targets(script, ["c:1"], ["d:1"], rule="second", bus="shop")
    for name in names:
        defines(script, name, tagged("v1"))
    assert used(script) == [
        usage(written(), name, f"shop/{rule}")
        for name, rule in zip(names, ("first", "first", "second", "second"), strict=True)
    ]


@pytest.mark.parametrize(
    "told",
    [
        {"Input": f'{{"imageOverride": "{HOST}/build:v7"}}'},
        {"InputTransformer": {"InputTemplate": f'{{"imageOverride": "{HOST}/build:v7"}}'}},
    ],
    ids=lambda told: next(iter(told)),
)
def test_an_image_in_what_a_target_is_told_is_in_use(script: Script, told: dict[str, Any]) -> None:
    """A build may be started with an image that no project names."""
    bus = "arn:aws:events:us-east-1:123456789012:event-bus/default"
    script.pages("events", "list_event_buses", "EventBuses", [{"Name": "default", "Arn": bus}], Limit=100)
    script.pages("events", "list_rules", "Rules", [{"Name": "r"}], EventBusName=bus, Limit=100)
    target = {"Id": "1", "Arn": "arn:aws:codebuild:us-east-1:123456789012:project/p", **told}
    script.pages("events", "list_targets_by_rule", "Targets", [target], Rule="r", EventBusName=bus, Limit=100)
    (found,) = eventbridge.collect(account(script))
    assert (found.reference.repository, found.reference.tag) == ("build", "v7")
