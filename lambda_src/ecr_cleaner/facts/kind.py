"""Kinds of facts, and the object in the bucket that holds those of one kind in one scan target."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Generic, TypeVar

from ecr_cleaner import schema
from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.schema import Sha256, Strict, Text

V = TypeVar("V")

KEPT: Final = timedelta(days=30)
"""How long a fact is kept after the last run in which anything named it."""

MOST: Final = 20_000
"""Facts that an object holds at most; what those beyond tell is asked for again."""

LARGEST: Final = 8 * 2**20
"""Bytes of an object at most."""


@dataclass(frozen=True, slots=True)
class FactKind(Generic[V]):
    """One kind of things that never change once they are as its source says.

    Attributes:
        name: Of its objects.
        source: The usage source whose calls it saves.
        value: What is known of one thing: a type that `schema.seal` takes, without any text but names.
        is_read: Whether it was read out of responses by the code of this package: other code may find more in the
            same response, so what it read is not believed. A time, for one, is not read out of anything.
    """

    name: str
    source: str
    value: type[V]
    is_read: bool = True


class Fact(Strict, Generic[V]):
    """One fact.

    Attributes:
        named_on: The last day, in UTC, on which a run came upon what it is about.
        value: What is known.
    """

    named_on: date
    value: V


class Document(Strict, Generic[V]):
    """The object in the bucket.

    Attributes:
        kind: Name of the kind.
        target: Where everything in it lies.
        catalog_sha256: Of the names of the sources that the run had; empty if its kind is not read.
        reader_sha256: Of the code that read it, as `fingerprint.sha256` has it; empty if its kind is not read.
        facts: By key; a key tells a thing from every other one, also from one that had its name before.
    """

    kind: Text
    target: ScanTarget
    catalog_sha256: Sha256 | None
    reader_sha256: Sha256 | None
    facts: dict[str, Fact[V]]


def document_of(kind: FactKind[V]) -> type[Document[V]]:
    """The class of the documents of a kind."""
    return Document[kind.value]  # type: ignore[name-defined]


def fact_of(kind: FactKind[V], named_on: date, value: V) -> Fact[V]:
    """A fact of a kind; its value is checked, as it will be when it is read."""
    return Fact[kind.value](named_on=named_on, value=value)  # type: ignore[name-defined]


def sealed(document: Document[V], facts: dict[str, Fact[V]]) -> bytes:
    """A document with as many facts as it may hold: those first that were named last."""
    first = sorted(facts, key=lambda key: (-facts[key].named_on.toordinal(), key))[:MOST]
    while True:
        held = {key: facts[key] for key in sorted(first)}
        body = schema.seal(document.model_copy(update={"facts": held}))
        if len(body) <= LARGEST:
            return body
        first = first[: len(first) * LARGEST // len(body) * 9 // 10]


def unsealed(expected: Document[V], body: bytes, place: str) -> dict[str, Fact[V]]:
    """The facts of a document; none if another version of the code read them.

    Args:
        expected: What it has to be, but for the facts.
        body: Of the object.
        place: Its URI, for errors.

    Raises:
        NotWholeError: It is no such document, or one of another account, region or kind.
    """
    found = schema.unseal(type(expected), body, place)
    if (found.kind, found.target) != (expected.kind, expected.target):
        message = f"{place} holds {found.kind} of {found.target}"
        raise NotWholeError(message)
    same = (found.catalog_sha256, found.reader_sha256) == (expected.catalog_sha256, expected.reader_sha256)
    return found.facts if same else {}
