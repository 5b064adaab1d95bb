"""``ecr-cleaner plan``: what a run would remove."""

import sys
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from ecr_cleaner.cli import exit_codes, options, output, plan_files, session, texts
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.next_step import next_step
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.report.console import print_end, print_plan

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner plan --region eu-west-1 --as-if-opted-in '*'
  ecr-cleaner plan --function ecr-cleaner --repository shop/api
  ecr-cleaner plan --function ecr-cleaner --format json --output plan.json
  ecr-cleaner plan --function ecr-cleaner --detailed-exitcode
"""


@click.command("plan", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.settings
@click.option(
    "--repository",
    "repositories",
    multiple=True,
    metavar="NAME",
    help="Only this opted-in repository; may be repeated.",
)
@click.option(
    "--as-if-opted-in",
    "as_if_opted_in",
    multiple=True,
    metavar="GLOB",
    help="Judge these repositories as if they had opted in; may be repeated, '*' is every one.",
)
@click.option(
    "--all", "everything", is_flag=True, help="Show every image in the table, also those that are kept, and why."
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
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    metavar="FOLDER",
    help="Also write a plan that `apply` can carry out into this folder, which is made, named after its id;"
    " needs --function.",
)
@click.option(
    "--detailed-exitcode",
    "detailed",
    is_flag=True,
    help=f"Exit with {exit_codes.ExitCode.REMOVALS_PLANNED} if the plan is complete and would remove images.",
)
@click.option("--html", metavar="FILE", callback=output.path, help="Also write an HTML report into this file.")
def command(  # noqa: PLR0913 - the options of the command line
    *,
    connection: Connection,
    settings: KnownSettings,
    repositories: tuple[str, ...],
    as_if_opted_in: tuple[str, ...],
    everything: bool,
    output_format: str,
    file: Path | None,
    folder: Path | None,
    detailed: bool,
    html: Path | None,
) -> None:
    """Show what a run would remove, and with --all why everything else is kept.

    It begins with the account, the region, and how much is there. Then come the images that would be removed, of the
    opted-in repositories and of those that --as-if-opted-in names, the totals, the next step. Other formats have every
    image with its verdict, reason and evidence. The settings are those of the options, of a deployed function, or of
    a copy; the plan says which. It is always a dry run, whatever the settings say: it removes nothing and writes only
    the files that are named here. Reading an index counts as a pull in ECR.
    """
    if folder is not None:
        _require_approval(settings, as_if_opted_in)
    only = frozenset(repositories) or None
    if only:
        session.require_repositories(connection, only, as_if_opted_in)
    connection.check()
    run = session.evaluate(connection, settings, only, html, as_if_opted_in)
    collected, size = run.collected, run.size

    def document() -> dict[str, Any]:
        return {
            **collected.as_json(),
            "registry": size.as_json() if size else None,
            "settings": settings.as_json(),
            "only": sorted(only or ()),
            "as_if_opted_in": list(as_if_opted_in),
        }

    def text(console: Console) -> None:
        if size is not None:
            size.show(console)
        print_plan(collected, console, str(settings), everything=everything)
        console.print(Text(f"next: {next_step(run, connection, settings, everything=everything)}"))

    output.emit(output_format, document, text, file)
    if file is not None:
        screen = output.screen()
        if size is not None:
            size.show(screen)
        print_end(collected, screen, str(settings), everything=everything)
        output.echo(f"written: {file}")
    if folder is not None:
        saved = plan_files.save(collected, settings, folder)
        output.echo(f"saved: {saved}" if saved else "no plan was saved, because nothing would be removed", err=True)
    sys.exit(exit_codes.of_dry_run(collected.result, detailed=detailed))


def _require_approval(settings: KnownSettings, as_if_opted_in: tuple[str, ...]) -> None:
    """Refuse to save a plan that cannot be carried out.

    Raises:
        click.UsageError: The settings are not those of a function, the function requires no approval, or repositories
            are only judged as if they had opted in.
    """
    if as_if_opted_in:
        message = "--save and --as-if-opted-in exclude each other: a run leaves alone what did not opt in"
        raise click.UsageError(message)
    if settings.source != "function":
        message = "--save needs --function: a plan is for one function and its settings"
        raise click.UsageError(message)
    if not settings.value.require_approval:
        message = f"--save: function {settings.name} has require_approval = false, so it carries no plan out"
        raise click.UsageError(message)
