"""What a usage source declares, and what it reads from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, TypeVar

from ecr_cleaner.aws import errors, offered, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.aws.offered import Refusal
from ecr_cleaner.clock import utc_now
from ecr_cleaner.facts.kind import FactKind
from ecr_cleaner.facts.store import Facts, FactStore
from ecr_cleaner.model.usage import SeenCluster, Usage, UsageKind
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.found import read_usages
from ecr_cleaner.usage.image_names import read_name
from ecr_cleaner.usage.shared_listings import SharedListings
from ecr_cleaner.usage.state_machines import StateMachines
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.mentions import EVERYTHING
from ecr_cleaner.usage.used_images_objects import Listing
from ecr_cleaner.usage.workers import Workers

_T = TypeVar("_T")

INDISPENSABLE: Final = frozenset({"accounts", "ecs", "ecs_families", "eks", "lambda", "regions"})
"""Sources that no message proposes to exclude: almost every account runs something there."""

VerifiedBy = Literal["sandbox", "model"]
"""What a source was verified against: the sandbox's strict service, or botocore's service model only."""


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What every source reads from.

    Attributes:
        aws: Clients of the scan target.
        settings: Of the run.
        task_definitions: Shared by all sources, because several name the same ones.
        notes: Things an operator should know that protect nothing; sources append sentences.
        parts: Consumers that are compared with earlier runs one by one; sources append their names.
        listing: Of the lists of used images, shared by the sources that need it.
        now: The time before the first call.
        unreadable: By ARN, what AWS said of things whose keys the function may not use.
        refusals: Listings that the region does not offer.
        accepted: The entries of ``accepted_gaps`` by which something was left out; every other entry is unused.
        state_machines: Shared by the sources that read them.
        known: What earlier runs read that never changes; None: nothing is known, and nothing is kept.
        clusters: How each cluster ended that was read by itself: what went wrong, or None.
        clusters_seen: Where a source saw images of this registry run, for a comparison with where was looked.
        shared_listings: Of all sources, because several make the same ones.
        workers: Threads that help.
    """

    aws: AwsClients
    settings: Settings
    task_definitions: TaskDefinitions
    notes: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    listing: Listing = field(default_factory=Listing)
    now: datetime = field(default_factory=utc_now)
    unreadable: dict[str, str] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    state_machines: StateMachines = field(default_factory=StateMachines)
    known: FactStore | None = None
    refusals: list[Refusal] = field(default_factory=list)
    clusters: dict[str, Exception | None] = field(default_factory=dict)
    clusters_seen: list[SeenCluster] = field(default_factory=list)
    shared_listings: SharedListings = field(default_factory=SharedListings)
    workers: Workers = field(default_factory=Workers)

    def paged(self, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
        """Every item of a listing, as `ecr_cleaner.aws.responses.paged` has them; made once for all sources."""
        read = partial(responses.paged, self.aws.client(service), operation, result, **parameters)
        return self.shared_listings.items(service, operation, parameters, read)

    def listed(self, service: str, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
        """Every item of a listing, as `paged` has them; none if the region does not offer it.

        Nothing of its kind can exist there; what else the source reads counts all the same, and the outcome says so.
        """
        try:
            yield from self.paged(service, operation, result, **parameters)
        except errors.AwsError as error:
            refusal = offered.refusal(error, self.aws, service, operation)
            if refusal is None:
                raise
            self.refusals.append(refusal)

    def named(self, service: str, operation: str, items: str, name: str, **asked: Any) -> Iterator[str]:
        """What names each item of a listing, as `listed` has them.

        Args:
            service: botocore's name.
            operation: As AWS writes it.
            items: The member that holds the items.
            name: The member of an item.
            asked: Of every request.
        """
        for item in self.listed(service, operation, items, **asked):
            yield str(responses.member(item, name, operation))

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something in the scan target, by IAM's name of the service and e.g. ``pipe/orders``."""
        return f"arn:{self.aws.partition}:{service}:{self.aws.region}:{self.aws.account_id}:{resource}"

    def readable(self, arn: str, read: Callable[[], _T]) -> _T | None:
        """What is read of one thing; None if the function may not use the key that the thing is encrypted with.

        A person may accept that by an entry ``unreadable:<ARN>``. Else the source fails when it has read everything
        else (`ecr_cleaner.usage.unreadable`), so that all such things are told at once.

        Args:
            arn: Of the thing.
            read: Makes the call.

        Raises:
            AwsError: The call failed for another cause.
        """
        try:
            return read()
        except errors.AwsError as error:
            if not errors.is_key_refused(error):
                raise
            self.unreadable[arn] = f"{errors.operation_of(error)} failed with {errors.code_of(error)}"
            return None

    def facts(self, kind: FactKind[_T]) -> Facts[_T]:
        """What is known of the things of a kind in the scan target."""
        return Facts(kind) if self.known is None else self.known.of(self.aws.target, kind)


@dataclass(frozen=True, slots=True)
class Grant:
    """IAM actions that a source needs on the same resources; becomes one statement of the role's policy.

    Attributes:
        sid: Letters and digits, unique among all sources.
        actions: As IAM writes them, e.g. ``ecs:ListClusters``.
        resource: ``*`` where the actions know no resource, else an ARN with ``{partition}``, ``{region}`` and
            ``{account}`` in it. With ``{inventory_bucket}`` or ``{inventory_prefix}`` in it the statement is there
            only if there are inventories.
        condition: As IAM writes it; may contain the same placeholders.
        accounts: In which accounts the source makes these calls: ``every`` one, the registry's ``own``, or ``other``
            ones.
    """

    sid: str
    actions: tuple[str, ...]
    resource: str = "*"
    condition: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    accounts: Literal["every", "own", "other"] = "every"


def arn_of(service: str, resource: str) -> str:
    """The ARN of resources in the account and region of a scan, as `Grant.resource` has it.

    Args:
        service: IAM's name.
        resource: What follows the account, e.g. ``pipe/*``.
    """
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource}"


@dataclass(frozen=True, slots=True)
class RequiredField:
    """A response member that safety depends on: a botocore that does not know it drops it without an error.

    Attributes:
        service: botocore's name.
        operation: As AWS writes it.
        path: As in `ecr_cleaner.aws.response_paths`.
    """

    service: str
    operation: str
    path: str


TASK_DEFINITION_FIELDS: Final = (
    RequiredField("ecs", "DescribeTaskDefinition", "taskDefinition.containerDefinitions[].image"),
)
"""What `TaskDefinitions` reads."""


INVENTORY_FIELDS: Final = tuple(
    RequiredField("s3", "ListObjectsV2", path)
    for path in ("Contents[].Key", "Contents[].LastModified", "KeyCount", "IsTruncated", "NextContinuationToken")
)
"""What `Listing` reads."""


def inventory_listing(sid: str) -> Grant:
    """What `Listing` needs."""
    prefix = {"StringEquals": {"s3:prefix": "{inventory_prefix}"}}
    return Grant(sid, ("s3:ListBucket",), "arn:{partition}:s3:::{inventory_bucket}", prefix)


@dataclass(frozen=True, slots=True)
class Source:
    """Collects usages from one kind of consumer; knows nothing of rules.

    Attributes:
        name: As in ``source:<name>`` of ``accepted_gaps``.
        title: What the documentation calls it.
        protects: What of it counts as in use, for the documentation.
        service: botocore's name of the service; None: the source calls no AWS service.
        grants: Every IAM action that `collect` needs; the policies of the roles are generated from them.
        fields: What `collect` reads; the loaded service models must have it before the first call.
        collect: Yields every usage, or raises: an incomplete result is a failure.
        texts: Whose items' texts are searched, and how. Tests compare it with the service models: every text that
            `collect` reads is an image field, is searched, or is left out for a reason.
        proof: What it was verified against.
        gap_kind: Of the entry of ``accepted_gaps`` that excludes the source: ``source``, or ``eks`` if its
            consumers are clusters.
        home_only: Whether it looks at nothing in an account and region, so that one scan of a run is enough.
        regions: Where the service is, if botocore's metadata does not say. It need not be complete: it only counts
            when the endpoint cannot be reached.
    """

    name: str
    title: str
    protects: str
    service: str | None
    grants: tuple[Grant, ...]
    fields: tuple[RequiredField, ...]
    collect: Callable[[SourceContext], Iterator[Usage]]
    texts: tuple[FreeText, ...] = ()
    proof: VerifiedBy = "sandbox"
    gap_kind: Literal["source", "eks"] = "source"
    home_only: bool = False
    regions: frozenset[str] = frozenset()

    @property
    def gap(self) -> str:
        """The entry of ``accepted_gaps`` that excludes the source from every run."""
        return f"source:{self.name}" if self.gap_kind == "source" else f"{self.gap_kind}:*"

    @property
    def proposed_gap(self) -> str:
        """The same where a message may propose it; else empty."""
        return "" if self.name in INDISPENSABLE else self.gap

    def granted(self, accounts: Literal["own", "other"]) -> tuple[Grant, ...]:
        """What it needs in the registry's own account, or in each other one."""
        return tuple(grant for grant in self.grants if grant.accounts in {"every", accounts})

    @property
    def permissions(self) -> tuple[str, ...]:
        """Every IAM action that it needs in the registry's own account, sorted."""
        return tuple(sorted({action for grant in self.granted("own") for action in grant.actions}))


def usages_of(  # noqa: PLR0913 - what a usage is made of
    text: str,
    *,
    source: str,
    consumer: str,
    digest: str | None = None,
    evidence: UsageKind = UsageKind.CONFIGURED,
    failure: str = "",
    consumer_arn: str = "",
) -> Iterator[Usage]:
    """The usages of one image field of a consumer, whatever it says: none if it is not a private ECR image.

    Args:
        text: The reference as configured.
        source: Name of the source.
        consumer: As reports name it.
        digest: What the runtime resolved it to, where the service returns that.
        evidence: How it was seen.
        failure: AWS's message, if the consumer could not pull its image.
        consumer_arn: Of the consumer, if the response has it.
    """
    usage = Usage(EVERYTHING, source, consumer, evidence, failure, consumer_arn=consumer_arn)
    yield from read_usages(usage, text, read_name(text, digest))
