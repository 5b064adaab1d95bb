"""Pure: which images of a repository are removed before anything else is begun.

Images that belong together have to be ended together, and that takes several calls: an index in one, what it lists in
the next. As many such groups are put together as fit into the same calls, so that small groups need no more calls than
their images would by themselves.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ecr_cleaner.decision.groups import Group
from ecr_cleaner.model.plan import Verdict

_Sizes = Counter[tuple[int, bool]]
"""Ids by stage, and by whether they are archived or deleted."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What a call takes.

    Attributes:
        archives: Whether an image is archived, and not deleted.
        ids: How many ids of a call an image takes.
        room: How many ids a call takes that archives, and one that deletes.
    """

    archives: Callable[[Verdict], bool]
    ids: Callable[[Verdict], int]
    room: Mapping[bool, int]


@dataclass(frozen=True, slots=True)
class Wave:
    """Whole groups that are removed together.

    Attributes:
        verdicts: On all images, in the order of the groups.
        batches: How many batches they need, about: an image with many tags may leave room in a call.
    """

    verdicts: tuple[Verdict, ...]
    batches: int


def of(groups: Iterable[Group], must_go_first: Mapping[str, frozenset[str]], calls: Calls) -> Iterator[Wave]:
    """Put groups of one repository together, in their order.

    Args:
        groups: Whole ones.
        must_go_first: As in the plan.
        calls: What they have room for.
    """
    verdicts: list[Verdict] = []
    sizes: _Sizes = Counter()
    for group in groups:
        added = _sizes(group, must_go_first, calls)
        if any(key in sizes and sizes[key] + size > calls.room[key[1]] for key, size in added.items()):
            yield _wave(verdicts, sizes, calls)
            verdicts, sizes = [], Counter()
        verdicts += group.verdicts
        sizes += added
    if verdicts:
        yield _wave(verdicts, sizes, calls)


def _wave(verdicts: Iterable[Verdict], sizes: _Sizes, calls: Calls) -> Wave:
    return Wave(tuple(verdicts), sum(-(-size // calls.room[archives]) for (_, archives), size in sizes.items()))


_FIRST: Final[frozenset[str]] = frozenset()


def _sizes(group: Group, must_go_first: Mapping[str, frozenset[str]], calls: Calls) -> _Sizes:
    left = {verdict.image.digest: verdict for verdict in group.verdicts}
    sizes: _Sizes = Counter()
    stage = 0
    while left:
        ready = [digest for digest in left if must_go_first.get(digest, _FIRST).isdisjoint(left)]
        # Tags of the sha256-<hex> kind can form a cycle, which has no first.
        for verdict in [left.pop(digest) for digest in ready or tuple(left)]:
            sizes[stage, calls.archives(verdict)] += calls.ids(verdict)
        stage += 1
    return sizes
