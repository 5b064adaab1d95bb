"""What is known of the images of one repository, from registry, history and journal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ecr_cleaner import compose
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.history.model import History, HistoryEntry
from ecr_cleaner.journal.reader import JournalRecord, by_digest
from ecr_cleaner.journal.schema import Action, JournalEntry
from ecr_cleaner.model.image import Image, RemovedImage
from ecr_cleaner.printable import minute
from ecr_cleaner.settings.loader import Settings

ImagePresence = Literal["present", "archived", "activating", "missing"]
"""In the words of `ImageState` and of ECR."""


@dataclass(frozen=True, slots=True)
class JournalledRemoval:
    """What the journal says of the latest removal of an image.

    Attributes:
        action: What the run was about to do.
        written_at: When it was, in UTC.
        run_id: Identifies the run.
        reason: Why the image was removed, as in the reports; empty if only the history knows of it.
        has_manifest: Whether the journal has the manifest, so that the image may be pushed again.
    """

    action: Action
    written_at: datetime
    run_id: str
    reason: str
    has_manifest: bool


@dataclass(frozen=True, slots=True)
class ImageTimeline:
    """What is known of one image, under the names of the JSON document.

    Attributes:
        digest: Digest of the image.
        state: Where the image is now.
        tags: Its tags, or those of its last observation.
        last_in_use: Time of the last use, in UTC; None: no run found it in use.
        by: Its consumers then.
        tags_changed_at: Time of the last observation that found its tags changed; None if none did.
        lost_tags: Former tags, sorted, each with the time of the first observation without it.
        journal: Its removal; None: neither journal nor history has one.
    """

    digest: str
    state: ImagePresence
    tags: tuple[str, ...]
    last_in_use: datetime | None
    by: tuple[str, ...]
    tags_changed_at: datetime | None
    lost_tags: dict[str, datetime]
    journal: JournalledRemoval | None

    def lines(self) -> Iterator[str]:
        """The timeline as text."""
        yield f"state: {self.state}"
        if self.last_in_use is None:
            yield "no run found it in use, as far as the history goes back"
        else:
            yield f"last seen in use {minute(self.last_in_use)}" + (f" by {'; '.join(self.by)}" if self.by else "")
        if self.tags_changed_at is not None:
            yield f"its tags changed before {minute(self.tags_changed_at)}"
        for tag, lost_at in self.lost_tags.items():
            yield f"it lost the tag {tag} before {minute(lost_at)}"
        if (removal := self.journal) is not None:
            when = minute(removal.written_at)
            yield f"run {removal.run_id} was about to {removal.action} it {when}" + (
                f": {removal.reason}" if removal.reason else ""
            )


def journal_of(
    clients: AwsClients, settings: Settings, repository: str
) -> tuple[Mapping[str, JournalRecord], Sequence[str]]:
    """The journal of one repository.

    Returns:
        Its records by digest, and why pages could not be read, one sentence each; both empty if the journal is off.

    Raises:
        AwsError: The bucket cannot be listed.
    """
    reader = compose.journal_reader(clients, settings)
    return (by_digest(reader.pages(repository)), reader.problems) if reader else ({}, ())


def timelines_of(
    present: Iterable[Image], history: History | None, records: Mapping[str, JournalRecord]
) -> list[ImageTimeline]:
    """Timelines of all known images, those in the repository first, sorted by digest."""
    images = {image.digest: image for image in present}
    entries = history.images if history else {}
    removed = history.removed if history else {}
    digests = sorted({*images, *entries, *records, *removed}, key=lambda digest: (digest not in images, digest))
    return [
        _timeline(
            digest, images.get(digest), entries.get(digest, HistoryEntry()), records.get(digest), removed.get(digest)
        )
        for digest in digests
    ]


def _timeline(
    digest: str, image: Image | None, entry: HistoryEntry, record: JournalRecord | None, gone: RemovedImage | None
) -> ImageTimeline:
    state: ImagePresence = "missing"
    if image is not None:
        state = "present" if image.active else "activating" if image.activating else "archived"
    journal = None
    removed: HistoryEntry | JournalEntry = entry
    if record is not None:
        page, removed = record.page, record.entry
        has_manifest = removed.manifest is not None
        journal = JournalledRemoval(page.action, page.written_at, page.run_id, removed.reason, has_manifest)
    elif gone is not None:
        # There is no journal, or its page was not read: the history remembers less.
        journal = JournalledRemoval(gone.action, gone.at, gone.run_id, "", has_manifest=False)
    used = removed if entry.last_in_use is None else entry
    return ImageTimeline(
        digest,
        state,
        tuple(image.tags if image else removed.tags or (gone.tags if gone else ())),
        used.last_in_use,
        tuple(used.by),
        entry.tags_changed_at,
        dict(sorted({**removed.lost_tags, **entry.lost_tags}.items())),
        journal,
    )
