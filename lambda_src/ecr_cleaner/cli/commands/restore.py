"""``ecr-cleaner restore``: restores a removed or archived image, as far as possible."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from ecr_cleaner.cli import names, options, output, texts
from ecr_cleaner.cli.image_timeline import journal_of
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.names import ImageName, Wanted
from ecr_cleaner.cli.past import NO_PLACE, digests_of, present_in
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.errors import NoSuchImageError
from ecr_cleaner.journal.reader import JournalRecord
from ecr_cleaner.printable import minute
from ecr_cleaner.restore.restorer import Restorer, RestoreResult

_OUTCOMES: Final = {
    "present": "is present",
    "pushed": "was pushed again",
    "tagged": "was present, and has its tags again",
    "activated": "was activated and can be pulled",
    "activating": "is being activated",
    "possible": "can be restored",
    "failed": "was not restored",
}

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner restore --function ecr-cleaner --check shop/web:v41
  ecr-cleaner restore --function ecr-cleaner shop/web@sha256:413ced72...
"""


@click.command("restore", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.deployed
@click.option("--check", is_flag=True, help="Only report whether it can be restored; change nothing.")
@click.option("--no-wait", is_flag=True, help="Do not wait until an archived image can be pulled.")
@output.formats
@click.argument("image", callback=names.parse_argument)
def command(  # noqa: PLR0913 - the options of the command line
    image: ImageName,
    *,
    connection: Connection,
    settings: KnownSettings,
    check: bool,
    no_wait: bool,
    output_format: str,
) -> None:
    """Restore a removed or archived IMAGE, with the images that it lists and the artifacts that refer to it.

    An archived image is activated. A deleted image is pushed again from the journal, which works only as long as ECR
    still has its layers: a deletion cannot be reversed. The command uses your own credentials; the function may not
    push. A tag that another image has by now stays with that image. The result is incomplete if tags stay with other
    images or an image is not active yet. Without --function or --settings there is no journal, and only archived
    images can be restored.

    IMAGE is a name as in docker pull (with or without the registry's host), or a digest, of which the beginning is
    enough: app:v1, app@sha256:413ced72, 413ced72.
    """
    clients = connection.clients
    past = digests_of(connection, settings) if image.repository is None or image.may_be_digest else {}
    meant = names.wanted(image, connection, past)
    repository = meant.repository
    if meant.tag is None and meant.digest is None:
        names.require_image(meant, (tag for one in present_in(connection, repository) for tag in one.tags))
    records, problems = journal_of(clients, settings.value, repository)
    for problem in problems:
        output.echo(f"Skipped: {problem}", err=True)
    restorer = Restorer(clients, repository, records, check=check, wait=not no_wait)
    meant = meant.whole([*restorer.present, *records])
    if not any(meant.fits(one.digest, one.tags) for one in restorer.present.values()):
        _require_journal(meant, settings, records)
    results = []
    for result in restorer.restore(meant.tag, meant.digest):
        results.append(result)
        if output_format == output.TABLE:  # restoring takes up to half an hour: each image is reported at its end
            _print(output.screen(), repository, result, records.get(result.digest))
    output.emit(
        output_format,
        lambda: {
            "schema_version": 1,
            "repository": repository,
            "check": check,
            "images": [asdict(result) for result in results],
            "problems": problems,
        },
    )
    if any(result.outcome == "failed" for result in results):
        sys.exit(1)
    if any(result.taken_tags or result.outcome == "activating" for result in results):
        sys.exit(3)


def _require_journal(meant: Wanted, settings: KnownSettings, records: Mapping[str, JournalRecord]) -> None:
    """Say which option is missing to restore an image that is not in the repository.

    Raises:
        NoSuchImageError: There is no journal to look in, or it does not know the image either.
    """
    if any(meant.fits(digest, record.entry.tags) for digest, record in records.items()):
        return
    if settings.source == "options":
        message = f"{meant.text} is not there, and what was removed is in the journal: {NO_PLACE}"
    elif settings.value.journal is None:
        message = f"{meant.text} is not there, and {settings.name} keeps no journal: push it again yourself"
    else:
        message = f"neither the repository nor the journal knows {meant.text}"
    raise NoSuchImageError(message)


def _print(console: Console, repository: str, result: RestoreResult, record: JournalRecord | None) -> None:
    tags = f" ({', '.join(result.tags)})" if result.tags else ""
    detail = f": {result.detail}" if result.detail else ""
    lines = [f"{repository}@{result.digest}{tags} {_OUTCOMES[result.outcome]}{detail}"]
    if record is not None and result.outcome not in {"present", "tagged"}:
        page = record.page
        lines.append(f"  {page.action} was started {minute(page.written_at)} by run {page.run_id}")
    lines += [
        f"  its tag {tag} belongs to {owner} now and stays there" for tag, owner in sorted(result.taken_tags.items())
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
