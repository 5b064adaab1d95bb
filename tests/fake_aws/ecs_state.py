"""What one region's ECS holds."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class Ecs:
    """Clusters, services, tasks, task definitions and the history of deployments; outputs as ECS shows them.

    Attributes:
        task_definitions: By ``family:revision``.
        services: By (cluster, name).
        tasks: By (cluster, task id).
        deployments: Service deployments by ARN.
        revisions: Service revisions by ARN.
        express: Express services by ARN, as DescribeExpressGatewayService shows them.
        daemons: By ARN, as DescribeDaemon shows them.
        daemon_deployments: By ARN.
        daemon_revisions: By ARN.
        daemon_task_definitions: By ``family:revision``.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    clusters: list[str] = field(default_factory=list)
    task_definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    tasks: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    revisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    express: dict[str, dict[str, Any]] = field(default_factory=dict)
    daemons: dict[str, dict[str, Any]] = field(default_factory=dict)
    daemon_deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    daemon_revisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    daemon_task_definitions: dict[str, dict[str, Any]] = field(default_factory=dict)


def known(told: Mapping[str, Any], keys: set[str] | frozenset[str], where: str) -> None:
    """Refuse keys that mean nothing.

    Raises:
        ValueError: There are some.
    """
    if unknown := sorted(set(told) - keys):
        raise ValueError(f"{where} has no {', '.join(unknown)}")


def pointed(store: Ecs, name: str) -> str:
    """The ARN of a task definition by ``family:revision``.

    Raises:
        LookupError: It does not exist.
    """
    if name not in store.task_definitions:
        raise LookupError(f"there is no task definition {name!r}")
    return str(store.task_definitions[name]["taskDefinitionArn"])


def stable_hash(*words: object) -> str:
    """Hex digits that are the same whenever the words are."""
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()


def containers(store: Ecs, definition: str, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name, image and, where told, digest of every container of a task definition."""
    digests, named = told.get("digests") or {}, told.get("images") or {}
    return [
        {
            "name": container["name"],
            "image": named.get(container["name"], container["image"]),
            "digest": digests.get(container["name"]),
        }
        for container in store.task_definitions[definition]["containerDefinitions"]
    ]
