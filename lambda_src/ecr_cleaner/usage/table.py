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
from ecr_cleaner.model import Evidence, Usage
from ecr_cleaner.paths import members, values
from ecr_cleaner.reference import anywhere
from ecr_cleaner.usage.base import Field, Source, usages_in, usages_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ecr_cleaner.model import Reference
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
        whole: Where the answer itself is the item, a member that it always has: without it, it was cut short.
        asks: Input member to the name of the member that an earlier item or question had it under.
        fixed: Input members that are always the same.
        token: Input and output member that hold the page token; None where the operation knows no pages.
        images: Where an item names images.
        digests: Paths to digests of images that are named nowhere else.
        texts: Paths to texts, bytes or structures of unknown grammar that may name images.
        references: Takes what names images in parts from an item; `reads` says from which paths.
        reads: See `references`.
        unread: Paths to what is only there if the service itself could not read something.
        over: Member of an item to its values that say that the item starts nothing any more. Others, and values that
            are not known yet, count.
        optional: Those of `asks` that not every earlier item has.
        gone: Error codes of something that was deleted since it was listed.
        absent: Error codes that say that the region has nothing of the kind.
        evidence: How the images of this call are used.
        service: botocore's name, where it is not the source's.
    """

    operation: str
    items: str = ""
    whole: str = ""
    asks: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    token: tuple[str, str] | None = None
    images: tuple[Images, ...] = ()
    digests: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    references: Callable[[Any], Iterable[Reference]] | None = None
    reads: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    over: Mapping[str, frozenset[str]] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    gone: frozenset[str] = GONE
    absent: frozenset[str] = frozenset()
    evidence: Evidence = Evidence.CONFIGURED
    service: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything that is read of an item."""
        named = [
            ".".join(filter(None, (one.at, path))) for one in self.images for path in (one.image, one.digest) if path
        ]
        return (*named, *self.digests, *self.texts, *self.reads, *self.unread, *self.over, *filter(None, [self.whole]))


@dataclass(frozen=True, slots=True)
class Chain:
    """Calls that lead to one kind of consumer.

    Attributes:
        noun: What it is, for people, e.g. ``lightsail container service``.
        label: Names of the members that tell one from another, with colons between.
        calls: In order; each is made for every item of the one before.
    """

    noun: str
    label: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Chains as a source asks them.

    Attributes:
        name: Of the source.
        service: botocore's name.
        chains: One after the other.
    """

    name: str
    service: str
    chains: tuple[Chain, ...]

    def __call__(self, account: Account) -> Iterator[Usage]:
        """The usages at the ends of all chains.

        Raises:
            AwsError: A call failed.
            IncompleteAnswerError: An answer lacks its items.
            SourceError: An answer is not what the chain says.
        """
        for chain in self.chains:
            yield from read(account, self.name, self.service, chain)


def source(  # noqa: PLR0913 - a row, each cell by name
    name: str,
    title: str,
    protects: str,
    service: str,
    grants: tuple[Grant, ...],
    *chains: Chain,
    proof: Proof = "model",
    regions: frozenset[str] = frozenset(),
) -> Source:
    """A source that is nothing but chains of calls.

    Args:
        name: As in ``source:<name>`` of ``accepted_gaps``.
        title: As people call it.
        protects: For the README.
        service: botocore's name.
        grants: The IAM actions of all calls.
        chains: What is read.
        proof: Where it was tried.
        regions: As in `Source`.
    """
    return Source(
        name=name,
        title=title,
        protects=protects,
        service=service,
        grants=grants,
        fields=tuple(one for chain in chains for one in fields(service, chain)),
        collect=Rows(name, service, chains),
        proof=proof,
        regions=regions,
    )


def fields(service: str, chain: Chain) -> Iterator[Field]:
    """Every member of an answer that a chain reads, as paths from the answer."""
    for call in chain.calls:
        for path in call.paths or ("",):
            yield Field(call.service or service, call.operation, ".".join(filter(None, (call.items, path))))


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
        yield from _Walk(account, name, service, chain).follow(0, {})
    except TypeError as error:
        message = f"an answer of {service} is not what its model says: {error}"
        raise SourceError(message) from None


@dataclass(frozen=True, slots=True)
class _Walk:
    account: Account
    name: str
    service: str
    chain: Chain

    def follow(self, depth: int, known: Mapping[str, Any]) -> Iterator[Usage]:
        """From the call at a depth to the end, with what is known so far."""
        call = self.chain.calls[depth]
        asked = _questions(call, known)
        client = self.account.aws.client(call.service or self.service)
        try:
            # Held back until the last page, so that one that vanishes half-way is noticed.
            items = list(_items(client, call, asked | dict(call.fixed)))
        except aws.AwsError as error:
            if aws.code_of(error) in call.absent | (call.gone if depth else frozenset()):
                return
            raise
        # What an item should tell itself, none before it may tell in its place.
        hidden = members(client.meta.service_model.operation_model(call.operation).output_shape, call.items)
        for item in items:
            if any(value in finished for path, finished in call.over.items() for value in values(item, path)):
                continue
            own = item if isinstance(item, dict) else {"": item}
            told = {name: value for name, value in {**known, **asked}.items() if name not in hidden} | own
            yield from _usages(item, call, self.name, _consumer(self.chain, told))
            if depth + 1 < len(self.chain.calls):
                yield from self.follow(depth + 1, told)


def _questions(call: Call, known: Mapping[str, Any]) -> dict[str, Any]:
    asked = {member: known[source] for member, source in call.asks.items() if known.get(source) is not None}
    if missing := sorted(set(call.asks) - set(asked) - call.optional):
        message = f"{call.operation} cannot be asked: no earlier answer had {', '.join(call.asks[m] for m in missing)}"
        raise SourceError(message)
    return asked


def _consumer(chain: Chain, told: Mapping[str, Any]) -> str:
    return " ".join([chain.noun, ":".join(str(told[name]) for name in chain.label.split(":") if name in told)]).rstrip()


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
    aws.member(answer, top.removesuffix("[]") or call.whole, call.operation)
    yield from values(answer, call.items)


def _usages(item: Any, call: Call, name: str, consumer: str) -> Iterator[Usage]:
    for path in call.unread:
        for reason in filter(None, values(item, path)):
            message = f"{call.operation} could not read {consumer}: {reason}"
            raise SourceError(message)
    for found in call.images:
        for holder in values(item, found.at):
            digest = next(values(holder, found.digest), None) if found.digest else None
            for text in filter(None, values(holder, found.image)):
                # Some services write their digests in capitals, ECR never.
                resolved = str(digest).lower() if digest else None
                yield from usages_of(str(text), source=name, consumer=consumer, digest=resolved, evidence=call.evidence)
    for reference in _parts(item, call):
        yield Usage(reference, name, consumer, call.evidence)
    for path in call.texts:
        for value in values(item, path):
            yield from usages_in(_text(value), source=name, consumer=consumer, evidence=call.evidence)


def _parts(item: Any, call: Call) -> Iterator[Reference]:
    for path in call.digests:
        for digest in filter(None, values(item, path)):
            yield anywhere(str(digest).lower())
    if call.references is not None:
        yield from call.references(item)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        # What is no UTF-8 cannot be a host name either.
        return value.decode(errors="replace")
    return value if isinstance(value, str) else json.dumps(value, default=str)
