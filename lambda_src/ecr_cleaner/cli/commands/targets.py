"""``ecr-cleaner targets``: every account, region and cluster that is looked at, and what is missing there."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from ecr_cleaner.cli import exit_codes, options, output, texts
from ecr_cleaner.cli.diagnosis import diagnose
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import ALL_SOURCES, SourceOutcome, SourceStatus
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.report.terminal import PrintableTable

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner targets --region eu-west-1
  ecr-cleaner targets --region eu-west-1 --accept-gap region:ap-south-1
  ecr-cleaner targets --function ecr-cleaner --accounts 222233334444=shop
"""

_COLUMNS: Final = ("account", "region", "cluster", "outcome", "usages", "what is missing")

_WORST_FIRST: Final = (
    SourceStatus.FAILED,
    SourceStatus.CLOSED,
    SourceStatus.DISABLED,
    SourceStatus.NOT_OFFERED,
    SourceStatus.COMPLETE,
)


@click.command("targets", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.settings
@output.formats
def command(*, connection: Connection, settings: KnownSettings, output_format: str) -> None:
    """Show every account, region and cluster in which consumers are looked for, and what is missing there.

    The calls are made with your credentials, in other accounts with those of a role or a profile. One region or cluster
    of the own account that cannot be read stops every removal; the exit code is that of a refused run then. What of
    another account cannot be read keeps what that account may pull; the exit code is that of a degraded run then.
    """
    connection.check()
    told = diagnose(connection, settings)
    rows = list(rows_of(told.sources))
    document = {
        "schema_version": 1,
        "account_id": told.account_id,
        "region": told.region,
        "targets": rows,
        "other_accounts": told.other_accounts,
    }
    output.emit(output_format, lambda: document, lambda console: _show(rows, told.other_accounts, console))
    failed = {row["account_id"] for row in rows if row["outcome"] == SourceStatus.FAILED.value}
    status = RunStatus.DEGRADED if failed or told.other_accounts else RunStatus.COMPLETED
    sys.exit(exit_codes.BY_STATUS[RunStatus.REFUSED if told.account_id in failed else status])


def rows_of(outcomes: Sequence[SourceOutcome]) -> Iterator[dict[str, Any]]:
    """A row for each region, and for each cluster that has an outcome of its own, in their order.

    ``not_offered`` and ``disabled`` are said of a region only if they hold for all of it.
    """
    by_place: dict[tuple[ScanTarget, str | None], list[SourceOutcome]] = {}
    for one in outcomes:
        by_place.setdefault((one.target, one.cluster), []).append(one)
    for (target, cluster), there in sorted(by_place.items(), key=lambda item: (item[0][0], item[0][1] or "")):
        failed = [one for one in there if one.status is SourceStatus.FAILED]
        whole = failed or [one for one in there if one.source == ALL_SOURCES] or there
        statuses = {one.status for one in whole}
        read = SourceStatus.COMPLETE if SourceStatus.COMPLETE in statuses else None
        outcome = SourceStatus.FAILED if failed else read or min(statuses, key=_WORST_FIRST.index)
        yield {
            "account_id": target.account_id,
            "region": target.region,
            "cluster": cluster,
            "outcome": outcome.value,
            "usages": sum(one.usages for one in there),
            "missing": list(_missing(there)),
        }


def _missing(outcomes: Sequence[SourceOutcome]) -> Iterator[str]:
    for one in outcomes:
        if one.status is not SourceStatus.COMPLETE:
            why = f"{one.denial.permission} is denied" if one.denial else one.detail
            yield f"{one.source}: {why}" if one.source != ALL_SOURCES else why


def _show(rows: Sequence[dict[str, Any]], causes: Sequence[str], console: Console) -> None:
    table = PrintableTable(expand=False)
    for title in _COLUMNS:
        table.add_column(title, overflow="fold")
    for row in rows:
        first = [str(row["account_id"]), str(row["region"]), row["cluster"] or "", row["outcome"].replace("_", " ")]
        table.add_row(*map(Text, [*first, str(row["usages"]), "\n".join(row["missing"])]))
    console.print(table)
    for cause in causes:
        console.print(Text(cause, "yellow"), soft_wrap=True)
