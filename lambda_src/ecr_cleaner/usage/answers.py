"""What reading AWS has in common: batches, and answers that leave something out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_cleaner import aws
from ecr_cleaner.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


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


def described(
    answer: dict[str, Any], operation: str, result: str, asked: Sequence[str], accepted: str | None = None
) -> list[dict[str, Any]]:
    """Everything that a describing call was asked for.

    Args:
        answer: Success, even if it describes nothing.
        operation: As AWS writes it.
        result: The member that holds what is described.
        asked: What was asked for.
        accepted: A reason for leaving something out that does no harm.

    Raises:
        IncompleteAnswerError: The answer lacks its result.
        SourceError: It leaves something out, with or without a word.
    """
    no_failures(answer, operation, accepted)
    found: list[dict[str, Any]] = aws.member(answer, result, operation)
    if len(found) + len(answer.get("failures", ())) < len(asked):
        message = f"{operation} was asked for {len(asked)} and described {len(found)}, without a reason"
        raise SourceError(message)
    return found


def no_failures(answer: dict[str, Any], operation: str, accepted: str | None = None) -> None:
    """Refuse an answer that leaves something out.

    Args:
        answer: Of a describing call; success, even if it describes nothing.
        operation: As AWS writes it.
        accepted: A reason that does no harm.

    Raises:
        SourceError: With each thing left out and the reason.
    """
    left_out = [f for f in answer.get("failures", ()) if f.get("reason") != accepted or accepted is None]
    if left_out:
        things = ", ".join(f"{f.get('arn', '?')} ({f.get('reason', 'no reason given')})" for f in left_out)
        message = f"{operation} left out {things}"
        raise SourceError(message)
