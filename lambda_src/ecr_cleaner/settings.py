"""Everything configurable, validated once, all errors at once.

A value that cannot be understood is an error, never a default: a run with bad settings does nothing.
Terraform writes the environment; ``main.tf`` and `Document` hold the same keys (a test compares them).
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from ecr_cleaner import retention
from ecr_cleaner.errors import CleanerError, SettingsError, UnreadableReferenceError
from ecr_cleaner.guard import Limits
from ecr_cleaner.model import RetentionRule
from ecr_cleaner.reference import listed
from ecr_cleaner.usage.registry import DISABLED_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fetch = Callable[[str, str], bytes]
    """Reads the object under a key of a bucket; raises a `CleanerError` if it cannot."""

    from ecr_cleaner.model import Retention


def _is_source(name: str) -> str:
    if name not in DISABLED_BY_NAME:
        message = f"there is no such source; there are {', '.join(sorted(DISABLED_BY_NAME))}"
        raise ValueError(message)
    return name


def _is_reference(text: str) -> str:
    try:
        found = listed(text)
    except UnreadableReferenceError as error:
        message = f"it is no image reference: {error.rule}"
        raise ValueError(message) from None
    if found is None:
        message = "it names an image of another registry, which protects nothing here"
        raise ValueError(message)
    return text


SourceName = Annotated[str, AfterValidator(_is_source)]
"""What ``disabled_usage_sources`` may name."""

ExtraReference = Annotated[str, AfterValidator(_is_reference)]
"""What ``extra_references`` may name."""


def _are_revisions(value: object) -> object:
    # One sentence; a union would say of each of its types that the value is none.
    if value == "all" or (type(value) is int and value >= 1):
        return value
    message = 'it must be a whole number of at least 1, or "all"'
    raise ValueError(message)


Revisions = Annotated[int | Literal["all"], BeforeValidator(_are_revisions)]
"""What ``task_definition_revisions`` may say."""

Unscanned = Literal["eks", "other_accounts", "pull_through_cache", "delete_replication"]
"""What ``acknowledged_unscanned`` may name: consumers that no source can see."""

DEFAULT_KEEP_DAYS: Final = 30
MAX_DOCUMENT_BYTES: Final = 3000
"""Lambda's whole environment is 4 KB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""

DEFAULT_ROLLBACK_DAYS: Final = 7
DEFAULT_MAX_USAGE_DROP_PERCENT: Final = 50

_WHOLE_DAYS: Final = re.compile(r"[1-9][0-9]{0,4}")


class Strict(BaseModel):
    """A document from outside: unknown keys, other types and later changes are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _not_below_minimum(days: int, info: ValidationInfo) -> int:
    minimum = (info.context or {}).get("minimum_keep_days", 1)
    if days < minimum:
        kind, message = "below_minimum", "must be at least minimum_keep_days, which is {minimum}"
        raise PydanticCustomError(kind, message, {"minimum": minimum})
    return days


def _not_empty(globs: tuple[str, ...]) -> tuple[str, ...]:
    # pydantic's own length counts the valid ones alone, and would tell one problem twice.
    if not globs:
        kind, message = "too_short", "must name at least one repository"
        raise PydanticCustomError(kind, message)
    return globs


_Count = Annotated[int, Field(ge=1, le=99_999)]
_KeepDays = Annotated[_Count, AfterValidator(_not_below_minimum)]

# A glob that no name can fit would keep nothing, unnoticed: "v[0-9]*" is refused.
_RepositoryGlob = Annotated[str, Field(pattern=r"^[a-z0-9._/*?-]+$")]
_TagGlob = Annotated[str, Field(pattern=r"^[A-Za-z0-9._*?-]+$")]


class Rule(Strict):
    """What keeps images of some repositories; the first rule that matches a repository holds for it.

    Attributes:
        repositories: Globs on whole names: ``*`` any characters, ``/`` too, ``?`` any one; case matters.
        keep_days: Whole days; None: the default.
        keep_days_untagged: Whole days, for untagged images; None: like tagged ones.
        keep_newest: How many of the tagged images pushed last stay at any age.
        keep_tags: Globs on tags; an image with a matching one stays.
        keep_pulled_within_days: An image pulled at most so many days ago stays.
        remove_artifacts: Whether what is no container image may go as well.
    """

    repositories: Annotated[tuple[_RepositoryGlob, ...], AfterValidator(_not_empty)]
    keep_days: _KeepDays | None = None
    keep_days_untagged: _KeepDays | None = None
    keep_newest: _Count | None = None
    keep_tags: tuple[_TagGlob, ...] = ()
    keep_pulled_within_days: _Count | None = None
    remove_artifacts: bool = False

    @property
    def value(self) -> RetentionRule:
        """The same for the rooms that know nothing of documents."""
        return RetentionRule(**dict(self))


class InventoriesPlace(Strict):
    """Where people keep lists of images that are in use where no source looks.

    Attributes:
        bucket: Its name.
        prefix: Of the keys, ending in a slash.
        max_age_hours: Whole hours; an inventory that was written longer ago may be out of date.
    """

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    # Neither IAM's wildcards nor its variables: the role's policy names the prefix.
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9._=-]+/)+$", max_length=200)]
    max_age_hours: Annotated[int, Field(ge=1, le=99_999)]

    def uri(self, key: str | None = None) -> str:
        """An object as people write it; without a key, the place itself."""
        return f"s3://{self.bucket}/{self.prefix if key is None else key}"


Count = Annotated[int, Field(ge=1)]
Percent = Annotated[int, Field(ge=1, le=100)]


class HistoryPlace(Strict):
    """Where the history lies.

    Attributes:
        bucket: Its name.
        prefix: Of all keys of this instance of the module.
    """

    bucket: Annotated[str, Field(min_length=3)]
    prefix: Annotated[str, Field(pattern=r"^([^/]+/)+$")]


class Document(Strict):
    """The JSON document in ``ECR_CLEANER_SETTINGS``.

    Attributes:
        schema_version: Of this document.
        acknowledged_unscanned: Consumers nobody can see, accepted by a person.
        disabled_usage_sources: Sources taken out by a person; every run reports them as unprotected.
        extra_references: Images that are in use by a person's word.
        history: Where the past is remembered; None: nowhere.
        inventories: Lists of images in S3 that are in use as well; None: there are none.
        lock_table: DynamoDB table that keeps two runs apart; None: no lock.
        max_removal_percent_per_repository: More of a repository's images may not go in a run; None: no limit.
        max_removal_percent_per_run: Likewise of all images.
        max_removals_per_repository: More images may not go from a repository in a run; None: no limit.
        max_removals_per_run: Likewise from all of them.
        max_usage_drop_percent: By more the usages of a source may not fall unconfirmed; None: not compared.
        minimum_keep_days: Whole days; no age limit may be shorter, that of a repository's tag included.
        own_repository: Repository of the function's own image; never touched.
        rollback_days: An image seen in use within so many days is kept; needs the history.
        rules: For which repositories something else holds than the defaults.
        task_definition_revisions: How many of the newest active revisions of each family of ECS task definitions
            are in use although nothing names them.
    """

    schema_version: Literal[1] = 1
    acknowledged_unscanned: frozenset[Unscanned] = frozenset()
    disabled_usage_sources: frozenset[SourceName] = frozenset()
    extra_references: frozenset[ExtraReference] = frozenset()
    history: HistoryPlace | None = None
    inventories: InventoriesPlace | None = None
    lock_table: Annotated[str, Field(min_length=3)] | None = None
    max_removal_percent_per_repository: Percent | None = None
    max_removal_percent_per_run: Percent | None = None
    max_removals_per_repository: Count | None = None
    max_removals_per_run: Count | None = None
    max_usage_drop_percent: Annotated[int, Field(ge=0, le=100)] | None = DEFAULT_MAX_USAGE_DROP_PERCENT
    minimum_keep_days: _Count = 1
    own_repository: Annotated[str, Field(min_length=2)] | None = None
    rollback_days: Annotated[int, Field(ge=0, le=99_999)] = DEFAULT_ROLLBACK_DAYS
    rules: tuple[Rule, ...] = ()
    task_definition_revisions: Revisions = 1

    @field_validator("minimum_keep_days")
    @classmethod
    def _tell_the_rules(cls, days: int, info: ValidationInfo) -> int:
        """The rules are validated after it, so that all of their problems are told at once."""
        if info.context is not None:
            info.context["minimum_keep_days"] = days
        return days

    @property
    def limits(self) -> Limits:
        """How much may go."""
        return Limits(
            removals_per_repository=self.max_removals_per_repository,
            percent_per_repository=self.max_removal_percent_per_repository,
            removals_per_run=self.max_removals_per_run,
            percent_per_run=self.max_removal_percent_per_run,
        )


class SettingsObject(Strict):
    """Where a document lies that outgrew the environment.

    Attributes:
        bucket: Its name.
        key: Of the object.
        sha256: Of its bytes, in hexadecimal digits.
    """

    bucket: Annotated[str, Field(min_length=3)]
    key: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Pointer(Strict):
    """What stands in ``ECR_CLEANER_SETTINGS`` then."""

    schema_version: Literal[1]
    settings_object: SettingsObject


class Settings(Document):
    """Everything a run is told from outside.

    Attributes:
        dry_run: True unless ``DRY_RUN`` is exactly ``false``.
        default_keep_days: Whole days, at least ``minimum_keep_days``.
    """

    dry_run: bool = True
    default_keep_days: int = DEFAULT_KEEP_DAYS

    def retention_of(self, repository: str, tag_days: int | None) -> Retention:
        """What holds for a repository whose own tag asks for `tag_days`, if it has one."""
        return retention.of_repository(
            repository,
            [rule.value for rule in self.rules],
            default_keep_days=self.default_keep_days,
            minimum_keep_days=self.minimum_keep_days,
            tag_days=tag_days,
        )


class Event(Strict):
    """What an invocation may ask for. ``{}`` is a run; it can be tightened, never loosened.

    Attributes:
        schema_version: Of the event; needed as soon as the event says anything.
        action: ``run`` is the only one.
        dry_run: Only ``true`` may be said.
    """

    schema_version: Literal[1] | None = None
    action: Literal["run"] = "run"
    dry_run: Literal[True] | None = None


class Confirmation(Strict):
    """The other thing an invocation may ask for: a person's word on a fall of usages. Nothing is removed by it.

    Attributes:
        schema_version: Of the event.
        action: What it is.
        id: Of the fall, as the run that met it tells.
    """

    schema_version: Literal[1]
    action: Literal["confirm_usage_drop"]
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]


def whole_days(text: str) -> int | None:
    """Read an age limit.

    Returns:
        Days from 1 to 99,999; None for anything else (signs, zeros in front, units, blanks).
    """
    return int(text) if _WHOLE_DAYS.fullmatch(text) else None


def from_environment(environment: Mapping[str, str], fetch: Fetch | None = None) -> Settings:
    """Read the settings from ``DRY_RUN``, ``DEFAULT_KEEP_DAYS`` and ``ECR_CLEANER_SETTINGS``.

    Args:
        environment: Of the function.
        fetch: Reads the document where the environment only points to it.

    Raises:
        SettingsError: With every problem found.
    """
    problems: list[str] = []
    text = environment.get("DEFAULT_KEEP_DAYS", str(DEFAULT_KEEP_DAYS))
    keep_days = whole_days(text)
    if keep_days is None:
        problems.append(f"DEFAULT_KEEP_DAYS must be a whole number of days from 1 to 99999, got {text!r}")
    document = _document(environment.get("ECR_CLEANER_SETTINGS"), fetch, problems)
    if keep_days is not None and keep_days < document.minimum_keep_days:
        minimum = document.minimum_keep_days
        problems.append(f"DEFAULT_KEEP_DAYS must be at least minimum_keep_days, which is {minimum}, got {text!r}")
    if problems or keep_days is None:
        raise SettingsError(problems)
    told = {name: getattr(document, name) for name in Document.model_fields}
    return Settings(**told, dry_run=environment.get("DRY_RUN") != "false", default_keep_days=keep_days)


def _document(text: str | None, fetch: Fetch | None, problems: list[str]) -> Document:
    if text is None:
        return Document()
    place = "ECR_CLEANER_SETTINGS"
    size = len(text.encode())
    if size > MAX_DOCUMENT_BYTES:
        problems.append(f"{place} must be at most {MAX_DOCUMENT_BYTES} bytes, got {size}")
    try:
        if fetch is not None and "settings_object" in _keys(text):
            place = "settings_object"
            text = _fetched(Pointer.model_validate_json(text).settings_object, fetch)
        # schema_version has a default for code only: a document from outside has to name its own.
        document = Document.model_validate_json(text, context={})
    except ValidationError as error:
        problems.extend(_sentences(place, error))
        return Document()
    except CleanerError as error:
        problems.append(f"{place}: {error}")
        return Document()
    if "schema_version" not in document.model_fields_set:
        problems.append(f"{place}: schema_version: must be 1, got nothing")
    return document


def _keys(text: str) -> set[Any]:
    try:
        found = json.loads(text)
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


def read_event(event: object) -> Event | Confirmation:
    """Read what an invocation asks for.

    Raises:
        SettingsError: Unknown keys, unknown actions, or an attempt to turn a dry run off.
    """
    try:
        if isinstance(event, dict) and event.get("action") == "confirm_usage_drop":
            return Confirmation.model_validate(event)
        asked = Event.model_validate(event)
    except ValidationError as error:
        raise SettingsError(_sentences("event", error)) from None
    if asked.model_fields_set and asked.schema_version is None:
        raise SettingsError(["event: schema_version: must be 1 as soon as the event says anything, got nothing"])
    return asked


def for_invocation(
    environment: Mapping[str, str], event: object, fetch: Fetch | None = None
) -> tuple[Settings, Confirmation | None]:
    """What one invocation is told by its environment and its event together.

    Returns:
        The settings, and what a person confirms; None if this is a run.

    Raises:
        SettingsError: With every problem of both.
    """
    problems: list[str] = []
    told = Settings()
    asked: Event | Confirmation = Event()
    try:
        told = from_environment(environment, fetch)
    except SettingsError as error:
        problems.extend(error.problems)
    try:
        asked = read_event(event)
    except SettingsError as error:
        problems.extend(error.problems)
    if problems:
        raise SettingsError(problems)
    return (told, asked) if isinstance(asked, Confirmation) else (tightened(told, asked), None)


def tightened(settings: Settings, event: Event) -> Settings:
    """The settings of this invocation: those of the function, made stricter by the event."""
    return settings.model_copy(update={"dry_run": settings.dry_run or event.dry_run is True})


def _sentences(place: str, error: ValidationError) -> list[str]:
    return [
        f"{': '.join([place, *map(str, problem['loc'])])}: {problem['msg']}, got {problem['input']!r}"
        for problem in error.errors(include_url=False)
    ]
