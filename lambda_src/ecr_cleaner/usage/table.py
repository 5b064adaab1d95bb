"""Reads consumers that need no code of their own: a chain of calls, and where in the answers images are named.

Every call hands what it got to the next one: the members of an item, by name, together with what was asked for it.
A row is held against botocore's service model, by tests and again before it is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner import aws
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model import Usage
from ecr_cleaner.paths import values
from ecr_cleaner.reference import anywhere
from ecr_cleaner.usage.base import Field, Source, usages_in, usages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ecr_cleaner.usage.base import Account, Grant, Proof

GONE: Final = frozenset({"ResourceNotFoundException"})


@dataclass(frozen=True, slots=True)
class Images:
    """Where an item names an image.

    Attributes:
        image: Path to the reference.
        at: Path to what holds reference and digest side by side; empty: the item itself.
        digest: Path to the digest that the service resolved, from the same holder; empty: it tells none.
    """

    image: str
    at: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One listing or describing operation.

    Attributes:
        operation: As AWS writes it.
        items: Path to the items in the answer, its last step with ``[]`` for a listing; empty: the answer itself.
        asks: Input member to the name of the member that an earlier item or question had it under.
        fixed: Input members that are always the same.
        token: Input and output member that hold the page token; None where the operation knows no pages.
        images: Where an item names images.
        digests: Paths to digests of images that are named nowhere else.
        texts: Paths to texts or structures of unknown grammar that may name images.
        gone: Error codes of something that was deleted since it was listed.
    """

    operation: str
    items: str = ""
    asks: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    token: tuple[str, str] | None = None
    images: tuple[Images, ...] = ()
    digests: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    gone: frozenset[str] = GONE


@dataclass(frozen=True, slots=True)
class Chain:
    """Calls that lead to one kind of consumer.

    Attributes:
        noun: What it is, for people, e.g. ``lightsail container service``.
        label: Name of the member that tells one from another.
        calls: In order; each is made for every item of the one before.
    """

    noun: str
    label: str
    calls: tuple[Call, ...]


def source(  # noqa: PLR0913 - a row, each cell by name
    name: str,
    title: str,
    protects: str,
    service: str,
    grants: tuple[Grant, ...],
    *chains: Chain,
    proof: Proof = "model",
) -> Source:
    """A source that is nothing but chains of calls.

    Args:
        name: As in ``disabled_usage_sources``.
        title: As people call it.
        protects: For the README.
        service: botocore's name.
        grants: The IAM actions of all calls.
        chains: What is read.
        proof: Where it was tried.
    """
    return Source(
        name=name,
        title=title,
        protects=protects,
        service=service,
        grants=grants,
        fields=tuple(one for chain in chains for one in fields(service, chain)),
        collect=lambda account: (found for chain in chains for found in read(account, name, service, chain)),
        proof=proof,
    )


def fields(service: str, chain: Chain) -> Iterator[Field]:
    """Every member of an answer that a chain reads, as paths from the answer."""
    for call in chain.calls:
        read = [".".join(filter(None, (found.at, found.image))) for found in call.images]
        read += [".".join(filter(None, (found.at, found.digest))) for found in call.images if found.digest]
        for path in (*read, *call.digests, *call.texts) or ("",):
            yield Field(service, call.operation, ".".join(filter(None, (call.items, path))))


def read(account: Account, name: str, service: str, chain: Chain) -> Iterator[Usage]:
    """The usages at the end of a chain.

    Args:
        account: What is read.
        name: Of the source.
        service: botocore's name.
        chain: Which calls.

    Raises:
        AwsError: A call failed.
        IncompleteAnswerError: An answer lacks its items.
        SourceError: An answer is not what the chain says.
    """
    try:
        yield from _follow(account.aws.client(service), name, chain, 0, {})
    except TypeError as error:
        message = f"an answer of {service} is not what its model says: {error}"
        raise SourceError(message) from None


def _follow(client: Any, name: str, chain: Chain, depth: int, known: Mapping[str, Any]) -> Iterator[Usage]:
    call = chain.calls[depth]
    asked = {member: known[source] for member, source in call.asks.items() if known.get(source) is not None}
    if missing := sorted(set(call.asks) - set(asked)):
        message = f"{call.operation} cannot be asked: no earlier answer had {', '.join(call.asks[m] for m in missing)}"
        raise SourceError(message)
    try:
        # Held back until the last page, so that one that vanishes half-way is noticed.
        items = list(_items(client, call, asked | dict(call.fixed)))
    except aws.AwsError as error:
        if depth and aws.code_of(error) in call.gone:
            return
        raise
    for item in items:
        told = {**known, **asked, **(item if isinstance(item, dict) else {"": item})}
        yield from _usages(item, call, name, f"{chain.noun} {told.get(chain.label, '')}".rstrip())
        if depth + 1 < len(chain.calls):
            yield from _follow(client, name, chain, depth + 1, told)


def _items(client: Any, call: Call, asked: dict[str, Any]) -> Iterator[Any]:
    top, *further = call.items.split(".", 1)
    if call.token:
        listed = aws.paged(
            client,
            call.operation,
            top.removesuffix("[]"),
            token=call.token[0],
            answer_token=call.token[1],
            **asked,
        )
        for item in listed:
            yield from values(item, *further) if further else [item]
        return
    answer = aws.called(client, call.operation, **asked)
    if top:
        aws.member(answer, top.removesuffix("[]"), call.operation)
    yield from values(answer, call.items)


def _usages(item: Any, call: Call, name: str, consumer: str) -> Iterator[Usage]:
    for found in call.images:
        for holder in values(item, found.at):
            digest = next(values(holder, found.digest), None) if found.digest else None
            for text in values(holder, found.image):
                if text:
                    yield from usages_of(str(text), source=name, consumer=consumer, digest=digest or None)
    for path in call.digests:
        for digest in values(item, path):
            if digest:
                yield Usage(anywhere(str(digest)), name, consumer)
    for path in call.texts:
        for value in values(item, path):
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            yield from usages_in(text, source=name, consumer=consumer)
