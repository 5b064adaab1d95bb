"""Image names on the command line: with or without the registry's host, by tag, by digest, by its beginning."""

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import click

from ecr_cleaner.aws import errors
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.errors import CleanerError, NoSuchImageError, UnreadableReferenceError
from ecr_cleaner.model.usage import ReferenceScope
from ecr_cleaner.reference import listed
from ecr_cleaner.registry import images
from ecr_cleaner.registry.repositories import repository_names

_DIGEST: Final = re.compile(r"(?:sha256:)?(?P<digits>[0-9a-f]{4,64})")
_DIGEST_ALONE: Final = re.compile(r"sha256:[0-9a-f]{4,64}|[0-9a-f]{7,64}")
"""Without a repository; without ``sha256:`` it may also be the name of one."""

_SHOWN: Final = 20
"""Candidates and tags that a message names."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """A name as it was typed, taken apart.

    Attributes:
        text: As it was typed.
        account: Of the registry; None: the name has no host.
        region: Of the registry, likewise.
        repository: None: the digest is to be looked for in every repository.
        tag: As it was typed.
        digest: A digest, or its beginning, with ``sha256:``.
        may_be_digest: The whole name may be a repository as well as the beginning of a digest.
    """

    text: str
    account: str | None = None
    region: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    may_be_digest: bool = False


def parse_argument(_context: click.Context, _parameter: click.Parameter, image: str) -> ImageName:
    """Parse the name of an image or a repository; the callback of an argument.

    Raises:
        UsageError: It is not such a name.
    """
    if _DIGEST_ALONE.fullmatch(image) and image.startswith("sha256:"):
        return ImageName(image, digest=image)
    name, at, end = image.partition("@") if not image.startswith("sha256:") else (image, "@", "")
    digest = _DIGEST.fullmatch(end)
    with suppress(UnreadableReferenceError):
        reference = listed(name)
        # Not repository:*, and nothing behind an @ that is no digest.
        if reference and reference.repository and reference.breadth is ReferenceScope.IMAGE and (digest or not at):
            return ImageName(
                image,
                reference.account,
                reference.region,
                reference.repository,
                reference.tag,
                f"sha256:{digest['digits']}" if digest else None,
                may_be_digest=_DIGEST_ALONE.fullmatch(image) is not None,
            )
    message = (
        f"{image!r} is not an image name: write repository[:tag][@digest] or a digest, of which the beginning is enough"
    )
    raise click.UsageError(message)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image or a repository that is asked for, in this registry.

    Attributes:
        repository: Name of the repository.
        tag: None if there is a digest, or if the whole repository is meant.
        digest: A digest, or its beginning, with ``sha256:``; it counts more than the tag.
    """

    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def text(self) -> str:
        """The name without a host."""
        return self.repository + (f"@{self.digest}" if self.digest else f":{self.tag}" if self.tag else "")

    def fits(self, digest: str, tags: Collection[str]) -> bool:
        """Whether an image is meant; every image of the repository is, if neither tag nor digest was named."""
        if self.digest is not None:
            return digest.startswith(self.digest)
        return self.tag is None or self.tag in tags

    def whole(self, digests: Iterable[str]) -> "Wanted":
        """The same with the whole digest, if one of these begins like it.

        Raises:
            UsageError: Several do.
        """
        if self.digest is None:
            return self
        found = sorted({one for one in digests if one.startswith(self.digest)})
        if len(found) > 1:
            raise _ambiguous(self.digest, [f"{self.repository}@{one}" for one in found])
        return Wanted(self.repository, self.tag, found[0]) if found else self


def wanted(name: ImageName, connection: Connection, past: Mapping[str, Collection[str]] | None = None) -> Wanted:
    """What a name means in the registry of the connection.

    A name with the host of another registry is refused: the image of the same name here is another image.

    Args:
        name: As it was typed.
        connection: Account and region.
        past: Digests of images by repository that are no longer there, for a digest without a repository.

    Raises:
        AwsError: The registry could not be read.
        UsageError: It is the host of another registry, or the beginning of several digests.
        NoSuchImageError: No image has this digest.
    """
    clients = connection.clients
    account = connection.check()
    there, here = (name.account, name.region), (account, clients.region)
    if name.account is not None and there != here:
        message = (
            f"{name.text} is in account {name.account}, region {name.region}, but this is account {account}, region"
            f" {clients.region}: name the other one with --region and --profile"
        )
        raise click.UsageError(message)
    digest = name.digest
    if name.repository is not None:
        if not name.may_be_digest:
            return Wanted(name.repository, name.tag, digest)
        if name.repository in dict(repository_names(clients)):
            return Wanted(name.repository)
        digest = f"sha256:{name.text}"
    return _found(str(digest), clients, past or {})


def _found(digest: str, clients: AwsClients, past: Mapping[str, Collection[str]]) -> Wanted:
    """Look for a digest in every repository."""
    found = {(name, one) for name, digests in past.items() for one in digests if one.startswith(digest)}
    unread = []
    names = [name for name, _ in repository_names(clients)]
    for name in names:
        try:
            found |= {(name, one.digest) for one in images.images(clients, name) if one.digest.startswith(digest)}
        except (CleanerError, *errors.AwsError) as error:
            unread.append(f"{name}: {errors.sentence(error)}")
    if len(found) > 1:
        raise _ambiguous(digest, [f"{name}@{one}" for name, one in sorted(found)])
    if not found:
        where = f"the {len(names)} repositories of {clients.region}"
        not_read = f"; not looked at, because they could not be read: {'; '.join(unread)}" if unread else ""
        message = f"no image in {where} has a digest that begins with {digest}{not_read}"
        raise NoSuchImageError(message)
    ((repository, whole),) = found
    return Wanted(repository, digest=whole)


def _ambiguous(digest: str, candidates: list[str]) -> click.UsageError:
    more = f", and {len(candidates) - _SHOWN} more" if len(candidates) > _SHOWN else ""
    return click.UsageError(f"{digest} is the beginning of several: {', '.join(candidates[:_SHOWN])}{more}")


def require_image(meant: Wanted, tags: Iterable[str]) -> None:
    """Refuse a name without tag and digest.

    Args:
        meant: What was asked for.
        tags: Tags in the repository, the ones to name first.

    Raises:
        UsageError: It names a repository; lists tags of it.
    """
    if meant.tag is not None or meant.digest is not None:
        return
    there = list(tags)
    more = f", and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    known = f"tags there: {', '.join(there[:_SHOWN])}{more}" if there else "no image there has a tag"
    message = f"{meant.repository} is a repository: name a tag or digest, for latest is not assumed; {known}"
    raise click.UsageError(message)
