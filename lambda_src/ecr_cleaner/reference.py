"""Pure: any image reference string to a `Reference`.

The hosts of a private registry are those of the ECR user guide ("Making requests"): IPv4, dual-stack,
FIPS, both, and the other partitions. All of them name one registry, told apart by account and region.
The grammar of repository, tag and digest is that of the OCI distribution specification.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model import Reference

_HOST: Final = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9][a-z0-9.-]*(?::[0-9]+)?"
)
_PATH: Final = re.compile(
    r"(?P<repository>[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_SCHEME: Final = re.compile(r"(?:https?|docker)://", re.IGNORECASE)
_LOOKS_LIKE_ECR: Final = re.compile(r"dkr[.-]ecr|\.ecr[.-][a-z0-9-]*\.?[a-z0-9.-]*amazonaws", re.IGNORECASE)
_DIGEST_RULE: Final = "a digest is sha256:<64 hex digits>"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


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
        a tag may have moved since and a written digest may be the index of the one that runs. Nothing if
        the text names no private ECR registry.

    Raises:
        UnreadableReferenceError: Text or digest cannot be read.
    """
    written = parse(text)
    if written is None:
        return ()
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
