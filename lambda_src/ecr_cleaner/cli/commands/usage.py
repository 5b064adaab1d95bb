"""``ecr-cleaner usage``: who uses what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from ecr_cleaner.cli import options, output, session, texts, usage_overview
from ecr_cleaner.cli.usage_tables import print_usages
from ecr_cleaner.clock import utc_now

if TYPE_CHECKING:
    from ecr_cleaner.cli.known_settings import KnownSettings
    from ecr_cleaner.cli.session import Connection


_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner usage --region eu-west-1
  ecr-cleaner usage --function ecr-cleaner --repository shop/api
  ecr-cleaner usage --function ecr-cleaner --unresolved --json
"""


@click.command("usage", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.settings
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Of this one alone; may be repeated.")
@click.option("--unresolved", is_flag=True, help="Only what nothing can pull: images that are gone or archived.")
@output.formats
def command(
    *,
    connection: Connection,
    settings: KnownSettings,
    repositories: tuple[str, ...],
    unresolved: bool,
    output_format: str | None,
) -> None:
    """Who uses what: every image that a consumer names, whether or not its repository opted in.

    Of each image it is told where it was seen (source) and how: configured, running, rollback, scheduled.
    """
    connection.check()
    with connection.progress():
        found = usage_overview.look(connection.clients, settings.value, utc_now(), repositories, unresolved=unresolved)
    output.emit(output_format, found.as_json, lambda console: print_usages(found, console))
    sys.exit(session.EXIT_CODES[found.status])
