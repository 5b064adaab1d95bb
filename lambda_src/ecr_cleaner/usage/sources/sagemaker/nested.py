"""Images of Studio with their versions, and pipelines with their versions and executions."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.extract import usages_at
from ecr_cleaner.usage.responses import of_each
from ecr_cleaner.usage.source import usages_in
from ecr_cleaner.usage.sources.sagemaker.reading import NAME, listed, names

OF_IMAGE_VERSION: Final = ("ContainerImage", "BaseImage")

LONGEST: Final = timedelta(days=183)
"""How old an execution in progress may be: a tuning job alone may take 15 768 000 seconds
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceLimits.html)."""

_IN_PROGRESS: Final = frozenset({"Executing", "Stopping"})


def images(client: Any) -> Iterator[Usage]:
    """The container image of every version of every image of Studio: any app may start from it."""
    return of_each(partial(names, client, "ListImages", "Images", "ImageName"), partial(_of_image, client))


def _of_image(client: Any, name: str) -> Iterator[Usage]:
    versions = partial(names, client, "ListImageVersions", "ImageVersions", "Version", ImageName=name)
    return of_each(versions, partial(_of_version, client, name))


def _of_version(client: Any, name: str, version: int) -> Iterator[Usage]:
    answer = client.describe_image_version(ImageName=name, Version=version)
    responses.member(answer, "ImageVersionArn", "DescribeImageVersion")
    # A version whose creation failed or has not ended has no image.
    consumer = f"sagemaker image {name}, version {version}"
    return usages_at(answer, OF_IMAGE_VERSION, "DescribeImageVersion", source=NAME, consumer=consumer)


def pipelines(client: Any, now: datetime) -> Iterator[Usage]:
    """The images in the newest definition of every pipeline, in those with an alias, and in those being executed.

    An execution keeps the definition it was started with.
    """
    listing = partial(names, client, "ListPipelines", "PipelineSummaries", "PipelineName")
    return of_each(listing, partial(_of_pipeline, client, now - LONGEST))


def _of_pipeline(client: Any, earliest: datetime, name: str) -> Iterator[Usage]:
    consumer = f"sagemaker pipeline {name}"
    newest = client.describe_pipeline(PipelineName=name)
    # Whoever accepts what a pipeline names accepts it for its versions and executions.
    pipeline_arn = newest.get("PipelineArn", "")
    yield from _defined(newest, "DescribePipeline", consumer, pipeline_arn)

    def versions() -> list[int]:
        return [
            responses.member(version, "PipelineVersionId", "ListPipelineVersions")
            for version in listed(client, "ListPipelineVersions", "PipelineVersionSummaries", PipelineName=name)
            if version.get("PipelineVersionAliases")  # absent or empty without an alias
        ]

    def of_version(number: int) -> Iterator[Usage]:
        answer = client.describe_pipeline(PipelineName=name, PipelineVersionId=number)
        return _defined(answer, "DescribePipeline", f"{consumer}, version {number}", pipeline_arn)

    def executions() -> list[str]:
        asked = {"PipelineName": name, "CreatedAfter": earliest}
        return [
            str(responses.member(execution, "PipelineExecutionArn", "ListPipelineExecutions"))
            for execution in listed(client, "ListPipelineExecutions", "PipelineExecutionSummaries", **asked)
            if responses.member(execution, "PipelineExecutionStatus", "ListPipelineExecutions") in _IN_PROGRESS
        ]

    def of_execution(arn: str) -> Iterator[Usage]:
        answer = client.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
        named = f"{consumer}, execution {arn.rpartition('/')[2]}"
        operation = "DescribePipelineDefinitionForExecution"
        return _defined(answer, operation, named, pipeline_arn, UsageKind.RUNNING)

    yield from of_each(versions, of_version)
    yield from of_each(executions, of_execution)


def _defined(
    answer: dict[str, Any], operation: str, consumer: str, arn: str, evidence: UsageKind = UsageKind.CONFIGURED
) -> Iterator[Usage]:
    definition = responses.member(answer, "PipelineDefinition", operation)
    yield from usages_in(definition, source=NAME, consumer=consumer, evidence=evidence, consumer_arn=arn)
