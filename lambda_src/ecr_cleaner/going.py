"""Pure: what runs removed from a repository, and how long that is worth knowing.

It is noted before it goes, so what stays after all is noted too, until the next look finds it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from ecr_cleaner.model import Gone

GONE_DAYS: Final = 90
"""How long it is remembered what a run removed: an idle Lambda function may ask for its image after weeks."""

MAX_GONE: Final = 1000
"""How many removed images a repository remembers; the last ones."""


def still_gone(
    gone: Mapping[str, Gone], present: Collection[str], owners: Mapping[str, str], looked_at: datetime
) -> dict[str, Gone]:
    """What a look does not contradict.

    What was to be deleted and is there came back or never went; what was to be archived and is not there was deleted
    by somebody else. A tag that another image has is that image's. What went later, the look could not see.

    Args:
        gone: By digest.
        present: Digests that the look found, archived ones included.
        owners: Tag to the digest that the look found it on.
        looked_at: When.
    """
    found = {}
    for digest, one in gone.items():
        if one.at > looked_at:
            found[digest] = one
        elif (digest in present) is (one.action == "archive"):
            found[digest] = replace(one, tags=tuple(tag for tag in one.tags if owners.get(tag, digest) == digest))
    return found


def merged(one: Mapping[str, Gone], other: Mapping[str, Gone]) -> dict[str, Gone]:
    """What two know together, in whichever order: the last removal of each image."""
    found = dict(one)
    for digest, last in other.items():
        found[digest] = max(last, found.get(digest, last), key=_order)
    return found


def latest(gone: Mapping[str, Gone], now: datetime) -> dict[str, Gone]:
    """The last ones, of the time that counts."""
    recent = [(digest, one) for digest, one in gone.items() if one.at >= now - timedelta(days=GONE_DAYS)]
    return dict(sorted(recent, key=lambda known: (known[1].at, known[0]), reverse=True)[:MAX_GONE])


def _order(one: Gone) -> tuple[object, ...]:
    return one.at, one.action, one.run_id, one.tags
