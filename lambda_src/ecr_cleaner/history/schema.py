"""The history's objects in the bucket, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, Field, RootModel

from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.history.model import History
from ecr_cleaner.model.scan import SourceKey, counts_json
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.schema import AccountId, NotNegative, Strict, Text, unseal

if TYPE_CHECKING:
    from collections.abc import Mapping


class Count(Strict):
    """Images in use by one source, in one scan target.

    Attributes:
        account_id: Of the target.
        region: Of the target.
        source: Its name.
        cluster: The one cluster, if the source has an outcome for each one.
        usages: Different images.
    """

    account_id: AccountId
    region: Text
    source: Text
    cluster: str | None = None
    usages: NotNegative


Counts = list[Count]


def counts_list(counts: Mapping[SourceKey, int]) -> Counts:
    """Counts as they lie in a document, in their order."""
    return [Count.model_validate(count) for count in counts_json(counts)]


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

    repositories: list[Text] = Field(default_factory=list)
    usages: Counts | None = None
    pending_drop: PendingDrop | None = None


def read_history(body: bytes, place: str, repository: str) -> History:
    """The history of a repository from its document.

    Raises:
        NotWholeError: It is not such a document, incomplete, or that of another repository.
    """
    found = unseal(History, body, place)
    if found.repository != repository:
        message = f"{place} holds the history of {found.repository!r}"
        raise NotWholeError(message)
    return found
