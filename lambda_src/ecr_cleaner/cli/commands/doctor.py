"""``ecr-cleaner doctor``: what works, what is denied and to whom, and whether a run would be refused."""

import sys
from collections.abc import Iterator
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from ecr_cleaner.cli import exit_codes, options, output, texts
from ecr_cleaner.cli.diagnosis import Diagnosis, by_status, diagnose
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.model.scan import SourceStatus
from ecr_cleaner.report.console import STYLES
from ecr_cleaner.report.terminal import PrintableTable

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner doctor --region eu-west-1
  ecr-cleaner doctor --function ecr-cleaner
"""


@click.command("doctor", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.settings
@output.formats
def command(*, connection: Connection, settings: KnownSettings, output_format: str) -> None:
    """Ask every source once, and show what works, what is denied and to whom, and what mends it.

    It judges no image and needs no opt-in. The calls are made with your credentials, which may be allowed more or less
    than the function's role. The exit code is that of a run that meets the same: refused if it would remove nothing.
    Limits, and consumers that fail because of a removal, depend on verdicts: `plan` shows these.
    """
    connection.check()
    told = diagnose(connection, settings)
    output.emit(output_format, told.as_json, lambda console: _show(told, console, settings))
    sys.exit(exit_codes.BY_STATUS[told.status])


def _show(told: Diagnosis, console: Console, settings: KnownSettings) -> None:
    registry = f"{told.repositories} repositories, {told.opted_in} opted in"
    console.print(Text(f"account {told.account_id}, region {told.region}: {registry}"))
    console.print(Text(f"settings: {settings}"))
    console.print(Text(f"sources: {', '.join(f'{number} {status}' for status, number in by_status(told))}"))
    odd = [one for one in told.sources if one.status is not SourceStatus.COMPLETE]
    if odd:
        table = PrintableTable(expand=False)
        for title in ("source", "outcome", "why"):
            table.add_column(title, overflow="fold")
        for one in odd:
            here = one.target.account_id == told.account_id
            name = f"{one.source} in {one.target.region if here else one.target}" + (
                f" ({one.cluster})" if one.cluster else ""
            )
            why = f"{one.denial.permission} is denied" if one.denial else one.detail
            table.add_row(Text(name), Text(one.status.value.replace("_", " ")), Text(why))
        console.print(table)
    for title, lines, style in _parts(told):
        if lines:
            console.print(Text(title, "bold"))
        for line in lines:
            console.print(Text(f"  {line}", style), soft_wrap=True)
    console.print(Text(f"status: {told.status.value}", STYLES[told.status]))


def _parts(told: Diagnosis) -> Iterator[tuple[str, list[str], str]]:
    yield "Permissions that are missing:", told.denied, "red"
    yield "What may be accepted of it, at your own risk:", told.acceptable, "yellow"
    yield "Repositories that are left alone:", told.left_alone, "yellow"
    yield "Not protected, by the settings:", told.unprotected, "yellow"
    yield "Notes:", told.notes, "yellow"
    yield "What of other accounts cannot be looked at, so that what they may pull stays:", told.other_accounts, "yellow"
    yield "Why a run would fail, and what mends it:", told.problems, "red"
    yield "Why a run would remove nothing, and what mends it:", told.refusals, "red"
