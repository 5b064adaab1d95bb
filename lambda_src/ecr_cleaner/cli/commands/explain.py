"""``ecr-cleaner explain``: why one image would be removed or kept."""

import sys
from typing import Final

import click
from rich.console import Console

from ecr_cleaner.cli import exit_codes, names, options, output, texts
from ecr_cleaner.cli.exit_codes import ExitCode
from ecr_cleaner.cli.explanation import explain
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.names import ImageName
from ecr_cleaner.cli.past import digests_of
from ecr_cleaner.cli.session import Connection

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner explain --region eu-west-1 shop/web:live
  ecr-cleaner explain --function ecr-cleaner shop/web@sha256:413ced72
  ecr-cleaner explain --function ecr-cleaner sha256:413ced72
"""


@click.command("explain", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.settings
@output.formats
@click.argument("image", callback=names.parse_argument)
def command(image: ImageName, *, connection: Connection, settings: KnownSettings, output_format: str) -> None:
    """Show whether one IMAGE would be removed, why, and which consumers use it.

    IMAGE is a name as in docker pull (with or without the registry's host), or a digest, of which the beginning is
    enough: app:v1, app@sha256:413ced72, 413ced72. If its repository did not opt in, it is judged as if it had. Of an
    image that is not there it tells what became of it, as far as history and journal know.
    """
    past = digests_of(connection, settings) if image.repository is None or image.may_be_digest else {}
    told, run = explain(connection, settings, names.wanted(image, connection, past))

    def text(console: Console) -> None:
        console.print(f"settings: {settings}", style="dim", markup=False, highlight=False)
        told.show(console)

    output.emit(output_format, told.as_json, text)
    code = exit_codes.of_dry_run(run.collected.result)
    sys.exit(ExitCode.NOT_FOUND if code is ExitCode.COMPLETED and not told.is_there else code)
