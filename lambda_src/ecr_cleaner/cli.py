"""The same run from a laptop, read-only and without any deployment."""

from __future__ import annotations

import json
import re
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ecr_cleaner import __version__, aws
from ecr_cleaner.aws import connect
from ecr_cleaner.errors import CleanerError, SettingsError, UnreadableReferenceError
from ecr_cleaner.model import Reference, RunStatus
from ecr_cleaner.reference import parse
from ecr_cleaner.report.collected import CollectingReporter
from ecr_cleaner.report.console import print_explanation, print_plan
from ecr_cleaner.report.fanout import Fanout
from ecr_cleaner.report.record import Recorder
from ecr_cleaner.report.store import LocalPage
from ecr_cleaner.run import Run
from ecr_cleaner.settings import DEFAULT_KEEP_DAYS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_cleaner.report.summary import RunSummary

EXIT_CODES: Final = {
    RunStatus.COMPLETED: 0,
    RunStatus.FAILED: 1,
    RunStatus.REFUSED: 1,
    RunStatus.INCOMPLETE: 3,
}
"""2 is left to wrong usage, as click has it."""

_ANY_HOST: Final = "000000000000.dkr.ecr.any.amazonaws.com"
_NOTHING: Final = Reference("")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ecr-cleaner")
def main() -> None:
    """Look at an ECR registry with the eyes of the cleaner. Nothing here changes anything.

    Credentials and region are those of the AWS command line. Exit codes: 0 completed, 1 failed or refused,
    2 wrong usage, 3 incomplete.
    """


def _common(command: Callable[..., None]) -> Callable[..., None]:
    options = [
        click.option("--region", help="Region to look at; default: that of the AWS configuration."),
        click.option("--profile", help="Profile of the AWS configuration."),
        click.option(
            "--keep-days",
            type=click.IntRange(1, 99_999),
            default=DEFAULT_KEEP_DAYS,
            show_default=True,
            help="Age limit of repositories without the tag BoxCleanerKeepDays.",
        ),
        click.option(
            "--disable-source",
            "disabled",
            multiple=True,
            metavar="NAME",
            help="As in disabled_usage_sources; may be repeated.",
        ),
        click.option(
            "--acknowledge",
            "acknowledged",
            multiple=True,
            metavar="NAME",
            help="As in acknowledged_unscanned; may be repeated.",
        ),
        click.option(
            "--extra-reference",
            "extra_references",
            multiple=True,
            metavar="IMAGE",
            help="As in extra_references; may be repeated.",
        ),
        click.option("--inventory-uri", metavar="URI", help="As in inventory_uri."),
        click.option(
            "--inventory-max-age-hours",
            type=click.IntRange(1, 99_999),
            default=24,
            show_default=True,
            help="As in inventory_max_age_hours.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@_common
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to look at, to FILE.", metavar="FILE"
)
def plan(*, as_json: bool, html: Path | None, **options: Any) -> None:
    """Every image of the opted-in repositories with its verdict, the reason, and the evidence."""
    collected = _run(None, html, **options)
    if as_json:
        click.echo(json.dumps(collected.as_json(), indent=2))
    else:
        print_plan(collected)
    sys.exit(EXIT_CODES[collected.summary.status])


@main.command()
@_common
@click.argument("image")
def explain(image: str, **options: Any) -> None:
    """Say of one IMAGE whether it would go, why, and who uses it.

    IMAGE is a name as in docker pull (with or without the registry's host): app:v1, app@sha256:...
    """
    reference = _taken_apart(image)
    repository = str(reference.repository)
    collected = _run(frozenset({repository}), **options)
    _must_be_the_registry(reference, collected.summary)
    found = print_explanation(collected, repository, reference.effective_tag, reference.digest)
    sys.exit(EXIT_CODES[collected.summary.status] if found else 1)


def _taken_apart(image: str) -> Reference:
    try:
        # Without a host, any registry's: the account and region are those of the credentials.
        reference = parse(image) or replace(parse(f"{_ANY_HOST}/{image}") or _NOTHING, account=None, region=None)
    except UnreadableReferenceError:
        reference = _NOTHING
    if reference.repository is None:
        message = f"{image!r} is not an image name: write repository[:tag][@sha256:<64 hex digits>]"
        raise click.UsageError(message)
    return reference


def _must_be_the_registry(reference: Reference, summary: RunSummary) -> None:
    """An answer about the image of the same name in another registry would be a wrong one."""
    there = (reference.account, reference.region)
    here = (summary.account_id, summary.region)
    if reference.account is not None and summary.account_id is not None and there != here:
        message = f"{reference.text} lies in {' '.join(map(str, there))}, but this is {' '.join(map(str, here))}"
        raise click.ClickException(message)


def _run(  # noqa: PLR0913 - the options of the command line
    only: frozenset[str] | None,
    html: Path | None = None,
    *,
    region: str | None,
    profile: str | None,
    keep_days: int,
    disabled: tuple[str, ...],
    acknowledged: tuple[str, ...],
    extra_references: tuple[str, ...],
    inventory_uri: str | None,
    inventory_max_age_hours: int,
) -> CollectingReporter:
    reporter = CollectingReporter()
    try:
        settings = Settings.model_validate(
            {
                "dry_run": True,
                "default_keep_days": keep_days,
                "disabled_usage_sources": frozenset(disabled),
                "acknowledged_unscanned": frozenset(acknowledged),
                "extra_references": frozenset(extra_references),
                "inventories": _place(inventory_uri, inventory_max_age_hours),
            }
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        told = Fanout((Recorder(settings, LocalPage(html).keep), reporter)) if html else reporter
        Run(connect(region, profile), settings, told, str(uuid.uuid4()), only=only).execute()
    except (CleanerError, SettingsError, *aws.AwsError) as error:
        raise click.ClickException(str(error)) from None
    return reporter


def _place(uri: str | None, max_age_hours: int) -> dict[str, Any] | None:
    if uri is None:
        return None
    match = re.fullmatch(r"s3://(?P<bucket>[^/]+)/(?P<prefix>.+/)", uri)
    if match is None:
        message = f"{uri!r} is no place of inventories: write s3://bucket/prefix/"
        raise ValueError(message)
    return {**match.groupdict(), "max_age_hours": max_age_hours}


if __name__ == "__main__":
    main()
