"""Pure: what the name in an image field, or in a list of used images, protects, whatever it says.

One odd name must not stop an account. A name that no runtime can pull needs nothing; the grammar of what one can pull
is that of github.com/distribution/reference, which Docker, containerd and the others share. A name that can be read
behind something else, such as a caching proxy, a scheme or a user, means what stands there. What may be ECR's and
cannot be read is widened to its repository.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.reference import (
    DIGEST_RULE,
    EVERY_IMAGE,
    HOST,
    HOST_RULE,
    LENGTH_RULE,
    LONGEST_NAME,
    REPOSITORY,
    anywhere,
    behind_odd_host,
    digests,
    every_image,
    host_of,
    in_registry,
    is_digest,
    named,
    shown,
    without_host,
)

# What stands before a host within its part of a name: a user, the name of a transport.
_HOST_LAST: Final = re.compile(rf"(?<![a-z0-9.-]){HOST.pattern}\Z")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}+://")
_IMAGE: Final = re.compile(
    rf"{REPOSITORY}(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}+)?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9+._-]*+:[0-9a-fA-F]{32,}+))?"
)
_DOMAIN: Final = re.compile(r"(?:[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+|\[[0-9A-Fa-f:.]++\])(?::[0-9]++)?/")
_BEGINNING: Final = re.compile(REPOSITORY)
_SHA256: Final = re.compile(r"sha256:", re.IGNORECASE)
# The first rule that is broken is told.
_RULES: Final = (
    (re.compile(r"\A(?![\s\S])"), "it is empty"),
    (re.compile(r"\s"), "it has a blank in it"),
    (re.compile(r"[$<>{}%#*]"), "a placeholder in it is not filled in"),
    (re.compile(r":(?:@|\Z)"), "its tag is empty"),
    (re.compile(r"\A[/:@]|//|/(?::|@|\Z)"), "a part of it is empty"),
    (re.compile(r"@(?!sha256:[0-9a-f]{64}\Z)"), DIGEST_RULE),
    (re.compile(r"[A-Z][^:]*(?::[^:/]*)?\Z"), "a repository's name is in lower case"),
)
_GRAMMAR: Final = "it is not [host/]repository[:tag][@sha256:<64 hex digits>]"
_NO_IMAGE: Final = "it names a registry, and no image in it"


@dataclass(frozen=True, slots=True)
class NameReading:
    """What an image name protects.

    Attributes:
        references: Every one that it may mean, widened where it cannot be read; none if it means no image of ECR.
        problem: What is wrong with the name, for people, without the name itself; empty: nothing.
    """

    references: tuple[Reference, ...] = ()
    problem: str = ""


def read_name(text: str, digest: str | None = None) -> NameReading:
    """What an image field protects.

    Args:
        text: As a consumer wrote it.
        digest: What the runtime resolved it to, in either case; None if it does not say. It counts whatever the name
            is, and so does a digest in the name.

    Returns:
        Nothing and no problem for an image of another kind of registry.
    """
    name = text.strip()
    resolved = None if digest is None else digest.lower()
    if len(name) > LONGEST_NAME:
        return _impossible(LENGTH_RULE, digests(name[:LONGEST_NAME].lower(), resolved))
    readings = [_in_registry(registry, path) for registry, path in _registries(name)]
    if not readings:
        return _without_registry(name, digests(name.lower(), resolved))
    # The name of a registry may be a part of a repository's name in another one: all that it may mean.
    references = [one for reading in readings for one in reading.references]
    problem = next((reading.problem for reading in readings if reading.references), readings[0].problem)
    if not references:
        return NameReading(digests(name.lower(), resolved), problem)
    if resolved is not None and not is_digest(resolved):
        references = [every_image(one) for one in references]
        problem = f"the digest that its runtime reports cannot be read: {DIGEST_RULE}"
    elif resolved:
        references += [replace(one, tag=None, digest=resolved) for one in references if one.digest != resolved]
    return NameReading(tuple(dict.fromkeys(references)), problem)


def read_digest(text: str) -> NameReading:
    """What a digest protects that a service names alone: one that cannot be read may be of any image."""
    if is_digest(text.lower()):
        return NameReading((anywhere(text.lower()),))
    return NameReading((named("", breadth=ReferenceScope.PREFIX),), f"any image may be meant: {DIGEST_RULE}")


def read_listed(text: str) -> NameReading:
    """What an item of a list of used images protects.

    A name without a host may be an image of this registry as well as one of Docker Hub, and is taken for the former.

    Args:
        text: A name as in `read_name`, ``repository:*`` with or without a host, or a digest.
    """
    name = text.strip()
    if is_digest(name):
        return NameReading((anywhere(name),))
    if len(name) <= LONGEST_NAME and "*" in name:
        return _pattern(name)
    bare = without_host(name) if behind_odd_host(name) is None else None
    if bare is not None:
        return NameReading((bare,))
    reading = read_name(name)
    # Of an image that was copied here from another registry, the report shows the name that was listed.
    named_alike = (replace(one, text=shown(name)) if one.repository is None else one for one in reading.references)
    return replace(reading, references=tuple(named_alike))


def _registries(name: str) -> Iterator[tuple[re.Match[str], str]]:
    """Every host of a registry that a slash follows, and what stands behind it."""
    start = 0
    while (slash := name.find("/", start)) >= 0:
        registry = _HOST_LAST.search(name[start:slash].lower())
        if registry is not None:
            yield registry, name[slash + 1 :]
        start = slash + 1


def _in_registry(registry: re.Match[str], path: str) -> NameReading:
    image = _IMAGE.fullmatch(path)
    if image is None:
        return _impossible(_broken(path) if path else _NO_IMAGE)
    written = in_registry(registry, path)
    if written is not None:
        return NameReading((written,))
    digest = image["digest"] or ""
    small = in_registry(registry, path[: image.start("digest")] + digest.lower()) if digest else None
    if small is not None:
        return NameReading((small,), f"no runtime can pull it as it is written: {DIGEST_RULE}")
    whole = in_registry(registry, image["repository"])
    if whole is None or _SHA256.match(digest):
        return _impossible(_broken(path))
    every = every_image(whole)
    return NameReading((every,), f"it cannot be read, so all of its repository counts: {DIGEST_RULE}")


def _without_registry(name: str, found: tuple[Reference, ...]) -> NameReading:
    """A name in which no host of ECR can be read."""
    scheme = _SCHEME.match(name)
    rest = name[scheme.end() :] if scheme else name
    domain = _DOMAIN.match(rest)
    image = _IMAGE.fullmatch(rest, domain.end() if domain else 0) or _IMAGE.fullmatch(rest)
    if image is None or (image["digest"] and _SHA256.match(image["digest"]) and not found):
        return _impossible(_broken(rest), found)
    path = behind_odd_host(rest)
    if path is not None:
        beginning = _BEGINNING.match(path)
        if beginning is None:
            return _impossible(_NO_IMAGE, found)
        every = named(beginning["repository"], breadth=ReferenceScope.REPOSITORY)
        return NameReading((every, *found), f"it cannot be read, so all of that repository counts: {HOST_RULE}")
    return _impossible("a scheme stands before it", found) if scheme else NameReading(found)


def _pattern(name: str) -> NameReading:
    """A name with an asterisk: whoever listed it means more than one image."""
    stem, _, rest = name.partition("*")
    registry, path = next(_registries(stem), (None, stem))
    if registry is None and (odd := behind_odd_host(stem)) is not None:
        registry, path = HOST.fullmatch(stem.removesuffix(":").lower()), odd
    repository = path.removesuffix(":")
    whole = in_registry(registry, repository) if registry else without_host(repository)
    if path != repository and not rest and whole and whole.tag is None and whole.digest is None:
        return NameReading((every_image(whole),))
    domain = _DOMAIN.match(stem)
    if registry is None and path == stem and domain and not _BEGINNING.fullmatch(domain[0].removesuffix("/")):
        return NameReading((), "it names another registry, and every image of a repository there")
    beginning = _BEGINNING.match(path)
    repository = beginning["repository"] if beginning else ""
    ended = beginning is not None and path[len(repository) :].startswith((":", "@"))
    every = named(
        repository,
        host=host_of(registry) if registry else "",
        account=registry["account"] if registry else None,
        region=registry["region"] if registry else None,
        breadth=ReferenceScope.REPOSITORY if ended else ReferenceScope.PREFIX,
    )
    return NameReading((every,), f"an asterisk is read only as repository{EVERY_IMAGE}, so more than it says counts")


def _impossible(rule: str, found: tuple[Reference, ...] = ()) -> NameReading:
    return NameReading(found, f"no runtime can pull it: {rule}")


def _broken(name: str) -> str:
    return next((rule for expression, rule in _RULES if expression.search(name)), _GRAMMAR)
