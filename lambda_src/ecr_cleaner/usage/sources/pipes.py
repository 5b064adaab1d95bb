"""ECS tasks that EventBridge pipes start, the stopped pipes included."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.scheduled import noted_if_dynamic, scheduled
from ecr_cleaner.usage.source import TASK_DEFINITION_FIELDS, Grant, RequiredField, Source, SourceContext, arn_of
from ecr_cleaner.usage.texts.free_text import FreeText

_NAME: Final = "pipes"
_TEXTS: Final = FreeText("pipes", "DescribePipe")
_CLUSTER: Final = re.compile(r"arn:[^:]+:ecs:[^:]*:[^:]*:cluster/.+")


def collect(context: SourceContext) -> Iterator[Usage]:
    """Every task definition that a pipe's target names.

    Returns:
        Usages of the kind ``scheduled``.

    Raises:
        IncompleteAnswerError: A pipe ends at an ECS cluster and names no task definition.
    """
    listing = partial(context.named, _NAME, "ListPipes", "Pipes", "Name", Limit=100)
    return of_each(context, listing, _of_pipe)


def _of_pipe(context: SourceContext, name: str) -> Iterator[Usage]:
    pipes = context.aws.client(_NAME)
    arn = context.arn("pipes", f"pipe/{name}")
    answer = context.readable(arn, partial(pipes.describe_pipe, Name=name))
    if answer is None:
        return
    task_definition = _task_definition(answer)
    namer = f"eventbridge pipe {name}"
    # Templates of inputs, parameters of pipelines, and what a task overrides may name an image.
    yield from usages_of_texts(_TEXTS, answer, pipes, like(_NAME, namer, UsageKind.SCHEDULED, arn))
    if task_definition is not None and not noted_if_dynamic(context, task_definition, namer):
        yield from scheduled(context, task_definition, source=_NAME, namer=namer)


def _task_definition(pipe: dict[str, Any]) -> str | None:
    # Both are absent on pipes that end elsewhere.
    parameters = pipe.get("TargetParameters", {}).get("EcsTaskParameters")
    if parameters is None:
        if _CLUSTER.fullmatch(responses.member(pipe, "Target", "DescribePipe")) is None:
            return None
        parameters = responses.member(pipe, "TargetParameters.EcsTaskParameters", "DescribePipe")
    return str(responses.member(parameters, "TaskDefinitionArn", "DescribePipe"))


SOURCES: Final = (
    Source(
        name=_NAME,
        title="EventBridge pipes, stopped ones too",
        protects="The task definition of every ECS target; images that templates, parameters and overrides name",
        service="pipes",
        grants=(
            Grant("ListPipes", ("pipes:ListPipes",)),
            Grant("ReadPipes", ("pipes:DescribePipe",), arn_of("pipes", "pipe/*")),
            Grant("ReadTaskDefinitionsOfPipes", task_definitions.PERMISSIONS),
        ),
        fields=(
            RequiredField("pipes", "ListPipes", "Pipes[].Name"),
            RequiredField("pipes", "DescribePipe", "Target"),
            RequiredField("pipes", "DescribePipe", "TargetParameters.EcsTaskParameters.TaskDefinitionArn"),
            *TASK_DEFINITION_FIELDS,
        ),
        collect=collect,
        texts=(_TEXTS, task_definitions.TEXTS),
    ),
)
