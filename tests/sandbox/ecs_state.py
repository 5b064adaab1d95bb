"""What one region's ECS holds, and how a scenario tells it.

A scenario's ``ecs`` section::

    task_definitions:
      "api:42": {image: "{registry}/shop/api:v42"}            # one container, named as the family
      "jobs:7": {containers: {jobs: "...", proxy: "..."}, status: INACTIVE}
    clusters:
      prod:
        services:
          api:
            controller: ECS                  # or CODE_DEPLOY, EXTERNAL
            task_definition: "api:42"        # may be absent for EXTERNAL and CODE_DEPLOY
            desired: 2
            deployments: [{task_definition: "api:41", status: ACTIVE}]   # beside the PRIMARY one
            task_sets: [{task_definition: "api:40", status: PRIMARY, started_by: CODE_DEPLOY}]
            revisions:                       # service deployments, the newest first; the first is current
              - {task_definition: "api:42", digests: {api: "{api-v42}"}, deployed: 2d, status: SUCCESSFUL}
        tasks:
          - {task_definition: "api:42", service: api, count: 2, digests: {api: "{api-v42}"}}
          - {task_definition: "jobs:7", status: STOPPED, stopped: 20m}

Telling a service or task definition again replaces it.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .aws import ACCOUNT
from .push import moment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from .state import Account

_SERVICE = frozenset(
    "controller task_definition desired running launch_type status deployments task_sets revisions strategy created "
    "managed".split()
)
_TASK = frozenset("task_definition service status count digests images stopped started group started_by".split())


@dataclass(slots=True)
class Ecs:
    """Clusters, services, tasks, task definitions and the history of deployments; outputs as ECS shows them.

    Attributes:
        task_definitions: By ``family:revision``.
        services: By (cluster, name).
        tasks: By (cluster, task id).
        deployments: Service deployments by ARN.
        revisions: Service revisions by ARN.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    clusters: list[str] = field(default_factory=list)
    task_definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    tasks: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    revisions: dict[str, dict[str, Any]] = field(default_factory=dict)


class EcsLoader:
    """Reads the ``ecs`` section of scenarios."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def load(self, region: str, told: Mapping[str, Any], now: dt.datetime) -> None:
        """Add what a section tells.

        Raises:
            ValueError: It has a key that means nothing.
            LookupError: It names a task definition that does not exist.
        """
        _known(told, {"task_definitions", "clusters"}, "the ecs section")
        store = self._account.store(region, Ecs)
        with store.lock:
            for name, content in (told.get("task_definitions") or {}).items():
                store.task_definitions[name] = _task_definition(region, name, content, now)
            for cluster, content in (told.get("clusters") or {}).items():
                content = content or {}
                _known(content, {"services", "tasks"}, f"cluster {cluster}")
                if cluster not in store.clusters:
                    store.clusters.append(cluster)
                for name, service in (content.get("services") or {}).items():
                    _Service(store, region, cluster, name, service, now).add()
                for task in content.get("tasks") or []:
                    _tasks(store, region, cluster, task, now)


def arn(region: str, rest: str) -> str:
    """An ECS ARN."""
    return f"arn:aws:ecs:{region}:{ACCOUNT}:{rest}"


def _known(told: Mapping[str, Any], keys: set[str] | frozenset[str], where: str) -> None:
    if unknown := sorted(set(told) - keys):
        raise ValueError(f"{where} has no {', '.join(unknown)}")


def _task_definition(region: str, name: str, told: Mapping[str, Any], now: dt.datetime) -> dict[str, Any]:
    _known(told, {"image", "containers", "status"}, f"task definition {name}")
    family, _, revision = name.partition(":")
    containers = told.get("containers") or {family: told["image"]}
    return {
        "taskDefinitionArn": arn(region, f"task-definition/{name}"),
        "containerDefinitions": [
            {"name": key, "image": image, "cpu": 0, "essential": True, "environment": [], "mountPoints": []}
            for key, image in containers.items()
        ],
        "family": family,
        "revision": int(revision),
        "networkMode": "awsvpc",
        "volumes": [],
        "status": told.get("status", "ACTIVE"),
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "registeredAt": now,
        "registeredBy": f"arn:aws:iam::{ACCOUNT}:user/deployer",
    }


def _pointed(store: Ecs, name: str) -> str:
    if name not in store.task_definitions:
        raise LookupError(f"there is no task definition {name!r}")
    return str(store.task_definitions[name]["taskDefinitionArn"])


def _hash(*words: object) -> str:
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()


def _images(store: Ecs, definition: str, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name, image and, where told, digest of every container of a task definition."""
    digests, images = told.get("digests") or {}, told.get("images") or {}
    return [
        {
            "name": container["name"],
            "image": images.get(container["name"], container["image"]),
            "digest": digests.get(container["name"]),
        }
        for container in store.task_definitions[definition]["containerDefinitions"]
    ]


def _tasks(store: Ecs, region: str, cluster: str, told: Mapping[str, Any], now: dt.datetime) -> None:
    _known(told, _TASK, f"a task of {cluster}")
    status = told.get("status", "RUNNING")
    definition = told["task_definition"]
    for number in range(told.get("count", 1)):
        identity = _hash("task", region, cluster, definition, status, len(store.tasks), number)[:32]
        service = told.get("service")
        store.tasks[cluster, identity] = {
            "taskArn": arn(region, f"task/{cluster}/{identity}"),
            "clusterArn": arn(region, f"cluster/{cluster}"),
            "taskDefinitionArn": _pointed(store, definition),
            "containers": [
                {
                    "containerArn": arn(region, f"container/{cluster}/{identity}/{image['name']}"),
                    "taskArn": arn(region, f"task/{cluster}/{identity}"),
                    "name": image["name"],
                    "image": image["image"],
                    "imageDigest": image["digest"],
                    "lastStatus": status,
                }
                for image in _images(store, definition, told)
            ],
            "group": told.get("group") or (f"service:{service}" if service else f"family:{definition.split(':')[0]}"),
            "startedBy": told.get("started_by"),
            "desiredStatus": "STOPPED" if status == "STOPPED" else "RUNNING",
            "lastStatus": status,
            "launchType": "FARGATE",
            "createdAt": moment(told.get("started", "1h"), now),
            "startedAt": moment(told.get("started", "1h"), now),
            "stoppedAt": moment(told.get("stopped", "10m"), now) if status == "STOPPED" else None,
        }


class _Service:
    """One service under construction."""

    def __init__(
        self, store: Ecs, region: str, cluster: str, name: str, told: Mapping[str, Any], now: dt.datetime
    ) -> None:
        _known(told, _SERVICE, f"service {cluster}/{name}")
        self._store, self._region, self._now, self._told = store, region, now, told
        self._cluster, self._name = cluster, name
        self._controller = told.get("controller", "ECS")
        self._desired = int(told.get("desired", 1))
        self._base = {
            "serviceArn": arn(region, f"service/{cluster}/{name}"),
            "clusterArn": arn(region, f"cluster/{cluster}"),
        }

    def add(self) -> None:
        """Put the service and its history into the store."""
        self._forget()
        told = self._told
        own = told.get("task_definition")
        running = told.get("running", self._desired)
        revisions = self._revisions(told.get("revisions") or [])
        rolling = self._controller == "ECS"
        self._store.services[self._cluster, self._name] = self._base | {
            "serviceName": self._name,
            "status": told.get("status", "ACTIVE"),
            "desiredCount": self._desired,
            "runningCount": running,
            "pendingCount": 0,
            "launchType": told.get("launch_type", "FARGATE"),
            "taskDefinition": _pointed(self._store, own) if own else None,
            "deployments": self._deployments(own) if rolling else [],
            "taskSets": None if rolling else [self._task_set(item) for item in told.get("task_sets") or []],
            # ECS names its own controller only when the service was created with one.
            "deploymentController": None if rolling and "controller" not in told else {"type": self._controller},
            "schedulingStrategy": told.get("strategy", "REPLICA"),
            "resourceManagementType": told.get("managed"),
            "currentServiceDeployment": revisions[0][0] if revisions else None,
            "currentServiceRevisions": [
                {
                    "arn": revisions[0][1],
                    "requestedTaskCount": self._desired,
                    "runningTaskCount": running,
                    "pendingTaskCount": 0,
                }
            ]
            if revisions
            else None,
            "events": [],
            "createdAt": moment(told.get("created", "100d"), self._now),
            "loadBalancers": [],
        }

    def _forget(self) -> None:
        """Remove what an earlier telling left; the tasks stay."""
        for history in (self._store.deployments, self._store.revisions):
            for key in [key for key, item in history.items() if item["serviceArn"] == self._base["serviceArn"]]:
                del history[key]

    def _deployments(self, own: str | None) -> list[dict[str, Any]]:
        entries = [{"task_definition": own, "status": "PRIMARY"}] if own else []
        entries += self._told.get("deployments") or []
        made = []
        for number, entry in enumerate(entries):
            _known(entry, {"task_definition", "status", "desired"}, f"a deployment of {self._name}")
            primary = entry.get("status", "ACTIVE") == "PRIMARY"
            made.append(
                {
                    "id": f"ecs-svc/{int(_hash(self._name, number)[:15], 16)}",
                    "status": entry.get("status", "ACTIVE"),
                    "taskDefinition": _pointed(self._store, str(entry["task_definition"])),
                    "desiredCount": entry.get("desired", self._desired if primary else 0),
                    "pendingCount": 0,
                    "runningCount": entry.get("desired", self._desired if primary else 0),
                    "createdAt": self._now,
                    "updatedAt": self._now,
                    "rolloutState": "COMPLETED" if len(entries) == 1 else "IN_PROGRESS",
                }
            )
        return made

    def _task_set(self, told: Mapping[str, Any]) -> dict[str, Any]:
        _known(told, {"task_definition", "status", "started_by", "desired", "external_id"}, "a task set")
        identity = f"ecs-svc/{int(_hash(self._name, told['task_definition'], told.get('status'))[:15], 16)}"
        return self._base | {
            "id": identity,
            "taskSetArn": arn(self._region, f"task-set/{self._cluster}/{self._name}/{identity}"),
            "startedBy": told.get("started_by", "CODE_DEPLOY" if self._controller == "CODE_DEPLOY" else None),
            "externalId": told.get("external_id"),
            "status": told.get("status", "ACTIVE"),
            "taskDefinition": _pointed(self._store, told["task_definition"]),
            "computedDesiredCount": told.get("desired", self._desired),
            "runningCount": told.get("desired", self._desired),
            "pendingCount": 0,
            "createdAt": self._now,
            "updatedAt": self._now,
            "stabilityStatus": "STEADY_STATE",
        }

    def _revisions(self, told: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
        """(deployment ARN, revision ARN) of every deployment, the newest first."""
        arns: list[tuple[str, str]] = []
        keys = {"task_definition", "digests", "images", "deployed", "status"}
        for number, entry in enumerate(told):
            _known(entry, keys, f"a revision of {self._name}")
            seed = _hash(self._region, self._cluster, self._name, len(told) - number, entry["task_definition"])
            path = f"{self._cluster}/{self._name}"
            arns.append(
                (
                    arn(self._region, f"service-deployment/{path}/{seed[:21]}"),
                    arn(self._region, f"service-revision/{path}/{int(seed[:16], 16)}"),
                )
            )
        for number, entry in enumerate(told):
            source = arns[number + 1][1] if number + 1 < len(arns) else None
            self._history(entry, *arns[number], source)
        return arns

    def _history(self, told: Mapping[str, Any], deployment: str, revision: str, source: str | None) -> None:
        at = moment(told.get("deployed", "1d"), self._now)
        status = told.get("status", "SUCCESSFUL")
        finished = status in {"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"}
        rolled_back = source is not None and status.startswith("ROLLBACK")
        self._store.revisions[revision] = self._base | {
            "serviceRevisionArn": revision,
            "taskDefinition": _pointed(self._store, told["task_definition"]),
            "launchType": self._told.get("launch_type", "FARGATE"),
            "containerImages": [
                {"containerName": image["name"], "image": image["image"], "imageDigest": image["digest"]}
                for image in _images(self._store, told["task_definition"], told)
            ],
            "createdAt": at,
        }
        self._store.deployments[deployment] = self._base | {
            "serviceDeploymentArn": deployment,
            "createdAt": at,
            "startedAt": at,
            "finishedAt": at if finished else None,
            "updatedAt": at,
            "sourceServiceRevisions": [_summary(source)] if source else [],
            "targetServiceRevision": _summary(revision),
            "status": status,
            "rollback": {"reason": "The sandbox rolled it back.", "startedAt": at, "serviceRevisionArn": source}
            if rolled_back
            else None,
        }


def _summary(revision: str) -> dict[str, Any]:
    return {"arn": revision, "requestedTaskCount": 1, "runningTaskCount": 1, "pendingTaskCount": 0}
