"""Pure: a repository's past without the uses of some consumers, or with uses that were seen without its images."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from ecr_cleaner.history.model import MAX_CONSUMERS, History, HistoryEntry
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.printable import printable


def without(known: History, consumers: Collection[str]) -> History:
    """The history as if these consumers had never been seen.

    Of an image that others used as well the use stays. Of very many consumers only a few are stored.
    """
    names = set(map(printable, consumers))
    return replace(
        known,
        images={
            digest: replace(entry, last_in_use=None) if entry.by and names.issuperset(entry.by) else entry
            for digest, entry in known.images.items()
        },
    )


def noted(known: History, usages: Iterable[Usage], seen_at: datetime) -> History:
    """The history with uses that a run saw, and did not read the repository.

    Args:
        known: By the tags of its last observation.
        usages: Of this registry.
        seen_at: When they were collected.
    """
    usages = tuple(usages)
    images = dict(known.images)
    for digest, entry in known.images.items():
        by = [one for one in usages if _names(one, known.repository, digest, entry)]
        if by and (entry.last_in_use is None or entry.last_in_use < seen_at):
            images[digest] = _used(entry, by, seen_at)
    return replace(known, images=images)


def _names(usage: Usage, repository: str, digest: str, entry: HistoryEntry) -> bool:
    reference = usage.reference
    if reference.is_wide:
        return reference.covers(repository)
    by_tag = reference.repository == repository and reference.effective_tag in entry.tags
    return reference.digest == digest or by_tag


def _used(entry: HistoryEntry, by: Sequence[Usage], seen_at: datetime) -> HistoryEntry:
    names = sorted({printable(one.consumer) for one in by})[:MAX_CONSUMERS]
    return replace(entry, last_in_use=seen_at, by=tuple(names), unused_since=None, unneeded_since=None)
