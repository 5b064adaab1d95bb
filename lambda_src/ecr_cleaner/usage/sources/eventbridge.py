"""ECS tasks that EventBridge rules start, on every bus, the disabled rules included."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.responses import of_each
from ecr_cleaner.usage.scheduled import scheduled
from ecr_cleaner.usage.source import TASK_DEFINITION_FIELDS, Grant, RequiredField, Source, SourceContext
from ecr_cleaner.usage.texts.free_text import FreeText

_NAME: Final = "eventbridge"
_TEXTS: Final = FreeText("events", "ListTargetsByRule", "Targets[]")


def collect(context: SourceContext) -> Iterator[Usage]:
    """Every task definition that a rule's target names.

    Returns:
        Usages of the kind ``scheduled``.
    """
    buses = partial(context.named, "events", "ListEventBuses", "EventBuses", "Arn", Limit=100)
    return of_each(buses, partial(_of_bus, context))


def _of_bus(context: SourceContext, bus: str) -> Iterator[Usage]:
    rules = partial(context.named, "events", "ListRules", "Rules", "Name", EventBusName=bus, Limit=100)
    return of_each(rules, partial(_of_rule, context, bus))


def _of_rule(context: SourceContext, bus: str, rule: str) -> Iterator[Usage]:
    # A partner's bus has slashes in its name.
    bus_name = bus.partition(":event-bus/")[2]
    namer = f"eventbridge rule {bus_name}/{rule}"
    # The ARN of a rule of the default bus does not name the bus.
    of_bus = "" if bus_name == "default" else f"{bus_name}/"
    read = partial(_targets, context, rule, bus)
    arn = context.arn("events", f"rule/{of_bus}{rule}")
    for target in context.readable(arn, read) or ():
        # The input of a target may name an image, e.g. CodeBuild's to override the project's.
        yield from usages_of_texts(
            _TEXTS, target, context.aws.client("events"), like(_NAME, namer, UsageKind.SCHEDULED, arn)
        )
        if "EcsParameters" in target:  # absent on targets that are no ECS cluster
            name = responses.member(target["EcsParameters"], "TaskDefinitionArn", "ListTargetsByRule")
            yield from scheduled(context, name, source=_NAME, namer=namer)


def _targets(context: SourceContext, rule: str, bus: str) -> list[dict[str, Any]]:
    return list(context.listed("events", "ListTargetsByRule", "Targets", Rule=rule, EventBusName=bus, Limit=100))


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
        texts=(_TEXTS, task_definitions.TEXTS),
    ),
)
