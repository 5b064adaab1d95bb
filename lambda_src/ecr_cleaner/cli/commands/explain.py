"""``ecr-cleaner explain``: why one image would go or stay."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from ecr_cleaner.cli import options, output, session, texts
from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model import Reference
from ecr_cleaner.reference import parse
from ecr_cleaner.report.console import print_explanation

if TYPE_CHECKING:
    from ecr_cleaner.cli.known_settings import KnownSettings
    from ecr_cleaner.cli.session import Connection
    from ecr_cleaner.report.summary import RunSummary

_ANY_HOST: Final = "000000000000.dkr.ecr.any.amazonaws.com"
_NOTHING: Final = Reference("")


_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner explain --region eu-west-1 shop/web:live
  ecr-cleaner explain --function ecr-cleaner shop/web@sha256:413ced72...
"""


def _taken_apart(_context: click.Context, _parameter: click.Parameter, image: str) -> Reference:
    try:
        # Without a host, any registry's: the account and region are those of the credentials.
        reference = parse(image) or replace(parse(f"{_ANY_HOST}/{image}") or _NOTHING, account=None, region=None)
    except UnreadableReferenceError:
        reference = _NOTHING
    if reference.repository is None:
        message = f"{image!r} is not an image name: write repository[:tag][@sha256:<64 hex digits>]"
        raise click.UsageError(message)
    return reference


@click.command("explain", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@options.settings
@click.argument("image", callback=_taken_apart)
def command(image: Reference, *, connection: Connection, settings: KnownSettings) -> None:
    """Say of one IMAGE whether it would go, why, and who uses it.

    IMAGE is a name as in docker pull (with or without the registry's host): app:v1, app@sha256:... An image that
    is not there, or whose repository did not opt in, ends with exit code 1.
    """
    repository = str(image.repository)
    collected = session.look(connection, settings, frozenset({repository}))
    _must_be_the_registry(image, collected.summary)
    screen = output.screen()
    screen.print(f"settings: {settings}", style="dim", markup=False, highlight=False)
    found = print_explanation(collected, repository, image.effective_tag, image.digest, screen)
    sys.exit(session.exit_code(collected.summary) if found else 1)


def _must_be_the_registry(reference: Reference, summary: RunSummary) -> None:
    """An answer about the image of the same name in another registry would be a wrong one."""
    there = (reference.account, reference.region)
    here = (summary.account_id, summary.region)
    if reference.account is not None and summary.account_id is not None and there != here:
        message = f"{reference.text} lies in {' '.join(map(str, there))}, but this is {' '.join(map(str, here))}"
        raise click.ClickException(message)
