"""Images that rules, schedules, pipes and state machines start: these name task definitions, not images."""

import re
from collections.abc import Iterator
from typing import Final

from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.source import SourceContext, usages_of

# The names that ECS assigns; anything else is a placeholder that is filled in at each start.
_NAME: Final = re.compile(r"(?:arn:[^:\s]+:ecs:[^:\s]*:\d{12}:task-definition/)?[\w-]{1,255}(?::\d+)?", re.ASCII)
# Where a name stands in an input; an expression may have secrets in it.
_PATH: Final = re.compile(r"(?:\{% ?)?\$[\w.$]{0,70}(?: ?%\})?|", re.ASCII)


def noted_if_dynamic(context: SourceContext, task_definition: str, namer: str) -> bool:
    """Whether a task definition is only known at each start; if so, a note says it.

    Args:
        context: What the source reads from.
        task_definition: A name as ECS assigns it, or a path or an expression that yields one.
        namer: The resource that names it, as reports name that.
    """
    if _NAME.fullmatch(task_definition):
        return False
    written = task_definition if _PATH.fullmatch(task_definition) else "an expression"
    context.notes.append(
        f"{namer} chooses a task definition only when it starts one ({written}): nothing but the source ecs_families"
        " protects its images"
    )
    return True


def scheduled(context: SourceContext, task_definition: str, *, source: str, namer: str) -> Iterator[Usage]:
    """The usages of a task definition that a resource will start later.

    Args:
        context: What the source reads from.
        task_definition: ARN, ``family:revision`` or family.
        source: Name of the source.
        namer: The resource that names it, e.g. ``schedule default/nightly``.

    Yields:
        A usage for each image. None if the task definition does not exist any more: a note says so, because the
        next start will fail.
    """
    images = context.task_definitions.images(task_definition)
    if images is None:
        context.notes.append(f"{namer} names task definition {task_definition}, which does not exist any more")
        return
    consumer = f"{namer}, task definition {task_definition.rpartition('/')[2]}"
    for image in images:
        yield from usages_of(image, source=source, consumer=consumer, evidence=UsageKind.SCHEDULED)
