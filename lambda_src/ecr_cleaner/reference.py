"""Pure: any image reference string to a `Reference`.

The hosts of a private registry are those of the ECR user guide ("Making requests"): IPv4, dual-stack,
FIPS, both, and the other partitions. All of them name one registry, told apart by account and region.
The grammar of repository, tag and digest is that of the OCI distribution specification; the name of a repository has at
most 256 characters (CreateRepository). Every expression is bounded, so that no text takes long.
"""

import re
from dataclasses import replace
from typing import Final

from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model.usage import Reference, ReferenceScope

LONGEST_NAME: Final = 1024
"""Characters of an image name: host, repository, tag and digest together have fewer."""
LONGEST_TEXT: Final = 300
"""Characters of `Reference.text`."""
_LONGEST_REPOSITORY: Final = 256

DOMAIN: Final = r"(?:-fips)?\.(?P<region>[a-z0-9-]{1,63}+)\.[a-z0-9][a-z0-9.-]{0,190}+(?::[0-9]{1,5}+)?"
"""What follows ``<account>.dkr.ecr`` in a host, in lower case."""
REPOSITORY: Final = r"(?P<repository>[a-z0-9]++(?:(?:[._/]|__|-++)[a-z0-9]++)*+)"
"""A repository's name; how long it may be is another question."""
PATH: Final = re.compile(
    REPOSITORY + r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
"""What follows the host and its slash: ``repository[:tag][@digest]``."""
HOST: Final = re.compile(r"(?P<account>[0-9]{12})\.dkr[.-]ecr" + DOMAIN)
"""A registry's host, in lower case."""
EVERY_IMAGE: Final = ":*"
"""Behind the name of a repository that somebody lists: every image of it."""

# What may be a host of ECR, and is not as ECR writes it: without account, region or domain; behind something else.
_ODD_HOST: Final = re.compile(
    r"dkr[.-]ecr(?:-fips)?\."
    r"|[0-9]{12}\.dkr[.-]ecr(?:-fips)?(?::[0-9]{1,5}+)?\Z"
    r"|\.ecr(?:-fips)?\.(?:[a-z0-9-]{1,63}\.)?amazonaws\."
)
_SCHEME: Final = re.compile(r"(?:https?|docker)://", re.IGNORECASE)
_CREDENTIALS: Final = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]{0,30}+://)?[^/@]*+@(?=[^/]*+/)")
_ELSEWHERE: Final = re.compile(
    rf"[A-Za-z0-9.-]++(?::[0-9]++)?/{REPOSITORY}"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}+)?(?:@(?P<digest>[a-z0-9+._-]++:[0-9a-fA-F]{32,}+))?"
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}(?![0-9a-f])")

RULE: Final = "after the host comes repository[:tag][@sha256:<64 hex digits>]"
DIGEST_RULE: Final = "a digest is sha256:<64 hex digits>"
LENGTH_RULE: Final = f"it has at most {LONGEST_NAME} characters"
HOST_RULE: Final = "the host is not <account>.dkr.ecr.<region>.<domain>"
_LISTED_RULE: Final = "it must be repository[:tag][@sha256:<64 hex digits>], with or without a host, or repository:*"


def named(  # noqa: PLR0913 - what a reference says, each by name
    repository: str,
    *,
    host: str | None = "",
    account: str | None = None,
    region: str | None = None,
    tag: str | None = None,
    digest: str | None = None,
    breadth: ReferenceScope = ReferenceScope.IMAGE,
) -> Reference:
    """A reference with its normalised text.

    Args:
        repository: Its name, or how it begins.
        host: Of the registry; empty: of whichever one, ``*`` in the text; None: the text begins with the repository.
        account: Of the registry.
        region: Of the registry.
        tag: As written.
        digest: As written.
        breadth: What it covers.
    """
    if breadth is ReferenceScope.PREFIX and not repository:
        breadth = ReferenceScope.REGISTRY
    match breadth:
        case ReferenceScope.PREFIX | ReferenceScope.REGISTRY:
            name = f"{repository}*"
        case ReferenceScope.REPOSITORY:
            name = f"{repository}{EVERY_IMAGE}"
        case ReferenceScope.IMAGE:
            name = repository + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    text = name if host is None else f"{host or '*'}/{name}"
    return Reference(shown(text), account, region, repository, tag, digest, breadth)


def shown(text: str) -> str:
    """A name as reports may show it: without a user's name and password, without a query, not too long."""
    text = _CREDENTIALS.sub(r"\1", text[: 2 * LONGEST_NAME]).partition("?")[0]
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 3]}..."


def parse(text: str) -> Reference | None:
    """Take an image reference apart.

    Args:
        text: As a consumer wrote it, e.g. ``123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1``.

    Returns:
        The reference, or None if it names no private ECR registry (Docker Hub, ECR Public, ...).

    Raises:
        UnreadableReferenceError: The text looks like a private ECR registry and cannot be read. Nobody
            knows which image it protects, so the run must not remove anything.
    """
    trimmed = _SCHEME.sub("", text.strip(), count=1)
    host, slash, path = trimmed.partition("/")
    registry = HOST.fullmatch(host[:LONGEST_NAME].lower())
    if registry is None:
        if not trimmed:
            raise UnreadableReferenceError(text, "it is empty")
        if behind_odd_host(trimmed) is not None:
            raise UnreadableReferenceError(text, HOST_RULE)
        return None
    reference = in_registry(registry, path) if slash else None
    if reference is None:
        raise UnreadableReferenceError(text, RULE)
    return reference


def behind_odd_host(name: str) -> str | None:
    """What stands behind a part of a name that looks like a host of ECR, whatever stands before it and in it.

    Returns:
        None if there is no such part; empty if it is all of the name.
    """
    parts = name[:LONGEST_NAME].split("/")
    for number, part in enumerate(parts, start=1):
        if _ODD_HOST.search(part.lower()) and (number < len(parts) or number == 1):
            return "/".join(parts[number:])
    return None


def in_registry(registry: re.Match[str], path: str) -> Reference | None:
    """The reference to a registry's image.

    Args:
        registry: A match of `HOST`.
        path: What follows the host and its slash.

    Returns:
        None if that is not ``repository[:tag][@digest]``.
    """
    image = PATH.fullmatch(path[: LONGEST_NAME + 1])
    if image is None or len(image["repository"]) > _LONGEST_REPOSITORY:
        return None
    return named(
        image["repository"],
        host=host_of(registry),
        account=registry["account"],
        region=registry["region"],
        tag=image["tag"],
        digest=image["digest"],
    )


def host_of(registry: re.Match[str]) -> str:
    """The host as references show it: without a port."""
    return registry[0].partition(":")[0].rstrip(".")


def every_image(reference: Reference) -> Reference:
    """The reference to every image of the repository of one that `parse` or `without_host` returned."""
    return named(
        reference.repository or "",
        host=reference.text.partition("/")[0] if reference.account else None,
        account=reference.account,
        region=reference.region,
        breadth=ReferenceScope.REPOSITORY,
    )


def digests(text: str, digest: str | None = None) -> tuple[Reference, ...]:
    """Every digest that a name or its runtime tells, in whichever repository it lies, without doubles."""
    found = [*_DIGEST.findall(text), *([digest] if digest and is_digest(digest) else [])]
    return tuple(anywhere(one) for one in dict.fromkeys(found))


def anywhere(digest: str) -> Reference:
    """A reference to a digest in whichever repository it lies.

    Args:
        digest: ``sha256:`` and 64 hexadecimal digits.

    Raises:
        UnreadableReferenceError: It is not a digest.
    """
    if not is_digest(digest):
        raise UnreadableReferenceError(digest, DIGEST_RULE)
    return Reference(text=digest, digest=digest)


def is_digest(text: str) -> bool:
    """Whether a text is a sha256 digest as ECR writes it."""
    return _DIGEST.fullmatch(text) is not None


def without_host(text: str) -> Reference | None:
    """The reference that a name without a host is in whichever registry; None if it is no such name."""
    image = PATH.fullmatch(text[: LONGEST_NAME + 1])
    if image is None or len(image["repository"]) > _LONGEST_REPOSITORY:
        return None
    return named(image["repository"], host=None, tag=image["tag"], digest=image["digest"])


def listed(text: str) -> Reference | None:
    """Take a reference apart that the operator lists as being in use; what cannot be read is an error.

    Here a name without a host may be an image of this registry as well as one of Docker Hub; it is taken for the
    former, because keeping one too many is the cheap mistake.

    Args:
        text: An image reference with or without a host, ``repository:*`` for every image of a repository, or a digest.

    Returns:
        The reference; None if it names an image of another registry, without a digest that may lie here too.

    Raises:
        UnreadableReferenceError: It is none of these.
    """
    if len(text) > LONGEST_NAME:
        raise UnreadableReferenceError(text, LENGTH_RULE)
    if is_digest(text):
        return anywhere(text)
    name = text.removesuffix(EVERY_IMAGE)
    found = parse(name)
    if found is None:
        found = without_host(name)
    if found is None:
        there = _ELSEWHERE.fullmatch(name)
        if there is None or name != text:
            raise UnreadableReferenceError(text, _LISTED_RULE)
        # What was copied here from another registry has the same digest here.
        return next((replace(one, text=shown(text)) for one in digests(there["digest"] or "")), None)
    if name == text:
        return found
    if found.tag is not None or found.digest is not None:
        raise UnreadableReferenceError(text, _LISTED_RULE)
    return every_image(found)
