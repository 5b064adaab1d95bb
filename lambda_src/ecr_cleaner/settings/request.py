"""What an invocation may ask for."""

from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ecr_cleaner.errors import SettingsError
from ecr_cleaner.schema import Sha256, Strict, sentences


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


def read_request(event: object) -> RunRequest | ConfirmationRequest | ApplyRequest:
    """Read what an invocation asks for.

    Raises:
        SettingsError: Unknown keys, unknown actions, or an attempt to turn a dry run off.
    """
    try:
        if isinstance(event, dict) and event.get("action") == "confirm_usage_drop":
            return ConfirmationRequest.model_validate(event)
        if isinstance(event, dict) and event.get("action") == "apply":
            return ApplyRequest.model_validate(event)
        asked = RunRequest.model_validate(event)
    except ValidationError as error:
        raise SettingsError(sentences("event", error)) from None
    if asked.model_fields_set and asked.schema_version is None:
        raise SettingsError(["event: schema_version: must be 1 as soon as the event says anything, got nothing"])
    return asked
