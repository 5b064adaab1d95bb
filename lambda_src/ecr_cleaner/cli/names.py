"""Image names on the command line, with or without the host of the registry."""

from dataclasses import replace
from typing import Final

import click

from ecr_cleaner.cli.session import Connection
from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model.usage import Reference
from ecr_cleaner.reference import parse

_ANY_HOST: Final = "000000000000.dkr.ecr.any.amazonaws.com"
_NOTHING: Final = Reference("")


def parse_argument(_context: click.Context, _parameter: click.Parameter, image: str) -> Reference:
    """Parse the name of an image or a repository; the callback of an argument.

    Raises:
        UsageError: It is not such a name.
    """
    try:
        # A name without a host belongs to the registry of the credentials.
        reference = parse(image) or replace(parse(f"{_ANY_HOST}/{image}") or _NOTHING, account=None, region=None)
    except UnreadableReferenceError:
        reference = _NOTHING
    if reference.repository is None:
        message = f"{image!r} is not an image name: write repository[:tag][@sha256:<64 hex digits>]"
        raise click.UsageError(message)
    return reference


def require_same_registry(reference: Reference, connection: Connection) -> None:
    """Refuse a name with the host of another registry: the image of the same name here is another image.

    Raises:
        AwsError: The registry could not be read.
        ClickException: It is the host of another registry.
    """
    there, here = (reference.account, reference.region), (connection.check(), connection.clients.region)
    if reference.account is not None and there != here:
        message = f"{reference.text} is in {' '.join(map(str, there))}, but this is {' '.join(here)}"
        raise click.ClickException(message)
