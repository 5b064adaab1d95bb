"""What a command does with AWS: clients for whom a person names, and a dry run that only looks."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import click

from ecr_cleaner import compose
from ecr_cleaner.aws import responses
from ecr_cleaner.aws.client import connect
from ecr_cleaner.cli.interrupts import STOPPED
from ecr_cleaner.cli.progress import Progress, WatchedReporter
from ecr_cleaner.model.result import RepositoryStatus, RunStatus
from ecr_cleaner.publish.report_store import LocalPage
from ecr_cleaner.registry import config, opt_in, repositories
from ecr_cleaner.registry.repositories import list_repositories

if TYPE_CHECKING:
    from pathlib import Path

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.cli.known_settings import KnownSettings
    from ecr_cleaner.report.reporter import CollectingReporter
    from ecr_cleaner.report.summary import RunSummary
    from ecr_cleaner.settings.loader import Settings

EXIT_CODES: Final = {
    RunStatus.COMPLETED: 0,
    RunStatus.FAILED: 1,
    RunStatus.REFUSED: 1,
    RunStatus.INCOMPLETE: 3,
}
"""2 is left to wrong usage, as click has it."""

SOMETHING_GOES: Final = 4
"""What ``--detailed-exitcode`` ends with; `terraform plan -detailed-exitcode` says 2 there, which is taken here."""

_OF_A_WHOLE_RUN: Final = ("max_removals_per_run", "max_removal_percent_per_run")


def exit_code(summary: RunSummary, *, detailed: bool = False) -> int:
    """How a command ends that looked.

    Args:
        summary: Of the look.
        detailed: Whether it says of a complete look that something would go.
    """
    if detailed and summary.status is RunStatus.COMPLETED and any(r.removable for r in summary.repositories.values()):
        return SOMETHING_GOES
    return EXIT_CODES[summary.status]


@dataclass
class Connection:
    """Whose account, and which region.

    Attributes:
        region: None: that of the AWS configuration.
        profile: Likewise.
        quiet: Whether no progress is shown.
    """

    region: str | None = None
    profile: str | None = None
    quiet: bool = False

    @cached_property
    def clients(self) -> AwsClients:
        """Made at first use, so that wrong usage is told before anybody is asked.

        Raises:
            AwsError: There is no such profile.
            CleanerError: No region is configured.
        """
        return connect(self.region, self.profile)

    def progress(self) -> Progress:
        """Shows on standard error what the clients do, where somebody looks."""
        return Progress(self.clients, quiet=self.quiet)

    def check(self) -> None:
        """Ask the registry for the one thing that every look begins with: wrong credentials are told here, in a line.

        Raises:
            AwsError: It does not answer.
        """
        responses.called(self.clients.client("ecr"), "DescribeRegistry")


def look(
    connection: Connection, known: KnownSettings, only: frozenset[str] | None = None, html: Path | None = None
) -> CollectingReporter:
    """Judge every image of the repositories, or of those in `only`, in a dry run that writes nothing at AWS.

    Args:
        connection: Whose account.
        known: What holds.
        only: Names of repositories; None means all of them.
        html: Where the report's page is written; None: nowhere.

    Raises:
        AwsError: The registry does not answer.
        CleanerError: No region is configured.
    """
    connection.check()
    named: dict[str, Any] = {"function_name": known.name} if known.source == "function" else {}
    with connection.progress() as progress:
        reporter = WatchedReporter(progress.judged)
        run = compose.run(
            connection.clients,
            _settings_of_a_look(known.value, only),
            reporter,
            str(uuid.uuid4()),
            keep=LocalPage(html).keep if html else None,
            only=only,
            seconds_left=lambda: 0.0 if STOPPED.is_set() else float("inf"),
            read_only=True,
            **named,
        )
        progress.total = lambda: sum(one.status is RepositoryStatus.JUDGED for one in run.summary.repositories.values())
        run.execute()
    return reporter


def _settings_of_a_look(settings: Settings, only: frozenset[str] | None) -> Settings:
    # What all repositories together would lose, nobody knows who looks at some of them.
    return settings if only is None else settings.model_copy(update=dict.fromkeys(_OF_A_WHOLE_RUN))


def must_be_opted_in(connection: Connection, names: frozenset[str], settings: Settings) -> None:
    """Refuse names of repositories that a run would not look at.

    Raises:
        click.UsageError: There are such; names them, and those that opted in.
        AwsError: The registry does not answer.
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
