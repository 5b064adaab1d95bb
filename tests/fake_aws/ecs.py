"""ECS as far as it tells which images are used: the read side, with AWS's pages, batches and failures.

Page sizes and batch limits: ECS API Reference. Mutations are not served: scenarios tell what there is.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from .aws import AwsError, invalid, now
from .ecs_state import Ecs
from .paging import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import Request
    from .state import Account

# Service deployments are listed for 90 days.
_HISTORY = dt.timedelta(days=90)


class EcsApi:
    """Handlers by operation."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served."""
        served: dict[str, Callable[[Request], dict[str, Any]]] = {
            "DescribeClusters": self.describe_clusters,
            "DescribeExpressGatewayService": self.describe_express_gateway_service,
            "DescribeServiceDeployments": self.describe_service_deployments,
            "DescribeServiceRevisions": self.describe_service_revisions,
            "DescribeServices": self.describe_services,
            "DescribeTaskDefinition": self.describe_task_definition,
            "DescribeTasks": self.describe_tasks,
            "ListClusters": self.list_clusters,
            "ListServiceDeployments": self.list_service_deployments,
            "ListServices": self.list_services,
            "ListTaskDefinitionFamilies": self.list_task_definition_families,
            "ListTaskDefinitions": self.list_task_definitions,
            "ListTasks": self.list_tasks,
        }
        return {name: self._locked(handler) for name, handler in served.items()}

    def _locked(self, handler: Callable[[Request], dict[str, Any]]) -> Callable[[Request], dict[str, Any]]:
        """A scenario may be added while calls are served."""

        def serve(request: Request) -> dict[str, Any]:
            with self._store(request).lock:
                return handler(request)

        return serve

    def list_clusters(self, request: Request) -> dict[str, Any]:
        """100 a page."""
        arns = [self._account.arn("ecs", request.region, f"cluster/{name}") for name in self._store(request).clusters]
        shown, token = page(request, arns, str, size=100)
        return {"clusterArns": shown, "nextToken": token}

    def describe_clusters(self, request: Request) -> dict[str, Any]:
        """At most 100; unknown ones are failures."""
        store = self._store(request)
        found, failures = [], []
        for name in batch(request, "clusters", 100, default=["default"]):
            short = _last(name)
            if short in store.clusters:
                cluster = self._account.arn("ecs", request.region, f"cluster/{short}")
                found.append({"clusterArn": cluster, "clusterName": short, "status": "ACTIVE"})
            else:
                failures.append(missing(self._account.arn("ecs", request.region, f"cluster/{short}")))
        return {"clusters": found, "failures": failures}

    def list_services(self, request: Request) -> dict[str, Any]:
        """10 a page unless asked, 100 at most; INACTIVE services are not listed."""
        cluster = self._cluster(request)
        filters = {"launchType": "launchType", "schedulingStrategy": "schedulingStrategy"}
        filters["resourceManagementType"] = "resourceManagementType"
        arns = [
            service["serviceArn"]
            for (place, _), service in self._store(request).services.items()
            if place == cluster
            and service["status"] != "INACTIVE"
            and all(request.get(key) in {None, service[member]} for key, member in filters.items())
        ]
        shown, token = page(request, arns, str, size=10, largest=100)
        return {"serviceArns": shown, "nextToken": token}

    def describe_services(self, request: Request) -> dict[str, Any]:
        """At most 10; unknown ones are failures."""
        cluster, store = self._cluster(request), self._store(request)
        found, failures = [], []
        for name in batch(request, "services", 10):
            service = store.services.get((cluster, _last(name)))
            if service:
                found.append(service)
            else:
                failures.append(missing(self._account.arn("ecs", request.region, f"service/{cluster}/{_last(name)}")))
        return {"services": found, "failures": failures}

    def describe_express_gateway_service(self, request: Request) -> dict[str, Any]:
        """One Express service, by its ARN; any other service is none."""
        name = str(request.get("serviceArn"))
        express = self._store(request).express.get(name)
        if express is None:
            raise AwsError("ResourceNotFoundException", f"Express service {name} was not found.")
        return {"service": express}

    def list_tasks(self, request: Request) -> dict[str, Any]:
        """100 a page; tasks that should run unless asked; nothing has the desired status PENDING."""
        cluster, store = self._cluster(request), self._store(request)
        service = request.get("serviceName")
        if service and (cluster, _last(service)) not in store.services:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        desired = request.get("desiredStatus", "RUNNING")
        family = request.get("family")
        arns = [
            task["taskArn"]
            for (place, _), task in store.tasks.items()
            if place == cluster
            and task["desiredStatus"] == desired
            and (not family or _last(task["taskDefinitionArn"]).partition(":")[0] == family)
            and (not service or task["group"] == f"service:{_last(service)}")
            and request.get("startedBy") in {None, task["startedBy"]}
            and request.get("launchType") in {None, task["launchType"]}
        ]
        shown, token = page(request, arns, str, size=100)
        return {"taskArns": shown, "nextToken": token}

    def describe_tasks(self, request: Request) -> dict[str, Any]:
        """At most 100; unknown ones are failures."""
        cluster, store = self._cluster(request), self._store(request)
        found, failures = [], []
        for name in batch(request, "tasks", 100):
            task = store.tasks.get((cluster, _last(name)))
            if task:
                found.append(task)
            else:
                failures.append(missing(self._account.arn("ecs", request.region, f"task/{cluster}/{_last(name)}")))
        return {"tasks": found, "failures": failures}

    def list_task_definition_families(self, request: Request) -> dict[str, Any]:
        """100 a page; also families without an ACTIVE revision unless asked."""
        status, prefix = request.get("status", "ALL"), request.get("familyPrefix", "")
        states: dict[str, set[str]] = {}
        for item in self._store(request).task_definitions.values():
            states.setdefault(item["family"], set()).add(item["status"])
        families = [
            family
            for family, found in states.items()
            if family.startswith(prefix) and (status == "ALL" or ("ACTIVE" in found) is (status == "ACTIVE"))
        ]
        shown, token = page(request, families, str, size=100)
        return {"families": shown, "nextToken": token}

    def list_task_definitions(self, request: Request) -> dict[str, Any]:
        """100 a page; ACTIVE ones unless asked; INACTIVE ones as long as a task or service refers to them."""
        store, status = self._store(request), request.get("status", "ACTIVE")
        prefix = request.get("familyPrefix")
        referred = _referred(store)
        items = [
            item
            for item in store.task_definitions.values()
            if item["status"] == status
            and (status != "INACTIVE" or item["taskDefinitionArn"] in referred)
            and prefix in {None, item["family"]}
        ]
        # By family, then by revision as a number; DESC turns both round.
        items.sort(key=lambda item: (item["family"], item["revision"]), reverse=request.get("sort") == "DESC")
        places = {item["taskDefinitionArn"]: f"{place:09}" for place, item in enumerate(items)}
        shown, token = page(request, places, lambda arn: places[arn], size=100)
        return {"taskDefinitionArns": shown, "nextToken": token}

    def describe_task_definition(self, request: Request) -> dict[str, Any]:
        """By ARN, ``family:revision``, or family (the newest ACTIVE revision); INACTIVE ones by name too."""
        store = self._store(request)
        name = _last(str(request.get("taskDefinition")))
        found = store.task_definitions.get(name)
        if ":" not in name:
            active = [
                item
                for item in store.task_definitions.values()
                if item["family"] == name and item["status"] == "ACTIVE"
            ]
            found = max(active, key=lambda item: int(item["revision"]), default=None)
        if found is None:
            raise AwsError("ClientException", "Unable to describe task definition.")
        return {"taskDefinition": found, "tags": [] if "TAGS" in request.get("include", []) else None}

    def list_service_deployments(self, request: Request) -> dict[str, Any]:
        """20 a page unless asked, 100 at most; those of the last 90 days, in no useful order."""
        cluster, store = self._cluster(request), self._store(request)
        service = store.services.get((cluster, _last(str(request.get("service")))))
        if service is None:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        wanted = request.get("status")
        oldest = now() - _HISTORY
        items = [
            item
            for item in store.deployments.values()
            if item["serviceArn"] == service["serviceArn"]
            and item["createdAt"] >= oldest
            and (not wanted or item["status"] in wanted)
        ]
        shown, token = page(request, items, lambda item: item["serviceDeploymentArn"], size=20, largest=100)
        brief = ("serviceDeploymentArn", "serviceArn", "clusterArn", "startedAt", "createdAt", "finishedAt", "status")
        listed = [
            {key: item[key] for key in brief} | {"targetServiceRevisionArn": item["targetServiceRevision"]["arn"]}
            for item in shown
        ]
        return {"serviceDeployments": listed, "nextToken": token}

    def describe_service_deployments(self, request: Request) -> dict[str, Any]:
        """At most 20; unknown ones are failures."""
        return self._by_arn(request, "serviceDeploymentArns", "serviceDeployments", self._store(request).deployments)

    def describe_service_revisions(self, request: Request) -> dict[str, Any]:
        """At most 20; unknown ones are failures."""
        return self._by_arn(request, "serviceRevisionArns", "serviceRevisions", self._store(request).revisions)

    def _by_arn(self, request: Request, asked: str, answered: str, items: dict[str, Any]) -> dict[str, Any]:
        names = batch(request, asked, 20)
        return {
            answered: [items[name] for name in names if name in items],
            "failures": [missing(name) for name in names if name not in items],
        }

    def _store(self, request: Request) -> Ecs:
        return self._account.store(request.region, Ecs)

    def _cluster(self, request: Request) -> str:
        name = _last(str(request.get("cluster", "default")))
        if name not in self._store(request).clusters:
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        return name


def _referred(store: Ecs) -> set[str]:
    found = {task["taskDefinitionArn"] for task in store.tasks.values()}
    for service in store.services.values():
        items = [service, *service["deployments"], *(service["taskSets"] or [])]
        found |= {item["taskDefinition"] for item in items if item["taskDefinition"]}
    return found


def batch(request: Request, member: str, largest: int, default: list[str] | None = None) -> list[str]:
    """What a describing call is asked for, which must be neither nothing nor too much."""
    items: list[str] = request.get(member) or default or []
    if not 1 <= len(items) <= largest:
        noun = member[0].upper() + member[1:]
        raise invalid(request, f"{noun} must have between 1 and {largest} items, got {len(items)}.")
    return items


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def missing(name: str) -> dict[str, str]:
    """The failure of something that does not exist."""
    return {"arn": name, "reason": "MISSING"}
