"""Pure: the images of a plan that go together, and in which order such groups go."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from ecr_cleaner.decision.graph import subjects_of
from ecr_cleaner.model.plan import RepositoryPlan, Verdict

_NONE: Final[frozenset[str]] = frozenset()


class _Order(NamedTuple):
    """What goes first is smallest."""

    is_whole: bool
    pushed_at: datetime
    repository: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Group:
    """Images of one repository that belong together: an index, its manifests, what refers to them.

    Attributes:
        verdicts: On each of them, in the order of the plan.
        order: By which groups of any repositories are sorted: first what is left of a group whose subject is gone, then
            the group with the oldest push; of equals the name decides, and the digest.
    """

    verdicts: tuple[Verdict, ...]
    order: _Order

    @property
    def digests(self) -> frozenset[str]:
        """The digests of the images."""
        return frozenset(verdict.image.digest for verdict in self.verdicts)


def connected(plan: RepositoryPlan) -> list[Group]:
    """What a plan removes, in groups that have no relation to each other, in the order in which they go."""
    return sorted((_group(verdicts) for verdicts in together(plan)), key=lambda group: group.order)


def together(plan: RepositoryPlan) -> Iterator[list[Verdict]]:
    """The verdicts of each group of what a plan removes, in the order of the plan."""
    removals = {verdict.image.digest: verdict for verdict in plan.removals}
    neighbours: dict[str, set[str]] = defaultdict(set)
    for digest, first in plan.must_go_first.items():
        for other in first:
            neighbours[digest].add(other)
            neighbours[other].add(digest)
    place = {digest: position for position, digest in enumerate(removals)}
    seen: set[str] = set()
    for start, verdict in removals.items():
        if start not in neighbours:  # nearly all of them
            yield [verdict]
            continue
        if start in seen:
            continue
        seen.add(start)
        # A list that grows while it is walked.
        members = [start]
        for digest in members:
            new = neighbours.get(digest, _NONE) - seen
            members += [other for other in new if other in removals]
            seen |= new
        yield [removals[digest] for digest in sorted(members, key=place.__getitem__)]


def _group(verdicts: list[Verdict]) -> Group:
    present = {verdict.image.digest for verdict in verdicts}
    # A subject that is in the repository goes too, or what refers to it would stay.
    subjects = (subjects_of(verdict.image) for verdict in verdicts)
    is_left = any(ends and present.isdisjoint(ends) for ends in subjects)
    oldest = min((verdict.image for verdict in verdicts), key=lambda image: (image.pushed_at, image.name, image.digest))
    order = _Order(not is_left, oldest.pushed_at, oldest.repository, oldest.name, oldest.digest)
    return Group(tuple(verdicts), order)
