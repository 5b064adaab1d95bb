"""The history's objects in the bucket, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, Field, RootModel

from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.history import model
from ecr_cleaner.model import image
from ecr_cleaner.model.scan import SourceKey
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.schema import Strict, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Mapping


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


class HistoryNotStarted(Strict):
    """The marker as Terraform creates it: no run has started a history yet."""

    schema_version: Literal[1]
    state: Literal["new"]


class HistoryStarted(Strict):
    """The marker from the first run on; it distinguishes a first run from a lost history.

    Attributes:
        schema_version: Of this document.
        state: A history was started.
        history_id: Identifies the history; part of the keys of all its objects.
        started_at: When it was started.
    """

    schema_version: Literal[1]
    state: Literal["started"]
    history_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$")]
    started_at: AwareDatetime


class Marker(RootModel[Annotated[HistoryNotStarted | HistoryStarted, Field(discriminator="state")]]):
    """One of the two markers."""


class PendingDrop(Strict):
    """A drop in usages that an operator has to confirm.

    Attributes:
        id: Of the drop.
        usages: Images in use by source; the baseline once the drop is confirmed.
    """

    id: str
    usages: Counts


class StateDocument(Strict):
    """What is known of the history as a whole.

    Attributes:
        repositories: Names of repositories with an object; if one of these objects is missing, it is lost.
        usages: Images in use by source, of the last complete run; None before the first one.
        pending_drop: Drop in usages of the last run, if there was one.
    """

    repositories: Texts = Field(default_factory=list)
    usages: Counts | None = None
    pending_drop: PendingDrop | None = None


class EntryDocument(Strict):
    """As `memory.Entry`; empty values are left out."""

    tags: Texts = Field(default_factory=list)
    tags_changed_at: AwareDatetime | None = None
    last_in_use: AwareDatetime | None = None
    by: Texts = Field(default_factory=list)
    lost_tags: dict[str, AwareDatetime] = Field(default_factory=dict)
    unused_since: AwareDatetime | None = None
    children: Texts = Field(default_factory=list)


class RemovedImageDocument(Strict):
    """As `model.Gone`."""

    tags: Texts = Field(default_factory=list)
    at: AwareDatetime
    run_id: Annotated[str, Field(min_length=1)]
    action: Literal["delete", "archive"]


_Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class RepositoryDocument(Strict):
    """As `memory.History`; empty values are left out."""

    repository: str
    observed_at: AwareDatetime
    images: dict[_Digest, EntryDocument]
    gone: dict[_Digest, RemovedImageDocument] = Field(default_factory=dict)


def write_history(history: model.History) -> bytes:
    """The history of a repository as a document."""
    return seal(
        RepositoryDocument(
            repository=history.repository,
            observed_at=history.observed_at,
            images={
                digest: EntryDocument(
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
                digest: RemovedImageDocument(tags=list(one.tags), at=one.at, run_id=one.run_id, action=one.action)
                for digest, one in history.gone.items()
            },
        )
    )


def read_history(body: bytes, place: str, repository: str) -> model.History:
    """The history of a repository from its document.

    Raises:
        NotWholeError: It is not such a document, incomplete, or that of another repository.
    """
    found = unseal(RepositoryDocument, body, place)
    if found.repository != repository:
        message = f"{place} holds the history of {found.repository!r}"
        raise NotWholeError(message)
    return model.History(
        found.repository,
        found.observed_at,
        {
            digest: model.Entry(
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
        {
            digest: image.RemovedImage(tuple(one.tags), one.at, one.run_id, one.action)
            for digest, one in found.gone.items()
        },
    )
