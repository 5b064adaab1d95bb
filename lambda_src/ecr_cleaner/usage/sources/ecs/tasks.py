"""The images of ECS tasks, by the digest that was pulled; standalone tasks included."""

import re
from collections.abc import Iterator
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.responses import described, in_batches
from ecr_cleaner.usage.source import RequiredField, SourceContext, usages_of

PERMISSIONS: Final = ("ecs:DescribeTasks",)

FIELDS: Final = (
    RequiredField("ecs", "DescribeTasks", "tasks[].containers[].image"),
    RequiredField("ecs", "DescribeTasks", "tasks[].containers[].imageDigest"),
    RequiredField("ecs", "DescribeTasks", "tasks[].containers[].reason"),
    RequiredField("ecs", "DescribeTasks", "tasks[].stoppedReason"),
)

# The error names at the start of ECS's messages: CannotPullContainerError, CannotPullImageManifestError, ...
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
_PULL_FAILED: Final = re.compile(r"\bCannotPull\w*Error\b")
_LONGEST_FAILURE: Final = 300

# ECS deletes a task about an hour after it stopped, possibly between listing and describing. A running task that
# ECS does not describe is an error: its image is unknown.
_MISSING: Final = "MISSING"


def usages(context: SourceContext, cluster: str) -> Iterator[Usage]:
    """The usages of the tasks of a cluster that run, are starting, or stopped about an hour ago at most.

    Args:
        context: What the source reads from.
        cluster: ARN.

    Raises:
        SourceError: A task cannot be described.
    """
    ecs = context.aws.client("ecs")
    # RUNNING includes tasks that are still pending; listing PENDING returns nothing.
    for status, accepted in (("RUNNING", None), ("STOPPED", _MISSING)):
        listed = responses.paged(ecs, "ListTasks", "taskArns", cluster=cluster, desiredStatus=status, maxResults=100)
        for some in in_batches(listed, 100):
            answer = ecs.describe_tasks(cluster=cluster, tasks=some)
            for task in described(answer, "DescribeTasks", "tasks", some, accepted=accepted):
                yield from _of_task(context, task, status)


def _of_task(context: SourceContext, task: dict[str, Any], status: str) -> Iterator[Usage]:
    definition = responses.member(task, "taskDefinitionArn", "DescribeTasks")
    place = responses.member(task, "taskArn", "DescribeTasks").rpartition(":task/")[2]
    consumer = f"ecs task {place} ({status.lower()}), task definition {definition.rpartition('/')[2]}"
    containers = task.get("containers", ())
    pulled = [container for container in containers if container.get("image")]
    for container in pulled:
        # No digest until the image is pulled, and none from old agents.
        yield from usages_of(
            container["image"],
            source="ecs",
            consumer=consumer,
            digest=container.get("imageDigest"),
            evidence=UsageKind.RUNNING,
            failure=_failure(task, container),
        )
    images = context.task_definitions.images(definition)
    if images is None and len(pulled) < max(1, len(containers)):
        message = f"{consumer}: ECS knows neither its containers' images nor its task definition"
        raise SourceError(message)
    for image in images or ():
        yield from usages_of(image, source="ecs", consumer=consumer, evidence=UsageKind.RUNNING)


def _failure(task: dict[str, Any], container: dict[str, Any]) -> str:
    """ECS's message if the image of a container could not be pulled; for Fargate only the task has it."""
    if container.get("imageDigest"):
        return ""
    for reason in (container.get("reason"), task.get("stoppedReason")):
        if reason and _PULL_FAILED.search(reason):
            return str(reason)[:_LONGEST_FAILURE]
    return ""
