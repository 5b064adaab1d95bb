"""Image references and the consumers that hold them.

Times are timezone-aware UTC, sizes are bytes, ages are days of 24 hours.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from ecr_cleaner.schema import AccountId, Text, stored


class ReferenceScope(StrEnum):
    """How much a reference covers. Only texts with placeholders in them cover more than an image."""

    IMAGE = "image"
    REPOSITORY = "repository"
    PREFIX = "prefix"
    REGISTRY = "registry"


@stored
@dataclass(frozen=True, slots=True)
class Reference:
    """An image reference, taken apart.

    Attributes:
        text: What was written, normalised: ``host/repository:tag@digest``, with ``*`` where it is widened, at most 300
            characters; nothing that stood around it. Beside a digest that a runtime resolved, the name that it had.
        account: Twelve digits; None, always together with `region`: whichever registry.
        region: Region of the registry.
        repository: None means: this digest, in whichever repository it lies (Lambda's ``CodeSha256``).
        tag: As written, without the implied ``latest``.
        digest: As written, or as the runtime resolved it.
        breadth: One image; every image of `repository`; every image of every repository whose name begins with
            `repository`; or every image of the registry.

    With neither repository nor digest it means no image: nothing can be pulled by what was written.
    """

    text: str
    account: str | None = None
    region: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    breadth: ReferenceScope = ReferenceScope.IMAGE

    @property
    def effective_tag(self) -> str | None:
        """The tag a runtime would ask for: neither tag nor digest means ``latest``."""
        if self.tag is None and self.digest is None:
            return "latest"
        return self.tag

    @property
    def is_wide(self) -> bool:
        """Whether it covers more than an image."""
        return self.breadth is not ReferenceScope.IMAGE

    def may_lie_in(self, account: str | None, region: str) -> bool:
        """Whether it names this registry, or any registry."""
        return self.account is None or (self.account == account and self.region == region)

    def covers(self, repository: str) -> bool:
        """Whether it is wide and covers every image of a repository; in whose registry is another question."""
        match self.breadth:
            case ReferenceScope.REGISTRY:
                return True
            case ReferenceScope.PREFIX:
                return repository.startswith(self.repository or "")
            case ReferenceScope.REPOSITORY:
                return repository == self.repository
            case ReferenceScope.IMAGE:
                return False

    @property
    def names_nothing(self) -> bool:
        """Whether it means no image at all."""
        return self.repository is None and self.digest is None


@stored
@dataclass(frozen=True, slots=True, order=True)
class ScanTarget:
    """An account and a region in which consumers are looked for.

    Attributes:
        account_id: Twelve digits.
        region: As AWS writes it, e.g. ``eu-central-1``.
    """

    account_id: AccountId
    region: Text

    def __str__(self) -> str:
        return f"{self.account_id}/{self.region}"


@stored
@dataclass(frozen=True, slots=True, order=True)
class SeenCluster:
    """A cluster in which somebody else than its own source saw images run.

    Attributes:
        repository: Of the registry; whose images they are.
        arn: Of the ECS or EKS cluster, in any account and region.
    """

    repository: Text
    arn: Text


class UsageKind(StrEnum):
    """How a usage was seen."""

    CONFIGURED = "configured"
    RUNNING = "running"
    ROLLBACK = "rollback"
    SCHEDULED = "scheduled"


@stored
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
        consumer_arn: Of the consumer, where AWS returns or defines one: its wide usages may be accepted by it.
        in_text: Whether a text named it, rather than a field for one image.
        problem: What is wrong with the name, for people, and what was made of it; empty: nothing.
        unasked: By what the consumer can be asked whether it got its image, if it was not, because all else of it was
            known; else empty.
    """

    reference: Reference
    source: Text
    consumer: str
    evidence: UsageKind = UsageKind.CONFIGURED
    failure: str = ""
    target: ScanTarget | None = None
    cluster: str | None = None
    # Not compared: of the same reference and consumer they say more, and make no other usage of it.
    consumer_arn: str = field(default="", compare=False)
    in_text: bool = field(default=False, compare=False)
    problem: str = ""
    unasked: str = field(default="", compare=False)

    @property
    def may_be_ignored(self) -> bool:
        """Whether an entry ``usage:<ARN>`` may take it out.

        A complete reference always counts, and so does the image field of what runs, however odd the name in it is.
        """
        is_field_of_what_runs = self.evidence is UsageKind.RUNNING and not self.in_text
        return self.reference.is_wide and bool(self.consumer_arn) and not is_field_of_what_runs
