"""Pure: since when images are unneeded, as the history of their repository knows it."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from ecr_cleaner.history.model import History, HistoryEntry


def since(known: History) -> dict[str, datetime]:
    """Unneeded images by digest: the beginning of the first run that found them so."""
    return {digest: entry.unneeded_since for digest, entry in known.images.items() if entry.unneeded_since is not None}


def judged(known: History, unneeded: Collection[str], begun_at: datetime) -> History:
    """The history after a run.

    Args:
        known: Before it.
        unneeded: Digests of the images that the run would remove if there were no grace.
        begun_at: When the run began. A later time in the history is of a clock that was wrong: this one replaces it.
    """
    images = {
        digest: _since(entry, min(entry.unneeded_since or begun_at, begun_at) if digest in unneeded else None)
        for digest, entry in known.images.items()
    }
    return replace(known, images=images, judged=True)


def unjudged(known: History) -> History:
    """The history without what it says of unneeded images: some run did not judge them."""
    images = {digest: _since(entry, None) for digest, entry in known.images.items()}
    return replace(known, images=images, judged=False)


def _since(entry: HistoryEntry, moment: datetime | None) -> HistoryEntry:
    return entry if entry.unneeded_since == moment else replace(entry, unneeded_since=moment)
