"""Lambda entry and composition root: environment -> settings -> clients -> run -> result."""

from __future__ import annotations

import os
import uuid
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from ecr_cleaner import approval, aws, lock, objects, settings
from ecr_cleaner.aws import Aws
from ecr_cleaner.errors import CleanerError, HistoryError, LockHeldError, RunFailedError, SettingsError
from ecr_cleaner.event import Apply, Confirmation
from ecr_cleaner.history import HistoryStore
from ecr_cleaner.model import RunStatus
from ecr_cleaner.report.log import LOGGER, LogReporter, quiet_libraries
from ecr_cleaner.report.summary import SCHEMA_VERSION
from ecr_cleaner.run import Run

if TYPE_CHECKING:
    from ecr_cleaner.report.summary import RunSummary


class Context(Protocol):
    """The part of Lambda's context that is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


def handler(event: object, context: Context | None) -> dict[str, Any]:
    """Run once.

    Args:
        event: ``{}`` for a run, ``{"schema_version": 1, "action": "run", "dry_run": true}`` for a dry run,
            ``{"schema_version": 1, "action": "confirm_usage_drop", "id": "..."}`` and
            ``{"schema_version": 1, "action": "apply", "plan": "..."}`` for a person's word.
        context: Lambda's; None when called by hand.

    Returns:
        The run's summary, or what was confirmed, when everything was done that should be.

    Raises:
        RunFailedError: In every other case, after the report is written.
    """
    run_id = context.aws_request_id if context else str(uuid.uuid4())
    quiet_libraries()
    try:
        told, asked = settings.for_invocation(os.environ, event, _fetch)
    except SettingsError as error:
        LOGGER.error("Nothing was done: settings or event not understood", extra={"problems": error.problems})
        raise RunFailedError(run_id, RunStatus.FAILED, error.problems) from None
    try:
        clients = Aws()
        name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "ecr-cleaner")
        place = told.history
        history = HistoryStore(clients, place.bucket, place.prefix, told.rollback_days) if place else None
        with lock.held(clients, told.lock_table, run_id) if told.lock_table else nullcontext():
            if isinstance(asked, Confirmation):
                return _confirm(history, asked.id, run_id)
            summary = Run(
                clients,
                told,
                LogReporter(),
                run_id,
                history,
                name,
                seconds_left=lambda: context.get_remaining_time_in_millis() / 1000 if context else float("inf"),
                gate=approval.gate(clients, told, asked.plan if isinstance(asked, Apply) else None, name, run_id),
            ).execute()
    except LockHeldError as error:
        LOGGER.error("Nothing was done: another run is under way", extra={"cause": str(error)})
        raise RunFailedError(run_id, RunStatus.REFUSED, [str(error)]) from None
    except (CleanerError, *aws.AwsError) as error:
        LOGGER.exception("The run could not be started or ended")
        raise RunFailedError(run_id, RunStatus.FAILED, [str(error)]) from None
    return _result(summary)


def _fetch(bucket: str, key: str) -> bytes:
    return objects.read(Aws(), bucket, key).body


def _confirm(history: HistoryStore | None, drop_id: str, run_id: str) -> dict[str, Any]:
    if history is None:
        message = "the history is off: no usages are compared, so there is nothing to confirm"
        raise HistoryError(message)
    usages = history.confirm(drop_id)
    LOGGER.info("Fall of usages confirmed", extra={"id": drop_id, "usages": usages})
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "status": "confirmed",
        "id": drop_id,
        "usages": usages,
    }


def _result(summary: RunSummary) -> dict[str, Any]:
    if summary.status is not RunStatus.COMPLETED:
        raise RunFailedError(summary.run_id, summary.status, summary.causes)
    return summary.as_json()
