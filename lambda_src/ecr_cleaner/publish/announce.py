"""Announces how an invocation ended: by metrics, then an event, then a notification.

By then the run has ended and written its report. An announcement that fails also fails the invocation, with a cause of
its own.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from ecr_cleaner.aws import client, errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import AnnouncementError, CleanerError
from ecr_cleaner.report import mail, metrics, run_event
from ecr_cleaner.report.invocation import InvocationResult
from ecr_cleaner.report.log import LOGGER
from ecr_cleaner.settings.loader import Settings

LAST_SECONDS: Final = float(client.CONNECT_TIMEOUT_SECONDS + client.READ_TIMEOUT_SECONDS + 5)
"""Time that must be left for one more call: one without a response must not make Lambda end the invocation, or its
causes would be lost."""


def announce(
    clients: AwsClients | None,
    settings: Settings,
    ending: InvocationResult,
    seconds_left: Callable[[], float],
    clock: Callable[[], datetime] = utc_now,
) -> InvocationResult:
    """Announce the result as the settings say.

    Args:
        clients: Of the run; None if there are none: then only metrics are written.
        settings: Where to announce, and on which results.
        ending: The result.
        seconds_left: Until Lambda ends the invocation.
        clock: Now, in UTC.

    Returns:
        The result, with failed announcements among its causes.
    """
    if clients is not None:
        ending = replace(ending, calls=clients.pacer.counts.told())
    if settings.metrics_namespace is not None:
        _write_metrics(ending, settings.metrics_namespace, clock())
    if clients is None:
        return ending
    clients.deadline_exceeded = lambda: seconds_left() < LAST_SECONDS
    try:
        if settings.event_bus_name is not None:
            what = f"the event of the run could not be put on the event bus {settings.event_bus_name}"
            put = partial(_put_event, clients, ending, settings.event_bus_name, clock())
            ending = _tried(put, ending, what, "events:PutEvents")
        if settings.notifications is not None and ending.should_notify(settings.notifications.on):
            what = f"the notification could not be sent to {settings.notifications.topic_arn}"
            publish = partial(_publish, clients, ending, settings.notifications.topic_arn)
            ending = _tried(publish, ending, what, "sns:Publish")
    finally:
        clients.deadline_exceeded = None
    return ending


def _write_metrics(ending: InvocationResult, namespace: str, now: datetime) -> None:
    # Not through logging: Lambda's formatter would wrap it, and EMF has to be the whole line. What is JSON already and
    # comes by standard output is passed on as it is
    # (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html).
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
    line = json.dumps(metrics.document(ending, namespace, now, level), separators=(",", ":"))
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _tried(act: Callable[[], None], ending: InvocationResult, what: str, permission: str) -> InvocationResult:
    """Announce the result in one way; that it did not get through is one more problem of it."""
    try:
        act()
    except (CleanerError, *errors.AwsError) as error:
        needs = f"; the caller needs the permission {permission}" if errors.is_denied(error) else ""
        cause = f"{what}: {errors.sentence(error)}{needs}"
        LOGGER.error("The run could not be announced", extra={"cause": cause})
        return ending.with_problems([cause])
    return ending


def _put_event(clients: AwsClients, ending: InvocationResult, bus: str, now: datetime) -> None:
    """Put the run's event.

    Raises:
        AnnouncementError: EventBridge did not accept it.
        IncompleteAnswerError: It is unknown whether it did.
        AwsError: The call failed.
    """
    entry = run_event.entry(ending, bus, now)
    answer = responses.called(clients.client("events"), "PutEvents", Entries=[entry])
    failed = responses.member(answer, "FailedEntryCount", "PutEvents")
    entries = responses.member(answer, "Entries", "PutEvents")
    # A response 200 in which the only entry failed is a failure.
    codes = [f"{one.get('ErrorCode')}: {one.get('ErrorMessage')}" for one in entries if "EventId" not in one]
    if failed or codes or not entries:
        raise AnnouncementError("; ".join(codes) or "EventBridge does not say why")


def _publish(clients: AwsClients, ending: InvocationResult, topic: str) -> None:
    """Publish the notification.

    Raises:
        IncompleteAnswerError: It is unknown whether SNS accepted it.
        AwsError: The call failed.
    """
    answer = responses.called(
        clients.client("sns"), "Publish", TopicArn=topic, Subject=mail.subject(ending), Message=mail.text(ending)
    )
    responses.member(answer, "MessageId", "Publish")
