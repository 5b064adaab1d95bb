"""The history's objects in the bucket, as JSON."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, RootModel

from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.history.model import History
from ecr_cleaner.model.scan import SourceKey, counts_json
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.schema import AccountId, NotNegative, Strict, Text, sealed, unseal, written


class Count(Strict):
    """Number of images that one source, or a part of it, finds in use in one scan target.

    Attributes:
        account_id: Account of the target.
        region: Region of the target.
        source: Name of the source.
        cluster: Name of the cluster, if the source has an outcome for each cluster.
        part: The one consumer that is counted by itself, e.g. a list of used images; None: all of the source.
        usages: Number of different images.
    """

    account_id: AccountId
    region: Text
    source: Text
    cluster: str | None = None
    part: str | None = None
    usages: NotNegative


Counts = list[Count]


def counts_list(counts: Mapping[SourceKey, int]) -> Counts:
    """Counts as a document contains them, sorted."""
    return [Count.model_validate(count) for count in counts_json(counts)]


def counts_by_source(listed: Counts | None) -> dict[SourceKey, int]:
    """Counts of a document, by source."""
    return {
        SourceKey(ScanTarget(count.account_id, count.region), count.source, count.cluster, count.part): count.usages
        for count in listed or ()
    }


def replaced(before: Mapping[SourceKey, int], now: Mapping[SourceKey, int]) -> Counts:
    """The counts that the next run is compared with.

    A source that was not counted now, e.g. because it was excluded, keeps its earlier counts until it is again. Of one
    that was, parts that are not there any more are forgotten: what they had is missing from the count of the whole.
    """
    return counts_list({**{key: count for key, count in before.items() if key.whole not in now}, **now})


Usages = Mapping[SourceKey, int]
"""Images in use by source."""

Answers = Mapping[ScanTarget, Collection[str]]
"""Operations that answered, by scan target."""

NONE: Final[Answers] = {}


class Answered(Strict):
    """Operations that ever answered in one scan target.

    Attributes:
        account_id: Account of the target.
        region: Region of the target.
        operations: As ``<endpoint prefix>:<operation>``, sorted.
    """

    account_id: AccountId
    region: Text
    operations: list[Text]


def answered_list(*answers: Answers) -> list[Answered]:
    """All operations as a document contains them, sorted."""
    together: dict[ScanTarget, set[str]] = {}
    for target, operations in (item for one in answers for item in one.items()):
        together.setdefault(target, set()).update(operations)
    return [
        Answered(account_id=target.account_id, region=target.region, operations=sorted(together[target]))
        for target in sorted(together)
    ]


def answered_by_target(listed: Iterable[Answered]) -> Answers:
    """Operations of a document, by target."""
    return {ScanTarget(one.account_id, one.region): frozenset(one.operations) for one in listed}


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
        followed: Names of repositories that no run has left out since it judged their images; of others it is not
            known since when an image is unneeded.
        left: Names of repositories that the last run had no time to judge, in the order in which they wait.
        answered: What ever answered: no region is believed to have lost it.
    """

    repositories: list[Text] = Field(default_factory=list)
    usages: Counts | None = None
    pending_drop: PendingDrop | None = None
    followed: list[Text] = Field(default_factory=list)
    left: list[Text] = Field(default_factory=list)
    answered: list[Answered] = Field(default_factory=list)


def read_history(body: bytes, place: str, repository: str) -> History:
    """The history of a repository from its document.

    Raises:
        NotWholeError: It is not such a document, incomplete, or that of another repository.
    """
    history = unseal(History, body, place)
    if history.repository != repository:
        message = f"{place} contains the history of {history.repository!r}"
        raise NotWholeError(message)
    return history


def write_history(history: History, at_once: int = 1000) -> bytes:
    """The document of a history as `seal` makes it, which would take far more memory.

    Args:
        history: Of a repository.
        at_once: How many images are made a document at the same time.

    Raises:
        NotWholeError: It could not be read again.
    """
    names, start = sorted(history.images), b'{"images":{'  # the first of its members by name
    end = written(replace(history, images={}))[len(start) :]
    bare = History(history.repository, history.observed_at, {})
    end_of_part = len(written(bare)) - len(start)
    parts = (
        written(replace(bare, images={name: history.images[name] for name in names[at : at + at_once]}))
        for at in range(0, len(names), at_once)
    )
    return sealed(b"".join((start, b",".join(part[len(start) : -end_of_part] for part in parts), end)))
