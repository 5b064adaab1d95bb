"""``ecr-cleaner history``: what is known of an image, or of all images of a repository."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from ecr_cleaner import aws, compose, inventory
from ecr_cleaner.cli import names, options, texts
from ecr_cleaner.clock import utc_now
from ecr_cleaner.journal_reader import by_digest
from ecr_cleaner.past import Told, told_of
from ecr_cleaner.survey import GONE

if TYPE_CHECKING:
    from ecr_cleaner.aws import Aws
    from ecr_cleaner.cli.known_settings import KnownSettings
    from ecr_cleaner.cli.session import Connection
    from ecr_cleaner.memory import History
    from ecr_cleaner.model import Image, Reference
    from ecr_cleaner.settings import Settings


_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner history --function ecr-cleaner shop/web:v41
  ecr-cleaner history --function ecr-cleaner --json shop/web
"""


@click.command("history", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.deployed
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.argument("image", callback=names.taken_apart)
def command(image: Reference, *, connection: Connection, settings: KnownSettings | None, as_json: bool) -> None:
    """Say what is known of IMAGE: who used it last, which tags moved, when and why it went, by which run.

    IMAGE is a repository, which tells of all its images, or one image: app, app:v1, app@sha256:... What nothing is
    known of ends with exit code 1. It needs --function or --settings, which say where history and journal lie.
    """
    if settings is None:
        message = "say where the history lies: --function NAME or --settings FILE"
        raise click.UsageError(message)
    clients = connection.clients
    names.must_lie_here(image, clients)
    repository = str(image.repository)
    with connection.progress():
        remembered = _remembered(clients, settings.value, repository)
        reader = compose.journal_reader(clients, settings.value)
        written = by_digest(reader.pages(repository)) if reader else {}
        told = told_of(_present(clients, repository), remembered, written)
    if image.digest is not None:
        told = [one for one in told if one.digest == image.digest]
    elif image.tag is not None:
        told = [one for one in told if image.tag in {*one.tags, *one.lost_tags}]
    _show(repository, told, reader.problems if reader else [], as_json=as_json)
    sys.exit(0 if told else 1)


def _remembered(clients: Aws, settings: Settings, repository: str) -> History | None:
    reader = compose.history_reader(clients, settings)
    if reader is None:
        return None
    reader.open(utc_now())
    return reader.known(repository)


def _present(clients: Aws, repository: str) -> list[Image]:
    try:
        return list(inventory.images(clients, repository))
    except aws.AwsError as error:
        if aws.code_of(error) != GONE:
            raise
        return []  # its images are gone with it; the journal still tells of them


def _show(repository: str, told: list[Told], problems: list[str], *, as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = {
            "schema_version": 1,
            "repository": repository,
            "images": [one.as_json() for one in told],
            "problems": problems,
        }
        click.echo(json.dumps(document, indent=2))
        return
    for problem in problems:
        click.echo(f"Passed over: {problem}", err=True)
    if not told:
        click.echo(f"Nothing is known of it in {repository}.")
    for one in told:
        click.echo(f"{repository}@{one.digest}" + (f" ({', '.join(one.tags)})" if one.tags else ""))
        for line in one.lines():
            click.echo(f"  {line}")
