"""Who uses what, image by image: reads the sources and the repositories that they name. Nothing is judged.

What no source names is not shown, and only one repository lies in memory at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.aws import errors
from ecr_cleaner.decision import matching
from ecr_cleaner.errors import CleanerError
from ecr_cleaner.model.result import RunStatus
from ecr_cleaner.model.usage import ReferenceScope
from ecr_cleaner.registry import config, repositories
from ecr_cleaner.registry import images as registry_images
from ecr_cleaner.usage.scanner import LocalScanner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.scan import UsageScan
    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.registry.pull_access import RegistryFacts
    from ecr_cleaner.settings.loader import Settings

SCHEMA_VERSION: Final = 1


ANY_REPOSITORY: Final = "(any repository)"
"""Where usages stand that name a digest alone, if none of the repositories that were read holds it."""


class State(StrEnum):
    """What became of an image that somebody names."""

    THERE = "there"
    ARCHIVED = "archived"
    MISSING = "missing"
    NO_REPOSITORY = "no_repository"
    NOT_READ = "not_read"  # nobody knows, and no removal depends on it
    MANY = "many"  # every image of a repository, or of several


UNRESOLVED: Final = frozenset({State.ARCHIVED, State.MISSING, State.NO_REPOSITORY})
"""What nothing can pull."""


@dataclass(frozen=True, slots=True)
class ImageUsage:
    """One image that is named, and who names it.

    Attributes:
        repository: Its name; one that ends in ``*`` stands for all that begin so.
        name: As a person writes it within the repository: its tags, or what was asked for.
        digest: None where the image is not known.
        state: What became of it.
        usages: Of the image.
    """

    repository: str
    name: str
    digest: str | None
    state: State
    usages: tuple[Usage, ...]


@dataclass(slots=True)
class UsageOverview:
    """Who uses what in one registry.

    Attributes:
        account_id: Whose.
        region: Where.
        scan: The sources' outcomes.
        used: By repository and image.
        causes: Why something may be missing; one sentence each.
        accepted_gaps: What a person left unprotected beside whole sources; one sentence each.
    """

    account_id: str
    region: str
    scan: UsageScan
    used: list[ImageUsage] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    accepted_gaps: tuple[str, ...] = ()

    @property
    def unprotected(self) -> list[str]:
        """What was not looked at by a person's word; one sentence each."""
        return [*(f"{outcome.key}: {outcome.detail}" for outcome in self.scan.unprotected), *self.accepted_gaps]

    @property
    def status(self) -> RunStatus:
        """Whether all of it is known."""
        return RunStatus.FAILED if self.causes else RunStatus.COMPLETED

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON-native values."""
        return {
            "schema_version": SCHEMA_VERSION,
            "status": self.status.value,
            "account_id": self.account_id,
            "region": self.region,
            "causes": self.causes,
            "unprotected": self.unprotected,
            "images": [
                {
                    "repository": one.repository,
                    "name": one.name,
                    "digest": one.digest,
                    "state": one.state.value,
                    "consumers": [
                        {
                            "source": usage.source,
                            "consumer": usage.consumer,
                            "evidence": usage.evidence.value,
                            "reference": usage.reference.text,
                        }
                        for usage in one.usages
                    ],
                }
                for one in self.used
            ],
        }


def look(
    clients: AwsClients, settings: Settings, now: datetime, only: Collection[str] = (), *, unresolved: bool = False
) -> UsageOverview:
    """Ask every source, and look for what it names.

    Args:
        clients: Of the account and region.
        settings: Which sources are excluded.
        now: The moment before the first call.
        only: Repositories to look at; empty means all that are named.
        unresolved: Whether only what nothing can pull is wanted.

    Raises:
        AwsError: The registry as a whole does not answer.
        CleanerError: Likewise.
    """
    facts = config.registry_facts(clients)
    existing = {name for name, _ in repositories.repository_names(clients)}
    scan = LocalScanner(clients, settings, "usage", lambda: now).scan(now)
    found = UsageOverview(facts.account, clients.region, scan, accepted_gaps=settings.gaps_beside_sources)
    found.causes += [f"source {outcome.key}: {outcome.detail}" for outcome in scan.failures]
    usages = tuple(matching.of_registry(scan.usages, facts.account, clients.region))
    named = matching.by_repository(usages)
    anywhere = named.pop(None, ())
    registry = _Registry(clients, facts, frozenset(existing), anywhere)
    homeless = {one.reference.digest for one in anywhere}
    wanted = {name for name in named if name is not None}
    for name in sorted(only) if only else [*sorted(wanted), *sorted(existing - wanted)]:
        if name not in wanted and not homeless:
            continue  # a digest alone may lie in any repository, until it is found
        known = registry.used(name, named.get(name, ()), found.causes)
        homeless -= {one.digest for one in known if one.state is not State.NOT_READ}
        found.used += known
    if not only:
        found.used += _everywhere(usages, [one for one in anywhere if one.reference.digest in homeless])
    found.used = [one for one in found.used if not unresolved or one.state in UNRESOLVED]
    found.used.sort(key=lambda one: one.repository)
    return found


@dataclass(frozen=True, slots=True)
class _Registry:
    clients: AwsClients
    facts: RegistryFacts
    existing: frozenset[str]
    anywhere: tuple[Usage, ...]

    def used(self, name: str, usages: tuple[Usage, ...], causes: list[str]) -> list[ImageUsage]:
        """What is used of one repository; a failure becomes one of the causes."""
        # What a pull-through cache does not hold is fetched when somebody pulls it.
        cached = self.facts.cached_under(name) is not None
        if name not in self.existing:
            # A name without a registry may be an image of another one.
            certain = tuple(one for one in usages if one.reference.account is not None)
            return [] if cached else list(_all(name, certain, State.NO_REPOSITORY))
        try:
            found = list(_resolved(name, registry_images.images(self.clients, name), usages, self.anywhere))
        except (CleanerError, *errors.AwsError) as error:
            causes.append(f"repository {name}: {errors.sentence(error)}")
            return list(_all(name, usages, State.NOT_READ))
        return [one for one in found if not (cached and one.state is State.MISSING)]


def _resolved(
    name: str, images: Iterable[Image], usages: tuple[Usage, ...], anywhere: tuple[Usage, ...]
) -> Iterator[ImageUsage]:
    images = tuple(images)
    resolved = matching.resolve(images, usages, anywhere)
    for image in images:
        if image.digest in resolved.used:
            state = State.THERE if image.active else State.ARCHIVED
            label = ", ".join(image.tags) or image.digest
            yield ImageUsage(name, label, image.digest, state, _sorted(resolved.used[image.digest]))
    yield from _unfound(name, resolved.missing, State.MISSING)
    yield from _many(name, usages)


def _all(name: str, usages: tuple[Usage, ...], state: State) -> Iterator[ImageUsage]:
    yield from _unfound(name, matching.resolve((), usages).missing, state)
    yield from _many(name, usages)


def _unfound(name: str, missing: Mapping[str, tuple[Usage, ...]], state: State) -> Iterator[ImageUsage]:
    for wanted, usages in sorted(missing.items()):
        digest = wanted[1:] if wanted.startswith("@") else None
        yield ImageUsage(name, wanted[1:], digest, state, _sorted(usages))


def _many(name: str, usages: Iterable[Usage]) -> Iterator[ImageUsage]:
    every = [usage for usage in usages if usage.reference.breadth is ReferenceScope.REPOSITORY]
    if every:
        yield ImageUsage(name, "*", None, State.MANY, _sorted(every))


def _everywhere(usages: Iterable[Usage], homeless: Iterable[Usage]) -> Iterator[ImageUsage]:
    """What names no single repository."""
    prefixes: dict[str, list[Usage]] = {}
    for one in usages:
        if one.reference.breadth is ReferenceScope.PREFIX:
            prefixes.setdefault(f"{one.reference.repository or ''}*", []).append(one)
    for name, found in sorted(prefixes.items()):
        yield ImageUsage(name, "*", None, State.MANY, _sorted(found))
    digests: dict[str, list[Usage]] = {}
    for one in homeless:
        digests.setdefault(str(one.reference.digest), []).append(one)
    for digest, found in sorted(digests.items()):
        yield ImageUsage(ANY_REPOSITORY, digest, digest, State.NOT_READ, _sorted(found))


def _sorted(usages: Iterable[Usage]) -> tuple[Usage, ...]:
    return tuple(sorted(usages, key=lambda usage: (usage.source, usage.consumer, usage.evidence.value)))
