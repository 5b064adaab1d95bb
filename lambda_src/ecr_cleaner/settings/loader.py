"""Everything configurable, validated once, all errors at once.

A value that cannot be understood is an error, never a default: a run with bad settings does nothing.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import Field, ValidationError

from ecr_cleaner.errors import CleanerError, SettingsError
from ecr_cleaner.model.rules import unknown_member
from ecr_cleaner.schema import read_json, sentences
from ecr_cleaner.settings.gaps import KnownSources
from ecr_cleaner.settings.request import (
    ApplyRequest,
    FinishRequest,
    Request,
    RunRequest,
    ScanTargetRequest,
    TargetsRequest,
    read_request,
)
from ecr_cleaner.settings.schema import SettingsDocument, SettingsObject, SettingsPointer

Fetch = Callable[[str, str], bytes]
"""Reads the object under a key of a bucket; raises a `CleanerError` if it cannot."""

DEFAULT_KEEP_DAYS: Final = 30

MAX_DOCUMENT_BYTES: Final = 3000
"""Lambda's whole environment is 4 KB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""

_WHOLE_DAYS: Final = re.compile(r"[1-9][0-9]{0,4}")


class Settings(SettingsDocument):
    """Everything a run is told from outside.

    Attributes:
        dry_run: True unless ``DRY_RUN`` is exactly ``false``.
        default_keep_days: Whole days, at least ``minimum_keep_days``.
        notes: What an operator should know of the settings themselves; one sentence each.
    """

    dry_run: bool = True
    default_keep_days: int = DEFAULT_KEEP_DAYS
    notes: tuple[str, ...] = Field((), exclude=True)

    @property
    def sha256(self) -> str:
        """Of everything that a run is told, but for ``dry_run``, which changes neither its scans nor its plan."""
        told = self.model_dump(exclude={"dry_run"})
        text = json.dumps(told, default=sorted, sort_keys=True, separators=(",", ":"))  # sets have no order
        return hashlib.sha256(text.encode()).hexdigest()


def whole_days(text: str) -> int | None:
    """Read an age limit.

    Returns:
        Days from 1 to 99,999; None for anything else (signs, zeros in front, units, blanks).
    """
    return int(text) if _WHOLE_DAYS.fullmatch(text) else None


def from_environment(environment: Mapping[str, str], sources: KnownSources, fetch: Fetch | None = None) -> Settings:
    """Read the settings from ``DRY_RUN``, ``DEFAULT_KEEP_DAYS`` and ``ECR_CLEANER_SETTINGS``.

    Args:
        environment: Of the function.
        sources: Those that the settings may name.
        fetch: Reads the document where the environment only points to it.

    Raises:
        SettingsError: With every problem found.
    """
    problems: list[str] = []
    text = environment.get("DEFAULT_KEEP_DAYS", str(DEFAULT_KEEP_DAYS))
    keep_days = whole_days(text)
    if keep_days is None:
        problems.append(f"DEFAULT_KEEP_DAYS must be a whole number of days from 1 to 99999, got {text!r}")
    told = environment.get("ECR_CLEANER_SETTINGS")
    size = len((told or "").encode())
    if size > MAX_DOCUMENT_BYTES:
        problems.append(f"ECR_CLEANER_SETTINGS must be at most {MAX_DOCUMENT_BYTES} bytes, got {size}")
    document = _document(told, "ECR_CLEANER_SETTINGS", sources, fetch, problems)
    dry_run = environment.get("DRY_RUN", "true")
    whole = _whole(document, keep_days, "DEFAULT_KEEP_DAYS", problems, dry_run=dry_run != "false")
    if dry_run == "false" or dry_run.lower() == "true":
        return whole
    note = f"DRY_RUN is {dry_run!r}, and that is a dry run: only the exact text false turns removal on"
    return whole.model_copy(update={"notes": (note,)})


def from_document(text: str, place: str, default_keep_days: int, sources: KnownSources) -> Settings:
    """Read the settings from a copy of the document, wherever it lies; a dry run.

    Args:
        text: The document.
        place: Of the document, in what is told of problems.
        default_keep_days: Whole days; the document does not say.
        sources: Those that the document may name.

    Raises:
        SettingsError: With every problem found.
    """
    problems: list[str] = []
    document = _document(text, place, sources, None, problems)
    return _whole(document, default_keep_days, f"{place}: the default age limit", problems, dry_run=True)


def _whole(
    document: SettingsDocument, keep_days: int | None, limit: str, problems: list[str], *, dry_run: bool
) -> Settings:
    minimum = document.minimum_keep_days
    if keep_days is not None and keep_days < minimum:
        problems.append(f"{limit} must be at least minimum_keep_days, which is {minimum}, got '{keep_days}'")
    if problems or keep_days is None:
        raise SettingsError(problems)
    told = {name: getattr(document, name) for name in SettingsDocument.model_fields}
    return Settings(**told, dry_run=dry_run, default_keep_days=keep_days)


def _document(
    text: str | None, place: str, sources: KnownSources, fetch: Fetch | None, problems: list[str]
) -> SettingsDocument:
    if text is None:
        return SettingsDocument()
    try:
        if fetch is not None and "settings_object" in _keys(text):
            place = "settings_object"
            text = _fetched(SettingsPointer.model_validate_json(text).settings_object, fetch)
        document = SettingsDocument.model_validate_json(text, context={"sources": sources})
    except ValidationError as error:
        problems.extend(sentences(place, error, _unknown))
    except CleanerError as error:
        problems.append(f"{place}: {error}")
    else:
        # schema_version has a default for code only: a document from outside has to name its own.
        if "schema_version" not in document.model_fields_set:
            problems.append(f"{place}: schema_version: must be 1, got nothing")
        return document
    return SettingsDocument()


def _unknown(place: tuple[int | str, ...]) -> str | None:
    """What is to be said of a member that the document may not have: of one of a rule, which ones a rule may have."""
    match place:
        case ("retention_rules", int(), str() as name):
            return unknown_member(name)
    return None


def _keys(text: str) -> set[Any]:
    try:
        found = read_json(text)
    except ValueError:
        return set()
    return set(found) if isinstance(found, dict) else set()


def _fetched(pointer: SettingsObject, fetch: Fetch) -> str:
    body = fetch(pointer.bucket, pointer.key)
    found = hashlib.sha256(body).hexdigest()
    if found != pointer.sha256:
        # An apply that is under way has written the one and not yet the other.
        message = f"s3://{pointer.bucket}/{pointer.key} is not what Terraform wrote: its sha256 is {found}"
        raise CleanerError(message)
    return body.decode()


def for_invocation(
    environment: Mapping[str, str], event: object, sources: KnownSources, fetch: Fetch | None = None
) -> tuple[Settings, Request | None]:
    """What one invocation is told by its environment and its event together.

    Args:
        environment: Of the function.
        event: Of the invocation.
        sources: Those that the settings may name.
        fetch: Reads the document where the environment only points to it.

    Returns:
        The settings, and what a person or the state machine asks for; None if this is a run like every night's.

    Raises:
        SettingsError: With every problem of both.
    """
    problems: list[str] = []
    told = Settings()
    asked: Request = RunRequest()
    try:
        told = from_environment(environment, sources, fetch)
    except SettingsError as error:
        problems.extend(error.problems)
    try:
        asked = read_request(event)
    except SettingsError as error:
        problems.extend(error.problems)
    # Of a step of the state machine, the input of its execution says the same as the event of a single function.
    run = asked.request if isinstance(asked, TargetsRequest | FinishRequest) else asked
    if isinstance(run, ApplyRequest) and not problems:
        problems.extend(refusals_to_apply(told))
    if isinstance(asked, TargetsRequest | ScanTargetRequest | FinishRequest) and not problems and told.storage is None:
        problems.append(f"event: action: {asked.action}: the steps of a state machine need a bucket between them")
    if problems:
        raise SettingsError(problems)
    if isinstance(run, RunRequest | ApplyRequest):
        # An event makes the settings of the function stricter, and never looser.
        told = told.model_copy(update={"dry_run": told.dry_run or run.dry_run is True})
    return told, None if isinstance(asked, RunRequest) else asked


def refuse_own_account(settings: Settings, own_account: str) -> None:
    """Refuse settings that speak of the registry's own account as of another one.

    Args:
        settings: Of a run.
        own_account: Account id of the registry, which only AWS tells.

    Raises:
        SettingsError: With every problem found.
    """
    rule = f"must not name {own_account}, the registry's own account, which is always looked at"
    named = {"accounts": settings.accounts, "accepted_gaps": settings.accepted_gaps}
    problems = [
        f"{name}: {rule}, got {said!r}"
        for name, values in named.items()
        for said in values
        if said in {own_account, f"account:{own_account}"}
    ]
    if problems:
        raise SettingsError(problems)


def refusals_to_apply(settings: Settings) -> list[str]:
    """Why no plan can be carried out with these settings; empty if one can."""
    refusals = []
    if settings.dry_run:
        refusals.append("dry_run is true: nothing is removed, and no plan is carried out, whoever approves of it")
    if not settings.require_approval:
        refusals.append("require_approval is false: no plan waits for approval, every run removes by itself")
    return [f"event: action: apply: {refusal}" for refusal in refusals]
