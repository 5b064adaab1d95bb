"""Names of images as people write them, with or without the registry's host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from ecr_cleaner import aws
from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model import Reference
from ecr_cleaner.reference import parse

if TYPE_CHECKING:
    from ecr_cleaner.aws import Aws

_ANY_HOST: Final = "000000000000.dkr.ecr.any.amazonaws.com"
_NOTHING: Final = Reference("")


def taken_apart(image: str) -> Reference:
    """The name of an image or of a repository as a reference.

    Raises:
        UsageError: It is none.
    """
    try:
        # Without a host, any registry's: the account and region are those of the credentials.
        reference = parse(image) or replace(parse(f"{_ANY_HOST}/{image}") or _NOTHING, account=None, region=None)
    except UnreadableReferenceError:
        reference = _NOTHING
    if reference.repository is None:
        message = f"{image!r} is not an image name: write repository[:tag][@sha256:<64 hex digits>]"
        raise click.UsageError(message)
    return reference


def must_lie_here(reference: Reference, clients: Aws) -> None:
    """An answer about the image of the same name in another registry would be a wrong one.

    Raises:
        ClickException: The name has a host, and it is another registry's.
    """
    if reference.account is None:
        return
    here = (aws.member(clients.client("ecr").describe_registry(), "registryId", "DescribeRegistry"), clients.region)
    if (reference.account, reference.region) != here:
        message = f"{reference.text} lies in {reference.account} {reference.region}, but this is {' '.join(here)}"
        raise click.ClickException(message)
