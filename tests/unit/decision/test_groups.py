"""Which images go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.groups import connected
from ecr_cleaner.model.plan import Reason, RepositoryPlan, Verdict
from tests.builders import digest, image, repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_cleaner.model.image import Image


def plan(*images: Image, first: Mapping[str, set[str]] | None = None, kept: Iterable[str] = ()) -> RepositoryPlan:
    """A plan that removes images, but for some; what must go first by name."""
    reasons = {digest(name): Reason.IN_USE for name in kept}
    verdicts = tuple(Verdict(one, reasons.get(one.digest, Reason.OLD_AND_UNUSED)) for one in images)
    return RepositoryPlan(
        repository(), verdicts, {digest(d): frozenset(map(digest, names)) for d, names in (first or {}).items()}
    )


def names(found: RepositoryPlan) -> list[list[str]]:
    """The tags of each group, in the order in which they go."""
    return [[verdict.image.tags[-1] for verdict in group.verdicts] for group in connected(found)]


def test_what_is_related_in_any_way_goes_together() -> None:
    """An index, what it lists, what refers to that, and another index that shares a part."""
    ages = {"index": "40d", "part": "50d", "signature": "31d", "other": "60d", "alone": "45d", "kept": "99d"}
    images = [image(name, tags=[name], pushed=age) for name, age in ages.items()]
    first = {"part": {"index", "other"}, "signature": {"part"}, "alone": {"kept", "gone"}}
    found = plan(*images, first=first, kept={"kept"})
    assert names(found) == [["index", "part", "signature", "other"], ["alone"]]
    assert [group.order.pushed_at for group in connected(found)] == [images[3].pushed_at, images[4].pushed_at]
    assert connected(found)[0].digests == {digest(name) for name in ("index", "part", "signature", "other")}


def test_the_group_with_the_oldest_push_goes_first_and_then_the_name_decides() -> None:
    """Of untagged images the digest."""
    images = [
        image("x", tags=["v2"], pushed="50d"),
        image("y", tags=["v1"], pushed="50d"),
        image("young", tags=["young"], pushed="31d"),
        image("old", tags=["old"], pushed="60d"),
    ]
    assert names(plan(*images, first={"young": {"old"}})) == [["young", "old"], ["v1"], ["v2"]]
    assert names(plan(*images[::-1], first={"young": {"old"}})) == [["old", "young"], ["v1"], ["v2"]]


def test_nothing_to_remove_is_no_group() -> None:
    """Whatever stays."""
    assert connected(plan(image("a"), kept={"a"})) == []


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=8), st.integers(0, 8))
def test_every_image_is_in_one_group_and_no_relation_leads_out_of_it(edges: list[tuple[int, int]], count: int) -> None:
    """Whatever is related with what, and whatever has gone already."""
    first: dict[str, set[str]] = {}
    for one, other in edges:
        first.setdefault(str(one), set()).add(str(other))
    found = connected(plan(*(image(str(number)) for number in range(count)), first=first))
    where = {name: number for number, group in enumerate(found) for name in group.digests}
    assert sum(len(group.verdicts) for group in found) == len(where) == count
    for one, other in edges:
        if max(one, other) < count:
            assert where[digest(str(one))] == where[digest(str(other))]
    # No smaller groups would do: each is connected.
    pairs = {(digest(str(a)), digest(str(b))) for one, other in edges for a, b in ((one, other), (other, one))}
    for group in found:
        reached = {min(group.digests)}
        while more := {end for start, end in pairs if start in reached and end in group.digests} - reached:
            reached |= more
        assert reached == group.digests
