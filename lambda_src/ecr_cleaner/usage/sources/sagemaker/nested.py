"""Images of Studio with their versions, and pipelines with their versions and executions."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.extract import usages_at
from ecr_cleaner.usage.source import usages_in
from ecr_cleaner.usage.sources.sagemaker.reading import NAME, listed, names, unless_deleted

OF_IMAGE_VERSION: Final = ("ContainerImage", "BaseImage")

LONGEST: Final = timedelta(days=183)
"""How old an execution in progress may be: a tuning job alone may take 15 768 000 seconds
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceLimits.html)."""

_IN_PROGRESS: Final = frozenset({"Executing", "Stopping"})


def images(client: Any) -> Iterator[Usage]:
    """The container image of every version of every image of Studio: any app may start from it."""
    for name in _images(client):
        versions = partial(_versions, client, name)
        for version in versions():
            describe = partial(client.describe_image_version, ImageName=name, Version=version)
            answer = unless_deleted(describe, version, versions)
            if answer is not None:
                responses.member(answer, "ImageVersionArn", "DescribeImageVersion")
                # A version whose creation failed or has not ended has no image.
                consumer = f"sagemaker image {name}, version {version}"
                yield from usages_at(answer, OF_IMAGE_VERSION, "DescribeImageVersion", source=NAME, consumer=consumer)


def pipelines(client: Any, now: datetime) -> Iterator[Usage]:
    """The images in the newest definition of every pipeline, in those with an alias, and in those being executed.

    An execution keeps the definition it was started with.
    """
    earliest = now - LONGEST
    listing = partial(names, client, "ListPipelines", "PipelineSummaries", "PipelineName")
    for name in listing():
        yield from unless_deleted(partial(list, _definitions(client, name, earliest)), name, listing) or ()


def _definitions(client: Any, name: str, earliest: datetime) -> Iterator[Usage]:
    consumer = f"sagemaker pipeline {name}"
    yield from _defined(client.describe_pipeline(PipelineName=name), "DescribePipeline", consumer)
    versions = [
        responses.member(version, "PipelineVersionId", "ListPipelineVersions")
        for version in listed(client, "ListPipelineVersions", "PipelineVersionSummaries", PipelineName=name)
        if version.get("PipelineVersionAliases")  # absent or empty without an alias
    ]
    for number in versions:
        answer = client.describe_pipeline(PipelineName=name, PipelineVersionId=number)
        yield from _defined(answer, "DescribePipeline", f"{consumer}, version {number}")
    params = {"PipelineName": name, "CreatedAfter": earliest}
    executions = [
        str(responses.member(execution, "PipelineExecutionArn", "ListPipelineExecutions"))
        for execution in listed(client, "ListPipelineExecutions", "PipelineExecutionSummaries", **params)
        if responses.member(execution, "PipelineExecutionStatus", "ListPipelineExecutions") in _IN_PROGRESS
    ]
    for arn in executions:
        answer = client.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
        named = f"{consumer}, execution {arn.rpartition('/')[2]}"
        yield from _defined(answer, "DescribePipelineDefinitionForExecution", named, UsageKind.RUNNING)


def _defined(
    answer: dict[str, Any], operation: str, consumer: str, evidence: UsageKind = UsageKind.CONFIGURED
) -> Iterator[Usage]:
    definition = responses.member(answer, "PipelineDefinition", operation)
    yield from usages_in(definition, source=NAME, consumer=consumer, evidence=evidence)


def _images(client: Any) -> list[str]:
    return names(client, "ListImages", "Images", "ImageName")


def _versions(client: Any, image: str) -> list[int]:
    """None of an image that was deleted since it was listed."""
    numbers = partial(names, client, "ListImageVersions", "ImageVersions", "Version", ImageName=image)
    return unless_deleted(numbers, image, partial(_images, client)) or []
