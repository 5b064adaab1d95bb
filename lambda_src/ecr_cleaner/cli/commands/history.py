"""``ecr-cleaner history``: what is known of an image, or of all images of a repository."""

import sys
from dataclasses import asdict
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from ecr_cleaner.cli import names, options, output, texts
from ecr_cleaner.cli.exit_codes import ExitCode
from ecr_cleaner.cli.image_timeline import ImageTimeline
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.names import ImageName, Wanted
from ecr_cleaner.cli.past import NO_PLACE, Past, digests_of, past_of, present_in
from ecr_cleaner.cli.session import Connection

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner history --function ecr-cleaner shop/web:v41
  ecr-cleaner history --function ecr-cleaner --format json shop/web
"""


@click.command("history", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.deployed
@output.formats
@click.argument("image", callback=names.parse_argument)
def command(image: ImageName, *, connection: Connection, settings: KnownSettings, output_format: str) -> None:
    """Show what is known of IMAGE: who used it last, which tags moved, which run removed it, when and why.

    IMAGE is a repository, for all its images, or one image: app, app:v1, app@sha256:413ced72, 413ced72; of a digest
    the beginning is enough. It needs --function or --settings, which name the bucket of history and journal.
    """
    if settings.source == "options":
        message = f"history needs a place to look: {NO_PLACE}"
        raise click.UsageError(message)
    with connection.progress():
        past = digests_of(connection, settings) if image.repository is None or image.may_be_digest else {}
        meant = names.wanted(image, connection, past)
        found = past_of(connection, settings, meant.repository, present_in(connection, meant.repository))
    meant = meant.whole(timeline.digest for timeline in found.timelines)
    timelines = [one for one in found.timelines if meant.fits(one.digest, {*one.tags, *one.lost_tags})]
    output.emit(
        output_format,
        lambda: {
            "schema_version": 1,
            "repository": meant.repository,
            "images": [asdict(timeline) for timeline in timelines],
            "looked_at": list(found.looked_at),
            "problems": [*found.unknown, *found.problems],
        },
        lambda console: _print(console, meant, timelines, found),
    )
    sys.exit(ExitCode.COMPLETED if timelines else ExitCode.NOT_FOUND)


def _print(console: Console, meant: Wanted, timelines: list[ImageTimeline], found: Past) -> None:
    for problem in found.problems:
        output.echo(f"Skipped: {problem}", err=True)
    lines = [] if timelines else [f"Nothing is known of {meant.text}."]
    for timeline in timelines:
        tags = f" ({', '.join(timeline.tags)})" if timeline.tags else ""
        lines += [f"{meant.repository}@{timeline.digest}{tags}", *(f"  {line}" for line in timeline.lines())]
    looked_at = [f"looked at: {'; '.join(found.looked_at)}"] if found.looked_at else []
    for line in [*lines, *looked_at, *(f"not known: {one}" for one in found.unknown)]:
        console.print(Text(line), soft_wrap=True)
