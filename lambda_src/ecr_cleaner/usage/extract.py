"""Reads image references at given paths of a response, for sources that are not declarative."""

from collections.abc import Iterable
from typing import Any

from ecr_cleaner.aws.response_paths import values
from ecr_cleaner.errors import SourceError
from ecr_cleaner.usage.source import RequiredField


def texts_at(thing: dict[str, Any], paths: Iterable[str], operation: str) -> list[str]:
    """Every non-empty text at the given paths.

    Args:
        thing: A part of a response.
        paths: As in `ecr_cleaner.aws.response_paths`; a path that the response does not have yields nothing.
        operation: As AWS writes it.

    Raises:
        SourceError: The response does not match its service model.
    """
    try:
        return [str(text) for path in paths for text in values(thing, path) if text]
    except TypeError as error:
        message = f"a response of {operation} does not match its service model: {error}"
        raise SourceError(message) from None


def fields_at(service: str, operation: str, items: str, paths: Iterable[str]) -> tuple[RequiredField, ...]:
    """The same paths as required fields of a response.

    Args:
        service: botocore's name.
        operation: As AWS writes it.
        items: Path to the structure that has them, with ``[]`` for a list; empty: the response itself.
        paths: To the references.
    """
    return tuple(RequiredField(service, operation, ".".join(filter(None, (items, path)))) for path in paths)
