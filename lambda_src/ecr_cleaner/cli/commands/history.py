"""``ecr-cleaner history``: what is known of an image, or of all images of a repository."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from ecr_cleaner import compose
from ecr_cleaner.aws import errors
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.cli import names, options, output, texts
from ecr_cleaner.cli.image_timeline import ImageTimeline, journal_of, timelines_of
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.clock import utc_now
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.usage import Reference
from ecr_cleaner.registry import images
from ecr_cleaner.registry.repositories import REPOSITORY_GONE

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner history --function ecr-cleaner shop/web:v41
  ecr-cleaner history --function ecr-cleaner --json shop/web
"""


@click.command("history", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.deployed
@output.formats
@click.argument("image", callback=names.parse_argument)
def command(image: Reference, *, connection: Connection, settings: KnownSettings, output_format: str | None) -> None:
    """Show what is known of IMAGE: who used it last, which tags moved, which run removed it, when and why.

    IMAGE is a repository, for all its images, or one image: app, app:v1, app@sha256:... If nothing is known of it,
    the exit code is 1. It needs --function or --settings, which name the bucket of history and journal.
    """
    if settings.source == "options":
        message = "--function NAME or --settings FILE is required: they name the bucket of the history"
        raise click.UsageError(message)
    clients = connection.clients
    repository = names.repository_of(image, connection)
    with connection.progress():
        reader = compose.history_reader(clients, settings.value)
        if reader is not None:
            reader.open(utc_now())
        history = reader.known(repository) if reader else None
        records, problems = journal_of(clients, settings.value, repository)
        timelines = timelines_of(_present(clients, repository), history, records)
    if image.digest is not None:
        timelines = [timeline for timeline in timelines if timeline.digest == image.digest]
    elif image.tag is not None:
        timelines = [timeline for timeline in timelines if image.tag in {*timeline.tags, *timeline.lost_tags}]
    output.emit(
        output_format,
        lambda: {
            "schema_version": 1,
            "repository": repository,
            "images": [asdict(timeline) for timeline in timelines],
            "problems": problems,
        },
        lambda console: _print(console, repository, timelines, problems),
    )
    sys.exit(0 if timelines else 1)


def _present(clients: AwsClients, repository: str) -> list[Image]:
    try:
        return list(images.images(clients, repository))
    except errors.AwsError as error:
        if errors.code_of(error) != REPOSITORY_GONE:
            raise
        return []  # the repository was deleted; the journal still knows its images


def _print(console: Console, repository: str, timelines: list[ImageTimeline], problems: Iterable[str]) -> None:
    for problem in problems:
        output.echo(f"Skipped: {problem}", err=True)
    lines = [] if timelines else [f"Nothing is known of it in {repository}."]
    for timeline in timelines:
        tags = f" ({', '.join(timeline.tags)})" if timeline.tags else ""
        lines += [f"{repository}@{timeline.digest}{tags}", *(f"  {line}" for line in timeline.lines())]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
