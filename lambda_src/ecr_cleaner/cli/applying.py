"""Carries a saved plan out: by the function, which is asked once and waited for, or from here."""

from __future__ import annotations

import json
import os
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.text import Text

from ecr_cleaner import compose
from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.aws import errors, responses
from ecr_cleaner.cli.deadline import Deadline
from ecr_cleaner.cli.progress import WatchedReporter
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import CleanerError, IncompleteAnswerError
from ecr_cleaner.model.plan import RemovalStatus
from ecr_cleaner.model.result import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from ecr_cleaner.cli.plan_files import NamedPlan
    from ecr_cleaner.cli.session import Connection
    from ecr_cleaner.model.plan import Removal
    from ecr_cleaner.settings.loader import Settings

LONGEST_RUN_SECONDS: Final = 900
"""As long as Lambda lets the function run; here too, because the lock does not last for ever."""

_ENDED_UNKNOWN: Final = frozenset(
    {
        "ConnectionClosedError",
        "HTTPClientError",
        "IncompleteAnswerError",
        "IncompleteReadError",
        "JSONDecodeError",
        "ReadTimeoutError",
        "ResponseStreamingError",
        "ServiceException",
        "UnicodeDecodeError",
    }
)
"""What is left of an invocation that may have begun."""

_WAIT_SECONDS: Final = LONGEST_RUN_SECONDS + 60


@dataclass(slots=True)
class ApplyResult:
    """How it ended.

    Attributes:
        status: Of the run.
        causes: Why it did less than it should.
        summary: Of the run; empty if it was not told.
    """

    status: RunStatus
    causes: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What the function returned, or why it did not."""
        return self.summary or {"status": self.status.value, "causes": self.causes}


def by_function(connection: Connection, function: str, plan_id: str, *, dry_run: bool) -> ApplyResult:
    """Send the id to the function and wait for the end of its run. Nothing is sent twice.

    Raises:
        AwsError: The function may not be invoked.
        CleanerError: Nobody knows how the run ended.
    """
    event = approval_plan.apply_event(plan_id) | ({"dry_run": True} if dry_run else {})
    client = connection.clients.patient_client("lambda", _WAIT_SECONDS)
    with connection.progress():
        try:
            answer = client.invoke(
                FunctionName=function, InvocationType="RequestResponse", Payload=json.dumps(event).encode()
            )
            told = json.loads(responses.member(answer, "Payload", "Invoke").read())
        except KeyboardInterrupt:
            click.echo(f"The run goes on in function {function}.", err=True)
            raise
        except (ValueError, IncompleteAnswerError, *errors.AwsError) as error:
            if errors.code_of(error) not in _ENDED_UNKNOWN:
                raise
            message = (
                f"nobody knows how the run ended ({errors.code_of(error)}): it may be under way, so look into the log"
                f" of function {function}; the same plan sent again removes nothing that a new look would keep"
            )
            raise CleanerError(message) from None
    if "FunctionError" not in answer:
        return ApplyResult(RunStatus(told["status"]), told["causes"], told)
    return _failed(told)


def _failed(told: dict[str, Any]) -> ApplyResult:
    """What the handler raised, which is one line of JSON; anything else is Lambda's own word."""
    text = str(told.get("errorMessage", told))
    try:
        found = json.loads(text)
        return ApplyResult(RunStatus(found["status"]), list(found["causes"]))
    except (ValueError, KeyError, TypeError):
        return ApplyResult(RunStatus.FAILED, [f"the function ended with {told.get('errorType', 'an error')}: {text}"])


class _Teller(WatchedReporter):
    """Names each image as it goes, or does not, as long as anybody reads it."""

    __slots__ = ()

    def removal(self, removal: Removal) -> None:
        """On standard error, because the result goes to standard output."""
        if removal.status is RemovalStatus.NOT_IN_PLAN:
            return
        try:
            click.echo(f"{removal.status.value}: {removal.verdict.image.name} {removal.detail}".rstrip(), err=True)
        except OSError:
            # `2>&1 | head`: raised any further it would end the run in the middle, and nobody would know what went.
            # Not left to the end of the process either, which would make an exit code of its own of it.
            sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end of the process


def from_here(  # noqa: PLR0913 - what a run is, each by name
    connection: Connection,
    settings: Settings,
    function: str,
    named: NamedPlan,
    *,
    dry_run: bool,
    still_fits: Callable[[], object],
) -> ApplyResult:
    """Run here, under the caller's credentials, what the function would run: its settings, its history, its lock.

    Args:
        connection: Whose account.
        settings: Of the function, as they were read.
        function: Its name.
        named: The plan.
        dry_run: Whether to look only.
        still_fits: Asked once the lock is held; raises if by then the plan may not be carried out with these settings.

    Raises:
        AwsError: The lock does not answer.
        ApprovalError: The plan may not be carried out.
        LockHeldError: Another run is under way.
    """
    clients = connection.clients
    run_id = f"local-{uuid.uuid4()}"
    # Before the lock is taken, so that it outlives the run.
    deadline = Deadline(LONGEST_RUN_SECONDS, named.plan.expires_at if named.plan else None, utc_now)
    read_only = settings.dry_run or dry_run
    with connection.progress() as progress, compose.run_lock(clients, settings, run_id, read_only=read_only):
        # A person has been asked meanwhile, which takes as long as it takes.
        still_fits()
        summary = compose.run(
            clients,
            settings,
            _Teller(progress.judged),
            run_id,
            function_name=function,
            seconds_left=deadline.seconds_left,
            plan_id=named.id,
            plan=named.plan,
            clock=utc_now,
            read_only=read_only,
        ).execute()
    return ApplyResult(summary.status, list(summary.causes), summary.as_json())


def show(applied: ApplyResult, console: Console) -> None:
    """What went, what stays and why, and what went wrong."""
    plan = applied.summary.get("plan")
    if plan:
        totals = applied.summary["totals"]
        dry = applied.summary["dry_run"]
        console.print(Text(f"plan {plan['id']}: {plan['images']} images"))
        stays = sum(plan["stays"].values())
        went = ", ".join(f"{totals[how]} {how}" for how in ("removed", "archived") if totals[how]) or "0 removed"
        goes = f"{plan['images'] - stays} would go at most" if dry else went
        console.print(Text(f"{goes}, {stays} of the plan stay"))
        for one in plan["stays_shown"]:
            name = f"{one['repository']} {', '.join(one['tags']) or one['digest'][:19]}"
            detail = f": {one['detail']}" if one["detail"] else ""
            console.print(Text(f"  stays: {name}: {one['reason'].replace('_', ' ')}{detail}"))
        if stays > len(plan["stays_shown"]):
            console.print(Text(f"  and {stays - len(plan['stays_shown'])} more, which the log names"))
    for cause in applied.causes:
        console.print(Text(cause, "red"))
    console.print(Text(f"status: {applied.status.value}", "green" if applied.status is RunStatus.COMPLETED else "red"))
