"""The AWS connection of a command, and the dry run that `plan` and `explain` share."""

import uuid
from dataclasses import dataclass, field, replace
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
from ecr_cleaner.cli.registry_look import RegistryLook, RegistrySize, size_of
from ecr_cleaner.publish.report_store import LocalPage
from ecr_cleaner.registry import opt_in, repositories
from ecr_cleaner.report.reporter import CollectingReporter
from ecr_cleaner.run import pipeline

_RUN_LIMITS: Final = ("max_removals_per_run", "max_removal_percent_per_run")


@dataclass
class Connection:
    """Account and region of a command.

    Attributes:
        region: None: as in the AWS configuration.
        profile: None: as in the AWS configuration.
        quiet: Whether to show no progress.
        profiles: Other accounts to the profiles by which they are looked at, in place of a role.
    """

    region: str | None = None
    profile: str | None = None
    quiet: bool = False
    profiles: dict[str, str] = field(default_factory=dict)

    @cached_property
    def clients(self) -> AwsClients:
        """AWS clients; made at first use, so that wrong usage is reported before the first call.

        Raises:
            AwsError: There is no such profile.
            CleanerError: No region is configured.
        """
        made = connect(self.region, self.profile)
        made.profiles = self.profiles
        return made

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


@dataclass(frozen=True, slots=True)
class DryRun:
    """A dry run, and what it saw of the registry.

    Attributes:
        collected: Verdicts and result.
        look: The repositories.
        size: How much is in the registry; None: the registry did not answer.
    """

    collected: CollectingReporter
    look: RegistryLook
    size: RegistrySize | None = None


def evaluate(
    connection: Connection,
    known: KnownSettings,
    only: frozenset[str] | None = None,
    html: Path | None = None,
    as_if_opted_in: tuple[str, ...] = (),
) -> DryRun:
    """Evaluate every image of the opted-in repositories, or of those in `only`; writes nothing at AWS.

    Limits on the removals of all repositories do not apply to some of them: they would mean nothing.

    Args:
        connection: Account and region.
        known: The settings.
        only: Names of repositories; None: all of them.
        html: File for the HTML report; None: no report.
        as_if_opted_in: Globs of repositories to judge as if they had opted in.

    Raises:
        AwsError: The registry could not be read.
        CleanerError: No region is configured.
    """
    settings = known.value if only is None else known.value.model_copy(update=dict.fromkeys(_RUN_LIMITS))
    named: dict[str, Any] = {"function_name": known.name} if known.source == "function" else {}
    with connection.progress() as progress:
        reporter, look = CollectingReporter(), RegistryLook(as_if_opted_in)
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
        calls = replace(ctx.registry, list_repositories=look.list_repositories)
        result = pipeline.run(replace(ctx, registry=calls))
        size = None
        connection.clients.on_call = None  # what follows need not be shown call by call
        if result.account_id is not None and look.listing is not None:
            size = size_of(connection.clients, result.account_id, look, result.repositories, only)
    return DryRun(reporter, look, size)


def require_repositories(connection: Connection, names: frozenset[str], as_if_opted_in: tuple[str, ...]) -> None:
    """Refuse names of repositories that did not opt in and are not judged as if, or do not exist.

    Raises:
        click.UsageError: Names these repositories, and those that opted in.
        AwsError: The registry could not be read.
    """
    clients = connection.clients
    arns = dict(repositories.repository_names(clients))
    look = RegistryLook(as_if_opted_in)

    def is_opted_in(name: str) -> bool:
        return opt_in.is_enabled(opt_in.tags_of(clients, arns[name]) or {})

    unknown = sorted(name for name in names if name not in arns)
    left_out = sorted(name for name in names if name in arns and not look.covers(name) and not is_opted_in(name))
    if not (unknown or left_out):
        return
    there = ", ".join(name for name in sorted(arns) if is_opted_in(name)) or "none"
    problems = [f"there is no repository {name} in {clients.region}" for name in unknown]
    problems += [
        f"{name} did not opt in (tag {opt_in.ENABLED_TAG} = true): --as-if-opted-in {name} judges it all the same"
        for name in left_out
    ]
    message = "; ".join([*problems, f"opted in: {there}"])
    raise click.UsageError(message)
