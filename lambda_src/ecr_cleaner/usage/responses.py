"""Batches of requested ids, resources that are gone, and responses that leave something out."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.errors import MissingError, SourceError

T = TypeVar("T")

_LISTING_AGAIN: Final = ContextVar("_LISTING_AGAIN", default=False)

_MISSING: Final = "MISSING"
"""The reason by which ECS says that it does not find something."""


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


class Missing:
    """What was listed and is not found afterwards, with the errors that say so."""

    def __init__(self) -> None:
        """Nothing is missing yet."""
        self.errors: dict[Hashable, Exception] = {}

    def add(self, keys: Iterable[Hashable], operation: str) -> None:
        """Take down what a successful response says is not found.

        Args:
            keys: By which it is listed.
            operation: As AWS writes it.
        """
        self.errors |= {key: MissingError(f"{operation} does not find {key}, which is listed") for key in keys}

    def unless_gone(self, key: Hashable, read: Callable[[], Iterable[T]]) -> list[T]:
        """All that is read of something listed; nothing if a call does not find it, or something that belongs to it.

        Args:
            key: By which it is listed.
            read: Makes the calls.

        Raises:
            AwsError: A call failed for another reason.
            CleanerError: A response is incomplete, or could not be understood.
        """
        try:
            # All of it before the first item, so that nothing of it is left if it is deleted meanwhile.
            return list(read())
        except (MissingError, *errors.AwsError) as error:
            if not isinstance(error, MissingError) and not errors.may_not_exist(error):
                raise
            self.errors[key] = error
            return []


@contextmanager
def listed_again(listing: Callable[[], Iterable[Hashable]]) -> Iterator[Missing]:
    """List once more at the end if something was missing: what is not listed any more was deleted and needs nothing.

    Args:
        listing: Lists the keys; called only if something was missing.

    Yields:
        What takes down what is missing.

    Raises:
        AwsError: Something is missing and still listed, so it is unknown what it uses: the first error that said so.
        MissingError: Likewise.
    """
    missing = Missing()
    yield missing
    if not missing.errors:
        return
    before = _LISTING_AGAIN.set(True)
    try:
        for key in listing():
            if key in missing.errors:
                raise missing.errors[key]
    finally:
        _LISTING_AGAIN.reset(before)


def is_listing_again() -> bool:
    """Whether something is listed to see if it is still there: only a new answer says so."""
    return _LISTING_AGAIN.get()


def last_of(arn: str) -> str:
    """The last part of an ARN of ECS, which is the same in its older form without a cluster."""
    return arn.rpartition("/")[2]


def described(
    answer: dict[str, Any], operation: str, result: str, requested: Sequence[str], missing: Missing | None = None
) -> list[dict[str, Any]]:
    """Everything that a describing call of ECS was requested to describe.

    Args:
        answer: The response: a success, even if it describes nothing.
        operation: As AWS writes it.
        result: The member that holds the descriptions.
        requested: ARNs of what was to be described.
        missing: Takes down what ECS does not find, by what `last_of` returns; None: that is an error at once.

    Raises:
        IncompleteAnswerError: The response lacks its result.
        MissingError: ECS does not find something.
        SourceError: The response leaves something out for another reason, or without any.
    """
    failures = answer.get("failures", ())
    if left_out := [failure for failure in failures if failure.get("reason") != _MISSING]:
        things = ", ".join(f"{f.get('arn', '?')} ({f.get('reason', 'no reason given')})" for f in left_out)
        message = f"{operation} left out {things}"
        raise SourceError(message)
    descriptions: list[dict[str, Any]] = responses.member(answer, result, operation)
    found = {last_of(description.get(f"{result.removesuffix('s')}Arn", "")) for description in descriptions}
    gone = [name for name in map(last_of, requested) if name not in found] if failures else []
    if len(descriptions) + len(failures) < len(requested) or len(gone) > len(failures):
        message = f"{operation} described {len(descriptions)} of {len(requested)} and gave no reason for the rest"
        raise SourceError(message)
    if gone and missing is None:
        message = f"{operation} does not find {', '.join(gone)}"
        raise MissingError(message)
    if missing is not None:
        missing.add(gone, operation)
    return descriptions
