"""Pure: which images runs removed from a repository, and how long that is remembered.

A removal is stored before it is carried out. An image that was not removed after all is forgotten when the next
observation finds it.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ecr_cleaner.model.image import RemovedImage

REMEMBER_REMOVED_DAYS: Final = 90
"""How long a removal is remembered, in days: an idle Lambda function may pull its image after weeks."""

MAX_REMOVED: Final = 1000
"""How many removed images are remembered for a repository: the latest."""


def still_removed(
    images: Mapping[str, RemovedImage], present: Collection[str], owners: Mapping[str, str], looked_at: datetime
) -> dict[str, RemovedImage]:
    """Removals that an observation does not contradict.

    A deleted image that is present was restored or never deleted. An archived image that is absent was deleted by
    somebody else. A tag that another image has belongs to that image. The observation says nothing of later removals.

    Args:
        images: Removed images by digest.
        present: Digests that were observed, archived images included.
        owners: Observed tags, each with the digest of its image.
        looked_at: Time of the observation.
    """
    remaining = {}
    for digest, removed in images.items():
        if removed.at > looked_at:
            remaining[digest] = removed
        elif (digest in present) is (removed.action == "archive"):
            tags = tuple(tag for tag in removed.tags if owners.get(tag, digest) == digest)
            remaining[digest] = replace(removed, tags=tags)
    return remaining


def merged(first: Mapping[str, RemovedImage], second: Mapping[str, RemovedImage]) -> dict[str, RemovedImage]:
    """The last removal of each image that either mapping knows; the order of the two does not matter."""
    both = dict(first)
    for digest, removed in second.items():
        both[digest] = max(removed, both.get(digest, removed), key=lambda it: (it.at, it.action, it.run_id, it.tags))
    return both


def latest(images: Mapping[str, RemovedImage], now: datetime) -> dict[str, RemovedImage]:
    """The latest removals, at most `MAX_REMOVED`, none older than `REMEMBER_REMOVED_DAYS`."""
    recent = [
        (digest, removed)
        for digest, removed in images.items()
        if removed.at >= now - timedelta(days=REMEMBER_REMOVED_DAYS)
    ]
    return dict(sorted(recent, key=lambda item: (item[1].at, item[0]), reverse=True)[:MAX_REMOVED])
