"""What lies in the bucket, as JSON: read strictly, with a checksum of its own.

S3's checksums guard the way; this one travels with the document, so that one that was cut short, edited or
put together by somebody else is never read as less history.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

from pydantic import AwareDatetime, Field, RootModel, ValidationError

from ecr_cleaner import memory, model
from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.model import ScanTarget, SourceKey
from ecr_cleaner.strict import Strict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

SCHEMA_VERSION: Final = 1

_D = TypeVar("_D", bound="BaseModel")

Texts = list[Annotated[str, Field(min_length=1)]]


class Count(Strict):
    """Images in use by one source, in one scan target.

    Attributes:
        account_id: Of the target.
        region: Of the target.
        source: Its name.
        cluster: The one cluster, if the source has an outcome for each one.
        usages: Different images.
    """

    account_id: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    region: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    cluster: str | None = None
    usages: Annotated[int, Field(ge=0)]


Counts = list[Count]


def counts_list(counts: Mapping[SourceKey, int]) -> Counts:
    """Counts as they lie in a document, in their order."""
    return [
        Count(
            account_id=key.target.account_id,
            region=key.target.region,
            source=key.source,
            cluster=key.cluster,
            usages=counts[key],
        )
        for key in sorted(counts)
    ]


def counts_by_source(listed: Counts | None) -> dict[SourceKey, int]:
    """Counts as they were before they became a document."""
    return {
        SourceKey(ScanTarget(one.account_id, one.region), one.source, one.cluster): one.usages for one in listed or ()
    }


class New(Strict):
    """The marker as Terraform makes it: no run has begun a history yet."""

    schema_version: Literal[1]
    state: Literal["new"]


class Started(Strict):
    """The marker from the first run on; it tells a first run from a lost history.

    Attributes:
        schema_version: Of this document.
        state: That one has begun.
        history_id: Names the history; part of the keys of all its objects.
        started_at: When it began.
    """

    schema_version: Literal[1]
    state: Literal["started"]
    history_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$")]
    started_at: AwareDatetime


class Marker(RootModel[Annotated[New | Started, Field(discriminator="state")]]):
    """Either of the two."""


class PendingDrop(Strict):
    """A fall of usages that waits for a person's word.

    Attributes:
        id: Of the fall.
        usages: Images in use by source: what becomes the measure once it is confirmed.
    """

    id: str
    usages: Counts


class State(Strict):
    """What is known of the history as a whole.

    Attributes:
        repositories: Names of those that have an object; one that is missing then is lost.
        usages: Images in use by source, of the last run that was complete; None before the first one.
        pending_drop: If the last run met one.
    """

    repositories: Texts = Field(default_factory=list)
    usages: Counts | None = None
    pending_drop: PendingDrop | None = None


class Entry(Strict):
    """As `memory.Entry`; what is empty is left out."""

    tags: Texts = Field(default_factory=list)
    tags_changed_at: AwareDatetime | None = None
    last_in_use: AwareDatetime | None = None
    by: Texts = Field(default_factory=list)
    lost_tags: dict[str, AwareDatetime] = Field(default_factory=dict)
    unused_since: AwareDatetime | None = None
    children: Texts = Field(default_factory=list)


class Gone(Strict):
    """As `model.Gone`."""

    tags: Texts = Field(default_factory=list)
    at: AwareDatetime
    run_id: Annotated[str, Field(min_length=1)]
    action: Literal["delete", "archive"]


_Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Repository(Strict):
    """As `memory.History`; what is empty is left out."""

    repository: str
    observed_at: AwareDatetime
    images: dict[_Digest, Entry]
    gone: dict[_Digest, Gone] = Field(default_factory=dict)


def write_history(history: memory.History) -> bytes:
    """A repository's history as a document."""
    return seal(
        Repository(
            repository=history.repository,
            observed_at=history.observed_at,
            images={
                digest: Entry(
                    tags=list(entry.tags),
                    tags_changed_at=entry.tags_changed_at,
                    last_in_use=entry.last_in_use,
                    by=list(entry.by),
                    lost_tags=dict(entry.lost_tags),
                    unused_since=entry.unused_since,
                    children=list(entry.children),
                )
                for digest, entry in history.images.items()
            },
            gone={
                digest: Gone(tags=list(one.tags), at=one.at, run_id=one.run_id, action=one.action)
                for digest, one in history.gone.items()
            },
        )
    )


def read_history(body: bytes, place: str, repository: str) -> memory.History:
    """A repository's history from its document.

    Raises:
        NotWholeError: It is no such document, not whole, or that of another repository.
    """
    found = unseal(Repository, body, place)
    if found.repository != repository:
        message = f"{place} holds the history of {found.repository!r}"
        raise NotWholeError(message)
    return memory.History(
        found.repository,
        found.observed_at,
        {
            digest: memory.Entry(
                tuple(entry.tags),
                entry.tags_changed_at,
                entry.last_in_use,
                tuple(entry.by),
                entry.lost_tags,
                entry.unused_since,
                tuple(entry.children),
            )
            for digest, entry in found.images.items()
        },
        {digest: model.Gone(tuple(one.tags), one.at, one.run_id, one.action) for digest, one in found.gone.items()},
    )


def seal(content: BaseModel) -> bytes:
    """A document with its checksum."""
    plain = content.model_dump(mode="json", exclude_defaults=True)
    document = {"schema_version": SCHEMA_VERSION, "sha256": _checksum(plain), "content": plain}
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def unseal(kind: type[_D], body: bytes, place: str) -> _D:
    """The content of a document.

    Raises:
        NotWholeError: It is no such document, or not what was written.
    """
    try:
        document = json.loads(body)
        version, checksum, content = document["schema_version"], document["sha256"], document["content"]
    except (ValueError, KeyError, TypeError):
        message = f"{place} is no document of this module: it may have been cut short"
        raise NotWholeError(message) from None
    if version != SCHEMA_VERSION:
        message = f"{place} has schema_version {version!r}, and only {SCHEMA_VERSION} is understood"
        raise NotWholeError(message)
    if checksum != _checksum(content):
        message = f"{place} was changed: its checksum does not fit"
        raise NotWholeError(message)
    return understood(kind, json.dumps(content).encode(), place)


def understood(kind: type[_D], body: bytes, place: str) -> _D:
    """A document without a checksum.

    Raises:
        NotWholeError: It cannot be understood.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ": ".join(map(str, first["loc"]))
        message = f"{place} cannot be understood: {where}: {first['msg']}"
        raise NotWholeError(message) from None


def _checksum(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
