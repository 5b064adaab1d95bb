"""ECS tasks that EventBridge rules start, on every bus, the disabled rules included."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.scheduled import scheduled
from ecr_cleaner.usage.source import TASK_DEFINITION_FIELDS, Grant, RequiredField, Source, SourceContext
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar

_NAME: Final = "eventbridge"
_RULES: Final = FreeText("events", "ListRules", "Rules[]", Grammar.VARIABLES)
_TEXTS: Final = FreeText("events", "ListTargetsByRule", "Targets[]")


def collect(context: SourceContext) -> Iterator[Usage]:
    """Every task definition that a rule's target names.

    Returns:
        Usages of the kind ``scheduled``.
    """
    buses = partial(context.named, "events", "ListEventBuses", "EventBuses", "Arn", Limit=100)
    return of_each(context, buses, _of_bus)


def _of_bus(context: SourceContext, bus: str) -> Iterator[Usage]:
    described: dict[str, dict[str, Any]] = {}

    def rules() -> Iterator[str]:
        for rule in context.listed("events", "ListRules", "Rules", EventBusName=bus, Limit=100):
            name = responses.member(rule, "Name", "ListRules")
            described[name] = rule
            yield name

    return of_each(context, rules, lambda own, rule: _of_rule(own, bus, rule, described[rule]))


def _of_rule(context: SourceContext, bus: str, rule: str, described: dict[str, Any]) -> Iterator[Usage]:
    # A partner's bus has slashes in its name.
    bus_name = bus.partition(":event-bus/")[2]
    namer = f"eventbridge rule {bus_name}/{rule}"
    # The ARN of a rule of the default bus does not name the bus.
    of_bus = "" if bus_name == "default" else f"{bus_name}/"
    read = partial(_targets, context, rule, bus)
    arn = context.arn("events", f"rule/{of_bus}{rule}")
    events = context.aws.client("events")
    usage = like(_NAME, namer, UsageKind.SCHEDULED, arn)
    yield from usages_of_texts(_RULES, described, events, usage)
    for target in context.readable(arn, read) or ():
        # The input of a target may name an image, e.g. CodeBuild's to override the project's.
        yield from usages_of_texts(_TEXTS, target, events, usage)
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
            RequiredField("events", "ListRules", "Rules[].Name"),
            RequiredField("events", "ListTargetsByRule", "Targets[].EcsParameters.TaskDefinitionArn"),
            RequiredField("events", "ListTargetsByRule", "Targets[].Input"),
            RequiredField("events", "ListTargetsByRule", "Targets[].InputTransformer.InputTemplate"),
            *TASK_DEFINITION_FIELDS,
        ),
        collect=collect,
        texts=(_RULES, _TEXTS, task_definitions.TEXTS),
    ),
)
