"""Amazon ECS: services with all their deployments and revisions, and tasks."""

from collections.abc import Iterator
from typing import Final

from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.source import TASK_DEFINITION_FIELDS, Grant, Source, SourceContext, arn_of
from ecr_cleaner.usage.sources.ecs import services, tasks
from ecr_cleaner.usage.sources.ecs.revisions import CLUSTER_FIELDS, of_every_cluster, revisions_texts


def collect(context: SourceContext) -> Iterator[Usage]:
    """Everything that runs or will run in any cluster.

    Returns:
        Usages of the kinds ``configured``, ``running`` and ``rollback``.

    Raises:
        SourceError: ECS left something out of an answer.
    """
    return of_every_cluster(context, _of_cluster)


def _of_cluster(context: SourceContext, cluster: str) -> Iterator[Usage]:
    yield from services.usages(context, cluster)
    yield from tasks.usages(context, cluster)


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
            Grant("ReadEcsServicesAndTasks", (*services.PERMISSIONS, *tasks.PERMISSIONS), arn_of("ecs", "*")),
        ),
        fields=(*CLUSTER_FIELDS, *services.FIELDS, *tasks.FIELDS, *TASK_DEFINITION_FIELDS),
        collect=collect,
        texts=(
            services.SERVICE_TEXTS,
            services.EXPRESS_TEXTS,
            tasks.TEXTS,
            revisions_texts("Service"),
            task_definitions.TEXTS,
        ),
    ),
)
