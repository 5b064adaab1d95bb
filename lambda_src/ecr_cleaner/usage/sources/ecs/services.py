"""The images of ECS services: what is deployed, what is being deployed, and what a rollback would return to.

By default ECS resolves tags when it deploys and starts every later task by the digest, which for a service
without tasks only its service revision knows
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner import aws
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model import Evidence
from ecr_cleaner.usage.answers import described, in_batches
from ecr_cleaner.usage.base import Field, usages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model import Usage
    from ecr_cleaner.usage.base import Account

PERMISSIONS: Final = (
    "ecs:DescribeServices",
    "ecs:ListServiceDeployments",
    "ecs:DescribeServiceDeployments",
    "ecs:DescribeServiceRevisions",
)

FIELDS: Final = (
    Field("ecs", "DescribeServices", "services[].taskDefinition"),
    Field("ecs", "DescribeServices", "services[].deployments[].taskDefinition"),
    Field("ecs", "DescribeServices", "services[].taskSets[].taskDefinition"),
    Field("ecs", "DescribeServices", "services[].currentServiceRevisions[].arn"),
    Field("ecs", "ListServiceDeployments", "serviceDeployments[].targetServiceRevisionArn"),
    Field("ecs", "DescribeServiceDeployments", "serviceDeployments[].sourceServiceRevisions[].arn"),
    Field("ecs", "DescribeServiceDeployments", "serviceDeployments[].rollback.serviceRevisionArn"),
    Field("ecs", "DescribeServiceRevisions", "serviceRevisions[].containerImages[].imageDigest"),
)

_SUCCESSFUL: Final = "SUCCESSFUL"
_ENDED: Final = frozenset({_SUCCESSFUL, "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
_ROLLBACK_DEPTH: Final = 2
"""Successful deployments before the current one whose revisions are protected as rollback targets."""


def usages(account: Account, cluster: str) -> Iterator[Usage]:
    """The usages of every service of a cluster.

    Args:
        account: What is read.
        cluster: ARN.
    """
    ecs = account.aws.client("ecs")
    listed = aws.paged(ecs, "ListServices", "serviceArns", cluster=cluster, maxResults=100)
    for some in in_batches(listed, 10):
        answer = ecs.describe_services(cluster=cluster, services=some)
        for service in described(answer, "DescribeServices", "services", some):
            name = f"ecs service {cluster.rpartition('/')[2]}/{service['serviceName']}"
            yield from _configured(account, service, name)
            yield from _resolved(account, service, name)


def _configured(account: Account, service: dict[str, Any], name: str) -> Iterator[Usage]:
    # All three are legitimately absent: with the controllers CODE_DEPLOY and EXTERNAL the service itself has no
    # task definition, with ECS there are no task sets.
    holders = [service, *service.get("deployments", ()), *service.get("taskSets", ())]
    for arn in sorted({holder["taskDefinition"] for holder in holders if holder.get("taskDefinition")}):
        yield from of_task_definition(account, arn, name)


def of_task_definition(account: Account, arn: str, consumer: str) -> Iterator[Usage]:
    """The usages of a task definition that a consumer needs now.

    Raises:
        SourceError: There is no such task definition, so nobody knows what the consumer runs.
    """
    images = account.task_definitions.images(arn)
    if images is None:
        message = f"{consumer} names task definition {arn}, which ECS does not find"
        raise SourceError(message)
    for image in images:
        yield from usages_of(image, source="ecs", consumer=f"{consumer}, task definition {arn.rpartition('/')[2]}")


def _resolved(account: Account, service: dict[str, Any], name: str) -> Iterator[Usage]:
    ecs = account.aws.client("ecs")
    # Absent on services that were last deployed before October 2024.
    current = {revision["arn"] for revision in service.get("currentServiceRevisions", ())}
    earlier: set[str] = set()
    # Only ECS's own controller keeps service deployments; the call is refused for the others.
    if service.get("deploymentController", {}).get("type", "ECS") == "ECS":
        earlier = _deployed(ecs, service["clusterArn"], service["serviceArn"], current) - current
    for some in in_batches(sorted(current | earlier), 20):
        answer = ecs.describe_service_revisions(serviceRevisionArns=some)
        for revision in described(answer, "DescribeServiceRevisions", "serviceRevisions", some):
            arn = revision["serviceRevisionArn"]
            consumer = f"{name}, service revision {arn.rpartition('/')[2]}"
            evidence = Evidence.CONFIGURED if arn in current else Evidence.ROLLBACK
            # Absent as long as ECS could not resolve anything, e.g. before the first task.
            for container in revision.get("containerImages", ()):
                image = aws.member(container, "image", "DescribeServiceRevisions")
                digest = container.get("imageDigest")
                yield from usages_of(image, source="ecs", consumer=consumer, digest=digest, evidence=evidence)
            if revision.get("taskDefinition"):  # absent on Express services
                yield from of_task_definition(account, revision["taskDefinition"], consumer)


def _deployed(ecs: Any, cluster: str, service: str, current: set[str]) -> set[str]:
    """Revisions of the deployments under way and of the last successful ones before the current."""
    # Without the cluster, ECS looks in the one called "default", whatever the service's ARN says.
    found = aws.paged(
        ecs, "ListServiceDeployments", "serviceDeployments", cluster=cluster, service=service, maxResults=100
    )
    deployments = sorted(
        found,
        key=lambda deployment: deployment["createdAt"],
        reverse=True,
    )
    under_way = [d for d in deployments if d["status"] not in _ENDED]
    earlier = [
        d["targetServiceRevisionArn"]
        for d in deployments
        if d["status"] == _SUCCESSFUL and d["targetServiceRevisionArn"] not in current
    ]
    revisions = set(earlier[:_ROLLBACK_DEPTH])
    for some in in_batches([d["serviceDeploymentArn"] for d in under_way], 20):
        answer = ecs.describe_service_deployments(serviceDeploymentArns=some)
        for deployment in described(answer, "DescribeServiceDeployments", "serviceDeployments", some):
            # Each is absent in some stage of a deployment.
            revisions.update(source["arn"] for source in deployment.get("sourceServiceRevisions", ()))
            if "targetServiceRevision" in deployment:
                revisions.add(deployment["targetServiceRevision"]["arn"])
            if "rollback" in deployment:
                revisions.add(deployment["rollback"]["serviceRevisionArn"])
    return revisions
