"""Pure: limits on what a repository or a whole run may remove.

Limits in percent are an alarm against mistakes: over one of them nothing is removed, and a person has to look. Limits
in images only spread the work: the oldest images go, whole groups of them, and the rest waits for later runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ecr_cleaner.decision import groups
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.night import RepositoryCounts
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan, Verdict


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
            removals: Images that would be removed if no limit in images held, including those removed already.
            images: All of its images, likewise.
        """
        return _exceeded(removals, images, self.percent_per_repository, "repository")

    def exceeded_by_run(self, removals: int, images: int) -> str:
        """Why nothing may be removed anywhere; empty if it may. The arguments are the sums over all repositories."""
        return _exceeded(removals, images, self.percent_per_run, "run")

    def in_images(self, repository: str) -> dict[str, "ImageLimit"]:
        """The limits in images that hold for a repository: what they count together, to the limit."""
        counts = {
            repository: ("max_removals_per_repository", self.removals_per_repository),
            WHOLE_RUN: ("max_removals_per_run", self.removals_per_run),
        }
        return {scope: ImageLimit(name, count) for scope, (name, count) in counts.items() if count is not None}


WHOLE_RUN: Final = ""
"""Stands for all repositories where one is named."""


@dataclass(frozen=True, slots=True)
class ImageLimit:
    """A limit in images.

    Attributes:
        setting: Its name.
        count: How many images may go.
    """

    setting: str
    count: int

    def __str__(self) -> str:
        """As it stands in the settings."""
        return f"{self.setting} = {self.count}"


def _exceeded(removals: int, images: int, percent: int | None, scope: str) -> str:
    if percent is None or removals * 100 <= images * percent:
        return ""
    limit = f"max_removal_percent_per_{scope} = {percent}"
    return f"{removals} of {images} images would be removed, more than {limit} allows"


_ATTEMPTED: Final = frozenset(
    {RemovalStatus.REMOVED, RemovalStatus.ARCHIVED, RemovalStatus.PARTLY_UNTAGGED, RemovalStatus.FAILED}
)
"""Statuses after which an image is removed, or may be."""


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What limits in images leave of a plan.

    Attributes:
        plan: What goes.
        waits: What waits for a later run, each with the reason.
    """

    plan: RepositoryPlan
    waits: tuple[Removal, ...] = ()


@dataclass(slots=True)
class LimitTracker:
    """What a run may still remove.

    Attributes:
        limits: How much may be removed.
        waiting: The images that wait for a later run, by the limit and by what it counts together.
        oversized: The groups that no run may remove with these limits, each with the sentence on it.
        before: What earlier invocations of the same night did, by repository: a limit holds for a night.
    """

    limits: Limits
    waiting: dict[tuple[str, ImageLimit], list[Image]] = field(default_factory=dict)
    oversized: dict[str, str] = field(default_factory=dict)
    before: Mapping[str, RepositoryCounts] = field(default_factory=dict)
    _tried: dict[str, set[str]] = field(default_factory=dict)  # repository to the digests
    _chosen: dict[str, set[str]] = field(default_factory=dict)  # likewise; what goes in this run
    _waits: set[tuple[str, str]] = field(default_factory=set)  # repository and digest
    _sizes: dict[str, tuple[int, int]] = field(init=False)  # repository to the removals and all images

    def __post_init__(self) -> None:
        self._sizes = {name: (one.removable, one.images) for name, one in self.before.items()}

    def exceeded_by(self, plan: RepositoryPlan) -> str:
        """Why a repository may remove nothing more; empty if it may. Images removed already count."""
        name = plan.repository.name
        tried, before = self._tried.setdefault(name, set()), self.before.get(name, RepositoryCounts())
        removals = before.went + len(tried | {verdict.image.digest for verdict in plan.removals})
        images = before.deleted + len(tried | {verdict.image.digest for verdict in plan.verdicts})
        exceeded = self.limits.exceeded_by_repository(removals, images)
        self._sizes[name] = (before.went + len(tried) if exceeded else removals, images)
        return exceeded

    def exceeded_by_run(self) -> str:
        """Why nothing more may be removed anywhere; empty if it may."""
        removals = sum(removals for removals, _ in self._sizes.values())
        images = sum(images for _, images in self._sizes.values())
        return self.limits.exceeded_by_run(removals, images)

    def trim(self, plans: Sequence[RepositoryPlan]) -> list[Trimmed]:
        """Choose what goes in this run: the oldest groups, until the next one would exceed a limit in images.

        What was removed already counts, and so does what was chosen from other repositories. What has to wait once does
        so until the run ends, even if there is room again. A group that is larger than a limit stands back: it would
        keep all the others from going, for ever.

        Args:
            plans: Of different repositories: all of them, or one that was evaluated again.

        Returns:
            What is left of each plan, in their order.
        """
        if self.limits.removals_per_repository is self.limits.removals_per_run is None:
            return [Trimmed(plan) for plan in plans]
        names = [plan.repository.name for plan in plans]
        self._chosen = {name: chosen for name, chosen in self._chosen.items() if name not in names}
        room = self._room(names)
        full: set[str] = set()
        waits: dict[str, list[Removal]] = {name: [] for name in names}
        for group in sorted((group for plan in plans for group in groups.connected(plan)), key=lambda one: one.order):
            name, digests = group.order.repository, group.digests
            limits = self.limits.in_images(name)
            cost = len(digests - self._tried.get(name, set()))
            short = next((scope for scope in limits if scope in full or cost > room[scope]), None)
            if over := [limit for limit in limits.values() if len(digests) > limit.count]:
                detail = _too_large(len(digests), over)
                self.oversized[group.order.name] = detail
            elif any((name, digest) in self._waits for digest in digests):
                detail = ""
            elif short is not None:
                full.add(short)
                detail = str(limits[short])
                images = [verdict.image for verdict in group.verdicts]
                self.waiting.setdefault((short, limits[short]), []).extend(images)
            else:
                for scope in limits:
                    room[scope] -= cost
                self._chosen.setdefault(name, set()).update(digests)
                continue
            waits[name] += self._new_waits(name, group.verdicts, detail)
        return [
            Trimmed(_only(plan, self._chosen.get(plan.repository.name, set())), tuple(waits[plan.repository.name]))
            for plan in plans
        ]

    def _room(self, names: Iterable[str]) -> dict[str, int]:
        """How many images may still go, by what a limit counts together."""
        tried = {name: self._tried.get(name, set()) for name in {*names, *self._tried, *self._chosen}}
        elsewhere = sum(len(chosen - tried[name]) for name, chosen in self._chosen.items())
        went = {name: one.went for name, one in self.before.items()}
        gone = {name: len(tried[name]) + went.get(name, 0) for name in names}
        gone[WHOLE_RUN] = sum(map(len, tried.values())) + sum(went.values()) + elsewhere
        return {
            scope: limit.count - gone[scope] for name in names for scope, limit in self.limits.in_images(name).items()
        }

    def _new_waits(self, name: str, verdicts: Iterable[Verdict], detail: str) -> list[Removal]:
        """How those ended of which it was not said before."""
        new = [verdict for verdict in verdicts if (name, verdict.image.digest) not in self._waits]
        self._waits |= {(name, verdict.image.digest) for verdict in new}
        return [Removal(verdict, RemovalStatus.LIMITED, detail=detail) for verdict in new]

    def note(self, removal: Removal) -> None:
        """Count an image that was removed, or may have been."""
        if removal.status in _ATTEMPTED:
            image = removal.verdict.image
            self._tried.setdefault(image.repository, set()).add(image.digest)


def _too_large(size: int, limits: Sequence[ImageLimit]) -> str:
    return f"{size} images go together, which {' and '.join(map(str, limits))} never allows: {size} would"


def _only(plan: RepositoryPlan, chosen: set[str]) -> RepositoryPlan:
    """A plan without the removals that were not chosen."""
    verdicts = tuple(verdict for verdict in plan.verdicts if not verdict.removes or verdict.image.digest in chosen)
    return replace(plan, verdicts=verdicts)
