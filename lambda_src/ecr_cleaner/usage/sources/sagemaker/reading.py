"""Lists and describes SageMaker resources, and decides which errors mean that one was deleted."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeVar

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.response_paths import values
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.reference import is_digest
from ecr_cleaner.usage.source import usages_of
from ecr_cleaner.usage.sources.sagemaker.kinds import Kind

T = TypeVar("T")

NAME: Final = "sagemaker"

_PAGE: Final = 100
# Many operations return ValidationException for a resource that does not exist, contrary to the service model
# (https://github.com/aws/aws-sdk/issues/165), and the same code for a request that SageMaker rejects.
_MAYBE_DELETED: Final = frozenset({"ResourceNotFound", "ValidationException"})


def listed(client: Any, operation: str, items: str, **asked: Any) -> Iterator[dict[str, Any]]:
    """Every item of a listing."""
    yield from responses.paged(client, operation, items, MaxResults=_PAGE, **asked)


def unless_deleted(call: Callable[[], T], is_listed: Callable[[], bool]) -> T | None:
    """The result of a call about a resource that was listed.

    Args:
        call: Makes the call.
        is_listed: Lists again; whether the resource still exists.

    Returns:
        The result; None if the resource is not listed any more.

    Raises:
        AwsError: The call failed, and not because the resource was deleted.
    """
    try:
        return call()
    except errors.AwsError as error:
        if errors.code_of(error) not in _MAYBE_DELETED or is_listed():
            raise
        return None


def usages(client: Any, kind: Kind) -> Iterator[Usage]:
    """The images of all resources of a kind.

    Raises:
        AwsError: A call failed.
        IncompleteAnswerError: A response lacks a member.
        SourceError: A response does not match its service model.
    """
    for name in _names(client, kind):
        params = {kind.param: name, **dict(kind.params)}
        answer = unless_deleted(
            partial(responses.called, client, kind.describing, **params), partial(_has, client, kind, name)
        )
        if answer is not None:
            responses.member(answer, kind.required_member, kind.describing)
            yield from _images(answer, kind, f"sagemaker {kind.noun} {name.partition('/')[2] or name}")


def _names(client: Any, kind: Kind) -> dict[str, None]:
    """The names of the resources of a kind, each once."""
    found = (one for asked in kind.filters for one in listed(client, kind.listing, kind.items, **asked))
    return dict.fromkeys(str(responses.member(one, kind.name, kind.listing)) for one in found)


def _has(client: Any, kind: Kind, name: str) -> bool:
    return name in _names(client, kind)


def _images(answer: dict[str, Any], kind: Kind, consumer: str) -> Iterator[Usage]:
    try:
        images = [
            (str(text), next(values(holder, place.digest), None) if place.digest else None)
            for place in kind.images
            for holder in values(answer, place.at)
            for text in values(holder, place.image)
            if text
        ]
    except TypeError as error:
        message = f"a response of {kind.describing} does not match its service model: {error}"
        raise SourceError(message) from None
    for text, resolved in images:
        # The service model allows capital letters, and its documentation says that it is an MD5 hash.
        digest = str(resolved or "").lower()
        yield from usages_of(
            text, source=NAME, consumer=consumer, digest=digest if is_digest(digest) else None, evidence=kind.evidence
        )
