"""The images of ECS tasks, by the digest that was pulled; standalone tasks included."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import MissingError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.each import each
from ecr_cleaner.usage.found import like, usages_of_task_definition, usages_of_texts
from ecr_cleaner.usage.responses import Missing, described, in_batches, last_of, listed_again
from ecr_cleaner.usage.source import RequiredField, SourceContext, usages_of
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar

PERMISSIONS: Final = ("ecs:DescribeTasks",)

FIELDS: Final = (
    RequiredField("ecs", "DescribeTasks", "tasks[].containers[].image"),
    RequiredField("ecs", "DescribeTasks", "tasks[].containers[].imageDigest"),
    RequiredField("ecs", "DescribeTasks", "tasks[].containers[].reason"),
    RequiredField("ecs", "DescribeTasks", "tasks[].stoppedReason"),
)

TEXTS: Final = FreeText(
    "ecs",
    "DescribeTasks",
    "tasks[]",
    Grammar.VARIABLES,
    images=("containers[].image", "containers[].imageDigest"),
)
"""How the texts of a task are searched: what it overrides of its task definition."""

# The error names at the start of ECS's messages: CannotPullContainerError, CannotPullImageManifestError, ...
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
_PULL_FAILED: Final = re.compile(r"\bCannotPull\w*Error\b")
_LONGEST_FAILURE: Final = 300


def usages(context: SourceContext, cluster: str) -> Iterator[Usage]:
    """The usages of the tasks of a cluster that run, are starting, or stopped about an hour ago at most.

    Args:
        context: What the source reads from.
        cluster: ARN.

    Raises:
        SourceError: A task is listed and cannot be described.
    """
    # RUNNING includes tasks that are still pending; listing PENDING returns nothing.
    yield from _with_status(context, cluster, "RUNNING")
    yield from _with_status(context, cluster, "STOPPED")


def _with_status(context: SourceContext, cluster: str, status: str) -> Iterator[Usage]:
    asked = {"cluster": cluster, "desiredStatus": status, "maxResults": 100}
    listing = partial(context.paged, "ecs", "ListTasks", "taskArns", **asked)
    with listed_again(lambda: map(last_of, listing())) as missing:
        # ECS deletes a task about an hour after it stopped, so a stopped one that it does not find needs nothing.
        not_described = missing if status == "RUNNING" else Missing()

        def read(own: SourceContext, some: list[str]) -> Iterator[Usage]:
            answer = own.aws.client("ecs").describe_tasks(cluster=cluster, tasks=some)
            for task in described(answer, "DescribeTasks", "tasks", some, not_described):
                name = last_of(responses.member(task, "taskArn", "DescribeTasks"))
                yield from missing.unless_gone(name, partial(_of_task, own, task, status))

        yield from each(context, read, in_batches(listing(), 100))


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
    usage = like("ecs", consumer, UsageKind.RUNNING)
    yield from usages_of_texts(TEXTS, task, context.aws.client("ecs"), usage)
    is_held = status == "RUNNING"
    defined = usages_of_task_definition(context.task_definitions, definition, usage, is_held=is_held)
    if defined is None and len(pulled) < max(1, len(containers)):
        message = f"{consumer}: ECS knows neither its containers' images nor its task definition"
        raise MissingError(message)
    yield from defined or ()


def _failure(task: dict[str, Any], container: dict[str, Any]) -> str:
    """ECS's message if the image of a container could not be pulled; for Fargate only the task has it."""
    if container.get("imageDigest"):
        return ""
    for reason in (container.get("reason"), task.get("stoppedReason")):
        if reason and _PULL_FAILED.search(reason):
            return str(reason)[:_LONGEST_FAILURE]
    return ""
