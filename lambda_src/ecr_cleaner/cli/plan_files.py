"""Saved plans in files: the same document as in the bucket, named after its id."""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval.plan import SavedPlan
from ecr_cleaner.cli import output
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import ApprovalError
from ecr_cleaner.model.result import RepositoryStatus
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.report.reporter import CollectingReporter

_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class NamedPlan:
    """A plan on the command line.

    Attributes:
        id: Id of the plan.
        plan: The plan, if a file was named.
        file: That file.
    """

    id: str
    plan: SavedPlan | None = None
    file: Path | None = None


def named(_context: click.Context, _parameter: click.Parameter, value: str) -> NamedPlan:
    """Parse the id of a plan, or the name of a file that is named after it; the callback of an argument.

    Raises:
        click.BadParameter: It is neither.
        ApprovalError: The file is not a plan, or has another id.
    """
    if _ID.fullmatch(value):
        return NamedPlan(value)
    file = Path(value)
    if not file.is_file():
        message = f"{value} is neither a plan's id (64 hexadecimal digits) nor a file"
        raise click.BadParameter(message)
    if not _ID.fullmatch(file.stem):
        message = f"{value} is not named after a plan's id, so changes to it could not be detected"
        raise click.BadParameter(message)
    if file.stat().st_size > approval_plan.MAX_BYTES:
        message = f"{value} is longer than the longest plan"
        raise click.BadParameter(message)
    return NamedPlan(file.stem, approval_plan.read(file.read_bytes(), file.stem, value), file)


def save(collected: CollectingReporter, known: KnownSettings, folder: Path) -> Path | None:
    """Write the removals of a dry run as a plan.

    Args:
        collected: The dry run.
        known: Its settings, those of the function that will carry out the plan.
        folder: Folder for the file; made if there is none.

    Returns:
        The file; None if nothing would be removed.

    Raises:
        ApprovalError: A run would refuse to remove anything, or the plan would be too long.
        click.ClickException: The folder cannot be made, or the file cannot be written.
    """
    result = collected.result
    if result.status is RunStatus.REFUSED:
        message = "no plan was saved, because a run would refuse to remove anything"
        raise ApprovalError(message)
    evaluated = [
        plan for name, plan in collected.plans.items() if result.repositories[name].status is RepositoryStatus.EVALUATED
    ]
    expires_after = timedelta(hours=known.value.plan_expiry_hours)
    plan = approval_plan.of_run(evaluated, known.binding, utc_now(), expires_after)
    if not plan.images:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"--save: {folder} cannot be made: {error.strerror}"
        raise click.ClickException(message) from None
    file = folder / f"{plan.id}.json"
    output.replace(file, plan.document.decode())
    return file
