"""``ecr-cleaner usage``: who uses what."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from ecr_cleaner import consumers
from ecr_cleaner.cli import options, session
from ecr_cleaner.report.usages import print_usages

if TYPE_CHECKING:
    from ecr_cleaner.cli.session import Connection
    from ecr_cleaner.settings import Settings


@click.command("usage")
@options.connection
@options.settings
@click.option("--repository", "repositories", multiple=True, metavar="NAME", help="Of this one alone; may be repeated.")
@click.option("--unresolved", is_flag=True, help="Only what nothing can pull: images that are gone or archived.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    connection: Connection,
    settings: Settings,
    repositories: tuple[str, ...],
    unresolved: bool,
    as_json: bool,
) -> None:
    """Who uses what: every image that a consumer names, whether or not its repository opted in.

    Of each image it is told where it was seen (source) and how: configured, running, rollback, scheduled.
    """
    found = consumers.look(connection.clients, settings, datetime.now(UTC), repositories, unresolved=unresolved)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        print_usages(found)
    sys.exit(session.EXIT_CODES[found.status])
