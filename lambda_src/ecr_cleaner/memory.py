"""Pure: what is known of a repository's past, and whom it protects.

Consumers come and go between two runs: a service that was scaled away or rolled forward this morning may be
rolled back tonight. So every run remembers which digests it saw in use and which tags moved, and what was in use
within some days is kept as if it still were.

An entry lives as long as its image, a lost tag as long as it may protect, a digest remembers five consumers: what
is remembered grows with the repository and not with the number of runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ecr_cleaner import going

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from ecr_cleaner.model import Contents, Gone, Image, Usage

MAX_CONSUMERS: Final = 5
"""Consumers that an image remembers: enough to know whom to ask."""

MIN_LOST_TAG_DAYS: Final = 30
"""How long a lost tag is remembered at least, so that a longer ``rollback_days`` finds something to protect."""

CLOCKS_DIFFER: Final = timedelta(minutes=6)
"""By how much ECR's clock may be behind that of who runs this: AWS refuses signatures that are five minutes off."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one image.

    Attributes:
        tags: Those of the last observation, sorted.
        tags_changed_at: The observation that found them changed; None if none did.
        last_in_use: The last observation that found it in use; None if none did.
        by: Who used it then, for people; sorted, at most `MAX_CONSUMERS`.
        lost_tags: Tags it had once, each with the first observation without it.
        children: What it lists, of an index that may have been archived since: then nobody can read it.
        unused_since: The first observation after the last use that asked every source and did not find it in use; None
            if there was none. Until then it may have been in use, however long nobody looked.
    """

    tags: tuple[str, ...] = ()
    tags_changed_at: datetime | None = None
    last_in_use: datetime | None = None
    by: tuple[str, ...] = ()
    lost_tags: Mapping[str, datetime] = field(default_factory=dict)
    unused_since: datetime | None = None
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """What is known of the images of one repository; one observation is a history too.

    Attributes:
        repository: Its name.
        observed_at: The last observation, UTC.
        images: By digest.
        gone: What runs removed, by digest.
    """

    repository: str
    observed_at: datetime
    images: Mapping[str, Entry] = field(default_factory=dict)
    gone: Mapping[str, Gone] = field(default_factory=dict)


def observe(
    repository: str,
    images: Iterable[Image],
    used: Mapping[str, Iterable[Usage]],
    observed_at: datetime,
    *,
    complete: bool,
) -> History:
    """What one look sees.

    Args:
        repository: Its name.
        images: All that lie in it.
        used: Digest to the usages that name it.
        observed_at: The moment the usages were collected.
        complete: Whether every source answered, and its answer is believed: only then is what nobody names not in use.
    """
    return History(
        repository,
        observed_at,
        {
            image.digest: Entry(
                image.tags, None, observed_at, _consumers(usage.consumer for usage in used[image.digest])
            )
            if image.digest in used
            else Entry(image.tags, unused_since=observed_at if complete else None)
            for image in images
        },
    )


def learn(seen: History, children: Mapping[str, tuple[str, ...]]) -> History:
    """The same look, and what some indexes of it list."""
    return replace(
        seen,
        images={
            digest: replace(entry, children=children[digest]) if digest in children else entry
            for digest, entry in seen.images.items()
        },
    )


def new_lists(contents: Contents, known: History | None, indexes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What some indexes list, as far as it is not remembered yet."""
    past = known.images if known else {}
    return {
        digest: contents.children[digest]
        for digest in indexes
        if contents.children.get(digest) and not (digest in past and past[digest].children)
    }


def with_lists(contents: Contents, known: History | None) -> Contents:
    """What lies in a repository, with what is remembered of the indexes that cannot be read any more."""
    past = known.images if known else {}
    remembered = {
        digest: past[digest].children for digest in contents.unread if digest in past and past[digest].children
    }
    unread = tuple(digest for digest in contents.unread if digest not in remembered)
    return replace(contents, children={**contents.children, **remembered}, unread=unread)


def remember(known: History | None, seen: History, rollback_days: int) -> History:
    """What is known after a look.

    What the look did not find is forgotten, unless somebody else looked later; so are tags that were lost longer
    ago than they can protect, and since when an image is unused that never was in use.
    """
    merged = seen if known is None else merge(known, seen)
    images, gone = merged.images, merged.gone
    if known is not None and seen.observed_at >= known.observed_at:
        images = {digest: entry for digest, entry in images.items() if digest in seen.images}
        owners = {tag: digest for digest, entry in seen.images.items() for tag in entry.tags}
        gone = going.still_gone(gone, seen.images.keys(), owners, seen.observed_at)
    oldest = merged.observed_at - timedelta(days=max(rollback_days, MIN_LOST_TAG_DAYS))
    return replace(
        merged,
        images={digest: _worth_knowing(entry, oldest) for digest, entry in images.items()},
        gone=going.latest(gone, merged.observed_at),
    )


def removing(known: History, gone: Mapping[str, Gone]) -> History:
    """What is known once a run is about to remove some images. What then stays is forgotten at the next look."""
    return replace(known, gone=going.latest({**known.gone, **gone}, known.observed_at))


def merge(one: History, other: History) -> History:
    """What two histories of one repository know together, in whichever order they are given.

    The later observation knows the present tags; who used an image is what the later use says.
    """
    older, newer = sorted((one, other), key=lambda history: history.observed_at)
    both = older.images.keys() & newer.images.keys()
    same_moment = older.observed_at == newer.observed_at
    images = {**older.images, **newer.images}
    for digest in both:
        images[digest] = _merged(older, newer, digest, same_moment=same_moment)
    return History(newer.repository, newer.observed_at, images, going.merged(older.gone, newer.gone))


def recent(known: History, usages: Iterable[Usage], now: datetime, rollback_days: int) -> dict[str, tuple[str, ...]]:
    """The digests that are kept for what was, with the evidence.

    Kept is what was found in use once, until `rollback_days` times 24 hours after the first look that no longer
    found it so, and what lost a tag in that time which a usage names: that consumer may have been started with it.

    Args:
        known: Of the repository.
        usages: Those of this account and region.
        now: The moment of the judgement.
        rollback_days: Whole days; 0 keeps nothing.
    """
    if not rollback_days:
        return {}
    since = now - timedelta(days=rollback_days)
    wanted: dict[str, list[str]] = {}
    for usage in usages:
        tag = usage.reference.effective_tag
        if usage.reference.repository == known.repository and tag is not None:
            wanted.setdefault(tag, []).append(usage.consumer)
    found: dict[str, tuple[str, ...]] = {}
    for digest, entry in known.images.items():
        evidence = []
        if entry.last_in_use is not None and (entry.unused_since is None or entry.unused_since >= since):
            seen = f"last seen in use {_moment(entry.last_in_use)}"
            if entry.last_in_use < since:
                seen += ", and since then not everybody could be asked before " + (
                    _moment(entry.unused_since) if entry.unused_since else "now"
                )
            evidence += [f"{consumer}, {seen}" for consumer in entry.by] or [seen]
        for tag, lost_at in sorted(entry.lost_tags.items()):
            if lost_at >= since and tag in wanted:
                had = f"it had this tag until {_moment(lost_at)} at most"
                evidence += [f"{consumer}, by the tag {tag}: {had}" for consumer in _consumers(wanted[tag])]
        if evidence:
            found[digest] = tuple(evidence)
    return found


def pulled_since(images: Iterable[Image], collected_at: datetime) -> dict[str, tuple[str, ...]]:
    """What somebody began to use after its consumers were looked for, with the evidence.

    An index says nothing of itself, since this run's own reading refreshes its pull time; whoever pulls one pulls a
    manifest of it.

    Args:
        images: As they were listed after that.
        collected_at: When the usages began to be collected.
    """
    since = collected_at - CLOCKS_DIFFER
    return {
        image.digest: (f"pulled {_moment(image.last_pulled_at)}, while it was looked for who uses what",)
        for image in images
        if not image.is_index and image.last_pulled_at is not None and image.last_pulled_at >= since
    }


def _merged(older_history: History, newer_history: History, digest: str, *, same_moment: bool) -> Entry:
    older, newer = older_history.images[digest], newer_history.images[digest]
    now = newer_history.observed_at
    # Of two looks at the same moment neither is the later one: both tell of tags that were there.
    tags = tuple(sorted({*older.tags, *newer.tags})) if same_moment else newer.tags
    lost = dict(older.lost_tags)
    for tag, lost_at in newer.lost_tags.items():
        lost[tag] = max(lost_at, lost.get(tag, lost_at))
    for tag in older.tags:
        # Unless the newer one saw it go since then itself, it went between the two.
        if newer.lost_tags.get(tag, older_history.observed_at) <= older_history.observed_at:
            lost[tag] = now
    changes = [moment for moment in (older.tags_changed_at, newer.tags_changed_at) if moment is not None]
    # Only a look that knows nothing of the past has not compared already.
    if older.tags != newer.tags and (
        newer.tags_changed_at is None or newer.tags_changed_at <= older_history.observed_at
    ):
        changes.append(now)
    last_in_use, by = _last_use(older, newer)
    return Entry(
        tags,
        max(changes, default=None),
        last_in_use,
        by,
        {tag: lost[tag] for tag in sorted(lost) if tag not in tags},
        _unused_since(older, newer, last_in_use),
        newer.children or older.children,  # what a digest lists never changes
    )


def _last_use(one: Entry, other: Entry) -> tuple[datetime | None, tuple[str, ...]]:
    uses = [(entry.last_in_use, entry.by) for entry in (one, other) if entry.last_in_use is not None]
    if not uses:
        return None, ()
    last = max(moment for moment, _ in uses)
    return last, _consumers(name for moment, by in uses if moment == last for name in by)


def _unused_since(one: Entry, other: Entry, last_in_use: datetime | None) -> datetime | None:
    """The first look without a use; one that is not after the last use says nothing of the time since."""
    looks = [entry.unused_since for entry in (one, other) if entry.unused_since is not None]
    return min((look for look in looks if last_in_use is None or look > last_in_use), default=None)


def _worth_knowing(entry: Entry, oldest: datetime) -> Entry:
    return replace(
        entry,
        lost_tags={tag: lost_at for tag, lost_at in entry.lost_tags.items() if lost_at >= oldest},
        unused_since=entry.unused_since if entry.last_in_use is not None else None,
    )


def _consumers(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names))[:MAX_CONSUMERS])


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
