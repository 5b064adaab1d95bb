"""The JSON document that Terraform writes for the function, in ``ECR_CLEANER_SETTINGS`` or in S3.

``main.tf`` and `SettingsDocument` hold the same keys (a test compares them).
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model.result import NotifyOn
from ecr_cleaner.model.rules import Number, RetentionRule
from ecr_cleaner.reference import listed
from ecr_cleaner.schema import Sha256, Strict, refuse
from ecr_cleaner.settings.accounts import ROLE_NAME, OtherAccounts
from ecr_cleaner.settings.gaps import REGION, AcceptedGaps, known_sources


def _is_of_this_image(sha256: str, info: ValidationInfo) -> str:
    known = known_sources(info)
    if known is not None and sha256 != known.sha256:
        message = (
            "the module knows other consumers than the function's image asks: both have to be of one version, so build"
            " the image that image_uri names from this version's lambda_src"
        )
        raise ValueError(message)
    return sha256


def _is_reference(text: str) -> str:
    try:
        found = listed(text)
    except UnreadableReferenceError as error:
        message = f"it is no image reference: {error.rule}"
        raise ValueError(message) from None
    if found is None:
        message = "it names an image of another registry, which protects nothing here"
        raise ValueError(message)
    return text


ProtectedImage = Annotated[str, AfterValidator(_is_reference)]
"""What ``protected_images`` may name."""


def _are_revisions(value: object) -> object:
    # One sentence; a union would say of each of its types that the value is none.
    if value == "all" or (type(value) is int and value >= 1):
        return value
    message = 'it must be a whole number of at least 1, or "all"'
    raise ValueError(message)


Revisions = Annotated[int | Literal["all"], BeforeValidator(_are_revisions)]
"""What ``task_definition_revisions`` may say."""


def _are_regions(value: object) -> object:
    # One sentence, as for the revisions.
    if value is None or value == "enabled":
        return value
    names = list(value) if isinstance(value, list | tuple) else []
    if not names or len({*map(str, names)}) < len(names) or not all(re.fullmatch(REGION, str(one)) for one in names):
        message = 'it must be "enabled", or a list of different regions such as ["eu-west-1"]'
        raise ValueError(message)
    return tuple(names)


Regions = Annotated[Literal["enabled"] | tuple[str, ...] | None, BeforeValidator(_are_regions)]
"""What ``regions`` may say."""

METRICS_NAMESPACE: Final = r"^[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}$"
"""What CloudWatch takes; one that begins with ``AWS/`` is AWS's own, which Terraform refuses."""


class UsedImagesLocation(Strict):
    """Where people keep lists of images that are in use where no source looks.

    Attributes:
        bucket: Its name.
        prefix: Of the keys, ending in a slash.
        max_age_hours: Whole hours; an inventory that was written longer ago may be out of date.
    """

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    # Neither IAM's wildcards nor its variables: the role's policy names the prefix.
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9._=-]+/)+$", max_length=200)]
    max_age_hours: Annotated[int, Field(ge=1, le=99_999)]

    def uri(self, key: str | None = None) -> str:
        """An object as people write it; without a key, the place itself."""
        return f"s3://{self.bucket}/{self.prefix if key is None else key}"


Count = Annotated[int, Field(ge=1)]

Percent = Annotated[int, Field(ge=1, le=100)]


class Storage(Strict):
    """The bucket of this instance of the module, and what it keeps there beside its plans.

    Attributes:
        bucket: Its name.
        prefix: Of all keys.
        history: Whether it remembers who used what.
        journal: Whether it writes down what goes before it goes.
        reports: Whether it keeps a report of each run.
    """

    bucket: Annotated[str, Field(min_length=3)]
    prefix: Annotated[str, Field(pattern=r"^([^/]+/)+$")]
    history: bool = False
    journal: bool = False
    reports: bool = False


class Notifications(Strict):
    """Who is told of runs.

    Attributes:
        topic_arn: Of the SNS topic.
        on: Of which runs; see `NotifyOn`.
    """

    topic_arn: Annotated[str, Field(pattern=r"^arn:[^:]+:sns:[^:]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$")]
    on: NotifyOn


def _there_if_required(storage: Storage | None, info: ValidationInfo) -> Storage | None:
    if storage is None and info.data.get("require_approval"):
        refuse("require_approval = true needs a bucket for the plans")
    return storage


class SettingsDocument(Strict):
    """The JSON document in ``ECR_CLEANER_SETTINGS``.

    Attributes:
        schema_version: Version of this document.
        accepted_gaps: What is left unprotected on purpose, with the reason; every run lists it.
        accounts: Other accounts whose consumers are looked at; none together with `organization`.
        api_rate_share: Percent of the request rates that AWS publishes which a run takes; the rest is left to others.
        delete_archived_after_days: Archived images may be deleted after this many days; None: never.
        event_bus_name: Event bus on which each run puts an event; None: no events.
        grace_days: Whole days for which every run has to find an image unneeded before it goes; needs the history.
        keep_recently_used_days: An image in use within this many days is kept; needs the history.
        lock_table: DynamoDB table of the lock, which prevents two runs at once; None: no lock.
        max_continuations: How many more rounds a night of the state machine may have after its first, if time runs out.
        max_removal_percent_per_repository: Percent of a repository's images that may be unused; None: no limit.
        max_removal_percent_per_run: Percent of all images that may be unused; None: no limit.
        max_removals_per_repository: Images that a run may remove from a repository; None: no limit.
        max_removals_per_run: Images that a run may remove from all repositories; None: no limit.
        max_usage_drop_percent: Percent by which a source's images in use may drop unconfirmed, by 5 of them or more;
            None: not compared.
        metrics_namespace: CloudWatch namespace of the metrics that each run writes; None: no metrics.
        minimum_keep_days: Whole days; lower bound of every age limit, also of a repository's tag.
        notifications: Where a summary is published, and of which runs; None: nowhere.
        organization: Whether the consumers of every account of the organization are looked at.
        own_repository: Repository of the function's own image, which is never cleaned; None: it is in another registry.
        plan_expiry_hours: Whole hours after which a plan expires.
        protected_images: Images that are always kept.
        reader_role_name: Name of the role that the function assumes in each other account.
        regions: Where images may be in use, beside the registry's own region: ``enabled`` for all that the account
            can use, or their names; None: nowhere else.
        removal_mode: How images are removed: deleted, or moved into ECR's archive.
        report_unmanaged_repositories: Whether a run also reads repositories that did not opt in, for findings.
        require_approval: Whether a person approves each removal; matters when ``dry_run`` is false.
        retention_rules: What keeps images of some repositories instead of the defaults.
        savings_tag_key: Key of a repository's tag by whose values a report sums savings; None: by none.
        storage: Bucket of history, journal, plans and reports, and which of them there are; None: none.
        storage_price_per_gb_month: US dollars, for reports (https://aws.amazon.com/ecr/pricing/, in us-east-1).
        task_definition_revisions: How many of the newest active revisions of each family of ECS task definitions
            are in use although nothing names them.
        usage_sources_sha256: Hash of the names of all sources that the module knows, in order, separated by commas; an
            image that asks others does nothing and fails.
        used_images: Location of lists of used images, from the inputs ``used_images_uri`` and
            ``used_images_max_age_hours``; None: no lists.
    """

    schema_version: Literal[1] = 1
    accepted_gaps: AcceptedGaps = Field(default_factory=dict)
    organization: bool = False  # before the accounts, which are held against it
    accounts: OtherAccounts = ()
    api_rate_share: Annotated[int, Field(ge=10, le=100)] = 50
    delete_archived_after_days: Annotated[int, Field(ge=90, le=99_999)] | None = None
    event_bus_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,256}$")] | None = None
    grace_days: Annotated[int, Field(ge=0, le=30)] = 1
    keep_recently_used_days: Annotated[int, Field(ge=0, le=99_999)] = 7
    lock_table: Annotated[str, Field(min_length=3)] | None = None
    max_continuations: Annotated[int, Field(ge=0, le=8)] = 3
    max_removal_percent_per_repository: Percent | None = None
    max_removal_percent_per_run: Percent | None = None
    max_removals_per_repository: Count | None = None
    max_removals_per_run: Count | None = None
    max_usage_drop_percent: Annotated[int, Field(ge=0, le=100)] | None = 50
    metrics_namespace: Annotated[str, Field(pattern=METRICS_NAMESPACE)] | None = "ECRCleaner"
    minimum_keep_days: Number = 1
    notifications: Notifications | None = None
    own_repository: Annotated[str, Field(min_length=2)] | None = None
    plan_expiry_hours: Annotated[int, Field(ge=1, le=720)] = 72
    protected_images: frozenset[ProtectedImage] = frozenset()
    reader_role_name: Annotated[str, Field(pattern=ROLE_NAME)] = "ecr-cleaner-reader"
    regions: Regions = None
    removal_mode: Literal["delete", "archive"] = "delete"
    report_unmanaged_repositories: bool = False
    require_approval: bool = False
    retention_rules: tuple[RetentionRule, ...] = ()
    savings_tag_key: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    storage: Annotated[Storage | None, AfterValidator(_there_if_required)] = Field(default=None, validate_default=True)
    storage_price_per_gb_month: Annotated[float, Field(ge=0, le=1000)] = 0.10
    task_definition_revisions: Revisions = 1
    usage_sources_sha256: Annotated[str, AfterValidator(_is_of_this_image)] | None = None
    used_images: UsedImagesLocation | None = None

    @field_validator("minimum_keep_days")
    @classmethod
    def _tell_the_rules(cls, days: int, info: ValidationInfo) -> int:
        """The rules are validated after it, so that all of their problems are told at once."""
        if info.context is not None:
            info.context["minimum_keep_days"] = days
        return days

    @model_validator(mode="after")
    def _archiving_needs_the_history(self) -> SettingsDocument:
        if self.removal_mode == "archive" and self.history is None:
            refuse("removal_mode = archive needs the history: what an archived index lists is known from there alone")
        return self

    @property
    def history(self) -> Storage | None:
        """Where the past is remembered; None: nowhere."""
        return self.storage if self.storage and self.storage.history else None

    @property
    def journal(self) -> Storage | None:
        """Where what goes is written down first; None: nowhere."""
        return self.storage if self.storage and self.storage.journal else None

    @property
    def reports(self) -> Storage | None:
        """Where reports of runs are kept; None: nowhere."""
        return self.storage if self.storage and self.storage.reports else None

    @property
    def plans(self) -> Storage | None:
        """Where plans lie that wait for approval; None: none has to wait."""
        if self.storage is None or not self.require_approval:
            return None
        return self.storage.model_copy(update={"prefix": f"{self.storage.prefix}plans/"})

    @property
    def gaps_beside_sources(self) -> tuple[str, ...]:
        """What a person left unprotected although every source and region is asked that could be, with the reasons."""
        gaps = self.accepted_gaps.items()
        by_outcome = ("source:", "region:", "account:")  # which the scan's outcomes tell
        return tuple(f"{gap}: {reason}" for gap, reason in gaps if gap != "eks:*" and not gap.startswith(by_outcome))


class SettingsObject(Strict):
    """Where a document lies that outgrew the environment.

    Attributes:
        bucket: Its name.
        key: Of the object.
        sha256: Of its bytes, in hexadecimal digits.
    """

    bucket: Annotated[str, Field(min_length=3)]
    key: Annotated[str, Field(min_length=1)]
    sha256: Sha256


class SettingsPointer(Strict):
    """What stands in ``ECR_CLEANER_SETTINGS`` then."""

    schema_version: Literal[1]
    settings_object: SettingsObject
