"""Where an answer names images, for sources that need more than the table can say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_cleaner.errors import SourceError
from ecr_cleaner.model import Evidence
from ecr_cleaner.paths import values
from ecr_cleaner.usage.base import Field, usages_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ecr_cleaner.model import Usage


def texts_at(thing: dict[str, Any], paths: Iterable[str], operation: str) -> list[str]:
    """Every text at the end of some paths, without the empty ones.

    Args:
        thing: A part of an answer.
        paths: As in `ecr_cleaner.paths`; what does not apply is absent.
        operation: As AWS writes it.

    Raises:
        SourceError: The answer is not what its model says.
    """
    try:
        return [str(text) for path in paths for text in values(thing, path) if text]
    except TypeError as error:
        message = f"an answer of {operation} is not what its model says: {error}"
        raise SourceError(message) from None


def usages_at(  # noqa: PLR0913 - what a usage says, each by name
    thing: dict[str, Any],
    paths: Iterable[str],
    operation: str,
    *,
    source: str,
    consumer: str,
    evidence: Evidence = Evidence.CONFIGURED,
) -> Iterator[Usage]:
    """The usages that the image fields of a consumer make.

    Args:
        thing: A part of an answer.
        paths: To the references.
        operation: As AWS writes it.
        source: Name of the source.
        consumer: For people.
        evidence: How it was seen.

    Raises:
        SourceError: The answer is not what its model says.
        UnreadableReferenceError: A text looks like ECR and cannot be read.
    """
    for text in texts_at(thing, paths, operation):
        yield from usages_of(text, source=source, consumer=consumer, evidence=evidence)


def fields_at(service: str, operation: str, items: str, paths: Iterable[str]) -> tuple[Field, ...]:
    """The same paths as members of an answer.

    Args:
        service: botocore's name.
        operation: As AWS writes it.
        items: Path to what holds them, with ``[]`` if there are several; empty: the answer itself.
        paths: To the references.
    """
    return tuple(Field(service, operation, ".".join(filter(None, (items, path)))) for path in paths)
