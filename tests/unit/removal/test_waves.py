"""Which groups are removed together, and how many calls that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.groups import connected
from ecr_cleaner.model.plan import Reason, RepositoryPlan, Verdict
from ecr_cleaner.removal import waves
from ecr_cleaner.removal.waves import Calls, Wave
from tests.builders import digest, image, repository

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOM = {False: 4, True: 2}
CALLS = Calls(lambda verdict: not verdict.image.active, lambda verdict: max(1, len(verdict.image.tags)), ROOM)
"""Four ids in a call that deletes, two in one that archives; what is not active is archived."""


def planned(*groups: Sequence[int], active: bool = True) -> RepositoryPlan:
    """Groups of stages; of each how many images, which all wait for the first of the stage before."""
    verdicts, first = [], {}
    for number, stages in enumerate(groups):
        for stage, count in enumerate(stages):
            for part in range(count):
                name = f"{number}-{stage}-{part}"
                made = image(name, pushed=f"{90 - number}d", active=active)
                verdicts.append(Verdict(made, Reason.OLD_AND_UNUSED))
                before = [f"{number}-{stage - 1}-0"] if stage else [f"{number}-0-0"] if part else []
                first[digest(name)] = frozenset(map(digest, before))
    return RepositoryPlan(repository(), tuple(verdicts), first)


def packed(plan: RepositoryPlan) -> list[tuple[int, int]]:
    """Images and batches of each wave."""
    return [(len(wave.verdicts), wave.batches) for wave in waves.of(connected(plan), plan.must_go_first, CALLS)]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([], []),
        ([[1]], [(1, 1)]),
        ([[1]] * 4, [(4, 1)]),
        ([[1]] * 5, [(4, 1), (1, 1)]),
        ([[1, 1]] * 4, [(8, 2)]),
        ([[1, 1]] * 5, [(8, 2), (2, 2)]),
        ([[1, 3], [1, 1]], [(6, 2)]),
        ([[1, 3], [1, 2]], [(4, 2), (3, 2)]),
        ([[1], [1, 9, 1], [1]], [(13, 5)]),
        ([[1], [1, 9, 1], [1, 1]], [(12, 5), (2, 2)]),
        ([[1]] * 3 + [[1, 1]] + [[1]] * 4, [(8, 2), (1, 1)]),
        ([[1]] * 3 + [[1, 1]] + [[1]] * 2 + [[1, 1]], [(7, 2), (2, 2)]),
        ([[1]] * 3 + [[1, 1]] * 2 + [[1]] * 2, [(7, 2), (2, 2)]),
        ([[1, 3], [1, 1]] + [[1]] * 4, [(8, 2), (2, 1)]),
        ([[1, 1, 1, 1]], [(4, 4)]),
    ],
)
def test_groups_share_calls_as_long_as_there_is_room_at_each_stage(
    groups: list[list[int]], expected: list[tuple[int, int]]
) -> None:
    """A group that needs several calls at one stage shares none of them there, but with images that stand alone."""
    assert packed(planned(*groups)) == expected


def test_archiving_takes_other_calls() -> None:
    """With room of their own, at each stage."""
    assert packed(planned([1], [1], [1], active=False)) == [(2, 1), (1, 1)]
    both = (*planned([1]).verdicts, *planned([0], [1], active=False).verdicts)
    assert packed(RepositoryPlan(repository(), both)) == [(2, 2)]


def test_tags_count() -> None:
    """Each is an id of its own in a call that deletes."""
    verdicts = tuple(
        Verdict(image(str(n), tags=[f"{n}{t}" for t in range(count)], pushed=f"{90 - n}d"), Reason.OLD_AND_UNUSED)
        for n, count in enumerate([3, 0, 1, 4])
    )
    assert packed(RepositoryPlan(repository(), verdicts)) == [(2, 1), (1, 1), (1, 1)]


def test_a_cycle_ends() -> None:
    """It has no first; all of it is taken as one stage."""
    ring = planned([1], [1])
    names = [verdict.image.digest for verdict in ring.verdicts]
    assert packed(
        RepositoryPlan(
            repository(), ring.verdicts, dict(zip(names, map(frozenset, [names[1:], names[:1]]), strict=True))
        )
    ) == [(2, 1)]


def calls_made(wave: Wave, plan: RepositoryPlan) -> int:
    """How many calls a wave takes if each has as much as may go, fillers last."""
    left = sorted((verdict.image.digest for verdict in wave.verdicts), key=wave.fillers.__contains__)
    number = 0
    while left:
        ready = [name for name in left if plan.must_go_first[name].isdisjoint(left)]
        left = [name for name in left if name not in ready[: ROOM[False]]]
        number += 1
    return number


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=3), max_size=8))
def test_waves_hold_whole_groups_in_their_order(groups: list[list[int]]) -> None:
    """No group is split, none is left out, and none waits for a younger one that is not a single image."""
    plan = planned(*groups)
    found: list[Wave] = list(waves.of(connected(plan), plan.must_go_first, CALLS))
    in_order = [verdict.image.digest for wave in found for verdict in wave.verdicts]
    for alone in (True, False):
        chosen = [group for group in connected(plan) if (len(group.verdicts) == 1) is alone]
        expected = [verdict.image.digest for group in chosen for verdict in group.verdicts]
        assert [name for name in in_order if name in set(expected)] == expected
    assert len(in_order) == len(plan.verdicts)
    where = {verdict.image.digest: number for number, wave in enumerate(found) for verdict in wave.verdicts}
    for group in connected(plan):
        assert len({where[name] for name in group.digests}) == 1
    assert all(1 <= calls_made(wave, plan) <= wave.batches for wave in found)
