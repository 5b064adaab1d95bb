"""Pure: what of a fresh look at a repository a saved plan permits, and why the rest of the plan stays.

Nothing here can make an image go that a fresh run would keep: only what the run itself would remove is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan
from ecr_cleaner.model.result import Stay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ecr_cleaner.model.plan import Reason, Verdict

    Planned = Mapping[str, "Approved"]
    """What a saved plan names in one repository, by digest."""


@dataclass(frozen=True, slots=True)
class Approved:
    """What a person approved of for one image.

    Attributes:
        tags: It may go with exactly these.
        reason: It may go for this one: another one may mean that it is deleted, where it was to be archived.
    """

    tags: tuple[str, ...]
    reason: Reason

    def covers(self, verdict: Verdict) -> bool:
        """Whether a removal is the one that was approved."""
        return (verdict.image.tags, verdict.reason) == (self.tags, self.reason)


def permitted(fresh: RepositoryPlan, planned: Planned) -> tuple[RepositoryPlan, tuple[Removal, ...]]:
    """What of a fresh plan may go.

    Args:
        fresh: What a run would remove by itself.
        planned: What a person approved of in this repository.

    Returns:
        The removals that stand in both, with the same tags and for the same reason; and how every other removal of the
        fresh plan ends. What has to go after something that stays, stays as well.
    """
    removals = {verdict.image.digest: verdict for verdict in fresh.removals}
    named = {digest for digest, verdict in removals.items() if digest in planned and planned[digest].covers(verdict)}
    may_go = set(named)
    while held := {digest for digest in may_go if fresh.holders.get(digest, frozenset()) - may_go}:
        may_go -= held
    endings = tuple(
        Removal(verdict, RemovalStatus.HOLDER_KEPT if digest in named else RemovalStatus.NOT_IN_PLAN)
        for digest, verdict in removals.items()
        if digest not in may_go
    )
    verdicts = tuple(verdict for digest, verdict in removals.items() if digest in may_go)
    holders = {digest: fresh.holders[digest] for digest in may_go if digest in fresh.holders}
    return RepositoryPlan(fresh.repository, verdicts, holders, fresh.parts), endings


def retained(fresh: RepositoryPlan, planned: Planned) -> Iterator[Stay]:
    """The images of a saved plan that a fresh look keeps, changed or gone, with the reason."""
    verdicts = {verdict.image.digest: verdict for verdict in fresh.verdicts}
    for digest, approved in planned.items():
        verdict = verdicts.get(digest)
        if verdict is None:
            reason, detail = "gone", "it is gone already"
        elif not verdict.removes:
            reason, detail = verdict.reason.value, "; ".join(verdict.evidence)
        elif verdict.image.tags != approved.tags:
            reason = "tags_changed"
            detail = f"its tags changed from {list(approved.tags)} to {list(verdict.image.tags)}"
        elif not approved.covers(verdict):
            reason = "reason_changed"
            detail = f"it would go as {verdict.reason.value} by now, and {approved.reason.value} was approved of"
        else:
            continue
        yield Stay(fresh.repository.name, digest, approved.tags, reason, detail)
