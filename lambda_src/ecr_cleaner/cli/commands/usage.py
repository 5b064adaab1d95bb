"""``ecr-cleaner usage``: which consumers use which images."""

import sys
from pathlib import Path
from typing import Final

import click

from ecr_cleaner.cli import exit_codes, options, output, texts, usage_overview, used_images_list
from ecr_cleaner.cli.exit_codes import ExitCode
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.cli.usage_tables import print_overview
from ecr_cleaner.clock import utc_now
from ecr_cleaner.model.usage import ScanTarget

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner usage --region eu-west-1
  ecr-cleaner usage --function ecr-cleaner --repository shop/api
  ecr-cleaner usage --function ecr-cleaner --unresolved --format json
  ecr-cleaner usage --for-registry 210987654321/us-east-1 --used-images used-images.json
"""


@click.command("usage", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.settings
@click.option(
    "--repository", "repositories", multiple=True, metavar="NAME", help="Only this repository; may be repeated."
)
@click.option("--unresolved", is_flag=True, help="Only images that cannot be pulled: missing or archived.")
@click.option(
    "--for-registry",
    "there",
    metavar="ACCOUNT/REGION",
    callback=used_images_list.registry,
    help="With --used-images: what consumers here use of this registry, elsewhere.",
)
@click.option(
    "--used-images",
    "file",
    metavar="FILE",
    callback=output.path,
    help="Write a list of used images for the registry of --for-registry into this file.",
)
@output.formats
def command(  # noqa: PLR0913 - the options of the command line
    *,
    connection: Connection,
    settings: KnownSettings,
    repositories: tuple[str, ...],
    unresolved: bool,
    there: ScanTarget | None,
    file: Path | None,
    output_format: str,
) -> None:
    """Show which consumers use which images, in all repositories, opted in or not.

    For each image it lists the consumers, the source that found them, and the kind of usage: configured, running,
    rollback, scheduled.

    With --for-registry and --used-images it writes what consumers here use of a registry in another account or region,
    as a list of used images: a JSON array of names, for the place that used_images_uri names there. If one source
    fails, no file is written and an older one stays.
    """
    if there is not None or file is not None:
        _write_list(connection, settings, there, file, others=bool(repositories or unresolved))
        return
    with connection.progress():
        overview = usage_overview.read_overview(
            connection.clients, settings.value, utc_now(), repositories, unresolved=unresolved
        )
    output.emit(output_format, overview.as_json, lambda console: print_overview(overview, console))
    sys.exit(exit_codes.BY_STATUS[overview.status])


def _write_list(
    connection: Connection, settings: KnownSettings, there: ScanTarget | None, file: Path | None, *, others: bool
) -> None:
    """Write a list of used images.

    Raises:
        click.UsageError: One of the two options is missing, or another one contradicts them.
    """
    if there is None or file is None or others:
        message = "--for-registry and --used-images need each other, and exclude --repository and --unresolved"
        raise click.UsageError(message)
    with connection.progress():
        names = used_images_list.references(connection, settings.value, there, utc_now())
    if not names:
        output.echo(f"Nothing here uses an image of {there}: no list was written, and none is needed there.", err=True)
        sys.exit(ExitCode.NOT_FOUND)
    output.replace(file, used_images_list.document(names))
    output.echo(f"written: {file}, {len(names)} references; put it under used_images_uri of {there}")
