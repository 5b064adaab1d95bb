"""Pure: finds the images that a value of a response names, by the grammar that its texts have."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ecr_cleaner.model.usage import Reference
from ecr_cleaner.reference import PATH, named
from ecr_cleaner.schema import stored
from ecr_cleaner.usage.texts import build
from ecr_cleaner.usage.texts.mentions import EVERYTHING, complete, count_of, mentions, unknown
from ecr_cleaner.usage.texts.spelling import decoded_text, joined, with_slashes
from ecr_cleaner.usage.texts.values import LONGEST, as_text, siblings_in, size_of, strings_in
from ecr_cleaner.usage.texts.variables import Variables, of_containers

MOST_REFERENCES: Final = 2_000
"""Of one item: no definition names more, and very many of them would fill the function's memory."""


class Grammar(StrEnum):
    """How the texts of a value name images.

    Attributes:
        UNKNOWN: Definitions, templates, inputs. What cannot be known is widened.
        VARIABLES: Environment variables, commands and arguments of workloads. Only a complete reference counts: host,
            repository, and tag or digest; a repository and its tag may be two variables beside each other.
        BUILD: Build specifications, commands of pipelines. What signs in, tags or pushes needs nothing.
    """

    UNKNOWN = "unknown"
    VARIABLES = "variables"
    BUILD = "build"


@stored
@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a value names.

    Attributes:
        references: Without doubles, in the order in which they were found.
        problem: Why `EVERYTHING` is one of them, for people; empty: the value was searched to its end.
    """

    references: tuple[Reference, ...]
    problem: str = ""


def search(value: Any, grammar: Grammar = Grammar.UNKNOWN) -> SearchResult:
    """Find every private ECR image that one item of a response names.

    Args:
        value: A text, bytes, or a structure of them, nested to any depth; JSON in a text is read.
        grammar: Of its texts.

    Returns:
        What it names. An item that is too long to be searched may name everything.
    """
    if size_of(value) > LONGEST:
        return SearchResult((EVERYTHING,), f"it has more than {LONGEST:,} characters, and no more are searched")
    found: dict[Reference, None] = {}
    for reference in _READERS[grammar](value):
        found[reference] = None
        if len(found) > MOST_REFERENCES:
            return SearchResult((EVERYTHING, *found), f"it names more than {MOST_REFERENCES:,} images")
    return SearchResult(tuple(found))


def find(text: str, grammar: Grammar = Grammar.UNKNOWN) -> tuple[Reference, ...]:
    """The references of `search`."""
    return search(text, grammar).references


def _unknown(value: Any) -> Iterator[Reference]:
    text = with_slashes(as_text(value))
    plain = decoded_text(text)
    for one in (text, plain) if count_of(plain) > count_of(text) else (text,):
        for mention in mentions(one):
            yield from unknown(mention)


_TAGGED: Final = re.compile(
    r"(?i:TAG|VERSION|DIGEST|RELEASE|REVISION|COMMIT|SHA)(?:[Ss]|[0-9]+)?(?:\Z|[^A-Za-z0-9]|(?<=[a-z0-9])[A-Z])"
)
"""Part of the name of a variable that may hold the tag or digest of an image that another one names: a word's end."""
_SECRET: Final = re.compile(r"(?:PASSWORD|PASSWD|SECRET|TOKEN|KEY|CREDENTIALS?)\Z", re.IGNORECASE)
_TAG: Final = re.compile(r"[:@]?(?:sha256:(?P<hex>[0-9a-f]{64})|(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))")


def _variables(value: Any) -> Iterator[Reference]:
    groups = list(siblings_in(value))
    variables = Variables.of((name, text) for siblings in groups for name, texts in siblings.items() for text in texts)
    for text in strings_in(value):
        # As it stands, as a program decodes it, and as a shell or a program puts its pieces together.
        decoded = decoded_text(with_slashes(text))
        for one in dict.fromkeys((text, decoded, joined(decoded))):
            for mention in mentions(one):
                yield from complete(mention)
        for word in decoded.split() if "$" in text and variables.hosts else ():
            yield from _filled_in(variables, of_containers(word))
    for siblings in groups:
        yield from _joined(siblings)


def _filled_in(variables: Variables, word: str) -> Iterator[Reference]:
    """The complete references that a word is with the values of variables beside it."""
    for text in variables.with_hosts(joined(word)) or ():
        for mention in mentions(text):
            for known in variables.complete(text[mention.start : mention.end]):
                yield from (one for found in mentions(known) for one in complete(found))


def _joined(siblings: Mapping[str, list[str]]) -> Iterator[Reference]:
    """Repositories without a tag, each with all that may be its tag.

    They may belong to different images, so the reference is to the repository of whichever registry: one that does not
    exist there is no finding.
    """
    tags = [
        match
        for name, texts in siblings.items()
        if _TAGGED.search(name) and not _SECRET.search(name)
        for match in (_TAG.fullmatch(text.strip()) for text in texts)
        if match
    ]
    for text in (text for texts in siblings.values() for text in texts if tags):
        for mention in mentions(text):
            image = PATH.fullmatch(mention.path or "")
            if image is None or image["tag"] or image["digest"] or text[mention.end :].strip():
                continue
            for tag in tags:
                digest = f"sha256:{tag['hex']}" if tag["hex"] else None
                yield named(image["repository"], tag=tag["tag"], digest=digest)


_READERS: Final[Mapping[Grammar, Callable[[Any], Iterator[Reference]]]] = {
    Grammar.UNKNOWN: _unknown,
    Grammar.VARIABLES: _variables,
    Grammar.BUILD: build.references,
}
