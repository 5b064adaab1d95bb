"""EventBridge's buses of the second version: whatever their subscribers call, stopped ones too.

A universal target calls any operation of any service with any input, so that is read as a text that may name images,
and as a document that may name ECS task definitions. What becomes of an event on its way is read likewise.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.scheduled import usages_named
from ecr_cleaner.usage.source import TASK_DEFINITION_FIELDS, Grant, RequiredField, Source, SourceContext, arn_of
from ecr_cleaner.usage.texts.named import named_in

_NAME: Final = "eventbridgev2"


def collect(context: SourceContext) -> Iterator[Usage]:
    """Everything that a subscriber's target is called with.

    Returns:
        Usages of the kind ``scheduled``.
    """
    listing = partial(context.named, _NAME, "ListSubscribers", "Subscribers", "SubscriberArn", MaxResults=100)
    return of_each(context, listing, _of_subscriber)


def _of_subscriber(context: SourceContext, arn: str) -> Iterator[Usage]:
    namer = f"eventbridge subscriber {arn.partition(':subscriber/')[2]}"
    for text in _texts(context.aws.client(_NAME).describe_subscriber(SubscriberArn=arn)):
        yield from usages_named(context, named_in(text), source=_NAME, namer=namer, consumer_arn=arn)


def _texts(subscriber: dict[str, Any]) -> Iterator[str]:
    """What the target is called with: the input of a universal one, the parameters of any other, the transformation."""
    called = dict(responses.member(subscriber, "InvokeConfiguration", "DescribeSubscriber"))
    universal = called.pop("UniversalTargetParameters", None)  # absent on other targets
    if universal is not None:
        yield str(responses.member(universal, "Input", "DescribeSubscriber"))
    yield json.dumps(called, default=str)
    yield str(subscriber.get("Transformer", {}).get("JsonataConfiguration", {}).get("Expression", ""))


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Subscribers of EventBridge's buses of the second version, stopped ones too",
        protects="Images and task definitions that the input of a universal target, the parameters of any other and the"
        " transformation name",
        service="eventbridgev2",
        grants=(
            Grant("ListEventBridgeSubscribers", ("events:ListSubscribers",)),
            Grant(
                "ReadEventBridgeSubscribers",
                ("events:DescribeSubscriber",),
                arn_of("events", "subscriber/*"),
            ),
            Grant("ReadTaskDefinitionsOfSubscribers", task_definitions.PERMISSIONS),
        ),
        fields=(
            RequiredField("eventbridgev2", "ListSubscribers", "Subscribers[].SubscriberArn"),
            RequiredField("eventbridgev2", "DescribeSubscriber", "InvokeConfiguration.UniversalTargetParameters.Input"),
            RequiredField("eventbridgev2", "DescribeSubscriber", "Transformer.JsonataConfiguration.Expression"),
            *TASK_DEFINITION_FIELDS,
        ),
        collect=collect,
        texts=(task_definitions.TEXTS,),
        proof="model",
    ),
)
