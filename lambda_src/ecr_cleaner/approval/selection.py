"""Pure: which removals of a fresh evaluation a saved plan permits, and why other images of the plan are retained.

A saved plan can only restrict: it permits nothing but removals that a fresh evaluation selects by itself.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ecr_cleaner.approval.plan import PlannedImage
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan, RetainedImage, Verdict

Planned = Mapping[str, PlannedImage]
"""Approved images of one repository, by digest."""


class Permitted(NamedTuple):
    """The permitted part of the plan of one repository.

    Attributes:
        plan: The permitted removals.
        endings: Outcomes of all other removals.
    """

    plan: RepositoryPlan
    endings: tuple[Removal, ...] = ()


def permitted(fresh: RepositoryPlan, planned: Planned) -> Permitted:
    """Which removals of a fresh plan are permitted.

    Args:
        fresh: What the run would remove by itself.
        planned: What was approved in this repository.

    Returns:
        The removals that both plans contain, with equal tags and reason; and the outcome of every other removal of the
        fresh plan. An image is not permitted if an image that must be removed before it is not.
    """
    removals = {verdict.image.digest: verdict for verdict in fresh.removals}
    named = {digest for digest, verdict in removals.items() if digest in planned and _covers(planned[digest], verdict)}
    may_go = set(named)
    while held := {digest for digest in may_go if fresh.must_go_first.get(digest, frozenset()) - may_go}:
        may_go -= held
    endings = tuple(
        Removal(verdict, RemovalStatus.HOLDER_KEPT if digest in named else RemovalStatus.NOT_IN_PLAN)
        for digest, verdict in removals.items()
        if digest not in may_go
    )
    verdicts = tuple(verdict for digest, verdict in removals.items() if digest in may_go)
    must_go_first = {digest: fresh.must_go_first[digest] for digest in may_go if digest in fresh.must_go_first}
    return Permitted(RepositoryPlan(fresh.repository, verdicts, must_go_first, fresh.parts), endings)


def retained(fresh: RepositoryPlan, planned: Planned) -> Iterator[RetainedImage]:
    """Images of a saved plan that are kept, changed or absent in a fresh evaluation, with the reason."""
    verdicts = {verdict.image.digest: verdict for verdict in fresh.verdicts}
    for digest, approved in planned.items():
        verdict = verdicts.get(digest)
        if verdict is None:
            reason, detail = "gone", "it no longer exists"
        elif not verdict.removes:
            reason, detail = verdict.reason.value, "; ".join(verdict.evidence)
        elif verdict.image.tags != approved.tags:
            reason = "tags_changed"
            detail = f"its tags changed from {list(approved.tags)} to {list(verdict.image.tags)}"
        elif not _covers(approved, verdict):
            reason = "reason_changed"
            detail = f"it would be removed as {verdict.reason.value} now; {approved.reason.value} was approved"
        else:
            continue
        yield RetainedImage(fresh.repository.name, digest, approved.tags, reason, detail)


def _covers(approved: PlannedImage, verdict: Verdict) -> bool:
    """Whether a removal is the approved one."""
    return (verdict.image.tags, verdict.reason) == (approved.tags, approved.reason)
