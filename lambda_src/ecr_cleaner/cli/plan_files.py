"""Saved plans on a laptop: the same document as in the bucket, in a file that is named after its content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.aws import responses
from ecr_cleaner.cli import output
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import ApprovalError
from ecr_cleaner.model.result import RepositoryStatus, RunStatus

if TYPE_CHECKING:
    from ecr_cleaner.approval.plan import SavedPlan
    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.cli.known_settings import KnownSettings
    from ecr_cleaner.report.reporter import CollectingReporter

_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class NamedPlan:
    """A plan as a person named it.

    Attributes:
        id: Its id.
        plan: The plan, if it was named by its file.
        file: That file.
    """

    id: str
    plan: SavedPlan | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What a plan is for.

    Attributes:
        account: Its id.
        region: Its name.
        function: Name of the function, as Lambda has it.
    """

    account: str
    region: str
    function: str


def place_of(clients: AwsClients, function: str) -> Place:
    """Account, region and name of a function, which a person may name by its ARN as well.

    Raises:
        AwsError: It cannot be read.
    """
    answer = responses.called(clients.client("lambda"), "GetFunctionConfiguration", FunctionName=function)
    _, _, _, region, account, _, name, *_ = responses.member(answer, "FunctionArn", "GetFunctionConfiguration").split(
        ":"
    )
    return Place(account, region, name)


def named(_context: click.Context, _parameter: click.Parameter, value: str) -> NamedPlan:
    """What a person names as a plan: its id, or a file called after it.

    Raises:
        click.BadParameter: It is neither.
        ApprovalError: The file is no plan, or not the one that it is called after.
    """
    if _ID.fullmatch(value):
        return NamedPlan(value)
    file = Path(value)
    if not file.is_file():
        message = f"{value} is neither a plan's id (64 hexadecimal digits) nor a file"
        raise click.BadParameter(message)
    if not _ID.fullmatch(file.stem):
        message = f"{value} is not called after a plan's id, so nobody can tell whether it was changed"
        raise click.BadParameter(message)
    if file.stat().st_size > approval_plan.MAX_BYTES:
        message = f"{value} is longer than a plan may be"
        raise click.BadParameter(message)
    return NamedPlan(file.stem, approval_plan.read(file.read_bytes(), file.stem, value), file)


def save(collected: CollectingReporter, known: KnownSettings, place: Place, folder: Path) -> Path | None:
    """Write what a look would remove as a plan.

    Args:
        collected: The look.
        known: The settings that it used.
        place: Of the function that will be told to carry it out.
        folder: Where to.

    Returns:
        The file; None if nothing would go.

    Raises:
        ApprovalError: A run would refuse to remove, or the plan would be too long.
        click.ClickException: It cannot be written.
    """
    summary = collected.summary
    if summary.status is RunStatus.REFUSED:
        message = "no plan was saved, because a run would refuse to remove anything"
        raise ApprovalError(message)
    status_of = {name: repository.status for name, repository in summary.repositories.items()}
    judged = [plan for name, plan in collected.plans.items() if status_of[name] is RepositoryStatus.JUDGED]
    plan = approval_plan.of_run(
        judged,
        account=place.account,
        region=place.region,
        function=place.function,
        removal=known.value.removal_mode,
        settings_sha256=known.value.sha256,
        now=utc_now(),
        expires_after=timedelta(hours=known.value.plan_expiry_hours),
    )
    if not plan.images:
        return None
    file = folder / f"{plan.id}.json"
    output.replace(file, plan.document.decode())
    return file
