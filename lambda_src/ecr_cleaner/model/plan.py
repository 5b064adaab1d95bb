"""Verdicts, the plan of a repository, and how each removal ended.

Times are timezone-aware UTC, sizes are bytes, ages are days of 24 hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from ecr_cleaner.model.image import Image
from ecr_cleaner.model.repository import Repository


class Reason(StrEnum):
    """Why an image is kept or removed. Stable names: they stand in logs and reports."""

    IN_USE = "in_use"
    PART_OF_IMAGE_IN_USE = "part_of_image_in_use"
    RECENTLY_IN_USE = "recently_in_use"
    TOO_YOUNG = "too_young"
    AMONG_NEWEST = "among_newest"
    KEPT_BY_RULE = "kept_by_rule"
    PULLED_RECENTLY = "pulled_recently"
    MAY_BE_IN_USE_ELSEWHERE = "may_be_in_use_elsewhere"
    IN_GRACE = "in_grace"
    PART_OF_KEPT_IMAGE = "part_of_kept_image"
    REFERS_TO_KEPT_IMAGE = "refers_to_kept_image"
    SUBJECT_OF_KEPT_IMAGE = "subject_of_kept_image"
    NOT_A_CONTAINER_IMAGE = "not_a_container_image"
    ARCHIVED = "archived"
    MAY_BE_PART_OF_ARCHIVED_INDEX = "may_be_part_of_archived_index"
    TOO_MANY_TAGS = "too_many_tags"
    OLD_AND_UNUSED = "old_and_unused"
    ARCHIVED_AND_UNUSED = "archived_and_unused"


REMOVING_REASONS = frozenset({Reason.OLD_AND_UNUSED, Reason.ARCHIVED_AND_UNUSED})
"""The reasons that remove; every other one keeps."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to one image, and why.

    Attributes:
        image: The image judged.
        reason: Stable and machine-readable.
        evidence: What a person reads, e.g. ``ecs service prod/api``; empty when the reason says it all.
        age_days: Whole days since the push.
        goes_after: When the grace of an image that nothing needs is over; None unless it is in grace.
        rules: Numbers of the rules that hold for it, from 0; none: the default age does.
    """

    image: Image
    reason: Reason
    evidence: tuple[str, ...] = ()
    age_days: int = 0
    goes_after: datetime | None = None
    rules: tuple[int, ...] = ()

    @property
    def removes(self) -> bool:
        """Whether the image is to be removed."""
        return self.reason in REMOVING_REASONS

    @property
    def unneeded(self) -> bool:
        """Whether it is to be removed now, or once its grace is over."""
        return self.removes or self.reason is Reason.IN_GRACE


@dataclass(frozen=True, slots=True)
class RepositoryPlan:
    """Every verdict of one repository.

    Attributes:
        repository: Its name and what keeps its images.
        verdicts: One for each image, in the order of the images.
        must_go_first: For each removable image the removable images that must be gone before it: the indexes
            that list it and the subject it refers to.
        parts: For each removable index what it lists, as far as it lies there, by itself or through indexes;
            what is kept for others too.
    """

    repository: Repository
    verdicts: tuple[Verdict, ...]
    must_go_first: Mapping[str, frozenset[str]] = field(default_factory=dict)
    parts: Mapping[str, tuple[Image, ...]] = field(default_factory=dict)

    @property
    def removals(self) -> tuple[Verdict, ...]:
        """The verdicts that remove."""
        return tuple(v for v in self.verdicts if v.removes)


class RemovalStatus(StrEnum):
    """How the removal of one image ended."""

    REMOVED = "removed"
    ARCHIVED = "archived"
    CHANGED = "changed"  # tags, pull time or existence changed since it was judged: kept
    HOLDER_KEPT = "holder_kept"  # an index or subject that should have gone first is still there
    PARTLY_UNTAGGED = "partly_untagged"
    NOT_JOURNALLED = "not_journalled"  # what it takes to push it again could not be written down: kept
    FAILED = "failed"
    DEFERRED = "deferred"  # time ran out before it was tried
    LIMITED = "limited"  # a limit in images lets it go in a later run
    PROPOSED = "proposed"  # it stands in a plan that waits for a person's word
    NOT_IN_PLAN = "not_in_plan"  # the plan that a person approved does not name it, or not with these tags


@dataclass(frozen=True, slots=True)
class Removal:
    """How the removal of one image ended.

    Attributes:
        verdict: The verdict that was carried out.
        status: The ending.
        codes: ECR's failure codes, sorted, without doubles.
        detail: One sentence where the status does not say it all.
    """

    verdict: Verdict
    status: RemovalStatus
    codes: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RetainedImage:
    """An image of a saved plan that stays.

    Attributes:
        repository: Its name.
        digest: Of the image.
        tags: As the plan has them.
        reason: A `Reason` that keeps, ``gone``, ``tags_changed``, ``reason_changed``, or the status of a repository
            that was not judged.
        detail: What a person reads.
    """

    repository: str
    digest: str
    tags: tuple[str, ...]
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """One saved plan.

    Attributes:
        state: ``awaits_approval``: this run wrote it. ``applied``: this run carried it out, as far as it could.
        id: Names it.
        expires_at: From then on it is too old.
        images: That it names.
        bytes: At most what they take up: layers may be shared.
        command: Ready to paste, carries it out; empty if this run did.
        stays: What of it stays, and why; by repository and digest.
    """

    state: Literal["awaits_approval", "applied"]
    id: str
    expires_at: datetime
    images: int
    bytes: int
    command: str = ""
    stays: Mapping[tuple[str, str], RetainedImage] = field(default_factory=dict)
