"""How SageMaker's things are listed and described, and what counts as gone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.response_paths import values
from ecr_cleaner.errors import SourceError
from ecr_cleaner.reference import is_digest
from ecr_cleaner.usage.source import usages_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.usage.sources.sagemaker.kinds import Kind

T = TypeVar("T")

NAME: Final = "sagemaker"

_PAGE: Final = 100
# A thing that does not exist is called ValidationException by many operations, whatever the model says
# (https://github.com/aws/aws-sdk/issues/165), and so is a request that SageMaker does not accept.
_PERHAPS_GONE: Final = frozenset({"ResourceNotFound", "ValidationException"})


def listed(client: Any, operation: str, items: str, **asked: Any) -> Iterator[dict[str, Any]]:
    """Every item of a listing."""
    yield from responses.paged(client, operation, items, token="NextToken", MaxResults=_PAGE, **asked)  # noqa: S106


def unless_gone(ask: Callable[[], T], is_listed: Callable[[], bool]) -> T | None:
    """The answer to a question about something that was listed.

    Args:
        ask: Makes the call.
        is_listed: Lists anew and tells whether the thing is still there.

    Returns:
        The answer; None if the thing is not listed any more.

    Raises:
        AwsError: The call failed, and not because the thing is gone.
    """
    try:
        return ask()
    except errors.AwsError as error:
        if errors.code_of(error) not in _PERHAPS_GONE or is_listed():
            raise
        return None


def usages(client: Any, kind: Kind) -> Iterator[Usage]:
    """The images of all things of a kind.

    Raises:
        AwsError: A call failed.
        IncompleteAnswerError: An answer lacks a member.
        SourceError: An answer is not what its model says.
    """
    for name in _names(client, kind):
        params = {kind.param: name, **dict(kind.more)}
        answer = unless_gone(
            partial(responses.called, client, kind.describing, **params), partial(_has, client, kind, name)
        )
        if answer is not None:
            responses.member(answer, kind.has, kind.describing)
            yield from _images(answer, kind, f"sagemaker {kind.noun} {name.partition('/')[2] or name}")


def _names(client: Any, kind: Kind) -> dict[str, None]:
    """By which the things of a kind are described, each once."""
    found = (one for asked in kind.filters for one in listed(client, kind.listing, kind.items, **asked))
    return dict.fromkeys(str(responses.member(one, kind.name, kind.listing)) for one in found)


def _has(client: Any, kind: Kind, name: str) -> bool:
    return name in _names(client, kind)


def _images(answer: dict[str, Any], kind: Kind, consumer: str) -> Iterator[Usage]:
    try:
        found = [
            (str(text), next(values(holder, place.digest), None) if place.digest else None)
            for place in kind.images
            for holder in values(answer, place.at)
            for text in values(holder, place.image)
            if text
        ]
    except TypeError as error:
        message = f"a response of {kind.describing} does not match its service model: {error}"
        raise SourceError(message) from None
    for text, told in found:
        # The model allows capital letters, and its words speak of an MD5 hash.
        digest = str(told or "").lower()
        yield from usages_of(
            text,
            source=NAME,
            consumer=consumer,
            digest=digest if is_digest(digest) else None,
            evidence=kind.evidence,
        )
