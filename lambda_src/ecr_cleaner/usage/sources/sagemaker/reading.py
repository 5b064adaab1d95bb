"""Lists and describes SageMaker resources."""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.reference import is_digest
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.images import named_images
from ecr_cleaner.usage.source import SourceContext, usages_of
from ecr_cleaner.usage.sources.sagemaker.kinds import Kind

NAME: Final = "sagemaker"

_PAGE: Final = 100


def listed(context: SourceContext, operation: str, items: str, **asked: Any) -> Iterator[dict[str, Any]]:
    """Every item of a listing."""
    yield from context.listed("sagemaker", operation, items, MaxResults=_PAGE, **asked)


def names(context: SourceContext, operation: str, items: str, name: str, **asked: Any) -> list[Any]:
    """What names each item of a listing.

    Args:
        context: What the source reads from.
        operation: As AWS writes it.
        items: The member that holds the items.
        name: The member of an item.
        asked: Of every request.
    """
    return [responses.member(one, name, operation) for one in listed(context, operation, items, **asked)]


def usages(context: SourceContext, kind: Kind, source: str = NAME) -> Iterator[Usage]:
    """The images of all resources of a kind, for a source.

    Raises:
        AwsError: A call failed.
        IncompleteAnswerError: A response lacks a member.
        SourceError: A response does not match its service model.
    """
    return of_each(context, partial(_names, context, kind), partial(_of_one, kind, source))


def _of_one(kind: Kind, source: str, context: SourceContext, name: str) -> Iterator[Usage]:
    client = context.aws.client("sagemaker")
    answer = responses.called(client, kind.describing, **{kind.param: name, **dict(kind.params)})
    responses.member(answer, kind.required_member, kind.describing)
    consumer = f"sagemaker {kind.noun} {name.partition('/')[2] or name}"
    yield from _images(answer, kind, source, consumer)
    yield from usages_of_texts(kind.texts, answer, client, like(source, consumer, kind.evidence))


def _names(context: SourceContext, kind: Kind) -> dict[str, None]:
    """The names of the resources of a kind, each once."""
    found = [names(context, kind.listing, kind.items, kind.name, **asked) for asked in kind.filters]
    return dict.fromkeys(chain.from_iterable(found))


def _images(answer: dict[str, Any], kind: Kind, source: str, consumer: str) -> Iterator[Usage]:
    try:
        images = list(named_images(answer, kind.images))
    except TypeError as error:
        message = f"a response of {kind.describing} does not match its service model: {error}"
        raise SourceError(message) from None
    for text, resolved in images:
        # The documentation of the service model says that it is an MD5 hash.
        digest = resolved if resolved and is_digest(resolved) else None
        yield from usages_of(text, source=source, consumer=consumer, digest=digest, evidence=kind.evidence)
