"""Amazon ECS: services with all their deployments and revisions, and tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.source import Grant, Source, SourceContext
from ecr_cleaner.usage.sources.ecs import services, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model.usage import Usage

_CLUSTER_GONE: Final = "ClusterNotFoundException"


def collect(context: SourceContext) -> Iterator[Usage]:
    """Everything that runs or will run in any cluster.

    Yields:
        Usages of the kinds ``configured``, ``running`` and ``rollback``.

    Raises:
        SourceError: ECS left something out of an answer.
    """
    for cluster in _clusters(context):
        try:
            # All of the cluster before the first usage, so that a cluster that is deleted meanwhile is noticed.
            usages = [*services.usages(context, cluster), *tasks.usages(context, cluster)]
        except errors.AwsError as error:
            if errors.code_of(error) == _CLUSTER_GONE and cluster not in set(_clusters(context)):
                continue
            raise
        yield from usages


def _clusters(context: SourceContext) -> Iterator[str]:
    return responses.paged(context.aws.client("ecs"), "ListClusters", "clusterArns", maxResults=100)


_OF_CLUSTERS: Final = "arn:{partition}:ecs:{region}:{account}:*"

SOURCES: Final = (
    Source(
        name="ecs",
        title="Amazon ECS, every cluster, Express services and ECS Anywhere too",
        protects="Of services: the task definitions of the service, of every deployment and task set (also with the"
        " controllers CODE_DEPLOY and EXTERNAL); what an Express service is configured with; the current service"
        " revision, those of the last two successful deployments before it and of deployments under way, with the"
        " digests ECS resolved. Running tasks and those stopped about an hour ago at most, with the digest that was"
        " pulled.",
        service="ecs",
        grants=(
            Grant(
                "ReadEcsListings",
                ("ecs:ListClusters", "ecs:ListServices", "ecs:ListTasks", *task_definitions.PERMISSIONS),
            ),
            Grant("ReadEcsServicesAndTasks", (*services.PERMISSIONS, *tasks.PERMISSIONS), _OF_CLUSTERS),
        ),
        fields=(*services.FIELDS, *tasks.FIELDS, *task_definitions.FIELDS),
        collect=collect,
    ),
)
