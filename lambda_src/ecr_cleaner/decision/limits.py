"""Pure: limits on what a repository or a whole run may remove."""

from dataclasses import dataclass, field
from typing import Final

from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be removed; None is no limit.

    Attributes:
        removals_per_repository: Images.
        percent_per_repository: Of the images of that repository.
        removals_per_run: Images.
        percent_per_run: Of the images of all repositories that were evaluated.
    """

    removals_per_repository: int | None = None
    percent_per_repository: int | None = None
    removals_per_run: int | None = None
    percent_per_run: int | None = None

    @property
    def are_off(self) -> bool:
        """Whether nothing limits what a run may remove."""
        return self == Limits()

    def exceeded_by_repository(self, removals: int, images: int) -> str:
        """Why a repository may remove nothing; empty if it may.

        Args:
            removals: Images that would be removed, including those removed already.
            images: All of its images, likewise.
        """
        return _exceeded(removals, images, self.removals_per_repository, self.percent_per_repository, "repository")

    def exceeded_by_run(self, removals: int, images: int) -> str:
        """Why nothing may be removed anywhere; empty if it may. The arguments are the sums over all repositories."""
        return _exceeded(removals, images, self.removals_per_run, self.percent_per_run, "run")


def _exceeded(removals: int, images: int, count: int | None, percent: int | None, scope: str) -> str:
    over = []
    if count is not None and removals > count:
        over.append(f"max_removals_per_{scope} = {count}")
    if percent is not None and removals * 100 > images * percent:
        over.append(f"max_removal_percent_per_{scope} = {percent}")
    return f"{removals} of {images} images would be removed, more than {' and '.join(over)} allows" if over else ""


_ATTEMPTED: Final = frozenset(
    {RemovalStatus.REMOVED, RemovalStatus.ARCHIVED, RemovalStatus.PARTLY_UNTAGGED, RemovalStatus.FAILED}
)
"""Statuses after which an image is removed, or may be."""


@dataclass(slots=True)
class LimitTracker:
    """What a run may still remove.

    Attributes:
        limits: How much may be removed.
    """

    limits: Limits
    _tried: dict[str, set[str]] = field(default_factory=dict)  # repository to the digests
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # repository to the removals and all images

    def exceeded_by(self, plan: RepositoryPlan) -> str:
        """Why a repository may remove nothing more; empty if it may. Images removed already count."""
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
        """Count an image that was removed, or may have been."""
        if removal.status in _ATTEMPTED:
            image = removal.verdict.image
            self._tried.setdefault(image.repository, set()).add(image.digest)
