"""Holds a run to its limits: counts what would go and what went already, over all plans and re-judgements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ecr_cleaner.model import RemovalStatus

if TYPE_CHECKING:
    from ecr_cleaner.guard import Limits
    from ecr_cleaner.model import Removal, RepositoryPlan

_TRIED: Final = frozenset(
    {RemovalStatus.REMOVED, RemovalStatus.ARCHIVED, RemovalStatus.PARTLY_UNTAGGED, RemovalStatus.FAILED}
)
"""Endings after which an image is gone, or may be."""


@dataclass(slots=True)
class Walls:
    """What a run may still remove.

    Attributes:
        limits: How much may go.
    """

    limits: Limits
    _tried: dict[str, set[str]] = field(default_factory=dict)  # repository to the digests
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # repository to what goes, of how many

    def exceeded_by(self, plan: RepositoryPlan) -> str:
        """Why a repository may remove nothing more; empty if it may. What went already counts."""
        name = plan.repository.name
        tried = self._tried.setdefault(name, set())
        removals = len(tried | {verdict.image.digest for verdict in plan.removals})
        images = len(tried | {verdict.image.digest for verdict in plan.verdicts})
        exceeded = self.limits.exceeded_by_repository(removals, images)
        self._sizes[name] = (len(tried) if exceeded else removals, images)
        return exceeded

    def exceeded_by_run(self) -> str:
        """Why nothing more may be removed anywhere; empty if it may."""
        removals = sum(removals for removals, _ in self._sizes.values())
        images = sum(images for _, images in self._sizes.values())
        return self.limits.exceeded_by_run(removals, images)

    def note(self, removal: Removal) -> None:
        """Remember what went, or may have gone."""
        if removal.status in _TRIED:
            image = removal.verdict.image
            self._tried.setdefault(image.repository, set()).add(image.digest)
