"""Telling others: SNS's Publish and EventBridge's PutEvents, which moto takes with less than AWS asks for.

What passes goes to moto, which delivers to queues that subscribed and to the targets of rules. AWS's documentation does
not say what becomes of an event for a bus that does not exist; here it is an error, because it reaches nobody.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from moto.events.models import Rule

from .aws import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import Answer, Request
    from .state import Account

MAX_BYTES: Final = 256 * 1024
MAX_SUBJECT: Final = 100
MAX_ENTRIES: Final = 10
MAX_DETAIL_TYPE: Final = 128
_TIME_BYTES: Final = 14

_deliver = Rule.send_to_targets


def _deliver_what_moto_can(rule: Any, event: Any, *arguments: Any) -> None:
    """A rule that starts a task starts none here, and PutEvents succeeds all the same."""
    with contextlib.suppress(NotImplementedError):
        _deliver(rule, event, *arguments)


Rule.send_to_targets = _deliver_what_moto_can


class TellingApi:
    """Handlers by service and operation."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def publish(self, request: Request) -> Answer:
        """https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: a subject is one line of ASCII, 100 at most."""
        message, subject, topic = (request.get(name) for name in ("Message", "Subject", "TopicArn"))
        if not message:
            raise _refused("Message", "Empty message")
        if len(str(message).encode()) > MAX_BYTES:
            raise _refused("Message", "Message too long")
        if subject is not None and not _is_subject(str(subject)):
            raise _refused("Subject", "Subject must be at most 100 ASCII characters on one line, and begin with one")
        if topic not in self._account.moto("sns", request.region).topics:
            raise AwsError("NotFound", "Topic does not exist", 404)
        return request.forward()

    def put_events(self, request: Request) -> Answer | dict[str, Any]:
        """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html; failures come with a 200."""
        entries = request.get("Entries") or []
        if not 1 <= len(entries) <= MAX_ENTRIES:
            raise AwsError("ValidationException", f"Entries must hold 1 to {MAX_ENTRIES}, got {len(entries)}")
        if sum(map(size, entries)) > MAX_BYTES:
            raise AwsError("ValidationException", "Total size of the entries in the request is over the limit.")
        buses = self._account.moto("events", request.region).event_buses
        for entry in entries:
            name = str(entry.get("EventBusName", "default")).rpartition("/")[2]
            if name not in buses:
                raise AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.")
        failures = [_failure(entry) for entry in entries]
        if any(failures):
            told = [
                {"ErrorCode": failure[0], "ErrorMessage": failure[1]} if failure else {"EventId": f"event-{number}"}
                for number, failure in enumerate(failures)
            ]
            return {"FailedEntryCount": sum(map(bool, failures)), "Entries": told}
        return request.forward()

    def handlers(self) -> dict[str, dict[str, Callable[[Request], Answer | dict[str, Any]]]]:
        """The operations that are not left to moto alone."""
        return {"events": {"PutEvents": self.put_events}, "sns": {"Publish": self.publish}}


def size(entry: dict[str, Any]) -> int:
    """Bytes of an entry, https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html."""
    texts = [entry.get(name, "") for name in ("Source", "DetailType", "Detail")] + entry.get("Resources", [])
    return sum(len(text.encode()) for text in texts) + (_TIME_BYTES if "Time" in entry else 0)


def _is_subject(text: str) -> bool:
    return 1 <= len(text) <= MAX_SUBJECT and text.isascii() and text.isprintable() and text[0] != " "


def _refused(name: str, rule: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {name} Reason: {rule}")


def _failure(entry: dict[str, Any]) -> tuple[str, str] | None:
    """Code and message of an entry that EventBridge does not take."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
    if str(entry["Source"]).startswith("aws."):
        return "NotAuthorizedForSourceException", "Not authorized for the source."
    if len(entry["DetailType"]) > MAX_DETAIL_TYPE:
        return "InvalidArgument", "Parameter DetailType is not valid. Reason: it is too long."
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    return None if isinstance(detail, dict) else ("MalformedDetail", "Detail is malformed.")
