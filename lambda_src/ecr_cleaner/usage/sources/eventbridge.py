"""ECS tasks that EventBridge rules start, on every bus, the disabled rules included."""

from collections.abc import Iterator
from typing import Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.scheduled import scheduled
from ecr_cleaner.usage.source import TASK_DEFINITION_FIELDS, Grant, RequiredField, Source, SourceContext, usages_in

_NAME: Final = "eventbridge"


def collect(context: SourceContext) -> Iterator[Usage]:
    """Every task definition that a rule's target names.

    Yields:
        Usages of the kind ``scheduled``.
    """
    events = context.aws.client("events")
    for bus in responses.paged(events, "ListEventBuses", "EventBuses", Limit=100):
        arn = responses.member(bus, "Arn", "ListEventBuses")
        rules = responses.paged(events, "ListRules", "Rules", EventBusName=arn, Limit=100)
        for rule in rules:
            rule_name = responses.member(rule, "Name", "ListRules")
            targets = responses.paged(
                events, "ListTargetsByRule", "Targets", Rule=rule_name, EventBusName=arn, Limit=100
            )
            for target in targets:
                # A partner's bus has slashes in its name.
                namer = f"eventbridge rule {arn.partition(':event-bus/')[2]}/{rule_name}"
                # The input of a target may name an image, e.g. CodeBuild's to override the project's.
                for text in (target.get("Input", ""), target.get("InputTransformer", {}).get("InputTemplate", "")):
                    yield from usages_in(text, source=_NAME, consumer=namer, evidence=UsageKind.SCHEDULED)
                if "EcsParameters" in target:  # absent on targets that are no ECS cluster
                    name = responses.member(target["EcsParameters"], "TaskDefinitionArn", "ListTargetsByRule")
                    yield from scheduled(context, name, source=_NAME, namer=namer)


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
            RequiredField("events", "ListTargetsByRule", "Targets[].EcsParameters.TaskDefinitionArn"),
            RequiredField("events", "ListTargetsByRule", "Targets[].Input"),
            RequiredField("events", "ListTargetsByRule", "Targets[].InputTransformer.InputTemplate"),
            *TASK_DEFINITION_FIELDS,
        ),
        collect=collect,
    ),
)
