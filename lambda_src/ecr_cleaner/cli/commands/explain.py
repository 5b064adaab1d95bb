"""``ecr-cleaner explain``: why one image would be removed or kept."""

import sys
from typing import Final

import click

from ecr_cleaner.cli import names, options, output, session, texts
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.model.usage import Reference
from ecr_cleaner.report.console import print_explanation

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner explain --region eu-west-1 shop/web:live
  ecr-cleaner explain --function ecr-cleaner shop/web@sha256:413ced72...
"""


@click.command("explain", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.settings
@click.argument("image", callback=names.parse_argument)
def command(image: Reference, *, connection: Connection, settings: KnownSettings) -> None:
    """Show whether one IMAGE would be removed, why, and which consumers use it.

    IMAGE is a name as in docker pull (with or without the registry's host): app:v1, app@sha256:... If the image does
    not exist, or its repository did not opt in, the exit code is 1.
    """
    repository = names.repository_of(image, connection)
    collected = session.evaluate(connection, settings, frozenset({repository}))
    screen = output.screen()
    screen.print(f"settings: {settings}", style="dim", markup=False, highlight=False)
    is_known = print_explanation(collected, repository, image.effective_tag, image.digest, screen)
    sys.exit(session.exit_code(collected.result) if is_known else 1)
