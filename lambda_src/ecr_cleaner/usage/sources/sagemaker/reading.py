"""Lists and describes SageMaker resources."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.facts.kind import FactKind
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.reference import is_digest
from ecr_cleaner.schema import stored
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.found import like, searched, searches
from ecr_cleaner.usage.images import named_images
from ecr_cleaner.usage.source import SourceContext, usages_of
from ecr_cleaner.usage.sources.sagemaker.kinds import Kind
from ecr_cleaner.usage.texts.search import SearchResult

NAME: Final = "sagemaker"

_PAGE: Final = 100


@stored
@dataclass(frozen=True, slots=True)
class Named:
    """What the description of a resource names.

    Attributes:
        images: As written, each with the digest that SageMaker resolved, where it returns one.
        texts: What its other texts name.
    """

    images: tuple[tuple[str, str | None], ...] = ()
    texts: tuple[SearchResult, ...] = ()


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
    made: dict[str, str] = {}
    return of_each(context, partial(_names, context, kind, made), partial(_of_one, kind, source, made))


def _of_one(kind: Kind, source: str, made: Mapping[str, str], context: SourceContext, name: str) -> Iterator[Usage]:
    facts = context.facts(FactKind(f"sagemaker_{kind.word.lower()}s", source, Named))
    key = made.get(name)
    found = facts.known(key) if key else None
    if found is None:
        client = context.aws.client("sagemaker")
        answer = responses.called(client, kind.describing, **{kind.param: name, **dict(kind.params)})
        responses.member(answer, kind.required_member, kind.describing)
        found = Named(_images(answer, kind), searches(kind.texts, answer, client))
        if key:
            facts.learn(key, found)
    consumer = f"sagemaker {kind.noun} {name.partition('/')[2] or name}"
    yield from _usages(found, kind, source, consumer)


def _names(context: SourceContext, kind: Kind, made: dict[str, str]) -> dict[str, None]:
    """The names of the resources of a kind, each once.

    Args:
        context: What the source reads from.
        kind: Of the resources.
        made: Takes what tells one that never changes from one that had its name before.
    """
    found: dict[str, None] = {}
    for asked in kind.filters:
        for one in listed(context, kind.listing, kind.items, **asked):
            name = responses.member(one, kind.name, kind.listing)
            found[name] = None
            if kind.created and one.get(kind.created) and one.get(f"{kind.word}Arn"):
                made[name] = f"{one[f'{kind.word}Arn']} {one[kind.created].isoformat()}"
    return found


def _images(answer: dict[str, Any], kind: Kind) -> tuple[tuple[str, str | None], ...]:
    try:
        return tuple(named_images(answer, kind.images))
    except TypeError as error:
        message = f"a response of {kind.describing} does not match its service model: {error}"
        raise SourceError(message) from None


def _usages(found: Named, kind: Kind, source: str, consumer: str) -> Iterator[Usage]:
    for text, resolved in found.images:
        # The documentation of the service model says that it is an MD5 hash.
        digest = resolved if resolved and is_digest(resolved) else None
        yield from usages_of(text, source=source, consumer=consumer, digest=digest, evidence=kind.evidence)
    for one in found.texts:
        yield from searched(one, like(source, consumer, kind.evidence))
