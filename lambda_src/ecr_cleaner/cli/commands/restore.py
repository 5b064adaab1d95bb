"""``ecr-cleaner restore``: bring an image back, as far as that can be."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import click

from ecr_cleaner import compose
from ecr_cleaner.cli import names, options, texts
from ecr_cleaner.journal_reader import Written, by_digest
from ecr_cleaner.restoring import Restorer

if TYPE_CHECKING:
    from ecr_cleaner.cli.known_settings import KnownSettings
    from ecr_cleaner.cli.session import Connection
    from ecr_cleaner.model import Reference
    from ecr_cleaner.restoring import Ended

_SENTENCES: Final = {
    "there": "is there",
    "pushed": "was pushed again",
    "tagged": "was there, and has its tags again",
    "activated": "was activated and can be pulled",
    "activating": "is being activated",
    "possible": "can be brought back",
    "failed": "did not come back",
}


_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner restore --function ecr-cleaner --check shop/web:v41
  ecr-cleaner restore --function ecr-cleaner shop/web@sha256:413ced72...
"""


@click.command("restore", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.deployed
@click.option("--check", is_flag=True, help="Only look whether it can be done; nothing is changed.")
@click.option("--no-wait", is_flag=True, help="Do not wait until an archived image can be pulled.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.argument("image", callback=names.taken_apart)
def command(  # noqa: PLR0913 - the options of the command line
    image: Reference,
    *,
    connection: Connection,
    settings: KnownSettings | None,
    check: bool,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Bring a removed or archived IMAGE back, with what it lists and what refers to it.

    An archived image is activated. One that was deleted is pushed again from the journal, which works only as long as
    ECR still has its layers: a deletion cannot be reversed. It is done with your own credentials; the function may
    not push. A tag that another image has by now stays there. Incomplete is what is back without tags that others
    have by now, or is not active yet. Without --function or --settings there is no journal, and only what is archived
    comes back.

    IMAGE is a name as in docker pull (with or without the registry's host): app:v1, app@sha256:...
    """
    clients = connection.clients
    names.must_lie_here(image, clients)
    repository = str(image.repository)
    reader = None if settings is None else compose.journal_reader(clients, settings.value)
    written: dict[str, Written] = by_digest(reader.pages(repository)) if reader else {}
    problems = reader.problems if reader else []
    for problem in problems:
        click.echo(f"Passed over: {problem}", err=True)
    ended = []
    for one in Restorer(clients, repository, written, check=check, wait=not no_wait).restore(
        image.effective_tag, image.digest
    ):
        ended.append(one)
        if not as_json:
            _print(repository, one, written.get(one.digest))
    if as_json:
        document = {
            "schema_version": 1,
            "repository": repository,
            "check": check,
            "images": [e.as_json() for e in ended],
            "problems": problems,
        }
        click.echo(json.dumps(document, indent=2))
    if any(one.outcome == "failed" for one in ended):
        sys.exit(1)
    if any(one.taken or one.outcome == "activating" for one in ended):
        sys.exit(3)


def _print(repository: str, one: Ended, written: Written | None) -> None:
    name = f"{repository}@{one.digest}" + (f" ({', '.join(one.tags)})" if one.tags else "")
    click.echo(f"{name} {_SENTENCES[one.outcome]}{f': {one.detail}' if one.detail else ''}")
    if written is not None and one.outcome not in {"there", "tagged"}:
        page = written.page
        click.echo(f"  {page.action} was begun {page.written_at:%Y-%m-%d %H:%M} UTC by run {page.run_id}")
    for tag, owner in sorted(one.taken.items()):
        click.echo(f"  its tag {tag} belongs to {owner} by now and stays there")
