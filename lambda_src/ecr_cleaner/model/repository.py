"""A repository, what keeps its images, and what lies in it at one moment.

Times are timezone-aware UTC, sizes are bytes, ages are days of 24 hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ecr_cleaner.model.image import Image


@dataclass(frozen=True, slots=True)
class Retention:
    """What keeps the images of one repository, besides their use. Each condition keeps by itself.

    Attributes:
        keep_days: Age limit of tagged images; whole days.
        keep_days_untagged: Age limit of untagged images; whole days.
        keep_newest: How many of the tagged images pushed last stay at any age.
        keep_tags: Globs; an image stays if one of its tags matches one of them.
        keep_pulled_within_days: An image pulled at most so many days ago stays; None: pulls keep nothing.
        remove_artifacts: Whether what no container runtime can run may go too.
        rule: Number of the rule that holds, from 0; None: the defaults do.
        delete_archived_after_days: What lies in the archive for more days may go; whole days; None: it stays.
    """

    keep_days: int
    keep_days_untagged: int
    keep_newest: int = 0
    keep_tags: tuple[str, ...] = ()
    keep_pulled_within_days: int | None = None
    remove_artifacts: bool = False
    rule: int | None = None
    delete_archived_after_days: int | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that opted in, and what keeps its images.

    Attributes:
        name: Without host, e.g. ``shop/api``.
        arn: As ECR gives it.
        retention: From the rules, the defaults and the tag ``BoxCleanerKeepDays``.
        keep_days_tag: The value of that tag; None without it.
        notes: What a person should know of it; one sentence each.
        misspelled: What is wrong with tags that look like the cleaner's and are not; one sentence each.
        savings_tag: Value of the tag by which savings are summed; None without it.
    """

    name: str
    arn: str
    retention: Retention
    keep_days_tag: str | None = None
    notes: tuple[str, ...] = ()
    misspelled: tuple[str, ...] = ()
    savings_tag: str | None = None


class SkipReason(StrEnum):
    """Why an opted-in repository is left alone. The values are the kinds of ``accepted_gaps`` that include it."""

    OTHER_ACCOUNTS = "other_accounts"
    PULL_THROUGH_CACHE = "pull_through_cache"
    DELETE_REPLICATION = "delete_replication"


@dataclass(frozen=True, slots=True)
class RepositorySnapshot:
    """What lies in one repository at one moment.

    Attributes:
        images: Every image, archived ones included.
        children: Digest of an index to the digests it lists.
        unread: Archived indexes whose lists ECR does not hand out.
    """

    images: tuple[Image, ...]
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
