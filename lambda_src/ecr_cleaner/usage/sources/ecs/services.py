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
    "ecs:DescribeExpressGatewayService",
)

FIELDS: Final = (
    Field("ecs", "DescribeServices", "services[].taskDefinition"),
    Field("ecs", "DescribeServices", "services[].deployments[].taskDefinition"),
    Field("ecs", "DescribeServices", "services[].taskSets[].taskDefinition"),
    Field("ecs", "DescribeServices", "services[].currentServiceRevisions[].arn"),
    Field("ecs", "DescribeServices", "services[].resourceManagementType"),
    Field("ecs", "DescribeExpressGatewayService", "service.activeConfigurations[].primaryContainer.image"),
    Field("ecs", "DescribeExpressGatewayService", "service.activeConfigurations[].taskDefinitionArn"),
    Field("ecs", "ListServiceDeployments", "serviceDeployments[].targetServiceRevisionArn"),
    Field("ecs", "DescribeServiceDeployments", "serviceDeployments[].sourceServiceRevisions[].arn"),
    Field("ecs", "DescribeServiceDeployments", "serviceDeployments[].targetServiceRevision.arn"),
    Field("ecs", "DescribeServiceDeployments", "serviceDeployments[].rollback.serviceRevisionArn"),
    Field("ecs", "DescribeServiceRevisions", "serviceRevisions[].containerImages[].image"),
    Field("ecs", "DescribeServiceRevisions", "serviceRevisions[].containerImages[].imageDigest"),
    Field("ecs", "DescribeServiceRevisions", "serviceRevisions[].taskDefinition"),
)

_SERVICE_GONE: Final = "ResourceNotFoundException"
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
            name = f"ecs service {cluster.rpartition('/')[2]}/{aws.member(service, 'serviceName', 'DescribeServices')}"
            yield from _configured(account, service, name)
            yield from _resolved(account, service, name)
            # Absent on services that are older than the distinction; what ECS manages is an Express service.
            if service.get("resourceManagementType") == "ECS":
                yield from _express(account, aws.member(service, "serviceArn", "DescribeServices"), name)


def _configured(account: Account, service: dict[str, Any], name: str) -> Iterator[Usage]:
    # All three are legitimately absent: with the controllers CODE_DEPLOY and EXTERNAL the service itself has no
    # task definition, with ECS there are no task sets.
    holders = [service, *service.get("deployments", ()), *service.get("taskSets", ())]
    for arn in sorted({holder["taskDefinition"] for holder in holders if holder.get("taskDefinition")}):
        yield from of_task_definition(account, arn, name)


def _express(account: Account, service: str, name: str) -> Iterator[Usage]:
    """The usages of an Express service, which itself names an image and may have no task definition of its own."""
    operation = "DescribeExpressGatewayService"
    try:
        answer = account.aws.client("ecs").describe_express_gateway_service(serviceArn=service)
    except aws.AwsError as error:
        if aws.code_of(error) == _SERVICE_GONE:  # deleted since it was described as a service
            return
        raise
    for configuration in aws.member(aws.member(answer, "service", operation), "activeConfigurations", operation):
        image = aws.member(aws.member(configuration, "primaryContainer", operation), "image", operation)
        yield from usages_of(image, source="ecs", consumer=f"{name}, express configuration")
        if configuration.get("taskDefinitionArn"):  # absent until ECS made one
            yield from of_task_definition(account, configuration["taskDefinitionArn"], name)


def of_task_definition(
    account: Account, arn: str, consumer: str, evidence: Evidence = Evidence.CONFIGURED
) -> Iterator[Usage]:
    """The usages of a task definition that a consumer needs now, or would go back to.

    Raises:
        SourceError: There is no such task definition, so nobody knows what the consumer runs. One that is only a
            rollback target cannot be gone back to any more: that is noted.
    """
    images = account.task_definitions.images(arn)
    if images is None and evidence is Evidence.ROLLBACK:
        account.notes.append(f"{consumer} names task definition {arn}, which does not exist any more")
        return
    if images is None:
        message = f"{consumer} names task definition {arn}, which ECS does not find"
        raise SourceError(message)
    for image in images:
        named = f"{consumer}, task definition {arn.rpartition('/')[2]}"
        yield from usages_of(image, source="ecs", consumer=named, evidence=evidence)


def _resolved(account: Account, service: dict[str, Any], name: str) -> Iterator[Usage]:
    ecs = account.aws.client("ecs")
    # Absent on services that were last deployed before October 2024.
    current = {aws.member(r, "arn", "DescribeServices") for r in service.get("currentServiceRevisions", ())}
    under_way: set[str] = set()
    earlier: set[str] = set()
    # Only ECS's own controller keeps service deployments; the call is refused for the others.
    if service.get("deploymentController", {}).get("type", "ECS") == "ECS":
        cluster = aws.member(service, "clusterArn", "DescribeServices")
        under_way, earlier = _deployed(ecs, cluster, aws.member(service, "serviceArn", "DescribeServices"), current)
    for some in in_batches(sorted(current | under_way | earlier), 20):
        answer = ecs.describe_service_revisions(serviceRevisionArns=some)
        for revision in described(answer, "DescribeServiceRevisions", "serviceRevisions", some):
            arn = aws.member(revision, "serviceRevisionArn", "DescribeServiceRevisions")
            consumer = f"{name}, service revision {arn.rpartition('/')[2]}"
            evidence = Evidence.CONFIGURED if arn in current | under_way else Evidence.ROLLBACK
            # Absent as long as ECS could not resolve anything, e.g. before the first task.
            for container in revision.get("containerImages", ()):
                image = aws.member(container, "image", "DescribeServiceRevisions")
                digest = container.get("imageDigest")
                yield from usages_of(image, source="ecs", consumer=consumer, digest=digest, evidence=evidence)
            if revision.get("taskDefinition"):  # absent on Express services
                yield from of_task_definition(account, revision["taskDefinition"], consumer, evidence)


def _deployed(ecs: Any, cluster: str, service: str, current: set[str]) -> tuple[set[str], set[str]]:
    """Revisions of the deployments under way, and those of the last successful ones before the current."""
    # Without the cluster, ECS looks in the one called "default", whatever the service's ARN says.
    deployments = sorted(
        aws.paged(
            ecs, "ListServiceDeployments", "serviceDeployments", cluster=cluster, service=service, maxResults=100
        ),
        key=lambda deployment: aws.member(deployment, "createdAt", "ListServiceDeployments"),
        reverse=True,
    )
    by_status = [(aws.member(d, "status", "ListServiceDeployments"), d) for d in deployments]
    earlier = [
        target
        for status, deployment in by_status
        if status == _SUCCESSFUL
        and (target := aws.member(deployment, "targetServiceRevisionArn", "ListServiceDeployments")) not in current
    ]
    started = [
        aws.member(deployment, "serviceDeploymentArn", "ListServiceDeployments")
        for status, deployment in by_status
        if status not in _ENDED
    ]
    under_way: set[str] = set()
    for some in in_batches(started, 20):
        answer = ecs.describe_service_deployments(serviceDeploymentArns=some)
        for deployment in described(answer, "DescribeServiceDeployments", "serviceDeployments", some):
            under_way.update(_revisions(deployment))
    return under_way, set(earlier[:_ROLLBACK_DEPTH]) - under_way


def _revisions(deployment: dict[str, Any]) -> Iterator[str]:
    """What a deployment under way replaces, brings, and goes back to; each is absent in some stage of it."""
    for source in deployment.get("sourceServiceRevisions", ()):
        yield aws.member(source, "arn", "DescribeServiceDeployments")
    if "targetServiceRevision" in deployment:
        yield aws.member(deployment["targetServiceRevision"], "arn", "DescribeServiceDeployments")
    if "rollback" in deployment:
        yield aws.member(deployment["rollback"], "serviceRevisionArn", "DescribeServiceDeployments")
