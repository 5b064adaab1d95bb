"""What a usage source is, and what it may lean on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ecr_cleaner.model import Evidence, Usage
from ecr_cleaner.reference import parse_resolved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.usage.task_definitions import TaskDefinitions


@dataclass(frozen=True, slots=True)
class Account:
    """What every source reads from.

    Attributes:
        aws: Clients of the run.
        task_definitions: Those already read, shared because several sources name the same ones.
        notes: Things a person should know that protect nothing; sources append sentences.
    """

    aws: Aws
    task_definitions: TaskDefinitions
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """Collects usages from one kind of consumer; knows nothing of rules.

    Attributes:
        name: As in ``disabled_usage_sources``.
        title: As people call it.
        service: botocore's name, asked whether the region has it.
        permissions: Every IAM action that `collect` needs; the role's policy is held against it by a test.
        collect: Yields every usage, or raises: an answer that is not full is no answer.
        setting: The Terraform input that excludes the source.
    """

    name: str
    title: str
    service: str
    permissions: tuple[str, ...]
    collect: Callable[[Account], Iterator[Usage]]
    setting: Literal["disabled_usage_sources", "acknowledged_unscanned"] = "disabled_usage_sources"


def usages_of(
    text: str,
    *,
    source: str,
    consumer: str,
    digest: str | None = None,
    evidence: Evidence = Evidence.CONFIGURED,
) -> Iterator[Usage]:
    """The usages that one image field of a consumer makes: none if it is no private ECR image.

    Args:
        text: The reference as configured.
        source: Name of the source.
        consumer: For people.
        digest: What the runtime resolved it to, where it says so.
        evidence: How it was seen.

    Raises:
        UnreadableReferenceError: The text looks like ECR and cannot be read.
    """
    for reference in parse_resolved(text, digest):
        yield Usage(reference=reference, source=source, consumer=consumer, evidence=evidence)
