"""ECS tasks that EventBridge rules start, on every bus, the disabled rules included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecr_cleaner import aws
from ecr_cleaner.model import Evidence
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.base import Account, Field, Grant, Source, usages_in
from ecr_cleaner.usage.scheduled import scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model import Usage

_NAME: Final = "eventbridge"


def collect(account: Account) -> Iterator[Usage]:
    """Every task definition that a rule's target names.

    Yields:
        Usages of the kind ``scheduled``.
    """
    events = account.aws.client("events")
    for bus in aws.paged(events, "ListEventBuses", "EventBuses", token="NextToken", Limit=100):  # noqa: S106
        arn = aws.member(bus, "Arn", "ListEventBuses")
        rules = aws.paged(
            events,
            "ListRules",
            "Rules",
            token="NextToken",  # noqa: S106 - the name of a page token, here and below
            EventBusName=arn,
            Limit=100,
        )
        for rule in rules:
            rule_name = aws.member(rule, "Name", "ListRules")
            targets = aws.paged(
                events,
                "ListTargetsByRule",
                "Targets",
                token="NextToken",  # noqa: S106
                Rule=rule_name,
                EventBusName=arn,
                Limit=100,
            )
            for target in targets:
                # A partner's bus has slashes in its name.
                namer = f"eventbridge rule {arn.partition(':event-bus/')[2]}/{rule_name}"
                # What a target is told may name an image, e.g. CodeBuild's to override its own.
                for text in (target.get("Input", ""), target.get("InputTransformer", {}).get("InputTemplate", "")):
                    yield from usages_in(text, source=_NAME, consumer=namer, evidence=Evidence.SCHEDULED)
                if "EcsParameters" in target:  # absent on targets that are no ECS cluster
                    name = aws.member(target["EcsParameters"], "TaskDefinitionArn", "ListTargetsByRule")
                    yield from scheduled(account, name, source=_NAME, namer=namer)


SOURCES: Final = (
    Source(
        name=_NAME,
        title="EventBridge rules on every bus, disabled ones too",
        protects="The task definition of every ECS target; images that the input of any target names",
        service="events",
        grants=(
            Grant("ReadEventBridgeRules", ("events:ListEventBuses", "events:ListRules", "events:ListTargetsByRule")),
            Grant("ReadTaskDefinitionsOfRules", task_definitions.PERMISSIONS),
        ),
        fields=(
            Field("events", "ListTargetsByRule", "Targets[].EcsParameters.TaskDefinitionArn"),
            Field("events", "ListTargetsByRule", "Targets[].Input"),
            Field("events", "ListTargetsByRule", "Targets[].InputTransformer.InputTemplate"),
            *task_definitions.FIELDS,
        ),
        collect=collect,
    ),
)
