"""``ecr-cleaner usage``: which consumers use which images."""

import sys
from typing import Final

import click

from ecr_cleaner.cli import exit_codes, options, output, texts, usage_overview
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.cli.usage_tables import print_overview
from ecr_cleaner.clock import utc_now

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner usage --region eu-west-1
  ecr-cleaner usage --function ecr-cleaner --repository shop/api
  ecr-cleaner usage --function ecr-cleaner --unresolved --format json
"""


@click.command("usage", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.settings
@click.option(
    "--repository", "repositories", multiple=True, metavar="NAME", help="Only this repository; may be repeated."
)
@click.option("--unresolved", is_flag=True, help="Only images that cannot be pulled: missing or archived.")
@output.formats
def command(
    *,
    connection: Connection,
    settings: KnownSettings,
    repositories: tuple[str, ...],
    unresolved: bool,
    output_format: str,
) -> None:
    """Show which consumers use which images, in all repositories, opted in or not.

    For each image it lists the consumers, the source that found them, and the kind of usage: configured, running,
    rollback, scheduled.
    """
    with connection.progress():
        overview = usage_overview.read_overview(
            connection.clients, settings.value, utc_now(), repositories, unresolved=unresolved
        )
    output.emit(output_format, overview.as_json, lambda console: print_overview(overview, console))
    sys.exit(exit_codes.BY_STATUS[overview.status])
