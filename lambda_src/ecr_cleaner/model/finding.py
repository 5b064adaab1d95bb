"""What a run found beside its verdicts."""

from dataclasses import dataclass
from enum import StrEnum

from ecr_cleaner.schema import stored


class FindingKind(StrEnum):
    """What a run found beside its verdicts. Stable names: they stand in logs and reports."""

    DANGLING_REFERENCE = "dangling_reference"
    ARCHIVED_IN_USE = "archived_in_use"
    REMOVED_IN_USE = "removed_in_use"
    LIFECYCLE_EXPIRES_IN_USE = "lifecycle_expires_in_use"
    LIFECYCLE_RULE_NOT_UNDERSTOOD = "lifecycle_rule_not_understood"
    OPEN_TO_OTHER_ACCOUNTS = "open_to_other_accounts"
    MAY_BE_IN_USE_ELSEWHERE = "may_be_in_use_elsewhere"
    OWN_PULLS_RECORDED = "own_pulls_recorded"
    WIDE_USAGE = "wide_usage"
    UNREADABLE_REFERENCE = "unreadable_reference"
    MISCONFIGURED_TAG = "misconfigured_tag"
    ORPHANED_ARTIFACTS = "orphaned_artifacts"
    KEPT_WITHOUT_RULE = "kept_without_rule"
    FEWER_THAN_NEWEST = "fewer_than_newest"
    REMOVALS_LIMITED = "removals_limited"
    UNUSED_ACCEPTED_GAP = "unused_accepted_gap"
    UNMANAGED_STORAGE = "unmanaged_storage"
    NOT_DETERMINED = "not_determined"


RUN_FAILING_KINDS = frozenset({FindingKind.ARCHIVED_IN_USE, FindingKind.REMOVED_IN_USE})
"""Findings on consumers that cannot get an archived or removed image: as problems they fail the run."""


class Severity(StrEnum):
    """How much a finding matters, the most severe first.

    ``problem``: a consumer is broken, or will break without a change. ``warning``: an operator should check it.
    ``info``: for information.
    """

    PROBLEM = "problem"
    WARNING = "warning"
    INFO = "info"


@stored
@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an operator should know; it never changes a verdict.

    Attributes:
        kind: Stable and machine-readable.
        severity: How much it matters.
        subject: What it is about: a repository, an image of one, an entry of ``accepted_gaps``, a consumer (its
            ARN, where it has one), or ``registry``.
        detail: One sentence with the evidence.
        bytes: The storage it is about; None if it is not about storage.
    """

    kind: FindingKind
    severity: Severity
    subject: str
    detail: str
    bytes: int | None = None

    @property
    def fails_run(self) -> bool:
        """Whether it fails the run."""
        return self.kind in RUN_FAILING_KINDS and self.severity is Severity.PROBLEM
