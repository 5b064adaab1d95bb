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
    lost_tags: Mapping[str, AwareDatetime] = field(default_factory=dict)
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


def learn(seen: History, children: Mapping[str, tuple[str, ...]]) -> History:
    """The same observation, with the digests that some of its indexes list."""
    return replace(
        seen,
        images={
            digest: replace(entry, children=children[digest]) if digest in children else entry
            for digest, entry in seen.images.items()
        },
    )


def lists(known: History | None, indexes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The digests that some indexes list, of those whose list is known."""
    past = known.images if known else {}
    return {digest: past[digest].children for digest in indexes if digest in past and past[digest].children}


def remember(known: History | None, seen: History, keep_recently_used_days: int) -> History:
    """The history after an observation.

    Forgotten are images that were not observed, unless the known history is of a later observation; tags that were
    lost too long ago to protect an image; and `unused_since` of images that were never in use.
    """
    merged = seen if known is None else merge(known, seen)
    images, removals = merged.images, merged.removed
    if known is not None and seen.observed_at >= known.observed_at:
        images = {digest: entry for digest, entry in images.items() if digest in seen.images}
        owners = {tag: digest for digest, entry in seen.images.items() for tag in entry.tags}
        removals = removed.still_removed(removals, seen.images.keys(), owners, seen.observed_at)
    oldest = merged.observed_at - timedelta(days=max(keep_recently_used_days, MIN_LOST_TAG_DAYS))
    return replace(
        merged,
        images={
            digest: replace(
                entry,
                lost_tags={tag: lost_at for tag, lost_at in entry.lost_tags.items() if lost_at >= oldest},
                unused_since=entry.unused_since if entry.last_in_use is not None else None,
            )
            for digest, entry in images.items()
        },
        removed=removed.latest(removals, merged.observed_at),
    )


def removing(known: History, images: Mapping[str, RemovedImage]) -> History:
    """The history with images that a run is about to remove; the next observation drops those that were not removed."""
    return replace(known, removed=removed.latest({**known.removed, **images}, known.observed_at))


def merge(first: History, second: History) -> History:
    """Merge two histories of one repository; the order of the two does not matter.

    Tags are those of the later observation, consumers those of the later use. Unneeded is what every history that is
    `judged` calls so, since the latest of their times.
    """
    older, newer = sorted((first, second), key=lambda history: history.observed_at)
    images = {**older.images, **newer.images}
    if older.judged and newer.judged:
        images = {digest: replace(entry, unneeded_since=None) for digest, entry in images.items()}
    images |= {digest: _merged(older, newer, digest) for digest in older.images.keys() & newer.images.keys()}
    removals = removed.merged(older.removed, newer.removed)
    return History(newer.repository, newer.observed_at, images, removals, older.judged or newer.judged)


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


def _merged(older_history: History, newer_history: History, digest: str) -> HistoryEntry:
    older, newer = older_history.images[digest], newer_history.images[digest]
    now = newer_history.observed_at
    # Of two observations at the same time neither is the later one: the image had the tags of both.
    tags = tuple(sorted({*older.tags, *newer.tags})) if older_history.observed_at == now else newer.tags
    lost = dict(older.lost_tags)
    for tag, lost_at in newer.lost_tags.items():
        lost[tag] = max(lost_at, lost.get(tag, lost_at))
    for tag in older.tags:
        # Unless the newer history itself saw the tag lost since then, it was lost between the two.
        if newer.lost_tags.get(tag, older_history.observed_at) <= older_history.observed_at:
            lost[tag] = now
    changes = [moment for moment in (older.tags_changed_at, newer.tags_changed_at) if moment is not None]
    # Only an observation without a past has not been compared yet.
    if older.tags != newer.tags and (newer.tags_changed_at or older_history.observed_at) <= older_history.observed_at:
        changes.append(now)
    last_in_use, by = _last_use(older, newer)
    unneeded = [entry.unneeded_since for entry in (older, newer) if entry.unneeded_since is not None]
    return HistoryEntry(
        tags,
        max(changes, default=None),
        last_in_use,
        by,
        {tag: lost[tag] for tag in sorted(lost) if tag not in tags},
        _unused_since(older, newer, last_in_use),
        newer.children or older.children,  # what a digest lists never changes
        max(unneeded) if unneeded and len(unneeded) == older_history.judged + newer_history.judged else None,
    )


def _last_use(first: HistoryEntry, second: HistoryEntry) -> tuple[datetime | None, tuple[str, ...]]:
    uses = [(entry.last_in_use, entry.by) for entry in (first, second) if entry.last_in_use is not None]
    last = max((moment for moment, _ in uses), default=None)
    return last, _consumers(name for moment, by in uses if moment == last for name in by)


def _unused_since(first: HistoryEntry, second: HistoryEntry, last_in_use: datetime | None) -> datetime | None:
    """The first observation without a use, of those after the last use."""
    observations = [entry.unused_since for entry in (first, second) if entry.unused_since is not None]
    return min((at for at in observations if last_in_use is None or at > last_in_use), default=None)


def _consumers(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(map(printable, names)))[:MAX_CONSUMERS])
