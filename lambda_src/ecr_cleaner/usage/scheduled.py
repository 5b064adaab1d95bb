"""What rules and schedules have in common: they name task definitions, not images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_cleaner.model import Evidence
from ecr_cleaner.usage.base import usages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model import Usage
    from ecr_cleaner.usage.base import Account


def scheduled(account: Account, task_definition: str, *, source: str, namer: str) -> Iterator[Usage]:
    """The usages of a task definition that something will start later.

    Args:
        account: What is read.
        task_definition: ARN, ``family:revision`` or family.
        source: Name of the source.
        namer: What names it, for people, e.g. ``schedule default/nightly``.

    Yields:
        A usage for each image. None if the task definition is gone for good: that is noted, for the
        next start will fail.
    """
    images = account.task_definitions.images(task_definition)
    if images is None:
        account.notes.append(f"{namer} names task definition {task_definition}, which does not exist any more")
        return
    consumer = f"{namer}, task definition {task_definition.rpartition('/')[2]}"
    for image in images:
        yield from usages_of(image, source=source, consumer=consumer, evidence=Evidence.SCHEDULED)
