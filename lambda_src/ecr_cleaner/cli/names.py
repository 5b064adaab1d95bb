"""Names of images as people write them, with or without the registry's host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model.usage import Reference
from ecr_cleaner.reference import parse

if TYPE_CHECKING:
    from ecr_cleaner.aws.client import AwsClients

_ANY_HOST: Final = "000000000000.dkr.ecr.any.amazonaws.com"
_NOTHING: Final = Reference("")


def parse_argument(_context: click.Context, _parameter: click.Parameter, image: str) -> Reference:
    """The name of an image or of a repository as a reference; the callback of an argument.

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


def require_same_registry(reference: Reference, clients: AwsClients) -> None:
    """Ask which registry this is, and refuse a name of another one.

    Raises:
        ClickException: The name has a host, and it is another registry's.
    """
    answer = responses.called(clients.client("ecr"), "DescribeRegistry")
    require_registry(reference, responses.member(answer, "registryId", "DescribeRegistry"), clients.region)


def require_registry(reference: Reference, account: str | None, region: str) -> None:
    """An answer about the image of the same name in another registry would be a wrong one.

    Raises:
        ClickException: The name has a host, and it is another registry's.
    """
    there, here = (reference.account, reference.region), (account, region)
    if reference.account is not None and account is not None and there != here:
        message = f"{reference.text} lies in {' '.join(map(str, there))}, but this is {' '.join(map(str, here))}"
        raise click.ClickException(message)
