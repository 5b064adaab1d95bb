"""The usages of what was found on a consumer: a name, what texts name, a task definition."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.printable import printable
from ecr_cleaner.reference import shown
from ecr_cleaner.usage.image_names import NameReading, read_name
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.mentions import EVERYTHING
from ecr_cleaner.usage.texts.search import SearchResult, search


def read_usages(usage: Usage, text: str, reading: NameReading) -> Iterator[Usage]:
    """The usages of a name. If it cannot be read as it stands, each has the problem, and there is at least one.

    Args:
        usage: What each of them is like.
        text: The name as the consumer wrote it.
        reading: Of the name.
    """
    name = shown(text)
    problem = f"image name '{printable(name)}': {reading.problem}" if reading.problem else ""
    for reference in reading.references or ((Reference(name),) if problem else ()):
        yield replace(usage, reference=reference, problem=problem)


def usages_of_texts(texts: FreeText, item: Any, client: Any, usage: Usage) -> Iterator[Usage]:
    """The usages in all texts of an item of a response that are no image fields.

    Args:
        texts: How they are searched.
        item: Of the response.
        client: Of the service: its model says what is a text of the item.
        usage: What each of them is like.
    """
    for found in searches(texts, item, client):
        yield from searched(found, usage)


def searches(texts: FreeText, item: Any, client: Any) -> tuple[SearchResult, ...]:
    """What is found in all texts of an item of a response that are no image fields; as `usages_of_texts`."""
    output = client.meta.service_model.operation_model(texts.operation).output_shape
    return tuple(search(value, grammar) for grammar, value in texts.parts(item, output))


def usages_of_task_definition(
    definitions: TaskDefinitions, name: str, usage: Usage, *, is_held: bool = False
) -> tuple[Usage, ...] | None:
    """The usages of an ECS task definition: the images of its containers, and what its variables and commands name.

    Args:
        definitions: Of the scan.
        name: ARN, ``family:revision``, or a family.
        usage: What each of them is like.
        is_held: As in `TaskDefinitions.read`.

    Returns:
        None if it is proven not to exist any more.
    """
    definition = definitions.read(name, is_held=is_held)
    if definition is None:
        return None
    named = (one for image in definition.images for one in read_usages(usage, image, read_name(image)))
    return (*named, *searched(definition.texts, usage))


def like(source: str, consumer: str, evidence: UsageKind = UsageKind.CONFIGURED, arn: str = "") -> Usage:
    """What every usage by one consumer is like; the reference is still that of everything.

    Args:
        source: Name of the source.
        consumer: As reports name it.
        evidence: How it was seen.
        arn: Of the consumer, if the response has it.
    """
    return Usage(EVERYTHING, source, consumer, evidence, consumer_arn=arn)


def searched(found: SearchResult, usage: Usage) -> Iterator[Usage]:
    """The usages of what a search found, each like the given one."""
    problem = f"its texts may name any image: {found.problem}" if found.problem else ""
    for reference in found.references:
        yield replace(usage, reference=reference, in_text=True, problem=problem if reference == EVERYTHING else "")
