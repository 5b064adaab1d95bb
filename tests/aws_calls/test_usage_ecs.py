"""How the clusters of ECS are gone through: all of them, whole, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.sources import ecs
from tests.aws_calls.consumers import ARN, CLUSTER, account, defines, definition, tagged, written

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

OTHER = f"{ARN}:cluster/test"
API = definition("api:42")
GONE = "ClusterNotFoundException"


def clusters(script: Script, *pages: list[str]) -> None:
    """The clusters are listed."""
    script.pages("ecs", "list_clusters", "clusterArns", *pages, maxResults=100)


def services(script: Script, cluster: str) -> None:
    """The cluster has a service."""
    name = cluster.rpartition("/")[2]
    arn = f"{ARN}:service/{name}/api"
    told = {
        "serviceName": "api",
        "serviceArn": arn,
        "clusterArn": cluster,
        "taskDefinition": API,
        "deploymentController": {"type": "EXTERNAL"},
    }
    script.pages("ecs", "list_services", "serviceArns", [arn], cluster=cluster, maxResults=100)
    script.answer("ecs", "describe_services", {"services": [told]}, cluster=cluster, services=[arn])


def no_tasks(script: Script, cluster: str) -> None:
    """Nothing runs in the cluster."""
    for status in ("RUNNING", "STOPPED"):
        script.pages("ecs", "list_tasks", "taskArns", [], cluster=cluster, desiredStatus=status, maxResults=100)


def usage(cluster: str) -> Usage:
    """What the service of a cluster uses."""
    return Usage(written(), "ecs", f"ecs service {cluster}/api, task definition api:42", UsageKind.CONFIGURED)


def used(script: Script) -> list[Usage]:
    """What ECS uses."""
    return list(ecs.collect(account(script)))


def test_an_empty_cluster_uses_nothing(script: Script) -> None:
    """Neither services nor tasks: nothing is described, for ECS refuses to describe nothing."""
    clusters(script, [CLUSTER])
    script.pages("ecs", "list_services", "serviceArns", [], cluster=CLUSTER, maxResults=100)
    no_tasks(script, CLUSTER)
    assert used(script) == []


def test_clusters_are_read_page_by_page(script: Script) -> None:
    """The services of the second page's clusters count, and a task definition is read once for both."""
    script.answer("ecs", "list_clusters", {"clusterArns": [CLUSTER], "nextToken": "more"}, maxResults=100)
    services(script, CLUSTER)
    defines(script, API, tagged("v1"))
    no_tasks(script, CLUSTER)
    script.answer("ecs", "list_clusters", {"clusterArns": [OTHER]}, maxResults=100, nextToken="more")
    services(script, OTHER)
    no_tasks(script, OTHER)
    assert used(script) == [usage("prod"), usage("test")]


def test_services_and_tasks_of_a_cluster_come_together(script: Script) -> None:
    """What is configured first, then what runs."""
    clusters(script, [CLUSTER])
    services(script, CLUSTER)
    defines(script, API, tagged("v1"))
    asked = {"cluster": CLUSTER, "desiredStatus": "RUNNING", "maxResults": 100}
    task = f"{ARN}:task/prod/1"
    script.pages("ecs", "list_tasks", "taskArns", [task], **asked)
    told = {"taskArn": task, "taskDefinitionArn": API, "containers": [{"image": tagged("v0")}]}
    script.answer("ecs", "describe_tasks", {"tasks": [told]}, cluster=CLUSTER, tasks=[task])
    script.pages("ecs", "list_tasks", "taskArns", [], **asked | {"desiredStatus": "STOPPED"})
    consumer = "ecs task prod/1 (running), task definition api:42"
    assert used(script) == [
        usage("prod"),
        Usage(written(tagged("v0"), "v0"), "ecs", consumer, UsageKind.RUNNING),
        Usage(written(), "ecs", consumer, UsageKind.RUNNING),
    ]


def test_a_cluster_that_vanishes_is_passed_over_whole(script: Script) -> None:
    """What it used is not used any more, and the others are read on."""
    clusters(script, [CLUSTER, OTHER])
    services(script, CLUSTER)
    defines(script, API, tagged("v1"))
    script.refuse("ecs", "list_tasks", GONE, cluster=CLUSTER, desiredStatus="RUNNING", maxResults=100)
    services(script, OTHER)
    no_tasks(script, OTHER)
    clusters(script, [OTHER])
    assert used(script) == [usage("test")]


def test_a_cluster_that_is_still_listed_has_not_vanished(script: Script) -> None:
    """Listed on the second page: ECS contradicts itself, and nobody knows what runs there."""
    clusters(script, [CLUSTER])
    script.refuse("ecs", "list_services", GONE, cluster=CLUSTER, maxResults=100)
    clusters(script, [OTHER], [CLUSTER])
    with pytest.raises(AwsError, match=GONE):
        used(script)
