"""What sources read side by side stands in the order of the items, with what they note."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.each import each, of_each
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT: Final = 20


def test_notes_stand_where_their_items_stand() -> None:
    """The last item is read first, and nested ones between."""
    nobody: Any = None
    turns = [threading.Event() for _ in range(4)]
    turns[3].set()

    def read(context: SourceContext, number: int) -> Iterator[int]:
        turns[number].wait(LIMIT)
        context.notes.append(f"note {number}")
        context.parts.append(f"part {number}")
        context.unreadable[f"arn {number}"] = "refused"
        context.accepted.append(f"gap {number}")
        context.clusters[f"cluster {number}"] = None
        yield from each(context, inner, [number * 10, number * 10 + 1])
        turns[number - 1].set()

    def inner(context: SourceContext, number: int) -> Iterator[int]:
        context.notes.append(f"note {number}")
        yield number

    with ThreadPoolExecutor(4) as pool:
        context = SourceContext(nobody, Settings.model_construct(), nobody, workers=Workers(pool))
        context.notes.append("before")
        assert list(of_each(context, lambda: range(4), read)) == [0, 1, 10, 11, 20, 21, 30, 31]
    assert context.notes == [
        "before",
        *(f"note {n}" for number in range(4) for n in (number, number * 10, number * 10 + 1)),
    ]
    assert context.parts == [f"part {number}" for number in range(4)]
    assert list(context.unreadable) == [f"arn {number}" for number in range(4)]
    assert context.accepted == [f"gap {number}" for number in range(4)]
    assert list(context.clusters) == [f"cluster {number}" for number in range(4)]
