"""Carries out a saved plan: invokes the function once and waits for it, or runs locally."""

import json
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from ecr_cleaner import compose
from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval.plan import SavedPlan
from ecr_cleaner.aws import errors, responses
from ecr_cleaner.cli import output
from ecr_cleaner.cli.deadline import countdown
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import CleanerError, IncompleteAnswerError
from ecr_cleaner.model.plan import Removal, RemovalStatus
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.report.console import STYLES
from ecr_cleaner.report.reporter import CollectingReporter
from ecr_cleaner.report.summary import run_json
from ecr_cleaner.run import pipeline
from ecr_cleaner.schema import read_json
from ecr_cleaner.settings.loader import Settings

LONGEST_RUN_SECONDS: Final = 900
"""Lambda's maximum; for local runs too, because the lock expires."""

_ENDED_UNKNOWN: Final = frozenset(
    {
        "ConnectionClosedError",
        "HTTPClientError",
        "IncompleteReadError",
        "ReadTimeoutError",
        "ResponseStreamingError",
        "ServiceException",
    }
)
"""Errors of AWS after which the invocation may be running."""

_WAIT_SECONDS: Final = LONGEST_RUN_SECONDS + 60


def by_function(connection: Connection, function: str, plan_id: str, *, dry_run: bool) -> dict[str, Any]:
    """Invoke the function with the id of the plan and wait for the result; the request is never repeated.

    Returns:
        The summary of the run; only its ``status`` and ``causes`` if the function failed.

    Raises:
        AwsError: The function could not be invoked.
        CleanerError: It is unknown how the run ended.
    """
    event = approval_plan.apply_event(plan_id) | ({"dry_run": True} if dry_run else {})
    client = connection.clients.patient_client("lambda", _WAIT_SECONDS)
    with connection.progress():
        try:
            response = client.invoke(
                FunctionName=function, InvocationType="RequestResponse", Payload=json.dumps(event).encode()
            )
            result: dict[str, Any] = read_json(responses.member(response, "Payload", "Invoke").read())
        except KeyboardInterrupt:
            output.echo(f"The run continues in function {function}.", err=True)
            raise
        except (ValueError, IncompleteAnswerError, *errors.AwsError) as error:
            # All others are about the response to a request that was accepted.
            if isinstance(error, errors.AwsError) and errors.code_of(error) not in _ENDED_UNKNOWN:
                raise
            message = (
                f"it is unknown how the run ended ({errors.code_of(error)}): it may still be running, see the log"
                f" of function {function}; submitting the plan again is safe, every run evaluates everything anew"
            )
            raise CleanerError(message) from None
    return _failed(result) if "FunctionError" in response else result


def _failed(error: dict[str, Any]) -> dict[str, Any]:
    """The result of a failed invocation: the handler raises one line of JSON, Lambda itself any other text."""
    text = str(error.get("errorMessage", error))
    try:
        result = read_json(text)
        return {"status": RunStatus(result["status"]).value, "causes": list(result["causes"])}
    except (ValueError, KeyError, TypeError):
        cause = f"the function ended with {error.get('errorType', 'an error')}: {text}"
        return {"status": RunStatus.FAILED.value, "causes": [cause]}


class _RemovalReporter(CollectingReporter):
    """Also prints the outcome of each removal."""

    __slots__ = ()

    def removal(self, removal: Removal) -> None:
        """Print the outcome on standard error, because the result goes to standard output."""
        if removal.status is RemovalStatus.NOT_IN_PLAN:
            return
        try:
            output.echo(f"{removal.status.value}: {removal.verdict.image.name} {removal.detail}".rstrip(), err=True)
        except OSError:
            # `2>&1 | head` closed the pipe. To raise would end the run between two removals. To keep the stream would
            # fail at the end of the process, with an exit code of its own.
            sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end of the process


def locally(
    connection: Connection, settings: Settings, plan: SavedPlan, *, dry_run: bool, check_again: Callable[[], object]
) -> dict[str, Any]:
    """Run on this machine, with the operator's credentials and the function's settings, history and lock.

    Args:
        connection: Account and region.
        settings: Settings of the function, as read before.
        plan: The plan.
        dry_run: Whether to remove nothing.
        check_again: Called once the lock is held; raises if the plan can no longer be carried out with these settings.

    Returns:
        The summary of the run.

    Raises:
        AwsError: The lock could not be read or written.
        ApprovalError: The plan cannot be carried out.
        LockHeldError: Another run is in progress.
    """
    clients = connection.clients
    run_id = f"local-{uuid.uuid4()}"
    # Starts before the lock is taken, so that the lock expires after the run.
    seconds_left = countdown(LONGEST_RUN_SECONDS, plan.expires_at, utc_now)
    lock = compose.run_lock(clients, settings, run_id, read_only=dry_run)
    with connection.progress() as progress, lock as holds_lock:
        # The operator was asked for a number in the meantime, and settings may have changed.
        check_again()
        ctx = compose.run_context(
            clients,
            settings,
            _RemovalReporter(),
            run_id,
            function_name=plan.function,
            seconds_left=seconds_left,
            plan_id=plan.id,
            plan=plan,
            clock=utc_now,
            progress=progress.evaluated,
            read_only=dry_run,
        )
        return run_json(pipeline.run(replace(ctx, holds_lock=holds_lock)))


def print_result(result: dict[str, Any], console: Console) -> None:
    """Print what was removed, what was kept and why, and what failed."""
    if plan := result.get("plan"):
        totals = result["totals"]
        console.print(Text(f"plan {plan['id']}: {plan['images']} images"))
        kept = sum(plan["stays"].values())
        removed = ", ".join(f"{totals[how]} {how}" for how in ("removed", "archived") if totals[how]) or "0 removed"
        outcome = f"at most {plan['images'] - kept} would be removed" if result["dry_run"] else removed
        console.print(Text(f"{outcome}, {kept} of the plan kept"))
        for image in plan["stays_shown"]:
            name = f"{image['repository']} {', '.join(image['tags']) or image['digest'][:19]}"
            detail = f": {image['detail']}" if image["detail"] else ""
            console.print(Text(f"  kept: {name}: {image['reason'].replace('_', ' ')}{detail}"))
        if kept > len(plan["stays_shown"]):
            console.print(Text(f"  and {kept - len(plan['stays_shown'])} more, see the log"))
    for cause in result["causes"]:
        console.print(Text(cause, "red"))
    status = RunStatus(result["status"])
    console.print(Text(f"status: {status}", STYLES[status]))
