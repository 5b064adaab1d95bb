"""How a scenario tells what ECS holds.

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
          - {task_definition: "jobs:7", status: STOPPED, stopped: 20m, reason: Essential container in task exited}
          - {task_definition: "jobs:7", status: STOPPED, launch_type: EC2, unpulled: {jobs: "CannotPull..."}}
        daemons: ...                         # see ecs_daemons.py, as for daemon_task_definitions beside clusters

A service that is told ``express: "<image>"`` (or a list of them) is an Express service. Telling a service or task
definition again replaces it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .ecs_daemons import daemon_task_definition, load_daemon
from .ecs_service import ServiceBuilder
from .ecs_state import Ecs, containers, known, pointed, stable_hash
from .push import moment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from .state import Account

_TASK = frozenset(
    {
        "count",
        "digests",
        "group",
        "images",
        "launch_type",
        "reason",
        "service",
        "started",
        "started_by",
        "status",
        "stopped",
        "task_definition",
        "unpulled",
    }
)


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
        known(told, {"task_definitions", "daemon_task_definitions", "clusters"}, "the ecs section")
        store = self._account.store(region, Ecs)
        with store.lock:
            for name, content in (told.get("task_definitions") or {}).items():
                store.task_definitions[name] = _task_definition(self._account, region, name, content, now)
            for name, content in (told.get("daemon_task_definitions") or {}).items():
                store.daemon_task_definitions[name] = daemon_task_definition(self._account, region, name, content, now)
            for cluster, listed in (told.get("clusters") or {}).items():
                content = listed or {}
                known(content, {"services", "tasks", "daemons"}, f"cluster {cluster}")
                if cluster not in store.clusters:
                    store.clusters.append(cluster)
                for name, service in (content.get("services") or {}).items():
                    ServiceBuilder(self._account, region, (cluster, name), service, now).add()
                for name, daemon in (content.get("daemons") or {}).items():
                    load_daemon(self._account, region, (cluster, name), daemon, now)
                for task in content.get("tasks") or []:
                    _tasks(self._account, region, cluster, task, now)


def _task_definition(
    account: Account, region: str, name: str, told: Mapping[str, Any], now: dt.datetime
) -> dict[str, Any]:
    known(told, {"image", "containers", "status"}, f"task definition {name}")
    family, _, revision = name.partition(":")
    images = told.get("containers") or {family: told["image"]}
    return {
        "taskDefinitionArn": account.arn("ecs", region, f"task-definition/{name}"),
        "containerDefinitions": [
            {"name": key, "image": image, "cpu": 0, "essential": True, "environment": [], "mountPoints": []}
            for key, image in images.items()
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
        "registeredBy": f"arn:aws:iam::{account.id}:user/deployer",
    }


def _tasks(account: Account, region: str, cluster: str, told: Mapping[str, Any], now: dt.datetime) -> None:
    known(told, _TASK, f"a task of {cluster}")
    store, arn = account.store(region, Ecs), partial(account.arn, "ecs", region)
    status = told.get("status", "RUNNING")
    definition = told["task_definition"]
    unpulled = told.get("unpulled") or {}
    if status != "STOPPED" and (unpulled or told.get("reason")):
        raise ValueError(f"a task of {cluster} has a reason, and has not stopped")
    fargate = told.get("launch_type", "FARGATE") == "FARGATE"
    for number in range(told.get("count", 1)):
        identity = stable_hash("task", region, cluster, definition, status, len(store.tasks), number)[:32]
        service = told.get("service")
        store.tasks[cluster, identity] = {
            "taskArn": arn(f"task/{cluster}/{identity}"),
            "clusterArn": arn(f"cluster/{cluster}"),
            "taskDefinitionArn": pointed(store, definition),
            "containers": [
                {
                    "containerArn": arn(f"container/{cluster}/{identity}/{image['name']}"),
                    "taskArn": arn(f"task/{cluster}/{identity}"),
                    "name": image["name"],
                    "image": image["image"],
                    "imageDigest": None if image["name"] in unpulled else image["digest"],
                    "lastStatus": status,
                    **({"reason": unpulled[image["name"]]} if image["name"] in unpulled and not fargate else {}),
                }
                for image in containers(store, definition, told)
            ],
            "group": told.get("group") or (f"service:{service}" if service else f"family:{definition.split(':')[0]}"),
            "startedBy": told.get("started_by"),
            "desiredStatus": "STOPPED" if status == "STOPPED" else "RUNNING",
            "lastStatus": status,
            "launchType": told.get("launch_type", "FARGATE"),
            **_stopped(told, unpulled, fargate=fargate),
            "createdAt": moment(told.get("started", "1h"), now),
            "startedAt": None if unpulled else moment(told.get("started", "1h"), now),
            "stoppedAt": moment(told.get("stopped", "10m"), now) if status == "STOPPED" else None,
        }


def _stopped(told: Mapping[str, Any], unpulled: Mapping[str, str], *, fargate: bool) -> dict[str, str]:
    """Why a task stopped: on Fargate that an image could not be pulled is said of the task, else of the container."""
    if unpulled:
        said = next(iter(unpulled.values())) if fargate else "Task failed to start"
        return {"stopCode": "TaskFailedToStart", "stoppedReason": said}
    if told.get("reason"):
        return {"stopCode": "EssentialContainerExited", "stoppedReason": told["reason"]}
    return {}
