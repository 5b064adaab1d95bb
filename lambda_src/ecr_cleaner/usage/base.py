"""What a usage source is, and what it may lean on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from ecr_cleaner.clock import utc_now
from ecr_cleaner.model import Evidence, Usage
from ecr_cleaner.reference import find, parse_resolved
from ecr_cleaner.usage.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.settings_document import UsedImagesLocation
    from ecr_cleaner.usage.task_definitions import TaskDefinitions

Proof = Literal["sandbox", "model"]
"""Where a source was tried: against the sandbox's strict service, or against botocore's service model only."""


class SourceSettings(Protocol):
    """What sources need of the settings."""

    @property
    def accepted_gaps(self) -> Mapping[str, str]:
        """What a person left unprotected, to the reason."""

    @property
    def protected_images(self) -> Collection[str]:
        """References that are in use by a person's word."""

    @property
    def task_definition_revisions(self) -> int | Literal["all"]:
        """How many of the newest active revisions of each family are in use although nothing names them."""

    @property
    def used_images(self) -> UsedImagesLocation | None:
        """Where lists of used images lie; None: nowhere."""


@dataclass(frozen=True, slots=True)
class Account:
    """What every source reads from.

    Attributes:
        aws: Clients of the run.
        settings: What the run is told; for the sources that people configure.
        task_definitions: Those already read, shared because several sources name the same ones.
        notes: Things a person should know that protect nothing; sources append sentences.
        listing: Of the inventories, shared because what lets a cluster pass is what its images are read from.
        now: The moment before the first call.
    """

    aws: Aws
    settings: SourceSettings
    task_definitions: TaskDefinitions
    notes: list[str] = field(default_factory=list)
    listing: Listing = field(default_factory=Listing)
    now: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True)
class Grant:
    """IAM actions that a source needs on the same resources; becomes one statement of the role's policy.

    Attributes:
        sid: Letters and digits, unique among all sources.
        actions: As IAM writes them, e.g. ``ecs:ListClusters``.
        resource: ``*`` where the actions know no resource, else an ARN with ``{partition}``, ``{region}`` and
            ``{account}`` in it. With ``{inventory_bucket}`` or ``{inventory_prefix}`` in it the statement is there
            only if there are inventories.
        condition: As IAM writes it; may hold the same.
    """

    sid: str
    actions: tuple[str, ...]
    resource: str = "*"
    condition: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Field:
    """A member of an answer that safety depends on: a botocore that does not know it would drop it in silence.

    Attributes:
        service: botocore's name.
        operation: As AWS writes it.
        path: As in `ecr_cleaner.paths`.
    """

    service: str
    operation: str
    path: str


@dataclass(frozen=True, slots=True)
class Source:
    """Collects usages from one kind of consumer; knows nothing of rules.

    Attributes:
        name: As in ``source:<name>`` of ``accepted_gaps``.
        title: As people call it.
        protects: What of it counts as in use, for the README.
        service: botocore's name, asked whether the region has it; None: AWS is not asked at all.
        grants: Every IAM action that `collect` needs; the role's policy is made from them.
        fields: What `collect` reads; looked up in the loaded service models before it is asked.
        collect: Yields every usage, or raises: an answer that is not full is no answer.
        proof: Where it was tried.
        gap_kind: Of the entry of ``accepted_gaps`` that excludes the source: ``source``, or ``eks`` if it speaks of
            clusters.
        regions: Where the service is, if botocore's metadata does not say. It need not be complete: it is asked only
            when nobody answers.
    """

    name: str
    title: str
    protects: str
    service: str | None
    grants: tuple[Grant, ...]
    fields: tuple[Field, ...]
    collect: Callable[[Account], Iterator[Usage]]
    proof: Proof = "sandbox"
    gap_kind: Literal["source", "eks"] = "source"
    regions: frozenset[str] = frozenset()

    @property
    def gap(self) -> str:
        """The entry of ``accepted_gaps`` that excludes the source from every run."""
        return f"source:{self.name}" if self.gap_kind == "source" else f"{self.gap_kind}:*"

    @property
    def permissions(self) -> tuple[str, ...]:
        """Every IAM action, sorted."""
        return tuple(sorted({action for grant in self.grants for action in grant.actions}))


def usages_of(  # noqa: PLR0913 - what a usage is made of
    text: str,
    *,
    source: str,
    consumer: str,
    digest: str | None = None,
    evidence: Evidence = Evidence.CONFIGURED,
    failure: str = "",
) -> Iterator[Usage]:
    """The usages that one image field of a consumer makes: none if it is no private ECR image.

    Args:
        text: The reference as configured.
        source: Name of the source.
        consumer: For people.
        digest: What the runtime resolved it to, where it says so.
        evidence: How it was seen.
        failure: What AWS says, if the consumer did not get its image.

    Raises:
        UnreadableReferenceError: The text looks like ECR and cannot be read.
    """
    for reference in parse_resolved(text, digest):
        yield Usage(reference, source, consumer, evidence, failure)


def usages_in(
    text: str,
    *,
    source: str,
    consumer: str,
    evidence: Evidence = Evidence.CONFIGURED,
) -> Iterator[Usage]:
    """The usages in a text whose grammar is not ours: a definition, a template, a script.

    Args:
        text: Anything; searched for the host names of private registries.
        source: Name of the source.
        consumer: For people.
        evidence: How it was seen.
    """
    for reference in find(text):
        yield Usage(reference=reference, source=source, consumer=consumer, evidence=evidence)
