"""One ECS service as a scenario tells it: the service, its deployments and task sets, its history."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .ecs_state import Ecs, containers, known, pointed, stable_hash
from .push import moment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from .state import Account

_SERVICE = frozenset(
    {
        "controller",
        "created",
        "deployments",
        "desired",
        "express",
        "launch_type",
        "revisions",
        "running",
        "status",
        "strategy",
        "task_definition",
        "task_sets",
    }
)


class ServiceBuilder:
    """One service under construction."""

    def __init__(
        self, account: Account, region: str, place: tuple[str, str], told: Mapping[str, Any], now: dt.datetime
    ) -> None:
        cluster, name = place
        known(told, _SERVICE, f"service {cluster}/{name}")
        self._store, self._region, self._now, self._told = account.store(region, Ecs), region, now, told
        self._arn = partial(account.arn, "ecs", region)
        self._cluster, self._name = cluster, name
        self._controller = told.get("controller", "ECS")
        self._desired = int(told.get("desired", 1))
        self._base = {
            "serviceArn": self._arn(f"service/{cluster}/{name}"),
            "clusterArn": self._arn(f"cluster/{cluster}"),
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
            "taskDefinition": pointed(self._store, own) if own else None,
            "deployments": self._deployments(own) if rolling else [],
            "taskSets": None if rolling else [self._task_set(item) for item in told.get("task_sets") or []],
            # ECS names its own controller only when the service was created with one.
            "deploymentController": None if rolling and "controller" not in told else {"type": self._controller},
            "schedulingStrategy": told.get("strategy", "REPLICA"),
            "resourceManagementType": "ECS" if "express" in told else "CUSTOMER",
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

        if "express" in told:
            self._express([told["express"]] if isinstance(told["express"], str) else told["express"])

    def _express(self, images: list[str]) -> None:
        """The same service as an Express service: a configuration for each image, several while one is deployed."""
        service = self._store.services[self._cluster, self._name]
        self._store.express[self._base["serviceArn"]] = self._base | {
            "cluster": self._cluster,
            "serviceName": self._name,
            "status": {"statusCode": service["status"]},
            "activeConfigurations": [
                {
                    "cpu": "1024",
                    "memory": "2048",
                    "taskDefinitionArn": service["taskDefinition"],
                    "primaryContainer": {"image": image, "containerPort": 80},
                    "createdAt": self._now,
                }
                for image in images
            ],
            "createdAt": self._now,
            "updatedAt": self._now,
        }

    def _forget(self) -> None:
        """Remove what an earlier telling left; the tasks stay."""
        self._store.express.pop(self._base["serviceArn"], None)
        for history in (self._store.deployments, self._store.revisions):
            for key in [key for key, item in history.items() if item["serviceArn"] == self._base["serviceArn"]]:
                del history[key]

    def _deployments(self, own: str | None) -> list[dict[str, Any]]:
        entries = [{"task_definition": own, "status": "PRIMARY"}] if own else []
        entries += self._told.get("deployments") or []
        made = []
        for number, entry in enumerate(entries):
            known(entry, {"task_definition", "status", "desired"}, f"a deployment of {self._name}")
            primary = entry.get("status", "ACTIVE") == "PRIMARY"
            made.append(
                {
                    "id": f"ecs-svc/{int(stable_hash(self._name, number)[:15], 16)}",
                    "status": entry.get("status", "ACTIVE"),
                    "taskDefinition": pointed(self._store, str(entry["task_definition"])),
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
        known(told, {"task_definition", "status", "started_by", "desired", "external_id"}, "a task set")
        identity = f"ecs-svc/{int(stable_hash(self._name, told['task_definition'], told.get('status'))[:15], 16)}"
        return self._base | {
            "id": identity,
            "taskSetArn": self._arn(f"task-set/{self._cluster}/{self._name}/{identity}"),
            "startedBy": told.get("started_by", "CODE_DEPLOY" if self._controller == "CODE_DEPLOY" else None),
            "externalId": told.get("external_id"),
            "status": told.get("status", "ACTIVE"),
            "taskDefinition": pointed(self._store, told["task_definition"]),
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
            known(entry, keys, f"a revision of {self._name}")
            # A service that is made again has none of the revisions that it had before.
            place = (self._region, self._cluster, self._name, *filter(None, [self._told.get("created")]))
            seed = stable_hash(*place, len(told) - number, entry["task_definition"])
            path = f"{self._cluster}/{self._name}"
            arns.append(
                (
                    self._arn(f"service-deployment/{path}/{seed[:21]}"),
                    self._arn(f"service-revision/{path}/{int(seed[:16], 16)}"),
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
            "taskDefinition": pointed(self._store, told["task_definition"]),
            "launchType": self._told.get("launch_type", "FARGATE"),
            "containerImages": [
                {"containerName": image["name"], "image": image["image"], "imageDigest": image["digest"]}
                for image in containers(self._store, told["task_definition"], told)
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
