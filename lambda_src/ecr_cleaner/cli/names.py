"""Image names on the command line, with or without the host of the registry."""

from contextlib import suppress

import click

from ecr_cleaner.cli.session import Connection
from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.reference import listed


def parse_argument(_context: click.Context, _parameter: click.Parameter, image: str) -> Reference:
    """Parse the name of an image or a repository; the callback of an argument.

    Raises:
        UsageError: It is not such a name.
    """
    with suppress(UnreadableReferenceError):
        reference = listed(image)
        # Not a digest alone, nor repository:*.
        if reference and reference.repository and reference.breadth is ReferenceScope.IMAGE:
            return reference
    message = f"{image!r} is not an image name: write repository[:tag][@sha256:<64 hex digits>]"
    raise click.UsageError(message)


def repository_of(reference: Reference, connection: Connection) -> str:
    """Name of the repository of a parsed argument.

    A name with the host of another registry is refused: the image of the same name here is another image.

    Raises:
        AwsError: The registry could not be read.
        ClickException: It is the host of another registry.
    """
    there, here = (reference.account, reference.region), (connection.check(), connection.clients.region)
    if reference.account is not None and there != here:
        message = f"{reference.text} is in {' '.join(map(str, there))}, but this is {' '.join(here)}"
        raise click.ClickException(message)
    return str(reference.repository)
