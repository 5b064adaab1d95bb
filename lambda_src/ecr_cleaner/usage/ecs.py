"""Amazon ECS: services with all their deployments and revisions, and tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecr_cleaner import aws
from ecr_cleaner.usage import ecs_services, ecs_tasks, task_definitions
from ecr_cleaner.usage.base import Account, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model import Usage

_CLUSTER_GONE: Final = "ClusterNotFoundException"


def collect(account: Account) -> Iterator[Usage]:
    """Everything that runs or will run in any cluster.

    Yields:
        Usages of the kinds ``configured``, ``running`` and ``rollback``.

    Raises:
        SourceError: ECS left something out of an answer.
    """
    for cluster in _clusters(account):
        try:
            # Held back until the cluster is done with, so that one that vanishes half-way is noticed.
            found = [*ecs_services.usages(account, cluster), *ecs_tasks.usages(account, cluster)]
        except aws.AwsError as error:
            if aws.code_of(error) == _CLUSTER_GONE and cluster not in set(_clusters(account)):
                continue
            raise
        yield from found


def _clusters(account: Account) -> Iterator[str]:
    return aws.paged(account.aws.client("ecs"), "ListClusters", "clusterArns", maxResults=100)


SOURCE: Final = Source(
    name="ecs",
    title="Amazon ECS",
    service="ecs",
    permissions=(
        "ecs:ListClusters",
        *ecs_services.PERMISSIONS,
        *ecs_tasks.PERMISSIONS,
        *task_definitions.PERMISSIONS,
    ),
    collect=collect,
)
