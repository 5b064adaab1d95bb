"""Makes values in one line: ``image("app", pushed="40d", tags=["v1"])``."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.decision.retention import of_repository
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.repository import Repository, Retention
from ecr_cleaner.model.rules import RetentionRule
from ecr_cleaner.model.scan import SourceKey
from ecr_cleaner.model.usage import Reference, ScanTarget, Usage, UsageKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
TARGET: Final = ScanTarget(ACCOUNT, REGION)
HOST: Final = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"

IMAGE_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
IMAGE_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"

_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def ago(text: str, now: datetime = NOW) -> datetime:
    """A moment so long before now: ``40d``, ``30d+1s``."""
    parts = re.findall(r"(\d+)([dhms])", text)
    return now - sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())


def digest(name: str) -> str:
    """A digest that belongs to a name."""
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


def image(
    name: str = "app",
    *,
    pushed: str = "40d",
    tags: Iterable[str] = (),
    repository: str = "app",
    kind: str = "image",
    subject: str | None = None,
    pulled: str | None = None,
    artifact_type: str | None = None,
    active: bool = True,
    size: int = 1000,
) -> Image:
    """An image whose digest belongs to `name`; `kind` is ``image`` or ``index``, `subject` another name."""
    index = kind == "index"
    return Image(
        repository=repository,
        digest=digest(name),
        pushed_at=ago(pushed),
        tags=tuple(sorted(tags)),
        size_bytes=size,
        media_type=INDEX if index else IMAGE_MANIFEST,
        artifact_type=None if index else artifact_type or IMAGE_CONFIG,
        subject=digest(subject) if subject else None,
        last_pulled_at=ago(pulled) if pulled else None,
        active=active,
    )


def usage(
    *,
    tag: str | None = None,
    of: str | None = None,
    repository: str | None = "app",
    consumer: str = "ecs service prod/app",
    evidence: UsageKind = UsageKind.CONFIGURED,
) -> Usage:
    """A usage by tag and/or of the image that belongs to the name `of`."""
    reference = Reference(
        text=f"{repository}:{tag}",
        account=ACCOUNT if repository else None,
        region=REGION if repository else None,
        repository=repository,
        tag=tag,
        digest=digest(of) if of else None,
    )
    return Usage(reference, "ecs", consumer, evidence)


def counts(**by_source: int) -> dict[SourceKey, int]:
    """Images in use by source, all in one account and region: ``counts(ecs=3)``."""
    return {SourceKey(TARGET, source): count for source, count in by_source.items()}


def retention(keep_days: int = 30, *rules: Mapping[str, Any], **more: Any) -> Retention:
    """What keeps images of a repository: the default age, and rules, each without its repositories."""
    whole = [RetentionRule(repositories=("*",), **rule) for rule in rules]
    held = of_repository("app", whole, default_keep_days=keep_days)
    return replace(held, **more)


def repository(
    name: str = "app",
    keep_days: int = 30,
    *,
    tag: str | None = None,
    rules: Iterable[Mapping[str, Any]] = (),
    **more: Any,
) -> Repository:
    """A repository that opted in; `tag` is its own word on its age, `rules` as of `retention`."""
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"
    return Repository(name, arn, retention(keep_days, *rules, is_tagged=tag is not None, **more), tag)
