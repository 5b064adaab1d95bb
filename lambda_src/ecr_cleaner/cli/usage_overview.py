"""Which consumers use which images: reads the usage sources and the repositories that usages refer to.

Images without usages are left out, and nothing is evaluated. Only one repository is held in memory at a time.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, Final

from ecr_cleaner import compose
from ecr_cleaner.aws import errors
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.clock import utc_now
from ecr_cleaner.decision import denials, matching, wide_usages
from ecr_cleaner.errors import CleanerError
from ecr_cleaner.findings.wide_usages import covered, remedy
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage, UsageKind
from ecr_cleaner.registry import config, repositories
from ecr_cleaner.registry import images as registry_images
from ecr_cleaner.report.summary import slowest_json
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import accepted

ANY_REPOSITORY: Final = "(any repository)"
"""Repository of usages that refer to a digest alone, if no repository that was read contains it."""


class ImageState(StrEnum):
    """Whether an image that a consumer refers to can be pulled."""

    PRESENT = "present"
    ARCHIVED = "archived"
    MISSING = "missing"
    NO_REPOSITORY = "no_repository"
    NOT_READ = "not_read"  # unknown; no removal depends on it
    MANY = "many"  # all images of one or several repositories


UNRESOLVED: Final = frozenset({ImageState.ARCHIVED, ImageState.MISSING, ImageState.NO_REPOSITORY})
"""States of images that cannot be pulled."""


@dataclass(frozen=True, slots=True)
class ImageConsumer:
    """A consumer of an image, under the names of the JSON document.

    Attributes:
        source: Name of the source that found it.
        consumer: Who it is, for people.
        evidence: How the usage was seen.
        reference: The image, as the consumer names it.
    """

    source: str
    consumer: str
    evidence: UsageKind
    reference: str


@dataclass(frozen=True, slots=True)
class ImageUsage:
    """An image with its consumers, under the names of the JSON document.

    Attributes:
        repository: Name of the repository; with ``*`` at its end it stands for all names with that prefix.
        name: Name within the repository: the tags of the image, or the tag or digest that usages refer to.
        digest: None if the image is unknown.
        state: Whether it can be pulled.
        consumers: Consumers that refer to the image, sorted.
    """

    repository: str
    name: str
    digest: str | None
    state: ImageState
    consumers: tuple[ImageConsumer, ...]


@dataclass(frozen=True, slots=True)
class WideReference:
    """A reference that covers more than an image, under the names of the JSON document.

    Attributes:
        reference: Normalised, with ``*`` where it is widened.
        scope: How much it covers.
        covers: The same, for people.
    """

    reference: str
    scope: ReferenceScope
    covers: str


@dataclass(frozen=True, slots=True)
class WideConsumer:
    """A consumer whose usages cover more than an image, under the names of the JSON document.

    Attributes:
        source: Name of the source that found it.
        consumer: Who it is, for people.
        consumer_arn: Its ARN; empty where there is none.
        references: The wide ones among its references, sorted.
        remedy: What mends it, and what accepts it.
    """

    source: str
    consumer: str
    consumer_arn: str
    references: tuple[WideReference, ...]
    remedy: str


@dataclass(slots=True)
class UsageOverview:
    """Usages of the images of one registry, under the names of the JSON document.

    Attributes:
        account_id: Account of the registry.
        region: Region of the registry.
        causes: Why usages or images may be missing; one sentence each.
        unprotected: Consumers that were not scanned because of settings; one sentence each.
        images: Images with usages, sorted by repository.
        wide_usages: Consumers that use more than an image, sorted.
        slowest_sources: The sources that took longest, as a run's summary has them.
    """

    account_id: str
    region: str
    causes: list[str]
    unprotected: list[str]
    images: list[ImageUsage] = field(default_factory=list)
    wide_usages: list[WideConsumer] = field(default_factory=list)
    slowest_sources: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> RunStatus:
        """Failed if anything may be missing."""
        return RunStatus.FAILED if self.causes else RunStatus.COMPLETED

    def as_json(self) -> dict[str, Any]:
        """The overview as JSON-native values."""
        return {"schema_version": 1, "status": self.status.value, **asdict(self)}


def read_overview(
    clients: AwsClients, settings: Settings, now: datetime, only: Collection[str] = (), *, unresolved: bool = False
) -> UsageOverview:
    """Read every usage source, and every repository that usages refer to.

    Args:
        clients: AWS clients of the account and region.
        settings: Disabled sources, images in use elsewhere.
        now: Time before the first call.
        only: Names of the repositories to read; empty: all that usages refer to.
        unresolved: Whether to leave out images that can be pulled.

    Raises:
        AwsError: The registry could not be read.
        CleanerError: Likewise.
    """
    facts = config.registry_facts(clients)
    existing = {name for name, _ in repositories.repository_names(clients)}
    scan = compose.usage_scanner(clients, settings, "usage", utc_now, read_only=True).scan(now)
    causes = [*denials.failed_sources(scan.failures), *filter(None, [scan.others.problem])]
    unprotected = [f"{outcome.key}: {outcome.detail}" for outcome in scan.unprotected]
    overview = UsageOverview(
        facts.account, clients.region, causes, [*unprotected, *accepted.beside_sources(settings, scan)]
    )
    usages = tuple(matching.of_registry(scan.usages, facts.account, clients.region))
    named = matching.by_repository(usages)
    anywhere = named.pop(None, ())
    unlocated = {usage.reference.digest for usage in anywhere}
    wanted = {name for name in named if name is not None}
    for name in sorted(only) if only else [*sorted(wanted), *sorted(existing - wanted)]:
        if name not in wanted and not unlocated:
            continue  # only a digest without a repository may be in any repository
        present, absent = _present(clients, name, existing, causes)
        of_name = named.get(name, ())
        # An image that a pull-through cache does not contain is fetched at the next pull.
        cached = facts.cached_under(name) is not None
        if absent is ImageState.NO_REPOSITORY:
            # A reference without a registry may belong to another registry.
            of_name = tuple(usage for usage in of_name if usage.reference.account is not None and not cached)
        images = [
            image
            for image in _resolved(name, present, of_name, anywhere, absent)
            if not (cached and image.state is ImageState.MISSING)
        ]
        unlocated -= {image.digest for image in images if image.state is not ImageState.NOT_READ}
        overview.images += images
    if not only:
        overview.images += _everywhere(usages, [usage for usage in anywhere if usage.reference.digest in unlocated])
    overview.images = [image for image in overview.images if not unresolved or image.state in UNRESOLVED]
    overview.images.sort(key=lambda image: image.repository)
    overview.wide_usages += _wide(usages, only)
    overview.slowest_sources += slowest_json(scan.outcomes)
    return overview


def _present(
    clients: AwsClients, name: str, existing: Collection[str], causes: list[str]
) -> tuple[tuple[Image, ...], ImageState]:
    """The images of a repository, and the state of all others; a failure is added to the causes."""
    if name not in existing:
        return (), ImageState.NO_REPOSITORY
    try:
        return tuple(registry_images.images(clients, name)), ImageState.MISSING
    except (CleanerError, *errors.AwsError) as error:
        causes.append(f"repository {name}: {errors.sentence(error)}")
        return (), ImageState.NOT_READ


def _resolved(
    name: str, images: tuple[Image, ...], usages: tuple[Usage, ...], anywhere: tuple[Usage, ...], absent: ImageState
) -> Iterator[ImageUsage]:
    """The images of a repository with usages; `absent` is the state of those that are not among its images."""
    resolved = matching.resolve(images, usages, anywhere)
    for image in images:
        if image.digest in resolved.used:
            state = ImageState.PRESENT if image.active else ImageState.ARCHIVED
            label = ", ".join(image.tags) or image.digest
            yield ImageUsage(name, label, image.digest, state, _consumers(resolved.used[image.digest]))
    for wanted, missing in sorted(resolved.missing.items()):
        digest = wanted[1:] if wanted.startswith("@") else None
        yield ImageUsage(name, wanted[1:], digest, absent, _consumers(missing))
    every = [usage for usage in usages if usage.reference.breadth is ReferenceScope.REPOSITORY]
    if every:
        yield ImageUsage(name, "*", None, ImageState.MANY, _consumers(every))


def _everywhere(usages: Iterable[Usage], unlocated: Iterable[Usage]) -> Iterator[ImageUsage]:
    """Usages that refer to no single repository."""
    beyond = {ReferenceScope.PREFIX, ReferenceScope.REGISTRY}
    wide = [usage for usage in usages if usage.reference.breadth in beyond]
    for prefix, of_prefix in _grouped(wide, lambda reference: reference.repository or ""):
        yield ImageUsage(f"{prefix}*", "*", None, ImageState.MANY, _consumers(of_prefix))
    for digest, of_digest in _grouped(unlocated, lambda reference: str(reference.digest)):
        yield ImageUsage(ANY_REPOSITORY, digest, digest, ImageState.NOT_READ, _consumers(of_digest))


def _wide(usages: Iterable[Usage], only: Collection[str]) -> Iterator[WideConsumer]:
    """The consumers that use more than an image, of some repositories or of all."""
    covering = [one for one in usages if not only or any(one.reference.covers(name) for name in only)]
    for _, wide in sorted(wide_usages.by_consumer(covering).items()):
        references = sorted({usage.reference for usage in wide}, key=lambda reference: reference.text)
        first = min(wide, key=lambda usage: usage.consumer)
        told = tuple(WideReference(one.text, one.breadth, covered(one)) for one in references)
        yield WideConsumer(first.source, first.consumer, first.consumer_arn, told, remedy(wide))


def _grouped(usages: Iterable[Usage], name: Callable[[Reference], str]) -> Iterator[tuple[str, Iterable[Usage]]]:
    return groupby(sorted(usages, key=lambda usage: name(usage.reference)), lambda usage: name(usage.reference))


def _consumers(usages: Iterable[Usage]) -> tuple[ImageConsumer, ...]:
    ordered = sorted(usages, key=lambda usage: (usage.source, usage.consumer, usage.evidence.value))
    return tuple(ImageConsumer(usage.source, usage.consumer, usage.evidence, usage.reference.text) for usage in ordered)
