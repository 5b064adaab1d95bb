"""A repository, what keeps its images, and what lies in it at one moment.

Times are timezone-aware UTC, sizes are bytes, ages are days of 24 hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ecr_cleaner.model.image import Image
from ecr_cleaner.model.pull_access import PullScope
from ecr_cleaner.model.rules import RetentionRule


@dataclass(frozen=True, slots=True)
class RepositoryRule:
    """One rule that names a repository.

    Attributes:
        number: Its place in the settings, from 0.
        rule: What it selects and keeps.
        keep_days: The age limit that it has here, from itself, the repository's tag or the defaults; whole days.
    """

    number: int
    rule: RetentionRule
    keep_days: int

    def __str__(self) -> str:
        """As Terraform names it."""
        return f"retention_rules[{self.number}]"

    @property
    def words(self) -> str:
        """All that it says here: ``retention_rules[0] keeps v*: 30 days, the newest 10``."""
        rule = self.rule
        said = [
            "for ever" if rule.keep else f"{self.keep_days} days",
            *([f"the newest {rule.keep_newest}"] if rule.keep_newest else []),
            *([f"what was pulled within {rule.keep_pulled_within_days} days"] if rule.keep_pulled_within_days else []),
        ]
        return f"{self} keeps {rule.selected}: {', '.join(said)}"


@dataclass(frozen=True, slots=True)
class Retention:
    """What keeps the images of one repository, besides their use.

    Attributes:
        keep_days: Age limit of what no rule selects; whole days.
        rules: Those that name the repository, in the order of the settings.
        delete_archived_after_days: What lies in the archive for more days may go; whole days; None: it stays.
        is_tagged: Whether the repository's own tag says ``keep_days``, not the settings.
        keep_pulled_within_days: What was pulled within so many days stays, because others may pull from the repository,
            and who pulled is not known; whole days; None: only rules keep what was pulled.
    """

    keep_days: int
    rules: tuple[RepositoryRule, ...] = ()
    delete_archived_after_days: int | None = None
    is_tagged: bool = False
    keep_pulled_within_days: int | None = None

    @property
    def words(self) -> str:
        """Its age limit, and who says it: ``default: keeps 30 days``, ``the repository's tag: keeps 60 days``."""
        who = "the repository's tag" if self.is_tagged else "default"
        return f"{who}: keeps {self.keep_days} days"

    @property
    def shortest_keep_days(self) -> int:
        """The least age at which anything of it may go; whole days."""
        return min([self.keep_days, *(held.keep_days for held in self.rules if not held.rule.keep)])


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
        pull_scopes: Who outside the account may pull from it, unless ``accepted_gaps`` accepts that.
    """

    name: str
    arn: str
    retention: Retention
    keep_days_tag: str | None = None
    notes: tuple[str, ...] = ()
    misspelled: tuple[str, ...] = ()
    savings_tag: str | None = None
    pull_scopes: tuple[PullScope, ...] = ()


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
