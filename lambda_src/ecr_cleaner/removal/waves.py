"""Pure: which images of a repository are removed before anything else is begun.

Images that belong together have to be ended together, and that takes several calls: an index in one, what it lists in
the next. As many such groups are put together as fit into the same calls, and what room these have left is filled with
images that belong to no other, so that small groups need no more calls than their images would by themselves.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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
        verdicts: On all images, in the order in which their groups were taken.
        fillers: Digests of images that go with whichever call has room for them.
        batches: How many batches they need, about: an image with many tags may leave room in a call.
    """

    verdicts: tuple[Verdict, ...]
    fillers: frozenset[str]
    batches: int


def of(groups: Iterable[Group], must_go_first: Mapping[str, frozenset[str]], calls: Calls) -> Iterator[Wave]:
    """Put groups of one repository together, in their order.

    Where the next group does not fit, younger images that stand alone may go before it: the calls are made anyway.

    Args:
        groups: Whole ones.
        must_go_first: As in the plan.
        calls: What they have room for.
    """
    queues: dict[bool, deque[tuple[int, Group, _Sizes]]] = {True: deque(), False: deque()}
    for place, group in enumerate(groups):
        queues[len(group.verdicts) == 1].append((place, group, _sizes(group, must_go_first, calls)))
    alone = queues[True]
    while waiting := [queue for queue in queues.values() if queue]:
        wave = _Open(calls)
        while waiting:
            first = min(waiting, key=lambda queue: queue[0][0])
            if not wave.takes(*first[0][1:]):
                break
            first.popleft()
            waiting = [queue for queue in waiting if queue]
        while alone and wave.takes(*alone[0][1:]):
            alone.popleft()
        yield wave.closed()


@dataclass(slots=True)
class _Open:
    """A wave that may take more groups.

    Attributes:
        calls: What they have room for.
        verdicts: As in `Wave`.
        fillers: Likewise.
        sizes: Without the fillers.
        filled: Ids of the fillers.
    """

    calls: Calls
    verdicts: list[Verdict] = field(default_factory=list)
    fillers: set[str] = field(default_factory=set)
    sizes: _Sizes = field(default_factory=Counter)
    filled: int = 0

    def takes(self, group: Group, added: _Sizes) -> bool:
        """Take a group of some sizes, unless it needs one more call at a stage that has some; the first in any case."""
        together = self.sizes + added
        fits = all(key not in self.sizes or together[key] <= self.calls.room[key[1]] for key in added)
        if fits and self._have_room(together, self.filled):
            self.sizes = together
        elif len(group.verdicts) == 1 and self._have_room(self.sizes, self.filled + added.total()):
            self.filled += added.total()
            self.fillers |= group.digests
        else:
            return False
        self.verdicts += group.verdicts
        return True

    def _have_room(self, sizes: _Sizes, filled: int) -> bool:
        """Whether the calls that some sizes take have room for so many ids of fillers."""
        if not filled:
            return True
        kinds = {archives for _, archives in sizes}
        # Images that are archived and those that are deleted go in calls of their own.
        return len(kinds) == 1 and sizes.total() + filled <= self.calls.room[kinds.pop()] * self._batches(sizes)

    def _batches(self, sizes: _Sizes) -> int:
        return sum(-(-size // self.calls.room[archives]) for (_, archives), size in sizes.items())

    def closed(self) -> Wave:
        """All that was taken."""
        return Wave(tuple(self.verdicts), frozenset(self.fillers), self._batches(self.sizes))


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
