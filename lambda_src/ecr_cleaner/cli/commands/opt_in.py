"""``ecr-cleaner opt-in``: prints the calls that opt repositories in."""

import shlex
import sys
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from ecr_cleaner.cli import options, output, texts
from ecr_cleaner.cli.exit_codes import ExitCode
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.decision.globs import matches
from ecr_cleaner.registry import opt_in
from ecr_cleaner.registry.repositories import repository_names

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner opt-in --region eu-west-1 'shop/*'
  ecr-cleaner opt-in shop/api shop/web | sh
"""


@click.command("opt-in", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@output.formats
@click.argument("globs", metavar="GLOB...", nargs=-1, required=True)
def command(globs: tuple[str, ...], *, connection: Connection, output_format: str) -> None:
    """Print the calls that opt the repositories in whose names match a GLOB.

    It only reads: the calls are for you to make, with the permission ecr:TagResource. Standard output has nothing but
    them; what has opted in already is left out, and told on standard error. '*' matches any characters, '/' too.
    """
    connection.check()
    clients = connection.clients
    with connection.progress():
        found = [(name, arn) for name, arn in repository_names(clients) if any(matches(glob, name) for glob in globs)]
        tagged = [(name, arn, opt_in.tags_of(clients, arn) or {}) for name, arn in found]
    rows = [row for one in tagged for row in _calls(*one, connection)]

    def text(console: Console) -> None:
        for row in rows:
            console.print(Text(row["call"]), soft_wrap=True)

    output.emit(output_format, lambda: {"schema_version": 1, "repositories": rows}, text)
    if not found:
        output.echo(f"No repository in {clients.region} matches {' or '.join(globs)}.", err=True)
        sys.exit(ExitCode.NOT_FOUND)
    done = [name for name, _, tags in tagged if opt_in.is_enabled(tags) and not opt_in.variants(tags)]
    if done:
        output.echo(f"Opted in already: {', '.join(done)}", err=True)


def _calls(name: str, arn: str, tags: dict[str, str], connection: Connection) -> list[dict[str, Any]]:
    """The calls for one repository: what differs from a tag only in case goes first, for IAM cannot tell them apart."""
    wanted = {opt_in.ENABLED_TAG.lower(), opt_in.KEEP_DAYS_TAG.lower()}
    odd = sorted(key for key in tags if key.lower() in wanted and key not in _TAGS)
    profile = ["--profile", connection.profile] if connection.profile else []
    where = ["--region", connection.clients.region, *profile, "--resource-arn", arn]
    calls = [["untag-resource", *where, "--tag-keys", *odd]] if odd else []
    if not opt_in.is_enabled(tags):
        calls.append(["tag-resource", *where, "--tags", f"Key={opt_in.ENABLED_TAG},Value=true"])
    return [{"name": name, "arn": arn, "call": shlex.join(["aws", "ecr", *call])} for call in calls]


_TAGS: Final = (opt_in.ENABLED_TAG, opt_in.KEEP_DAYS_TAG)
