"""The images of ECS services: what is deployed, what is being deployed, and what a rollback would return to.

By default ECS resolves tags when it deploys and starts every later task by the digest, which for a service
without tasks only its service revision knows
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html).
"""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.errors import MissingError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.each import each
from ecr_cleaner.usage.found import like, usages_of_task_definition, usages_of_texts
from ecr_cleaner.usage.responses import Missing, described, in_batches, last_of, listed_again
from ecr_cleaner.usage.source import RequiredField, SourceContext, usages_of
from ecr_cleaner.usage.sources.ecs import known
from ecr_cleaner.usage.sources.ecs.known import Revision
from ecr_cleaner.usage.sources.ecs.revisions import Deployed, Revisions
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar

PERMISSIONS: Final = (
    "ecs:DescribeServices",
    "ecs:ListServiceDeployments",
    "ecs:DescribeServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "ecs:DescribeExpressGatewayService",
)

FIELDS: Final = (
    RequiredField("ecs", "DescribeServices", "services[].taskDefinition"),
    RequiredField("ecs", "DescribeServices", "services[].deployments[].taskDefinition"),
    RequiredField("ecs", "DescribeServices", "services[].taskSets[].taskDefinition"),
    RequiredField("ecs", "DescribeServices", "services[].currentServiceRevisions[].arn"),
    RequiredField("ecs", "DescribeServices", "services[].resourceManagementType"),
    RequiredField("ecs", "DescribeExpressGatewayService", "service.activeConfigurations[].primaryContainer.image"),
    RequiredField("ecs", "DescribeExpressGatewayService", "service.activeConfigurations[].taskDefinitionArn"),
    RequiredField("ecs", "ListServiceDeployments", "serviceDeployments[].targetServiceRevisionArn"),
    RequiredField("ecs", "DescribeServiceDeployments", "serviceDeployments[].sourceServiceRevisions[].arn"),
    RequiredField("ecs", "DescribeServiceDeployments", "serviceDeployments[].targetServiceRevision.arn"),
    RequiredField("ecs", "DescribeServiceDeployments", "serviceDeployments[].rollback.serviceRevisionArn"),
    RequiredField("ecs", "DescribeServiceRevisions", "serviceRevisions[].containerImages[].image"),
    RequiredField("ecs", "DescribeServiceRevisions", "serviceRevisions[].containerImages[].imageDigest"),
    RequiredField("ecs", "DescribeServiceRevisions", "serviceRevisions[].taskDefinition"),
)

SERVICE_TEXTS: Final = FreeText("ecs", "DescribeServices", "services[]", Grammar.VARIABLES)
EXPRESS_TEXTS: Final = FreeText(
    "ecs",
    "DescribeExpressGatewayService",
    "service.activeConfigurations[]",
    Grammar.VARIABLES,
    images=("primaryContainer.image",),
)


def usages(context: SourceContext, cluster: str) -> Iterator[Usage]:
    """The usages of every service of a cluster.

    Args:
        context: What the source reads from.
        cluster: ARN.
    """
    listing = partial(context.paged, "ecs", "ListServices", "serviceArns", cluster=cluster, maxResults=100)
    with listed_again(lambda: map(last_of, listing())) as missing:

        def read(own: SourceContext, some: list[str]) -> Iterator[Usage]:
            answer = own.aws.client("ecs").describe_services(cluster=cluster, services=some)
            found = described(answer, "DescribeServices", "services", some, missing)
            services = [(last_of(responses.member(one, "serviceArn", "DescribeServices")), one) for one in found]
            begun = [
                (key, one)
                for key, service in services
                for one in missing.unless_gone(key, partial(_begun, own, cluster, service))
            ]
            together = _described_together([one for _, one in begun])
            for key, one in begun:
                yield from missing.unless_gone(key, partial(_of_service, own, one, together))

        yield from each(context, read, in_batches(listing(), 10))


class _Read(NamedTuple):
    """What is read of a service before its revisions are described.

    Attributes:
        service: As ECS describes it.
        name: As reports name it.
        usages: What it uses by itself.
        revisions: How its revisions are read.
        deployed: Which these are.
    """

    service: dict[str, Any]
    name: str
    usages: list[Usage]
    revisions: Revisions
    deployed: Deployed


def _begun(context: SourceContext, cluster: str, service: dict[str, Any]) -> Iterator[_Read]:
    service_name = responses.member(service, "serviceName", "DescribeServices")
    name = f"ecs service {cluster.rpartition('/')[2]}/{service_name}"
    usages = [
        *usages_of_texts(SERVICE_TEXTS, service, context.aws.client("ecs"), like("ecs", name)),
        *_configured(context, service, name),
    ]
    revisions = _revisions(context, service)
    yield _Read(service, name, usages, revisions, _deployed(revisions, service))


def _described_together(services: list[_Read]) -> dict[str, Revision]:
    """The revisions of several services that are not known, by ARN: 20 a call, which one service rarely has.

    Whatever it lacks, its service asks for by itself: so what is missing, or is refused, is judged for each service.
    """
    unknown = {arn: one.revisions for one in services for arn in one.revisions.unknown(one.deployed)}
    if len({id(revisions) for revisions in unknown.values()}) <= 1:
        return {}
    found: dict[str, Revision] = {}
    with suppress(*errors.AwsError):
        found.update(services[0].revisions.described(sorted(unknown), Missing()))
    return found


def _of_service(context: SourceContext, read: _Read, together: dict[str, Revision]) -> Iterator[Usage]:
    yield from read.usages
    yield from read.revisions.usages(read.name, read.deployed, together)
    # Absent on services that are older than the distinction; what ECS manages is an Express service.
    if read.service.get("resourceManagementType") == "ECS":
        arn = responses.member(read.service, "serviceArn", "DescribeServices")
        yield from _express(context, arn, read.name)


def _configured(context: SourceContext, service: dict[str, Any], name: str) -> Iterator[Usage]:
    # Each of the three may be absent: with the controllers CODE_DEPLOY and EXTERNAL the service itself has no
    # task definition, with ECS there are no task sets.
    structures = [service, *service.get("deployments", ()), *service.get("taskSets", ())]
    for arn in sorted({one["taskDefinition"] for one in structures if one.get("taskDefinition")}):
        yield from of_task_definition(context, arn, name)


def _express(context: SourceContext, service: str, name: str) -> Iterator[Usage]:
    """The usages of an Express service, which itself names an image and may have no task definition of its own."""
    operation = "DescribeExpressGatewayService"
    answer = context.aws.client("ecs").describe_express_gateway_service(serviceArn=service)
    for configuration in responses.member(answer, "service.activeConfigurations", operation):
        image = responses.member(configuration, "primaryContainer.image", operation)
        yield from usages_of(image, source="ecs", consumer=f"{name}, express configuration")
        texts = like("ecs", f"{name}, express configuration")
        yield from usages_of_texts(EXPRESS_TEXTS, configuration, context.aws.client("ecs"), texts)
        if configuration.get("taskDefinitionArn"):  # absent until ECS made one
            yield from of_task_definition(context, configuration["taskDefinitionArn"], name)


def of_task_definition(
    context: SourceContext, arn: str, consumer: str, evidence: UsageKind = UsageKind.CONFIGURED
) -> Iterator[Usage]:
    """The usages of a task definition that a consumer needs now, or would roll back to.

    Raises:
        MissingError: There is no such task definition, so it is unknown what the consumer runs. If it is only a
            rollback target, a rollback to it is impossible, and a note says so.
    """
    named = f"{consumer}, task definition {arn.rpartition('/')[2]}"
    is_held = evidence is not UsageKind.ROLLBACK
    usages = usages_of_task_definition(context.task_definitions, arn, like("ecs", named, evidence), is_held=is_held)
    if usages is None and evidence is UsageKind.ROLLBACK:
        context.notes.append(f"{consumer} names task definition {arn}, which does not exist any more")
        return
    if usages is None:
        message = f"{consumer} names task definition {arn}, which ECS does not find"
        raise MissingError(message)
    yield from usages


def _deployed(revisions: Revisions, service: dict[str, Any]) -> Deployed:
    operation = "DescribeServices"
    # Absent on services that were last deployed before October 2024.
    current = {responses.member(r, "arn", operation) for r in service.get("currentServiceRevisions", ())}
    deployments = None
    # Only ECS's own controller keeps service deployments; the call is refused for the others.
    if service.get("deploymentController", {}).get("type", "ECS") == "ECS":
        # Without the cluster, ECS uses the cluster "default", regardless of the service's ARN.
        deployments = {
            "cluster": responses.member(service, "clusterArn", operation),
            "service": responses.member(service, "serviceArn", operation),
        }
    return revisions.deployed(current, deployments)


def _revisions(context: SourceContext, service: dict[str, Any]) -> Revisions:
    return Revisions(
        context.aws.client("ecs"),
        "ecs",
        "Service",
        _rollback_target,
        lambda revision: revision.get("taskDefinition", ""),  # absent on Express services
        partial(of_task_definition, context),
        known.of_service(context, service),
    )


def _rollback_target(rollback: dict[str, Any]) -> str:
    return str(responses.member(rollback, "serviceRevisionArn", "DescribeServiceDeployments"))
