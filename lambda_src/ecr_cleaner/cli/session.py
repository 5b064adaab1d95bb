"""The AWS connection of a command, and the dry run that `plan` and `explain` share."""

import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import click

from ecr_cleaner import compose
from ecr_cleaner.aws import responses
from ecr_cleaner.aws.client import AwsClients, connect
from ecr_cleaner.cli.deadline import countdown
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.progress import Progress
from ecr_cleaner.model.result import RunResult, RunStatus
from ecr_cleaner.publish.report_store import LocalPage
from ecr_cleaner.registry import config, opt_in, repositories
from ecr_cleaner.registry.repositories import list_repositories
from ecr_cleaner.report.reporter import CollectingReporter
from ecr_cleaner.run import pipeline
from ecr_cleaner.settings.loader import Settings

EXIT_CODES: Final = {RunStatus.COMPLETED: 0, RunStatus.FAILED: 1, RunStatus.REFUSED: 1, RunStatus.INCOMPLETE: 3}
"""Exit codes; click uses 2 for wrong usage."""

REMOVALS_PLANNED: Final = 4
"""Exit code of ``--detailed-exitcode``; `terraform plan -detailed-exitcode` has 2, which means wrong usage here."""

_RUN_LIMITS: Final = ("max_removals_per_run", "max_removal_percent_per_run")


def exit_code(result: RunResult, *, detailed: bool = False) -> int:
    """Exit code after a dry run.

    Args:
        result: Result of the dry run.
        detailed: Whether a completed dry run with removals has an exit code of its own.
    """
    if detailed and result.status is RunStatus.COMPLETED and any(r.removable for r in result.repositories.values()):
        return REMOVALS_PLANNED
    return EXIT_CODES[result.status]


@dataclass
class Connection:
    """Account and region of a command.

    Attributes:
        region: None: as in the AWS configuration.
        profile: None: as in the AWS configuration.
        quiet: Whether to show no progress.
    """

    region: str | None = None
    profile: str | None = None
    quiet: bool = False

    @cached_property
    def clients(self) -> AwsClients:
        """AWS clients; made at first use, so that wrong usage is reported before the first call.

        Raises:
            AwsError: There is no such profile.
            CleanerError: No region is configured.
        """
        return connect(self.region, self.profile)

    def progress(self) -> Progress:
        """Shows on standard error which calls are made, if that is a terminal."""
        return Progress(self.clients, quiet=self.quiet)

    def check(self) -> str:
        """Make the first call that every command needs, so that wrong credentials are reported in one line.

        Returns:
            Account id of the registry.

        Raises:
            AwsError: The registry could not be read.
        """
        response = responses.called(self.clients.client("ecr"), "DescribeRegistry")
        return str(responses.member(response, "registryId", "DescribeRegistry"))


def evaluate(
    connection: Connection, known: KnownSettings, only: frozenset[str] | None = None, html: Path | None = None
) -> CollectingReporter:
    """Evaluate every image of the opted-in repositories, or of those in `only`; writes nothing at AWS.

    Limits on the removals of all repositories do not apply to some of them: they would mean nothing.

    Args:
        connection: Account and region.
        known: The settings.
        only: Names of repositories; None: all of them.
        html: File for the HTML report; None: no report.

    Raises:
        AwsError: The registry could not be read.
        CleanerError: No region is configured.
    """
    settings = known.value if only is None else known.value.model_copy(update=dict.fromkeys(_RUN_LIMITS))
    named: dict[str, Any] = {"function_name": known.name} if known.source == "function" else {}
    with connection.progress() as progress:
        reporter = CollectingReporter()
        ctx = compose.run_context(
            connection.clients,
            settings,
            reporter,
            str(uuid.uuid4()),
            reports=LocalPage(html) if html else None,
            only=only,
            seconds_left=countdown(float("inf")),
            progress=progress.evaluated,
            read_only=True,
            **named,
        )
        pipeline.run(ctx)
    return reporter


def require_opted_in(connection: Connection, names: frozenset[str], settings: Settings) -> None:
    """Refuse names of repositories that did not opt in.

    Raises:
        click.UsageError: Names these repositories, and those that opted in.
        AwsError: The registry could not be read.
    """
    clients = connection.clients
    arns = dict(repositories.repository_names(clients))
    unknown = {
        name for name in names if name not in arns or not opt_in.is_enabled(opt_in.tags_of(clients, arns[name]) or {})
    }
    if not unknown:
        return
    listing = list_repositories(clients, settings, config.registry_facts(clients), None)
    there = ", ".join(sorted(listing.opted_in)) or "none"
    which = " and ".join(sorted(unknown))
    message = (
        f"{which}: no such repository opted in (tag BoxCleanerEnabled = true) in {clients.region}; opted in: {there}"
    )
    raise click.UsageError(message)
