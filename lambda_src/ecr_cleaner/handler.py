"""Lambda entry: parses the request, has `compose` create the run, executes it, and publishes its result."""

import gc
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from ecr_cleaner import compose
from ecr_cleaner.aws import errors
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import CleanerError, HistoryError, LockHeldError, RunFailedError, SettingsError
from ecr_cleaner.invocations import steps
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import counts_json
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.printable import printable
from ecr_cleaner.publish import announce
from ecr_cleaner.report.invocation import InvocationResult
from ecr_cleaner.report.log import LOGGER, LogReporter, quiet_libraries
from ecr_cleaner.report.summary import SCHEMA_VERSION, run_json
from ecr_cleaner.run import pipeline
from ecr_cleaner.run.context import RESERVE_SECONDS, RunContext
from ecr_cleaner.settings import loader
from ecr_cleaner.settings.request import (
    ApplyRequest,
    ConfirmationRequest,
    FinishRequest,
    Request,
    ScanTargetRequest,
    TargetsRequest,
)

# The images of a repository are many objects in no cycle, which Python would search for cycles again and again: that
# took a quarter of the time of an evaluation. What is loaded by now stays.
gc.freeze()
gc.set_threshold(20_000, 20, 20)

_SOUND: Final = frozenset({RunStatus.COMPLETED, RunStatus.CONTINUED, RunStatus.DEGRADED})
"""How runs end that did what they should, as far as they came."""


class Context(Protocol):
    """The part of Lambda's context that is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


def handler(
    event: object,
    context: Context | None,
    clock: Callable[[], datetime] = utc_now,
    execute: Callable[[RunContext], RunResult] = pipeline.run,
) -> dict[str, Any]:
    """Run once.

    Args:
        event: ``{}`` for a run, ``{"schema_version": 1, "action": "run", "dry_run": true}`` for a dry run,
            ``{"schema_version": 1, "action": "confirm_usage_drop", "id": "..."}`` and
            ``{"schema_version": 1, "action": "apply", "plan": "..."}`` to confirm or approve something; or a step of
            the state machine, see `ecr_cleaner.settings.request`.
        context: Lambda's context; None when called by hand.
        clock: Returns the current time, in UTC; determines the age of images, usages and evaluations.
        execute: Executes the run.

    Returns:
        The summary of a run that completed or is degraded, or what was confirmed.

    Raises:
        RunFailedError: In every other case, after the report is written.
    """
    run_id = context.aws_request_id if context else str(uuid.uuid4())
    quiet_libraries()
    settings, request = _asked(event, run_id)

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000 if context else float("inf")

    # Who confirms something reads the response; of a scan that fails, the step that needs it tells.
    is_announced = not isinstance(request, ConfirmationRequest | ScanTargetRequest)
    clients: AwsClients | None = None
    result: RunResult | None = None
    try:
        clients = AwsClients()
        if isinstance(request, TargetsRequest | ScanTargetRequest):
            clients.deadline_exceeded = lambda: seconds_left() < RESERVE_SECONDS
            return _before_the_run(request, clients, settings, clock)
        with compose.run_lock(clients, settings, run_id) as holds_lock:
            if isinstance(request, ConfirmationRequest):
                return _confirm(clients, settings, request.id, run_id)
            ctx = _context(request, clients, settings, run_id, seconds_left, clock)
            result = execute(replace(ctx, holds_lock=holds_lock))
        outcome = _result(run_id, settings, clients, result)
    except LockHeldError as error:
        LOGGER.error("Run not started: another run is in progress", extra={"cause": str(error)})
        outcome = _result(run_id, settings, clients, None, str(error), status=RunStatus.REFUSED)
    except (CleanerError, *errors.AwsError) as error:
        LOGGER.exception("The run could not be started or finished")
        outcome = _result(run_id, settings, clients, result, str(error))
    except Exception as error:
        # A bug: Lambda logs and counts it, and it is published like any other failure.
        if is_announced:
            bug = f"a bug: {type(error).__name__}: {error}"
            announce.announce(clients, settings, _result(run_id, settings, clients, result, bug), seconds_left)
        raise
    if is_announced:
        outcome = announce.announce(clients, settings, outcome, seconds_left)
    if outcome.summary is None or outcome.status not in _SOUND:
        raise RunFailedError(run_id, outcome.status, outcome.causes)
    return _answer(request, outcome.summary)


def _asked(event: object, run_id: str) -> tuple[loader.Settings, Request | None]:
    """What the invocation is told by its environment and its event.

    Raises:
        RunFailedError: With every problem of both.
    """
    try:
        return loader.for_invocation(os.environ, event, compose.KNOWN_SOURCES, compose.read_object)
    except SettingsError as error:
        LOGGER.error("Run not started: invalid settings or event", extra={"problems": error.problems})
        raise RunFailedError(run_id, RunStatus.FAILED, printable(error.problems)) from None


def _answer(request: Request | None, summary: Mapping[str, Any]) -> dict[str, Any]:
    """What the invocation returns: all of the summary; to a state of the state machine, which holds 256 KiB, less."""
    if not isinstance(request, FinishRequest):
        return dict(summary)
    told = {name: summary[name] for name in ("schema_version", "run_id", "status", "report")}
    return {**told, "continues": summary["status"] == RunStatus.CONTINUED}


def _context(  # noqa: PLR0913, PLR0917 - what the invocation has
    request: Request | None,
    clients: AwsClients,
    settings: loader.Settings,
    run_id: str,
    seconds_left: Callable[[], float],
    clock: Callable[[], datetime],
) -> RunContext:
    """What the run of the invocation needs."""
    asked = request.request if isinstance(request, FinishRequest) else request
    return compose.run_context(
        clients,
        settings,
        LogReporter(),
        run_id,
        function_name=_function_name(),
        seconds_left=seconds_left,
        clock=clock,
        plan_id=asked.plan if isinstance(asked, ApplyRequest) else None,
        reports=compose.report_store(clients, settings),
        round_of=(request.night, request.round) if isinstance(request, FinishRequest) else None,
    )


def _before_the_run(
    request: TargetsRequest | ScanTargetRequest,
    clients: AwsClients,
    settings: loader.Settings,
    clock: Callable[[], datetime],
) -> dict[str, Any]:
    """What the state machine does before a run: the demand for its scans, or one of them."""
    if isinstance(request, TargetsRequest):
        store, night, scanner = compose.begun_round(clients, settings, request.night, clock)
        return steps.begin_round(store, night, scanner, clock())
    scanner = compose.usage_scanner(clients, settings, compose.round_id(request.night, request.round), clock)
    store = compose.night_store(clients, settings, request.night)
    return steps.scan(store, request.round, ScanTarget(request.account_id, request.region), scanner)


def _function_name() -> str:
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "ecr-cleaner")


def _result(
    run_id: str,
    settings: loader.Settings,
    clients: AwsClients | None,
    result: RunResult | None,
    *causes: str,
    status: RunStatus = RunStatus.FAILED,
) -> InvocationResult:
    """The result of the invocation: the result of the run, or else `status`, and failures outside of it."""
    name = _function_name()
    outcome = InvocationResult(
        run_id=run_id,
        function=name,
        log_group=os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", f"/aws/lambda/{name}"),
        region=clients.region if clients else "",
        dry_run=settings.dry_run,
        status=result.status if result else status,
        causes=result.causes if result else (),
        summary=run_json(result) if result else None,
    )
    return outcome.with_problems(causes)


def _confirm(clients: AwsClients, settings: loader.Settings, drop_id: str, run_id: str) -> dict[str, Any]:
    history = compose.history_store(clients, settings)
    if history is None:
        message = "the history is off: no usages are compared, so there is nothing to confirm"
        raise HistoryError(message)
    usages = counts_json(history.confirm(drop_id))
    LOGGER.info("Drop in usages confirmed", extra={"id": drop_id, "usages": usages})
    return {"schema_version": SCHEMA_VERSION, "run_id": run_id, "status": "confirmed", "id": drop_id, "usages": usages}
