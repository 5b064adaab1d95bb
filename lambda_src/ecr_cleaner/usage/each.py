"""Reads the items of a source side by side; what is found and noted stands in the order of the items all the same."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ecr_cleaner.usage.responses import listed_again
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.workers import AT_ONCE

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
V = TypeVar("V")


def each(
    context: SourceContext,
    read: Callable[[SourceContext, T], Iterable[V]],
    items: Iterable[T],
    at_once: int = AT_ONCE,
) -> Iterator[V]:
    """What is read of each item.

    Args:
        context: What the source reads from.
        read: Called with a context of the item's own, and the item.
        items: Taken as they are needed.
        at_once: How many are read at the same time, at most.

    Raises:
        AwsError: A call failed: that of the first item of which one did.
        CleanerError: A response is incomplete, or could not be understood; likewise.
    """

    def one(item: T) -> tuple[SourceContext, list[V]]:
        own = replace(context, notes=[], parts=[], unreadable={}, accepted=[], refusals=[], clusters={})
        return own, list(read(own, item))

    for own, found in context.workers.each(one, items, at_once):
        context.notes.extend(own.notes)
        context.parts.extend(own.parts)
        context.unreadable.update(own.unreadable)
        context.accepted.extend(own.accepted)
        context.refusals.extend(own.refusals)
        context.clusters.update(own.clusters)
        yield from found


def of_each(
    context: SourceContext, listing: Callable[[], Iterable[K]], read: Callable[[SourceContext, K], Iterable[V]]
) -> Iterator[V]:
    """What is read of everything listed; nothing of what was deleted since, as a second listing shows.

    Args:
        context: What the source reads from.
        listing: Lists the keys, by which a resource that is deleted and created again is the same.
        read: As in `each`.

    Raises:
        AwsError: A call failed, or something is not found and still listed.
        CleanerError: A response is incomplete, or could not be understood; or likewise.
    """
    with listed_again(listing) as missing:
        yield from each(context, lambda own, key: missing.unless_gone(key, partial(read, own, key)), listing())
