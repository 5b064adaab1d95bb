"""What is known of an ECS service from one night to the next.

Service deployments are read-only and have an id of their own, and a revision is a version of its service
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html,
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html): what ECS resolved for it stays as it
is once its deployment has ended. ECS lists the deployments of the most recent 90 days
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/view-service-deployment.html).
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import AwareDatetime

from ecr_cleaner.facts.kind import FactKind
from ecr_cleaner.facts.store import Facts
from ecr_cleaner.schema import Text, stored
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.texts.search import SearchResult

LISTED: Final = timedelta(days=89)
"""Younger deployments are surely listed still; what is known of older ones is asked for again."""

_STEADY: Final = "COMPLETED"


@stored
@dataclass(frozen=True, slots=True)
class Revision:
    """What a revision names.

    Attributes:
        images: Those of its containers, as written, each with the digest that ECS resolved; empty: it did not yet.
        texts: What its other texts name.
        definition: ARN of its task definition; empty: it has none.
    """

    images: tuple[tuple[str, str], ...] = ()
    texts: tuple[SearchResult, ...] = ()
    definition: str = ""


@stored
@dataclass(frozen=True, slots=True)
class Deployed:
    """The target of a successful deployment.

    Attributes:
        revision: ARN.
        created_at: When the deployment was created.
    """

    revision: Text
    created_at: AwareDatetime


REVISIONS: Final = FactKind("service_revisions", "ecs", Revision)
"""By ARN; once its deployment has ended and every container has a digest."""

DEPLOYMENTS: Final[FactKind[tuple[Deployed, ...]]] = FactKind("service_deployments", "ecs", tuple[Deployed, ...])
"""What was deployed before the current revisions, by `state_of`."""


def state_of(service: dict[str, Any]) -> str | None:
    """What tells a service, its revisions and its deployments from any others; None if one may be under way.

    Every deployment has an id, and is updated when its state changes. A service that is made again may have the ARN of
    an earlier one.
    """
    deployments = service.get("deployments", ())
    if service.get("createdAt") is None or not all(one.get("updatedAt") for one in deployments):
        return None
    if any(one.get("rolloutState", _STEADY) != _STEADY for one in deployments):
        return None
    told = [
        str(service["createdAt"]),
        service.get("currentServiceDeployment"),
        sorted(str(one.get("arn")) for one in service.get("currentServiceRevisions", ())),
        sorted([str(one.get(member)) for member in ("id", "status", "updatedAt")] for one in deployments),
    ]
    return f"{service.get('serviceArn')} {hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What is known of one service.

    Attributes:
        revisions: Of all services.
        deployments: Of all services.
        state: As `state_of` has it.
        now: The time before the first call.
        containers: How many containers a task definition has; None if that is not known.
    """

    revisions: Facts[Revision]
    deployments: Facts[tuple[Deployed, ...]]
    state: str | None
    now: datetime
    containers: Callable[[str], int | None]

    def earlier(self) -> set[str] | None:
        """What was deployed before the current revisions; None if that has to be asked for."""
        known = self.deployments.known(self.state) if self.state else None
        if known is None or any(one.created_at <= self.now - LISTED for one in known):
            return None
        return {one.revision for one in known}

    def learn_earlier(self, deployed: Iterable[tuple[str, datetime]]) -> None:
        """Remember what was deployed before the current revisions, of a service whose deployments have all ended."""
        if self.state:
            self.deployments.learn(self.state, tuple(Deployed(revision, at) for revision, at in deployed))

    def learn(self, arn: str, revision: Revision) -> None:
        """Remember a revision whose deployment has ended, if ECS resolved the image of each container."""
        digests = [digest for _, digest in revision.images]
        wanted = self.containers(revision.definition) if revision.definition else 1
        if self.state and wanted is not None and len(digests) >= max(wanted, 1) and all(digests):
            self.revisions.learn(arn, revision)


def of_service(context: SourceContext, service: dict[str, Any]) -> ServiceFacts:
    """What is known of a service that was described just now."""

    def containers(definition: str) -> int | None:
        found = context.task_definitions.read(definition)
        return None if found is None else len(found.images)

    known, deployed = context.facts(REVISIONS), context.facts(DEPLOYMENTS)
    return ServiceFacts(known, deployed, state_of(service), context.now, containers)
