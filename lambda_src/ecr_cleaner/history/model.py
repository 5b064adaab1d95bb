"""Pure: what is known of a repository's past, and which images that protects.

Usages change between two runs: a service that was scaled in or updated this morning may be rolled back tonight. So
every run stores which digests it found in use and which tags moved, and an image that was in use within the last days
is kept as if it still were.

The history grows with the repository and not with the number of runs: an entry is kept as long as its image exists, a
lost tag as long as it may protect an image, and of the consumers of a digest five are kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from pydantic import AwareDatetime

from ecr_cleaner.history import removed
from ecr_cleaner.model.image import Image, RemovedImage
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.printable import minute, printable
from ecr_cleaner.schema import Digest, Text, stored

MAX_CONSUMERS: Final = 5
"""Consumers that are stored for an image: enough to know whom to ask."""

MIN_LOST_TAG_DAYS: Final = 30
"""How long a lost tag is stored at least, so that a longer ``keep_recently_used_days`` can protect images at once."""

ECR_CLOCK_BEHIND: Final = timedelta(minutes=6)
"""By how much ECR's clock may be behind the function's: AWS refuses signatures that are five minutes off."""


_NONE: Final[Mapping[str, datetime]] = MappingProxyType({})
"""One for all entries."""


@stored
@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What is known of one image.

    Attributes:
        tags: Tags of the last observation, sorted.
        tags_changed_at: Time of the last observation that found them changed; None if none did.
        last_in_use: Time of the last observation that found it in use; None if none did.
        by: Its consumers then; sorted, at most `MAX_CONSUMERS`.
        lost_tags: Former tags, each with the time of the first observation without it.
        children: Digests that an index lists. Its own digest is that of the list, so they never change, and an index is
            read once; of an archived one nobody could read them.
        unused_since: Time of the first observation after the last use that had a complete response of every source and
            did not find it in use; None if there was none. Until then the image may have been in use.
        unneeded_since: Beginning of the first run after which no run found that anything needs it; None if one did.
    """

    tags: tuple[Text, ...] = ()
    tags_changed_at: AwareDatetime | None = None
    last_in_use: AwareDatetime | None = None
    by: tuple[Text, ...] = ()
    lost_tags: Mapping[str, AwareDatetime] = field(default_factory=lambda: _NONE)
    unused_since: AwareDatetime | None = None
    children: tuple[Text, ...] = ()
    unneeded_since: AwareDatetime | None = None


@stored
@dataclass(frozen=True, slots=True)
class History:
    """What is known of the images of one repository; a single observation is a history too.

    Attributes:
        repository: Name of the repository.
        observed_at: Time of the last observation, UTC.
        images: Entries by digest.
        removed: Images that runs removed, by digest.
        judged: Whether it says which images are unneeded; a single observation does not.
    """

    repository: str
    observed_at: AwareDatetime
    images: Mapping[Digest, HistoryEntry]
    removed: Mapping[Digest, RemovedImage] = field(default_factory=dict)
    judged: bool = False


def observe(
    repository: str,
    images: Iterable[Image],
    used: Mapping[str, Iterable[Usage]],
    observed_at: datetime,
    *,
    complete: bool,
) -> History:
    """One observation of a repository.

    Args:
        repository: Name of the repository.
        images: All its images.
        used: Digests, each with the usages that refer to it.
        observed_at: When the usages were collected.
        complete: Whether every source was read completely and no drop in usages awaits confirmation: only then an
            image without a usage is known not to be in use.
    """
    return History(
        repository,
        observed_at,
        {
            image.digest: HistoryEntry(
                image.tags, None, observed_at, _consumers(usage.consumer for usage in used[image.digest])
            )
            if image.digest in used
            else HistoryEntry(image.tags, unused_since=observed_at if complete else None)
            for image in images
        },
    )


def remember(known: History | None, seen: History, keep_recently_used_days: int) -> History:
    """The history after an observation.

    Forgotten are images that were not observed, unless the known history is of a later observation; tags that were
    lost too long ago to protect an image; and `unused_since` of images that were never in use.
    """
    merged = seen if known is None else merge(known, seen)
    images, removals = dict(merged.images), merged.removed
    if known is not None and seen.observed_at >= known.observed_at:
        images = {digest: images[digest] for digest in seen.images}
        if removals:
            owners = {tag: digest for digest, entry in seen.images.items() for tag in entry.tags}
            removals = removed.still_removed(removals, seen.images.keys(), owners, seen.observed_at)
    oldest = merged.observed_at - timedelta(days=max(keep_recently_used_days, MIN_LOST_TAG_DAYS))
    for digest, entry in images.items():
        images[digest] = _trimmed(entry, oldest)
    return replace(merged, images=images, removed=removed.latest(removals, merged.observed_at))


def _trimmed(entry: HistoryEntry, oldest: datetime) -> HistoryEntry:
    """An entry without tags lost before `oldest`, `unused_since` without a use, and `unneeded_since` before one."""
    lost_tags = entry.lost_tags
    if any(lost_at < oldest for lost_at in lost_tags.values()):
        lost_tags = {tag: lost_at for tag, lost_at in lost_tags.items() if lost_at >= oldest}
    unused_since = None if entry.last_in_use is None else entry.unused_since
    unneeded_since = entry.unneeded_since
    if unneeded_since is not None and entry.last_in_use is not None and entry.last_in_use >= unneeded_since:
        unneeded_since = None
    is_same = unused_since == entry.unused_since and unneeded_since == entry.unneeded_since
    if is_same and lost_tags is entry.lost_tags:
        return entry
    return replace(entry, lost_tags=lost_tags, unused_since=unused_since, unneeded_since=unneeded_since)


def removing(known: History, images: Mapping[str, RemovedImage]) -> History:
    """The history with images that a run is about to remove; the next observation drops those that were not removed."""
    return replace(known, removed=removed.latest({**known.removed, **images}, known.observed_at))


def merge(first: History, second: History) -> History:
    """Merge two histories of one repository; the order of the two does not matter.

    Tags are those of the later observation, consumers those of the later use. Unneeded is what every history that is
    `judged` calls so, since the latest of their times.
    """
    older, newer = sorted((first, second), key=lambda history: history.observed_at)
    judged = older.judged + newer.judged
    images: dict[str, HistoryEntry] = {}
    for digest, entry in newer.images.items():
        past = older.images.get(digest)
        images[digest] = _alone(entry, judged) if past is None else _merged(older, past, newer, entry)
    images |= {digest: _alone(past, judged) for digest, past in older.images.items() if digest not in images}
    removals = removed.merged(older.removed, newer.removed)
    return History(newer.repository, newer.observed_at, images, removals, judged > 0)


def _alone(entry: HistoryEntry, judged: int) -> HistoryEntry:
    """An entry of an image that one of two histories has, of which so many are judged."""
    both = 2
    return entry if judged < both or entry.unneeded_since is None else replace(entry, unneeded_since=None)


def recent(
    known: History, usages: Iterable[Usage], now: datetime, keep_recently_used_days: int
) -> dict[str, tuple[str, ...]]:
    """Digests that are kept because of recent use, with the evidence.

    An image that was in use is kept until `keep_recently_used_days` times 24 hours after the first observation
    without a use. An image that lost a tag within that time is kept if a usage names the tag: the consumer may have
    been started with it.

    Args:
        known: History of the repository.
        usages: Usages in this account and region.
        now: Time of the evaluation.
        keep_recently_used_days: Whole days; 0 keeps nothing.
    """
    if not keep_recently_used_days:
        return {}
    since = now - timedelta(days=keep_recently_used_days)
    wanted: dict[str, list[str]] = {}
    for usage in usages:
        tag = usage.reference.effective_tag
        if usage.reference.repository == known.repository and tag is not None:
            wanted.setdefault(tag, []).append(usage.consumer)
    kept: dict[str, tuple[str, ...]] = {}
    for digest, entry in known.images.items():
        evidence = []
        if entry.last_in_use is not None and (entry.unused_since is None or entry.unused_since >= since):
            seen = f"last seen in use {minute(entry.last_in_use)}"
            if entry.last_in_use < since:
                until = minute(entry.unused_since) if entry.unused_since else "now"
                seen += f"; between then and {until} no run could read every source"
            evidence += [f"{consumer}, {seen}" for consumer in entry.by] or [seen]
        for tag, lost_at in sorted(entry.lost_tags.items()):
            if lost_at >= since and tag in wanted:
                had = f"it had this tag until {minute(lost_at)} at the latest"
                evidence += [f"{consumer}, by the tag {tag}: {had}" for consumer in _consumers(wanted[tag])]
        if evidence:
            kept[digest] = tuple(evidence)
    return kept


def pulled_since(images: Iterable[Image], collected_at: datetime) -> dict[str, tuple[str, ...]]:
    """Images that were pulled after the collection of usages began, with the evidence.

    The pull time of an index is ignored, because this run's own reading changes it; who pulls an index also pulls one
    of its manifests.

    Args:
        images: As listed after the collection.
        collected_at: When the collection of usages began.
    """
    since = collected_at - ECR_CLOCK_BEHIND
    return {
        image.digest: (f"pulled {minute(image.last_pulled_at)}, while usages were collected",)
        for image in images
        if not image.is_index and image.last_pulled_at is not None and image.last_pulled_at >= since
    }


def _merged(older_history: History, older: HistoryEntry, newer_history: History, newer: HistoryEntry) -> HistoryEntry:
    """Of an image that both know. There may be very many, and of nearly all of them nothing changed."""
    now = newer_history.observed_at
    tags, lost, changed = newer.tags, newer.lost_tags, _latest(older.tags_changed_at, newer.tags_changed_at)
    if older.tags != newer.tags or older.lost_tags or newer.lost_tags:
        # Of two observations at the same time neither is the later one: the image had the tags of both.
        tags = tuple(sorted({*older.tags, *newer.tags})) if older_history.observed_at == now else newer.tags
        lost = _lost(older_history, older, newer_history, newer, tags)
    # Only an observation without a past has not been compared yet.
    if older.tags != newer.tags and (newer.tags_changed_at or older_history.observed_at) <= older_history.observed_at:
        changed = _latest(changed, now)
    last_in_use, by = _last_use(older, newer)
    is_unneeded = (older.unneeded_since is not None) + (newer.unneeded_since is not None)
    is_judged = older_history.judged + newer_history.judged
    return HistoryEntry(
        tags,
        changed,
        last_in_use,
        by,
        lost,
        _unused_since(older, newer, last_in_use),
        newer.children or older.children,  # what a digest lists never changes
        _latest(older.unneeded_since, newer.unneeded_since) if is_unneeded == is_judged else None,
    )


def _lost(
    older_history: History, older: HistoryEntry, newer_history: History, newer: HistoryEntry, tags: tuple[str, ...]
) -> Mapping[str, datetime]:
    """The lost tags of an image that has `tags`."""
    lost = dict(older.lost_tags)
    for tag, lost_at in newer.lost_tags.items():
        lost[tag] = max(lost_at, lost.get(tag, lost_at))
    for tag in older.tags:
        # Unless the newer history itself saw the tag lost since then, it was lost between the two.
        if newer.lost_tags.get(tag, older_history.observed_at) <= older_history.observed_at:
            lost[tag] = newer_history.observed_at
    return {tag: lost[tag] for tag in sorted(lost) if tag not in tags}


def _last_use(first: HistoryEntry, second: HistoryEntry) -> tuple[datetime | None, tuple[str, ...]]:
    last = _latest(first.last_in_use, second.last_in_use)
    if last is None:
        return None, ()
    return last, _consumers(name for entry in (first, second) if entry.last_in_use == last for name in entry.by)


def _unused_since(first: HistoryEntry, second: HistoryEntry, last_in_use: datetime | None) -> datetime | None:
    """The first observation without a use, of those after the last use."""
    observations = [entry.unused_since for entry in (first, second) if entry.unused_since is not None]
    return min((at for at in observations if last_in_use is None or at > last_in_use), default=None)


def _latest(first: datetime | None, second: datetime | None) -> datetime | None:
    if first is None or second is None:
        return first or second
    return max(first, second)


def _consumers(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(map(printable, names)))[:MAX_CONSUMERS])
