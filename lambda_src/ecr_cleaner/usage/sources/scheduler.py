"""ECS tasks that EventBridge Scheduler starts, in every group, the disabled schedules included."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.schema import read_json
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.scheduled import scheduled
from ecr_cleaner.usage.source import (
    TASK_DEFINITION_FIELDS,
    Grant,
    RequiredField,
    Source,
    SourceContext,
    arn_of,
)
from ecr_cleaner.usage.texts.free_text import FreeText

_NAME: Final = "scheduler"
_TEXTS: Final = FreeText("scheduler", "GetSchedule")
_RUN_TASK: Final = ":scheduler:::aws-sdk:ecs:runtask"
_START_TASK: Final = ":scheduler:::aws-sdk:ecs:starttask"


def collect(context: SourceContext) -> Iterator[Usage]:
    """Every task definition that a schedule names, by an ECS target or by a universal one.

    Returns:
        Usages of the kind ``scheduled``.

    Raises:
        SourceError: A universal target's input cannot be read.
    """
    return of_each(context, partial(_listed, context), _of_schedule)


def _listed(context: SourceContext) -> Iterator[tuple[str, str]]:
    """Group and name of every schedule; one-time schedules delete themselves."""
    for schedule in context.listed(_NAME, "ListSchedules", "Schedules", MaxResults=100):
        group = responses.member(schedule, "GroupName", "ListSchedules")
        yield group, responses.member(schedule, "Name", "ListSchedules")


def _of_schedule(context: SourceContext, schedule: tuple[str, str]) -> Iterator[Usage]:
    group, name = schedule
    scheduler = context.aws.client(_NAME)
    read = partial(scheduler.get_schedule, GroupName=group, Name=name)
    arn = context.arn("scheduler", f"schedule/{group}/{name}")
    answer = context.readable(arn, read)
    if answer is None:
        return
    target = responses.member(answer, "Target", "GetSchedule")
    namer = f"schedule {group}/{name}"
    task_definition = _task_definition(target, namer)
    if task_definition is not None:
        yield from scheduled(context, task_definition, source=_NAME, namer=namer)
    # Any API can be called with any input, e.g. SageMaker's with an image.
    yield from usages_of_texts(_TEXTS, answer, scheduler, like(_NAME, namer, UsageKind.SCHEDULED, arn))


def _task_definition(target: dict[str, Any], namer: str) -> str | None:
    if "EcsParameters" in target:  # absent unless the target is an ECS cluster
        return str(responses.member(target["EcsParameters"], "TaskDefinitionArn", "GetSchedule"))
    if not str(responses.member(target, "Arn", "GetSchedule")).lower().endswith((_RUN_TASK, _START_TASK)):
        return None
    try:
        task_definition = read_json(target["Input"])["TaskDefinition"]
    except (KeyError, TypeError, ValueError):
        task_definition = None
    if not isinstance(task_definition, str):
        message = f"{namer} starts an ECS task, but its input names no TaskDefinition that can be read"
        raise SourceError(message)
    return task_definition


SOURCES: Final = (
    Source(
        name=_NAME,
        title="EventBridge Scheduler schedules in every group, disabled ones too",
        protects="The task definition of every ECS target, and of the universal targets `ecs:runTask` and"
        " `ecs:startTask`; images that the input of any target names",
        service="scheduler",
        grants=(
            Grant("ListSchedules", ("scheduler:ListSchedules",)),
            Grant("ReadSchedules", ("scheduler:GetSchedule",), arn_of("scheduler", "schedule/*/*")),
            Grant("ReadTaskDefinitionsOfSchedules", task_definitions.PERMISSIONS),
        ),
        fields=(
            RequiredField("scheduler", "GetSchedule", "Target.EcsParameters.TaskDefinitionArn"),
            RequiredField("scheduler", "GetSchedule", "Target.Input"),
            *TASK_DEFINITION_FIELDS,
        ),
        collect=collect,
        texts=(_TEXTS, task_definitions.TEXTS),
    ),
)
