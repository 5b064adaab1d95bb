"""``ecr-cleaner plan``: what a run would do."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecr_cleaner.cli import options, session
from ecr_cleaner.report.console import print_plan

if TYPE_CHECKING:
    from ecr_cleaner.cli.session import Connection
    from ecr_cleaner.settings import Settings


@click.command("plan")
@options.connection
@options.settings
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--html", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to look at to FILE."
)
def command(*, connection: Connection, settings: Settings, as_json: bool, html: Path | None) -> None:
    """Every image of the opted-in repositories with its verdict, the reason, and the evidence."""
    collected = session.look(connection, settings, html=html)
    if as_json:
        click.echo(json.dumps(collected.as_json(), indent=2))
    else:
        print_plan(collected)
    sys.exit(session.EXIT_CODES[collected.summary.status])
