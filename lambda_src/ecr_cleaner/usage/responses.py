"""Batches of requested ids, resources that are gone, and responses that leave something out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.errors import SourceError


def in_batches(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of at most `size` items; none if there are no items."""
    batch: list[str] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def unless_gone(describe: Callable[..., dict[str, Any]], code: str, **parameters: Any) -> dict[str, Any] | None:
    """The response of a call about a resource that was listed; None if it was deleted since.

    Args:
        describe: Makes the call.
        code: The error code that says so.
        parameters: Of the call.

    Raises:
        AwsError: The call failed with another code.
    """
    try:
        return describe(**parameters)
    except errors.AwsError as error:
        if errors.code_of(error) == code:
            return None
        raise


def described(
    answer: dict[str, Any], operation: str, result: str, requested: Sequence[str], accepted: str | None = None
) -> list[dict[str, Any]]:
    """Everything that a describing call was requested to describe.

    Args:
        answer: The response: a success, even if it describes nothing.
        operation: As AWS writes it.
        result: The member that holds the descriptions.
        requested: What was to be described.
        accepted: A reason for leaving something out that does no harm.

    Raises:
        IncompleteAnswerError: The response lacks its result.
        SourceError: It leaves something out, with or without saying so.
    """
    failures = answer.get("failures", ())
    left_out = [f for f in failures if f.get("reason") != accepted or accepted is None]
    if left_out:
        things = ", ".join(f"{f.get('arn', '?')} ({f.get('reason', 'no reason given')})" for f in left_out)
        message = f"{operation} left out {things}"
        raise SourceError(message)
    descriptions: list[dict[str, Any]] = responses.member(answer, result, operation)
    if len(descriptions) + len(failures) < len(requested):
        message = f"{operation} described {len(descriptions)} of {len(requested)} and gave no reason for the rest"
        raise SourceError(message)
    return descriptions
