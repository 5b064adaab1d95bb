"""``ecr-cleaner plan``: what a run would remove."""

import sys
from pathlib import Path
from typing import Final

import click

from ecr_cleaner.cli import options, output, plan_files, session, texts
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.report.console import print_end, print_plan

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner plan --region eu-west-1
  ecr-cleaner plan --function ecr-cleaner --repository shop/api
  ecr-cleaner plan --function ecr-cleaner --json --output plan.json
  ecr-cleaner plan --function ecr-cleaner --detailed-exitcode
"""


@click.command("plan", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES_OF_PLAN}")
@options.connection
@options.settings
@click.option(
    "--repository",
    "repositories",
    multiple=True,
    metavar="NAME",
    help="Only this opted-in repository; may be repeated.",
)
@output.formats
@click.option(
    "--output",
    "file",
    callback=output.path,
    metavar="FILE",
    help="Write the plan into this file, completely or not at all, and only the totals to standard output.",
)
@click.option(
    "--save",
    "folder",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    metavar="FOLDER",
    help="Also write a plan that `apply` can carry out into this folder, named after its id; needs --function.",
)
@click.option(
    "--detailed-exitcode",
    "detailed",
    is_flag=True,
    help=f"Exit with {session.REMOVALS_PLANNED} if the plan is complete and would remove images.",
)
@click.option("--html", metavar="FILE", callback=output.path, help="Also write an HTML report into this file.")
def command(  # noqa: PLR0913 - the options of the command line
    *,
    connection: Connection,
    settings: KnownSettings,
    repositories: tuple[str, ...],
    output_format: str | None,
    file: Path | None,
    folder: Path | None,
    detailed: bool,
    html: Path | None,
) -> None:
    """Show what a run would remove, and why everything else is kept.

    It lists every image of the opted-in repositories with its verdict, reason and evidence, and the totals. The
    settings are those of the options, of a deployed function, or of a copy; the plan says which. It is always a
    dry run, whatever the settings say: it removes nothing and writes only the files that are named here. Reading an
    index counts as a pull in ECR.
    """
    if folder is not None:
        _require_approval(settings)
    only = frozenset(repositories) or None
    if only:
        session.require_opted_in(connection, only, settings.value)
    connection.check()
    collected = session.evaluate(connection, settings, only, html)
    output.emit(
        output_format,
        lambda: {**collected.as_json(), "settings": settings.as_json(), "only": sorted(only or ())},
        lambda console: print_plan(collected, console, str(settings)),
        file,
    )
    if file is not None:
        print_end(collected, output.screen(), str(settings))
        output.echo(f"written: {file}")
    if folder is not None:
        saved = plan_files.save(collected, settings, folder)
        output.echo(f"saved: {saved}" if saved else "no plan was saved, because nothing would be removed", err=True)
    sys.exit(session.exit_code(collected.result, detailed=detailed))


def _require_approval(settings: KnownSettings) -> None:
    """Refuse to save a plan that cannot be carried out.

    Raises:
        click.UsageError: The settings are not those of a function, or the function requires no approval.
    """
    if settings.source != "function":
        message = "--save needs --function: a plan is for one function and its settings"
        raise click.UsageError(message)
    if not settings.value.require_approval:
        message = f"--save: function {settings.name} has require_approval = false, so it carries no plan out"
        raise click.UsageError(message)
