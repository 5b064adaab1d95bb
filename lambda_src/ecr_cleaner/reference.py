"""Pure: any image reference string to a `Reference`.

The hosts of a private registry are those of the ECR user guide ("Making requests"): IPv4, dual-stack,
FIPS, both, and the other partitions. All of them name one registry, told apart by account and region.
The grammar of repository, tag and digest is that of the OCI distribution specification.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model.usage import Reference, ReferenceScope

_HOST: Final = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9][a-z0-9.-]*(?::[0-9]+)?"
)
_REPOSITORY: Final = r"(?P<repository>[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*)"
_REST: Final = r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
_PATH: Final = re.compile(_REPOSITORY + _REST)
# In a text, anything may stand where a placeholder is: account, region, repository, tag. What follows the host is only
# looked at, so that another host in it is found too.
_IN_TEXT: Final = re.compile(
    r"""
    (?:(?<![0-9])(?P<account>[0-9]{12})\.)?
    dkr[.-]ecr
    (?=(?P<place>(?:\$\([^/\s"'`()]*\)|[^/\s"'`\\,;|&<>()\[\]])*)
    (?:/(?P<path>[^\s"'`\\,;|&<>()\[\]]*))?)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PLACE: Final = re.compile(r"(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9][a-z0-9.-]*(?::[0-9]+)?")
# The last part of a host is a word or one placeholder: anything else may hold the beginning of the path as well.
_HOST_ENDS: Final = re.compile(
    r".*\.(?:[a-z0-9-]+|\$?\{[^{}]*\}|\$\w+|\$\([^()]*\)|%\w)(?::(?:[0-9]+|\$?\{[^{}]*\}|\$\w+))?", re.IGNORECASE
)
_BEGINNING: Final = re.compile(_REPOSITORY)
# A registry's own API, e.g. in a script that asks it: the repository stands in the middle.
_API: Final = re.compile(r"v2/(?P<name>.*?)/(?:manifests|blobs|tags|referrers)\b")
# A tag has ended for certain, and what follows cannot be put behind it: the string's end; a closing bracket; another
# member of an object; blanks, unless an operator, a further string or the next item of a list stands behind them.
_ENDS: Final = re.compile(
    r"""
    (?P<quote>\\*["'`])?
    (?:
        (?:(?:\s|\\[nrt])*[)\]}])++ (?:\s|\\[nrt])* (?:\Z|[,;:>"']|</)
    |
        (?:\s|\\[nrt])* (?:\Z|[;:>]|</|&&|(?(quote)(?!)|\|\|)
            |,(?:\s|\\[nrt])*(?:[)\]}]|(?P<key>\\*["'])[^"'\\]*(?P=key)\s*:))
    |
        (?:\s|\\[nrt])++ (?!-\s) (?(quote)(?![&+~$%{|.<*\\"'`,)\]}]|[A-Za-z]{1,2}["'`])|(?![,)\]}]))
    )
    """,
    re.VERBOSE,
)
_SCHEME: Final = re.compile(r"(?:https?|docker)://", re.IGNORECASE)
_LOOKS_LIKE_ECR: Final = re.compile(r"dkr[.-]ecr|\.ecr[.-][a-z0-9-]*\.?[a-z0-9.-]*amazonaws", re.IGNORECASE)
_ELSEWHERE: Final = re.compile(
    r"[A-Za-z0-9.-]+(?::[0-9]+)?/[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@(?P<digest>[a-z0-9+._-]+:[0-9a-fA-F]{32,}))?"
)
_EVERY_IMAGE: Final = ":*"
_LISTED_RULE: Final = "it must be repository[:tag][@sha256:<64 hex digits>], with or without a host, or repository:*"
_DIGEST_RULE: Final = "a digest is sha256:<64 hex digits>"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}(?![0-9a-f])")


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
    host, _, path = trimmed.partition("/")
    registry = _HOST.fullmatch(host.lower())
    if registry is None:
        if not trimmed:
            raise UnreadableReferenceError(text, "it is empty")
        if _LOOKS_LIKE_ECR.search(trimmed):
            raise UnreadableReferenceError(text, "the host is not <account>.dkr.ecr.<region>.<domain>")
        return None
    image = _PATH.fullmatch(path)
    if image is None:
        raise UnreadableReferenceError(text, "after the host comes repository[:tag][@sha256:<64 hex digits>]")
    return Reference(
        text=text,
        account=registry["account"],
        region=registry["region"],
        repository=image["repository"],
        tag=image["tag"],
        digest=image["digest"],
    )


def parse_resolved(text: str, digest: str | None) -> tuple[Reference, ...]:
    """Take a reference apart that a runtime has resolved to a digest.

    Args:
        text: The reference as configured.
        digest: What the runtime reports, e.g. an ECS task's ``imageDigest``; None if it reports none.

    Returns:
        The reference as written and, beside it, the digest in the same repository: both are needed, for
        a tag may have moved since and a written digest may be the index of the one that runs. Of a text
        that names no private ECR registry, the digests, in whichever repository they lie: a proxy or a name of
        one's own may stand before ECR.

    Raises:
        UnreadableReferenceError: Text or digest cannot be read.
    """
    written = parse(text)
    if written is None:
        found = [*_DIGEST.findall(text), *([digest] if digest and is_digest(digest) else [])]
        return tuple(anywhere(one) for one in dict.fromkeys(found))
    if digest is None or digest == written.digest:
        return (written,)
    if not is_digest(digest):
        raise UnreadableReferenceError(digest, _DIGEST_RULE)
    return (written, replace(written, tag=None, digest=digest))


def anywhere(digest: str) -> Reference:
    """A reference to a digest in whichever repository it lies.

    Args:
        digest: ``sha256:`` and 64 hexadecimal digits.

    Raises:
        UnreadableReferenceError: It is not a digest.
    """
    if not is_digest(digest):
        raise UnreadableReferenceError(digest, _DIGEST_RULE)
    return Reference(text=digest, digest=digest)


def is_digest(text: str) -> bool:
    """Whether a text is a sha256 digest as ECR writes it."""
    return _DIGEST.fullmatch(text) is not None


def listed(text: str) -> Reference | None:
    """Take a reference apart that somebody lists as being in use.

    Here a name without a host may be an image of this registry as well as one of Docker Hub; it is taken for the
    former, because keeping one too many is the cheap mistake.

    Args:
        text: An image reference with or without a host, ``repository:*`` for every image of a repository, or a digest.

    Returns:
        The reference; None if it names an image of another registry, without a digest that may lie here too.

    Raises:
        UnreadableReferenceError: It is none of these.
    """
    if is_digest(text):
        return anywhere(text)
    name = text.removesuffix(_EVERY_IMAGE)
    found = parse(name)
    if found is None:
        bare, there = _PATH.fullmatch(name), _ELSEWHERE.fullmatch(name)
        if bare is not None:
            found = Reference(name, None, None, bare["repository"], bare["tag"], bare["digest"])
        elif there is None or name != text:
            raise UnreadableReferenceError(text, _LISTED_RULE)
        else:
            # What was copied here from another registry has the same digest here.
            digest = there["digest"] or ""
            return Reference(text=text, digest=digest) if is_digest(digest) else None
    if name == text:
        return found
    if found.tag is not None or found.digest is not None:
        raise UnreadableReferenceError(text, _LISTED_RULE)
    return replace(found, text=text, breadth=ReferenceScope.REPOSITORY)


def find(text: str) -> tuple[Reference, ...]:
    """Every private ECR image that a text of unknown grammar may name: a definition, a template, a script.

    Args:
        text: Anything.

    Returns:
        References in the order of the text, without doubles. What cannot be known for a placeholder or a missing part
        is widened instead: to any registry; to every image of a repository, if the tag may go on; to every repository
        of that beginning, if neither tag nor digest follows the name, for more of it may be put behind elsewhere.
    """
    return tuple(dict.fromkeys(one for match in _IN_TEXT.finditer(text.replace("\\/", "/")) for one in _widened(match)))


def _widened(match: re.Match[str]) -> Iterator[Reference]:
    # A host may end a sentence or a group.
    host = match["place"].rstrip(".:")
    place = _PLACE.fullmatch(host.lower().rstrip("}"))
    account, region = (match["account"], place["region"]) if place and match["account"] else (None, None)
    end = max(match.end("place"), match.end("path"))
    text = match.string[match.start() : end]

    def made(repository: str, breadth: ReferenceScope, tag: str | None = None, digest: str | None = None) -> Reference:
        return Reference(text, account, region, repository, tag, digest, breadth)

    path = match["path"] or ""
    if api := _API.match(path):
        named = _BEGINNING.match(api["name"])
        yield made(named[0] if named else "", ReferenceScope.PREFIX)
    beginning = _BEGINNING.match(path)
    if beginning is None or not (place or _HOST_ENDS.fullmatch(host)):
        yield made("", ReferenceScope.PREFIX)
        return
    repository, rest = beginning["repository"], path[beginning.end() :]
    whole = _PATH.fullmatch(path)
    if rest and whole and (whole["digest"] or _ENDS.match(match.string, end)):
        tag = whole["tag"] or ""
        # Full stops and dashes behind a tag may belong to the sentence.
        for length in range(len(tag), max(len(tag.rstrip("._-")), 1) - 1, -1) if tag else [0]:
            yield made(repository, ReferenceScope.IMAGE, tag[:length] or None, whole["digest"])
    elif rest[:1] in {":", "@"}:
        yield made(repository, ReferenceScope.REPOSITORY)
    else:
        yield made(repository, ReferenceScope.PREFIX)
