"""A service of ECS with its deployments and revisions, as the tests of it script them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.usage.sources.ecs import services as ecs_services
from tests.aws_calls.consumers import APP, ARN, CLUSTER, account, tagged
from tests.builders import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_cleaner.usage.source import SourceContext
    from tests.aws_calls.script import Script

API = f"{ARN}:service/prod/api"
LISTING: Final = {"cluster": CLUSTER, "maxResults": 100}
HISTORY: Final = {"cluster": CLUSTER, "service": API, "maxResults": 100}


def service(*current: int, controller: str | None = "EXTERNAL", **more: Any) -> dict[str, Any]:
    """A service with its current revisions, by number; its own controller keeps no history of deployments."""
    told = {"serviceName": "api", "serviceArn": API, "clusterArn": CLUSTER, **more}
    if current:
        told["currentServiceRevisions"] = [{"arn": revision(number)} for number in current]
    return told if controller is None else told | {"deploymentController": {"type": controller}}


def revision(number: int) -> str:
    """The ARN of a service revision."""
    return f"{ARN}:service-revision/prod/api/{number}"


def deployment(number: int, status: str = "SUCCESSFUL") -> dict[str, Any]:
    """A deployment of the revision with this number, as it is listed; a greater number is later."""
    return {
        "serviceDeploymentArn": f"{ARN}:service-deployment/prod/api/{number}",
        "targetServiceRevisionArn": revision(number),
        "createdAt": NOW + timedelta(days=number),
        "status": status,
    }


def serves(script: Script, *services: dict[str, Any]) -> None:
    """The cluster has these services."""
    arns = [told["serviceArn"] for told in services]
    script.pages("ecs", "list_services", "serviceArns", arns, **LISTING)
    script.answer("ecs", "describe_services", {"services": list(services)}, cluster=CLUSTER, services=arns)


def history(script: Script, *pages: list[dict[str, Any]]) -> None:
    """The deployments of the service."""
    script.pages("ecs", "list_service_deployments", "serviceDeployments", *pages, **HISTORY)


def deploys(script: Script, numbers: Iterable[int], *told: dict[str, Any]) -> None:
    """The deployments under way are asked for, by number."""
    arns = [deployment(number)["serviceDeploymentArn"] for number in numbers]
    answer = {"serviceDeployments": list(told)}
    script.answer("ecs", "describe_service_deployments", answer, serviceDeploymentArns=arns)


def resolved(script: Script, *numbers: int, **more: Any) -> None:
    """Revisions are asked for, by number; each has an image of that tag and digest."""
    arns = sorted(map(revision, numbers))
    images = {arn: [{"image": tagged(arn.rpartition("/")[2]), "imageDigest": APP}] for arn in arns}
    told = [{"serviceRevisionArn": arn, "containerImages": images[arn]} | more for arn in arns]
    script.answer("ecs", "describe_service_revisions", {"serviceRevisions": told}, serviceRevisionArns=arns)


def used(script: Script, read: SourceContext | None = None) -> list[Usage]:
    """What the services of the cluster use."""
    return list(ecs_services.usages(read or account(script), CLUSTER))


def usage(reference: Reference, named: str, evidence: UsageKind = UsageKind.CONFIGURED) -> Usage:
    """A usage by the service."""
    return Usage(reference, "ecs", f"ecs service prod/api, {named}", evidence)


def revisions_of(usages: list[Usage]) -> dict[int, UsageKind]:
    """Numbers of the revisions that are used, and how."""
    return {int(u.consumer.rpartition(" ")[2]): u.evidence for u in usages if "service revision" in u.consumer}
