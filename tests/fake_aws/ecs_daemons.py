"""Managed daemons of ECS: their listings, deployments, revisions and task definitions.

In a scenario's ``ecs`` section::

    daemon_task_definitions:
      "agent:3": {image: "{registry}/platform/agent:v3"}
    clusters:
      prod:
        daemons:
          agent:
            revisions:                       # of its deployments, the newest first
              - {task_definition: "agent:3", digest: "{agent-v3}", deployed: 2d, status: SUCCESSFUL}

The current revision is that of the newest successful deployment.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .aws import AwsError
from .ecs import batch, missing
from .ecs_state import Ecs, known, stable_hash
from .paging import page
from .push import moment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

_ENDED = frozenset({"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})


class EcsDaemonsApi:
    """Handlers by operation."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served."""
        return {
            "DescribeDaemon": self.describe_daemon,
            "DescribeDaemonDeployments": self.describe_daemon_deployments,
            "DescribeDaemonRevisions": self.describe_daemon_revisions,
            "DescribeDaemonTaskDefinition": self.describe_daemon_task_definition,
            "ListDaemonDeployments": self.list_daemon_deployments,
            "ListDaemons": self.list_daemons,
        }

    def list_daemons(self, request: Request) -> dict[str, Any]:
        """100 a page, of one cluster."""
        store, cluster = self._store(request), str(request.get("clusterArn", "default")).rpartition("/")[2]
        if cluster not in store.clusters:
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        named = self._account.arn("ecs", request.region, f"cluster/{cluster}")
        arns = [name for name, daemon in store.daemons.items() if daemon["clusterArn"] == named]
        shown, token = page(request, arns, str, size=100)
        brief = ("daemonArn", "status", "createdAt", "updatedAt")
        listed = [{key: store.daemons[name][key] for key in brief} for name in shown]
        return {"daemonSummariesList": listed, "nextToken": token}

    def describe_daemon(self, request: Request) -> dict[str, Any]:
        """One daemon."""
        return {"daemon": self._daemon(request)}

    def list_daemon_deployments(self, request: Request) -> dict[str, Any]:
        """20 a page unless asked, 100 at most, in no useful order."""
        daemon = self._daemon(request)
        wanted = request.get("status")
        items = [
            item
            for item in self._store(request).daemon_deployments.values()
            if item["daemonArn"] == daemon["daemonArn"] and (not wanted or item["status"] in wanted)
        ]
        shown, token = page(request, items, lambda item: item["daemonDeploymentArn"], size=20, largest=100)
        brief = ("daemonDeploymentArn", "daemonArn", "clusterArn", "status", "createdAt", "startedAt", "finishedAt")
        listed = [
            {key: item[key] for key in brief} | {"targetDaemonRevisionArn": item["targetDaemonRevision"]["arn"]}
            for item in shown
        ]
        return {"daemonDeployments": listed, "nextToken": token}

    def describe_daemon_deployments(self, request: Request) -> dict[str, Any]:
        """At most 20; unknown ones are failures."""
        found = self._store(request).daemon_deployments
        return self._by_arn(request, "daemonDeploymentArns", "daemonDeployments", found)

    def describe_daemon_revisions(self, request: Request) -> dict[str, Any]:
        """At most 20; unknown ones are failures."""
        return self._by_arn(request, "daemonRevisionArns", "daemonRevisions", self._store(request).daemon_revisions)

    def describe_daemon_task_definition(self, request: Request) -> dict[str, Any]:
        """By ARN, ``family:revision``, or family (the newest ACTIVE revision)."""
        store = self._store(request)
        name = str(request.get("daemonTaskDefinition")).rpartition("/")[2]
        found = store.daemon_task_definitions.get(name)
        if ":" not in name:
            items = store.daemon_task_definitions.values()
            active = [item for item in items if item["family"] == name and item["status"] == "ACTIVE"]
            found = max(active, key=lambda item: int(item["revision"]), default=None)
        if found is None:
            raise AwsError("ClientException", "Unable to describe daemon task definition.")
        return {"daemonTaskDefinition": found}

    def _daemon(self, request: Request) -> dict[str, Any]:
        found = self._store(request).daemons.get(str(request.get("daemonArn")))
        if found is None:
            raise AwsError("DaemonNotFoundException", "Daemon not found.")
        return found

    def _by_arn(self, request: Request, asked: str, answered: str, items: dict[str, Any]) -> dict[str, Any]:
        names = batch(request, asked, 20)
        return {
            answered: [items[name] for name in names if name in items],
            "failures": [missing(name) for name in names if name not in items],
        }

    def _store(self, request: Request) -> Ecs:
        return self._account.store(request.region, Ecs)


def daemon_task_definition(
    account: Account, region: str, name: str, told: Mapping[str, Any], now: dt.datetime
) -> dict[str, Any]:
    """One daemon task definition as DescribeDaemonTaskDefinition shows it."""
    known(told, {"image", "status"}, f"daemon task definition {name}")
    family, _, revision = name.partition(":")
    return {
        "daemonTaskDefinitionArn": account.arn("ecs", region, f"daemon-task-definition/{name}"),
        "family": family,
        "revision": int(revision),
        "containerDefinitions": [{"name": family, "image": told["image"], "essential": True}],
        "status": told.get("status", "ACTIVE"),
        "registeredAt": now,
        "registeredBy": f"arn:aws:iam::{account.id}:user/deployer",
    }


def load_daemon(
    account: Account, region: str, place: tuple[str, str], told: Mapping[str, Any], now: dt.datetime
) -> None:
    """Add a daemon, or tell it again."""
    store, arn = account.store(region, Ecs), partial(account.arn, "ecs", region)
    cluster, name = place
    known(told, {"revisions", "status"}, f"daemon {cluster}/{name}")
    daemon = arn(f"daemon/{cluster}/{name}")
    base = {"daemonArn": daemon, "clusterArn": arn(f"cluster/{cluster}")}
    for history in (store.daemon_deployments, store.daemon_revisions):
        for key in [key for key, item in history.items() if item["daemonArn"] == daemon]:
            del history[key]
    entries = told.get("revisions") or []
    arns = [
        arn(f"daemon-revision/{cluster}/{name}/{stable_hash(daemon, len(entries) - number)[:16]}")
        for number in range(len(entries))
    ]
    current: list[str] = []
    for number, entry in enumerate(entries):
        known(entry, {"task_definition", "image", "digest", "deployed", "status"}, f"a revision of daemon {name}")
        status = entry.get("status", "SUCCESSFUL")
        if not current and status == "SUCCESSFUL":
            current = [arns[number]]
        _deployment(store, base, arns[number : number + 2], status, moment(entry.get("deployed", "1d"), now))
        definition = store.daemon_task_definitions[entry["task_definition"]]
        container = definition["containerDefinitions"][0]
        store.daemon_revisions[arns[number]] = base | {
            "daemonRevisionArn": arns[number],
            "daemonTaskDefinitionArn": definition["daemonTaskDefinitionArn"],
            "containerImages": [
                {
                    "containerName": container["name"],
                    "image": entry.get("image", container["image"]),
                    "imageDigest": entry.get("digest"),
                }
            ],
            "createdAt": now,
        }
    store.daemons[daemon] = base | {
        "status": told.get("status", "ACTIVE"),
        "currentRevisions": [{"arn": one, "totalRunningCount": 1} for one in current],
        "createdAt": now,
        "updatedAt": now,
    }


def _deployment(store: Ecs, base: dict[str, Any], revisions: list[str], status: str, at: dt.datetime | None) -> None:
    revision, *replaced = revisions
    name = revision.replace("daemon-revision", "daemon-deployment")
    store.daemon_deployments[name] = base | {
        "daemonDeploymentArn": name,
        "status": status,
        "targetDaemonRevision": {"arn": revision},
        "sourceDaemonRevisions": [{"arn": one} for one in replaced],
        "rollback": {"reason": "The sandbox rolled it back.", "rollbackTargetDaemonRevisionArn": replaced[0]}
        if replaced and status.startswith("ROLLBACK")
        else None,
        "createdAt": at,
        "startedAt": at,
        "finishedAt": at if status in _ENDED else None,
    }
