"""What is known of the images of one repository, from registry, history and journal."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ecr_cleaner.history.model import History, HistoryEntry
from ecr_cleaner.journal.reader import JournalRecord
from ecr_cleaner.model.image import Image

ImagePresence = Literal["there", "archived", "being restored", "gone"]


@dataclass(frozen=True, slots=True)
class ImageTimeline:
    """What is known of one image.

    Attributes:
        digest: Digest of the image.
        state: Where the image is now.
        tags: Its tags, or those of its last observation.
        entry: Its entry in the history.
        record: Its record in the journal; None if there is none.
    """

    digest: str
    state: ImagePresence
    tags: tuple[str, ...]
    entry: HistoryEntry = field(default_factory=HistoryEntry)
    record: JournalRecord | None = None

    @property
    def lost_tags(self) -> Mapping[str, datetime]:
        """Former tags, each with the time of the first observation without it."""
        known = dict(self.record.entry.lost_tags) if self.record else {}
        return {**known, **self.entry.lost_tags}

    @property
    def last_use(self) -> tuple[datetime | None, tuple[str, ...]]:
        """Time of the last use, and its consumers."""
        if self.entry.last_in_use is not None or self.record is None:
            return self.entry.last_in_use, self.entry.by
        return self.record.entry.last_in_use, tuple(self.record.entry.by)

    def lines(self) -> Iterator[str]:
        """The timeline as text."""
        yield f"state: {self.state}"
        used, by = self.last_use
        if used is None:
            yield "no run found it in use, as far as the history goes back"
        else:
            yield f"last seen in use {_moment(used)}" + (f" by {'; '.join(by)}" if by else "")
        if self.entry.tags_changed_at is not None:
            yield f"its tags changed before {_moment(self.entry.tags_changed_at)}"
        for tag, lost_at in sorted(self.lost_tags.items()):
            yield f"it lost the tag {tag} before {_moment(lost_at)}"
        if self.record is not None:
            page, removed = self.record.page, self.record.entry
            yield f"run {page.run_id} was about to {page.action} it {_moment(page.written_at)}: {removed.reason}"

    def as_json(self) -> dict[str, Any]:
        """The timeline as JSON-native values; times in ISO 8601, UTC."""
        used, by = self.last_use
        changed = self.entry.tags_changed_at
        removal = None
        if self.record is not None:
            page, removed = self.record.page, self.record.entry
            removal = {
                "action": page.action,
                "written_at": page.written_at.isoformat(),
                "run_id": page.run_id,
                "reason": removed.reason,
                "has_manifest": removed.manifest is not None,
            }
        return {
            "digest": self.digest,
            "state": self.state,
            "tags": list(self.tags),
            "last_in_use": used.isoformat() if used else None,
            "by": list(by),
            "tags_changed_at": changed.isoformat() if changed else None,
            "lost_tags": {tag: moment.isoformat() for tag, moment in sorted(self.lost_tags.items())},
            "journal": removal,
        }


def timelines_of(
    present: Iterable[Image], history: History | None, records: Mapping[str, JournalRecord]
) -> list[ImageTimeline]:
    """Timelines of all known images, those in the repository first, sorted by digest."""
    images = {image.digest: image for image in present}
    entries = history.images if history else {}
    digests = sorted({*images, *entries, *records}, key=lambda digest: (digest not in images, digest))
    return [
        _timeline(digest, images.get(digest), entries.get(digest, HistoryEntry()), records.get(digest))
        for digest in digests
    ]


def _timeline(digest: str, image: Image | None, entry: HistoryEntry, record: JournalRecord | None) -> ImageTimeline:
    if image is None:
        tags = tuple(record.entry.tags) if record else entry.tags
        return ImageTimeline(digest, "gone", tags, entry, record)
    state: ImagePresence = "there" if image.active else "being restored" if image.activating else "archived"
    return ImageTimeline(digest, state, image.tags, entry, record)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
