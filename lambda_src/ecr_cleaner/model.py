"""The words of the project as values: frozen, serialisable, without behaviour that does I/O.

Times are timezone-aware UTC, sizes are bytes, ages are days of 24 hours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

INDEX_MEDIA_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""Media types of a manifest that lists other manifests (multi-architecture images)."""

CONTAINER_CONFIG_MEDIA_TYPES = (
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.config.v1+json",
)
"""What ECR gives as ``artifactMediaType`` of something that a container runtime can run."""

CONTAINER_MANIFEST_MEDIA_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
"""Media types of a manifest of one platform's image, or of an artifact."""

LEGACY_MEDIA_TYPES = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
"""Media types of Docker's first manifests, which are images and have no config to be told apart by."""


LONGEST_READING = timedelta(seconds=60)
"""How long reading manifests may take: somebody else's pull at the same time cannot be told from it."""


@dataclass(frozen=True, slots=True)
class Image:
    """One manifest in a repository, as ``ecr:DescribeImages`` tells it.

    Attributes:
        repository: Name of the repository, without host.
        digest: ``sha256:`` and 64 hexadecimal digits.
        tags: Sorted; empty for an untagged image.
        pushed_at: When the manifest was pushed, or restored from the archive if that is later.
        uploaded_at: When it was pushed, whatever came later; None: the same as `pushed_at`.
        size_bytes: Compressed size. Of an index, ECR gives the largest of its manifests, not a sum.
        media_type: Media type of the manifest, or None where ECR gives none.
        artifact_type: Media type of the config, e.g. a Helm chart's; None for an index.
        subject: Digest of the manifest that this one refers to (signature, SBOM), or None.
        last_pulled_at: Refreshed about once in 24 hours; None if never pulled.
        active: False for archived images, which nothing can pull.
        activating: Being restored from the archive just now; not `active` yet.
        archived_at: When it was archived; None unless it is.
    """

    repository: str
    digest: str
    pushed_at: datetime
    tags: tuple[str, ...] = ()
    size_bytes: int = 0
    media_type: str | None = None
    artifact_type: str | None = None
    subject: str | None = None
    last_pulled_at: datetime | None = None
    active: bool = True
    uploaded_at: datetime | None = None
    activating: bool = False
    archived_at: datetime | None = None

    @property
    def is_archived(self) -> bool:
        """Whether nothing can pull it, and nothing is on the way to change that."""
        return not self.active and not self.activating

    @property
    def storage_class(self) -> Literal["standard", "archive"]:
        """Where its layers lie; what is being restored lies in the archive until that is done."""
        return "standard" if self.active else "archive"

    @property
    def is_index(self) -> bool:
        """Whether the manifest lists other manifests."""
        return self.media_type in INDEX_MEDIA_TYPES

    @property
    def name(self) -> str:
        """The image as a person writes it: by its first tag, else by its digest."""
        return f"{self.repository}:{self.tags[0]}" if self.tags else f"{self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True)
class Gone:
    """What a run was about to delete or to archive.

    Attributes:
        tags: Those it had; without those that another image has had since.
        at: When, UTC.
        run_id: Of the run.
        action: What the run was about to do.
    """

    tags: tuple[str, ...]
    at: datetime
    run_id: str
    action: Literal["delete", "archive"]

    def __str__(self) -> str:
        """For people, as the rest of a sentence on the image."""
        return f"run {self.run_id} was about to {self.action} it {self.at:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """What one rule of the settings says; None where it leaves the word to the defaults.

    Attributes:
        repositories: Globs on names of repositories; it holds where one of them matches.
        keep_days: As in `Retention`, and so are the others.
    """

    repositories: tuple[str, ...]
    keep_days: int | None = None
    keep_days_untagged: int | None = None
    keep_newest: int | None = None
    keep_tags: tuple[str, ...] = ()
    keep_pulled_within_days: int | None = None
    remove_artifacts: bool = False


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

    @property
    def shortest_keep_days(self) -> int:
        """Nothing that is younger can go."""
        return min(self.keep_days, self.keep_days_untagged)


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
    """

    name: str
    arn: str
    retention: Retention
    keep_days_tag: str | None = None
    notes: tuple[str, ...] = ()
    misspelled: tuple[str, ...] = ()

    @property
    def keep_days(self) -> int:
        """Age limit of tagged images; whole days."""
        return self.retention.keep_days


class SkipReason(StrEnum):
    """Why an opted-in repository is left alone. The values are the kinds of ``accepted_gaps`` that include it."""

    OTHER_ACCOUNTS = "other_accounts"
    PULL_THROUGH_CACHE = "pull_through_cache"
    DELETE_REPLICATION = "delete_replication"


@dataclass(frozen=True, slots=True)
class Skipped:
    """An opted-in repository that is left alone although it is in order."""

    name: str
    reason: SkipReason
    evidence: str


class Breadth(StrEnum):
    """How much a reference covers. Only texts with placeholders in them cover more than an image."""

    IMAGE = "image"
    REPOSITORY = "repository"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True)
class Reference:
    """An image reference as a consumer wrote it, taken apart.

    Attributes:
        text: As written.
        account: Twelve digits; None, always together with `region`: whichever registry.
        region: Region of the registry.
        repository: None means: this digest, in whichever repository it lies (Lambda's ``CodeSha256``).
        tag: As written, without the implied ``latest``.
        digest: As written, or as the runtime resolved it.
        breadth: One image; every image of `repository`; or every image of every repository whose name begins with
            `repository`, all of the registry if that is empty.
    """

    text: str
    account: str | None = None
    region: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    breadth: Breadth = Breadth.IMAGE

    @property
    def effective_tag(self) -> str | None:
        """The tag a runtime would ask for: neither tag nor digest means ``latest``."""
        if self.tag is None and self.digest is None:
            return "latest"
        return self.tag


@dataclass(frozen=True, slots=True, order=True)
class ScanTarget:
    """An account and a region in which consumers are looked for.

    Attributes:
        account_id: Twelve digits.
        region: As AWS writes it, e.g. ``eu-central-1``.
    """

    account_id: str
    region: str

    def __str__(self) -> str:
        return f"{self.account_id}/{self.region}"


class Evidence(StrEnum):
    """How a usage was seen."""

    CONFIGURED = "configured"
    RUNNING = "running"
    ROLLBACK = "rollback"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, slots=True)
class Usage:
    """One reference and the consumer it was found on.

    Attributes:
        reference: What is used.
        source: Name of the source that saw it, e.g. ``ecs``.
        consumer: For people, e.g. ``ecs service prod/api, task definition api:42``.
        evidence: How it was seen.
        failure: What AWS says of it, if the consumer did not get its image; empty: nothing of that kind.
        target: Where the consumer is; the scan fills it in for its sources.
        cluster: In which cluster, if the source has an outcome for each one.
    """

    reference: Reference
    source: str
    consumer: str
    evidence: Evidence = Evidence.CONFIGURED
    failure: str = ""
    target: ScanTarget | None = None
    cluster: str | None = None


class SourceStatus(StrEnum):
    """What one source can say of its part of the world."""

    COMPLETE = "complete"
    NOT_IN_REGION = "not_in_region"
    FAILED = "failed"
    DISABLED = "disabled"


ALL_SOURCES = "*"
"""The source of an outcome that is about a whole scan target."""


@dataclass(frozen=True, slots=True)
class SourceKey:
    """What one outcome is about: everything that counts or names outcomes goes by it.

    Attributes:
        target: Where was looked.
        source: Name of the source, or `ALL_SOURCES`.
        cluster: The one cluster, if the source has an outcome for each one.
    """

    target: ScanTarget
    source: str
    cluster: str | None = None

    def __lt__(self, other: SourceKey) -> bool:
        """By target, then by source, then by cluster."""
        return self._order < other._order

    def __str__(self) -> str:
        where = f" cluster {self.cluster}" if self.cluster is not None else ""
        return f"{self.source} in {self.target}{where}"

    @property
    def _order(self) -> tuple[ScanTarget, str, bool, str]:
        return self.target, self.source, self.cluster is not None, self.cluster or ""

    def as_json(self) -> dict[str, str | None]:
        """As JSON-native values."""
        return {
            "account_id": self.target.account_id,
            "region": self.target.region,
            "source": self.source,
            "cluster": self.cluster,
        }


def counts_json(counts: Mapping[SourceKey, int]) -> list[dict[str, str | int | None]]:
    """Counts by source as JSON-native values, in their order."""
    return [{**key.as_json(), "usages": counts[key]} for key in sorted(counts)]


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """How one source ended in one scan target.

    Attributes:
        target: Where it looked.
        source: Its name, or `ALL_SOURCES`.
        status: Only ``complete`` and ``not_in_region`` allow removal; ``disabled`` is the operator's choice.
        usages: Number of usages it returned.
        detail: The cause of a failure with its remedy, or what is unprotected.
        notes: Things an operator should know that protect nothing (a schedule that names a dead revision).
        cluster: The one cluster it is about; None: all that the source looks at.
    """

    target: ScanTarget
    source: str
    status: SourceStatus
    usages: int = 0
    detail: str = ""
    notes: tuple[str, ...] = ()
    cluster: str | None = None

    @property
    def key(self) -> SourceKey:
        """What it is about."""
        return SourceKey(self.target, self.source, self.cluster)


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What a run demands of its scans; whatever does not match it counts as failed.

    Attributes:
        targets: One scan of each is demanded.
        run_id: Of the run.
        settings_sha256: Of its settings.
        catalog_sha256: Of the names of its sources.
        sources: The names of its sources: each must have an outcome.
        excluded: Those among them that the settings exclude, and no others may be.
        requested_at: A scan that started before is stale.
    """

    targets: tuple[ScanTarget, ...]
    run_id: str
    settings_sha256: str
    catalog_sha256: str
    sources: tuple[str, ...]
    excluded: frozenset[str]
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class TargetScan:
    """What one scan of one target returned: the unit of work, of serialisation and of failure.

    Attributes:
        target: Where was looked.
        run_id: The run that asked for it.
        settings_sha256: Of the settings that it was made by.
        catalog_sha256: Of the names of the sources that it was made with.
        usages: Every usage, as often as a source returned it.
        outcomes: One for every source, the disabled ones included.
        findings: What the scan itself found that an operator should know.
        calls: Tries of API calls that it took.
        started_at: Before the first call.
        finished_at: After the last one.
    """

    target: ScanTarget
    run_id: str
    settings_sha256: str
    catalog_sha256: str
    usages: tuple[Usage, ...]
    outcomes: tuple[SourceOutcome, ...]
    findings: tuple[Finding, ...]
    calls: int
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class UsageScan:
    """Every usage that the scans of a run saw, and how each source ended.

    Attributes:
        usages: In no particular order, without doubles.
        outcomes: One for every source in every target, the disabled ones included.
        started_at: Before the first call of the first scan: what was deployed later may be missing.
        findings: What the scans themselves found that an operator should know.
        calls: Tries of API calls that they took.
    """

    usages: tuple[Usage, ...]
    outcomes: tuple[SourceOutcome, ...]
    started_at: datetime
    findings: tuple[Finding, ...] = ()
    calls: int = 0

    @property
    def failures(self) -> tuple[SourceOutcome, ...]:
        """The outcomes that make the run read-only."""
        return tuple(o for o in self.outcomes if o.status is SourceStatus.FAILED)

    @property
    def unprotected(self) -> tuple[SourceOutcome, ...]:
        """The sources that the operator excluded."""
        return tuple(o for o in self.outcomes if o.status is SourceStatus.DISABLED)


@dataclass(frozen=True, slots=True)
class Contents:
    """What lies in one repository at one moment.

    Attributes:
        images: Every image, archived ones included.
        children: Digest of an index to the digests it lists.
        unread: Archived indexes whose lists ECR does not hand out.
    """

    images: tuple[Image, ...]
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


class Reason(StrEnum):
    """Why an image is kept or removed. Stable names: they stand in logs and reports."""

    IN_USE = "in_use"
    PART_OF_IMAGE_IN_USE = "part_of_image_in_use"
    RECENTLY_IN_USE = "recently_in_use"
    TOO_YOUNG = "too_young"
    AMONG_NEWEST = "among_newest"
    TAG_KEPT = "tag_kept"
    PULLED_RECENTLY = "pulled_recently"
    PART_OF_KEPT_IMAGE = "part_of_kept_image"
    REFERS_TO_KEPT_IMAGE = "refers_to_kept_image"
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
    """

    image: Image
    reason: Reason
    evidence: tuple[str, ...] = ()
    age_days: int = 0

    @property
    def removes(self) -> bool:
        """Whether the image is to be removed."""
        return self.reason in REMOVING_REASONS


@dataclass(frozen=True, slots=True)
class RepositoryPlan:
    """Every verdict of one repository.

    Attributes:
        repository: Its name and what keeps its images.
        verdicts: One for each image, in the order of the images.
        holders: For each removable image the removable images that must be gone before it: the indexes
            that list it and the subject it refers to.
        parts: For each removable index what it lists, as far as it lies there, by itself or through indexes;
            what is kept for others too.
    """

    repository: Repository
    verdicts: tuple[Verdict, ...]
    holders: Mapping[str, frozenset[str]] = field(default_factory=dict)
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
    LEFT = "left"  # time ran out before it was tried
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


Occasions = Literal["always", "removals", "problems"]
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


RINGING_KINDS = frozenset({FindingKind.ARCHIVED_IN_USE, FindingKind.REMOVED_IN_USE})
"""Findings on consumers that cannot get an archived or removed image: as problems they fail the run, which rings."""


class Severity(StrEnum):
    """How much a finding matters; the gravest first.

    ``problem``: something is broken, or breaks by itself. ``warning``: somebody should look. ``info``: good to know.
    """

    PROBLEM = "problem"
    WARNING = "warning"
    INFO = "info"


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
        return self.kind in RINGING_KINDS and self.severity is Severity.PROBLEM
