"""``ecr-cleaner history``: what is known of an image, or of all images of a repository."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ecr_cleaner import aws, history_reader, inventory
from ecr_cleaner.cli import options
from ecr_cleaner.cli.journal_place import places
from ecr_cleaner.cli.names import must_lie_here, taken_apart
from ecr_cleaner.journal_reader import JournalReader, by_digest
from ecr_cleaner.past import Told, told_of
from ecr_cleaner.survey import GONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.cli.journal_place import Places
    from ecr_cleaner.cli.session import Connection
    from ecr_cleaner.model import Image


@click.command("history")
@options.connection
@places
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.argument("image")
def command(image: str, *, connection: Connection, find: Callable[[], Places], as_json: bool) -> None:
    """Say what is known of IMAGE: who used it last, which tags moved, when and why it went, by which run.

    IMAGE is a repository, which tells of all its images, or one image: app, app:v1, app@sha256:...
    """
    reference = taken_apart(image)
    clients = connection.clients
    must_lie_here(reference, clients)
    place = find()
    if place.bucket is None:
        message = "name the place of the history: --function NAME or --journal s3://bucket/prefix/"
        raise click.UsageError(message)
    repository = str(reference.repository)
    reader = JournalReader(clients, place.bucket, place.prefix)
    remembered = history_reader.read(clients, place.bucket, place.prefix, repository)
    told = told_of(_present(clients, repository), remembered, by_digest(reader.pages(repository)))
    if reference.digest is not None:
        told = [one for one in told if one.digest == reference.digest]
    elif reference.tag is not None:
        told = [one for one in told if reference.tag in {*one.tags, *one.lost_tags}]
    _show(repository, told, reader.problems, as_json=as_json)
    sys.exit(0 if told else 1)


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
