"""Pure: a repository's past without the uses of some consumers."""

from collections.abc import Collection
from dataclasses import replace

from ecr_cleaner.history.model import History
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
