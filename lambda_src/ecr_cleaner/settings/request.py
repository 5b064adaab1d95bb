"""What an invocation may ask for."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from ecr_cleaner.errors import SettingsError
from ecr_cleaner.schema import AccountId, Sha256, Strict, sentences


class RunRequest(Strict):
    """A run. ``{}`` is one; an invocation can tighten it, never loosen it.

    Attributes:
        schema_version: Of the event; required as soon as the event has another key.
        action: What it is; may be missing.
        dry_run: Only ``true`` is accepted.
    """

    schema_version: Literal[1] | None = None
    action: Literal["run"] = "run"
    dry_run: Literal[True] | None = None


class ConfirmationRequest(Strict):
    """An operator confirms a drop in usages. Nothing is removed by it.

    Attributes:
        schema_version: Of the event.
        action: What it is.
        id: Of the drop, as the refused run reports it.
    """

    schema_version: Literal[1]
    action: Literal["confirm_usage_drop"]
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]


class ApplyRequest(Strict):
    """An operator approves a saved plan: carry it out.

    The event carries the plan's id, never a plan: only what the function itself stored under this id may be removed.

    Attributes:
        schema_version: Of the event.
        action: What it is.
        plan: The plan's id, see `ecr_cleaner.approval.plan`.
        dry_run: Only ``true`` is accepted: then the run reports what it would remove.
    """

    schema_version: Literal[1]
    action: Literal["apply"]
    plan: Sha256
    dry_run: Literal[True] | None = None


Night = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
"""Name of an execution of the state machine.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html, of which only these characters
are taken, because it stands in keys of the bucket.
"""

Round = Annotated[int, Field(ge=1, le=99)]


class TargetsRequest(Strict):
    """The state machine begins a round: write down where it has to scan.

    Attributes:
        schema_version: Of the event.
        action: What it is.
        night: Name of the execution.
        request: Its input: `RunRequest` or `ApplyRequest`.
    """

    schema_version: Literal[1]
    action: Literal["targets"]
    night: Night
    request: RunRequest | ApplyRequest


class ScanTargetRequest(Strict):
    """The state machine has one target scanned.

    Attributes:
        schema_version: Of the event.
        action: What it is.
        night: Name of the execution.
        round: Of the night, from 1.
        account_id: Of the target.
        region: Of the target.
    """

    schema_version: Literal[1]
    action: Literal["scan"]
    night: Night
    round: Round
    account_id: AccountId
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z0-9]+)+-[0-9]+$")]


class FinishRequest(Strict):
    """The state machine ends a round: evaluate and remove by the scans of it.

    Attributes:
        schema_version: Of the event.
        action: What it is.
        night: Name of the execution.
        round: Of the night, from 1.
        request: The input of the execution.
    """

    schema_version: Literal[1]
    action: Literal["finish"]
    night: Night
    round: Round
    request: RunRequest | ApplyRequest


Request = RunRequest | ConfirmationRequest | ApplyRequest | TargetsRequest | ScanTargetRequest | FinishRequest

_KINDS: Final[Mapping[str, type[Strict]]] = {
    "confirm_usage_drop": ConfirmationRequest,
    "apply": ApplyRequest,
    "targets": TargetsRequest,
    "scan": ScanTargetRequest,
    "finish": FinishRequest,
}


def read_request(event: object) -> Request:
    """Read what an invocation asks for.

    Raises:
        SettingsError: Unknown keys, unknown actions, or an attempt to turn a dry run off.
    """
    action = event.get("action") if isinstance(event, dict) else None
    kind = _KINDS.get(action, RunRequest) if isinstance(action, str) else RunRequest
    try:
        # The request within is read as one that stands alone.
        if isinstance(event, dict) and kind in {TargetsRequest, FinishRequest} and "request" in event:
            event = {**event, "request": read_request(event["request"])}
        asked: Request = kind.model_validate(event)  # type: ignore[assignment]
    except ValidationError as error:
        raise SettingsError(sentences("event", error)) from None
    if isinstance(asked, RunRequest) and asked.model_fields_set and asked.schema_version is None:
        raise SettingsError(["event: schema_version: must be 1 as soon as the event says anything, got nothing"])
    return asked
