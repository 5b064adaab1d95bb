"""How a repository and a run ended, and what was found beside the verdicts.

Times are timezone-aware UTC, sizes are bytes, ages are days of 24 hours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

from ecr_cleaner.model.plan import RemovalStatus
from ecr_cleaner.schema import stored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class RepositoryStatus(StrEnum):
    """How a run ended for one repository that opted in. Stable names: they stand in logs and reports."""

    JUDGED = "judged"  # each of its images has a verdict
    SKIPPED = "skipped"  # left alone although it is in order, see `SkipReason`
    GONE = "gone"  # deleted meanwhile
    LEFT = "left"  # time ran out before it was done
    MISCONFIGURED = "misconfigured"  # its tags cannot be understood
    FAILED = "failed"  # it, or what is known of its past, could not be read
    OVER_LIMIT = "over_limit"  # more would go than a limit allows


FAILS_RUN: Final[Mapping[RepositoryStatus, bool]] = {
    RepositoryStatus.JUDGED: False,
    RepositoryStatus.SKIPPED: False,
    RepositoryStatus.GONE: False,
    RepositoryStatus.LEFT: False,  # it makes the run incomplete, and the next one goes on
    RepositoryStatus.MISCONFIGURED: True,
    RepositoryStatus.FAILED: True,
    RepositoryStatus.OVER_LIMIT: True,
}
"""Whether a run has failed because a repository ended so."""


@dataclass(frozen=True, slots=True)
class RepositoryOutcome:
    """How a run ended for one repository that opted in.

    Attributes:
        status: The word for it.
        detail: Why, where the word does not say it all.
        setting: The key of ``accepted_gaps`` that would include a skipped repository.
    """

    status: RepositoryStatus
    detail: str = ""
    setting: str = ""


FAILING_REMOVALS: Final = frozenset({RemovalStatus.FAILED, RemovalStatus.NOT_JOURNALLED, RemovalStatus.PARTLY_UNTAGGED})
"""Whether a run has failed because the removal of an image ended so."""


NotifyOn = Literal["always", "removals", "problems"]
"""When somebody is told: of every run; of one that removes or would, or has problems; of one with problems."""


class RunStatus(StrEnum):
    """How a run ended.

    ``refused``: it could not be sure, so it removed nothing more. ``incomplete``: time ran out.
    ``failed``: something else did not go as it should.
    """

    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    REFUSED = "refused"
    FAILED = "failed"


class FindingKind(StrEnum):
    """What a run found beside its verdicts. Stable names: they stand in logs and reports."""

    DANGLING_REFERENCE = "dangling_reference"
    ARCHIVED_IN_USE = "archived_in_use"
    REMOVED_IN_USE = "removed_in_use"
    LIFECYCLE_EXPIRES_IN_USE = "lifecycle_expires_in_use"
    LIFECYCLE_RULE_NOT_UNDERSTOOD = "lifecycle_rule_not_understood"
    OPEN_TO_OTHER_ACCOUNTS = "open_to_other_accounts"
    MISCONFIGURED_TAG = "misconfigured_tag"
    ORPHANED_ARTIFACTS = "orphaned_artifacts"
    UNMANAGED_STORAGE = "unmanaged_storage"
    NOT_DETERMINED = "not_determined"


RUN_FAILING_KINDS = frozenset({FindingKind.ARCHIVED_IN_USE, FindingKind.REMOVED_IN_USE})
"""Findings on consumers that cannot get an archived or removed image: as problems they fail the run, which rings."""


class Severity(StrEnum):
    """How much a finding matters; the gravest first.

    ``problem``: something is broken, or breaks by itself. ``warning``: somebody should look. ``info``: good to know.
    """

    PROBLEM = "problem"
    WARNING = "warning"
    INFO = "info"


@stored
@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should know. It changes no verdict, whatever it says.

    Attributes:
        kind: Stable and machine-readable.
        severity: How much it matters.
        subject: What it is about: a repository, an image of one, or ``registry``.
        detail: One sentence with the evidence.
        bytes: How much storage it is about; None where that is not the point.
    """

    kind: FindingKind
    severity: Severity
    subject: str
    detail: str
    bytes: int | None = None

    @property
    def rings(self) -> bool:
        """Whether a run that finds it has failed."""
        return self.kind in RUN_FAILING_KINDS and self.severity is Severity.PROBLEM


SHOWN: Final = 100
"""Images of a plan that stay, in a result; the log names all of them."""


@dataclass(frozen=True, slots=True)
class Stay:
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


@dataclass(slots=True)
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
    stays: Mapping[tuple[str, str], Stay] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON-native values."""
        stays = [self.stays[key] for key in sorted(self.stays)]
        return {
            "state": self.state,
            "id": self.id,
            "expires_at": self.expires_at.isoformat(),
            "images": self.images,
            "bytes": self.bytes,
            "command": self.command,
            "stays": dict(sorted(Counter(stay.reason for stay in stays).items())),
            "stays_shown": [retained_image_json(stay) for stay in stays[:SHOWN]],
        }


def retained_image_json(stay: Stay) -> dict[str, Any]:
    """An image of a plan that stays."""
    return {
        "repository": stay.repository,
        "digest": stay.digest,
        "tags": list(stay.tags),
        "reason": stay.reason,
        "detail": stay.detail,
    }
