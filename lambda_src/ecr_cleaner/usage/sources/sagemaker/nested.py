"""Images of Studio with their versions, and pipelines with their versions."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.extract import fields_at, texts_at
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.source import RequiredField, SourceContext, usages_of
from ecr_cleaner.usage.sources.sagemaker.reading import listed, names
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar

NAME: Final = "sagemaker_studio"

OF_IMAGE_VERSION: Final = ("ContainerImage", "BaseImage")

IMAGE_VERSION_TEXTS: Final = FreeText(
    "sagemaker", "DescribeImageVersion", "", Grammar.VARIABLES, images=OF_IMAGE_VERSION
)
DEFINITION_TEXTS: Final = FreeText("sagemaker", "DescribePipeline")

FIELDS: Final = (
    RequiredField("sagemaker", "ListImageVersions", "ImageVersions[].Version"),
    *fields_at("sagemaker", "DescribeImageVersion", "", OF_IMAGE_VERSION),
    RequiredField("sagemaker", "ListPipelines", "PipelineSummaries[].PipelineName"),
    RequiredField("sagemaker", "ListPipelineVersions", "PipelineVersionSummaries[].PipelineVersionAliases[]"),
    RequiredField("sagemaker", "DescribePipeline", "PipelineDefinition"),
)
"""What is read beside the names of kinds."""


def images(context: SourceContext) -> Iterator[Usage]:
    """The container image of every version of every image of Studio: any app may start from it."""
    return of_each(context, partial(names, context, "ListImages", "Images", "ImageName"), _of_image)


def _of_image(context: SourceContext, name: str) -> Iterator[Usage]:
    versions = partial(names, context, "ListImageVersions", "ImageVersions", "Version", ImageName=name)
    return of_each(context, versions, partial(_of_version, name))


def _of_version(name: str, context: SourceContext, version: int) -> Iterator[Usage]:
    client = context.aws.client("sagemaker")
    answer = client.describe_image_version(ImageName=name, Version=version)
    responses.member(answer, "ImageVersionArn", "DescribeImageVersion")
    # A version whose creation failed or has not ended has no image.
    consumer = f"sagemaker image {name}, version {version}"
    for text in texts_at(answer, OF_IMAGE_VERSION, "DescribeImageVersion"):
        yield from usages_of(text, source=NAME, consumer=consumer)
    yield from usages_of_texts(IMAGE_VERSION_TEXTS, answer, client, like(NAME, consumer))


def pipelines(context: SourceContext) -> Iterator[Usage]:
    """The images in the newest definition of every pipeline, and in those with an alias.

    Pipelines are older than their versions, which not every region has.

    Args:
        context: What the source reads from.
    """
    return of_each(context, partial(pipeline_names, context), _of_pipeline)


def pipeline_names(context: SourceContext) -> list[str]:
    """The names of all pipelines."""
    return names(context, "ListPipelines", "PipelineSummaries", "PipelineName")


def _of_pipeline(context: SourceContext, name: str) -> Iterator[Usage]:
    client = context.aws.client("sagemaker")
    consumer = f"sagemaker pipeline {name}"
    newest = client.describe_pipeline(PipelineName=name)
    # Whoever accepts what a pipeline names accepts it for its versions too.
    arn = newest.get("PipelineArn", "")
    yield from _defined(client, newest, consumer, arn)

    def versions() -> list[int]:
        return [
            responses.member(version, "PipelineVersionId", "ListPipelineVersions")
            for version in listed(context, "ListPipelineVersions", "PipelineVersionSummaries", PipelineName=name)
            if version.get("PipelineVersionAliases")  # absent or empty without an alias
        ]

    def of_version(_: SourceContext, number: int) -> Iterator[Usage]:
        answer = client.describe_pipeline(PipelineName=name, PipelineVersionId=number)
        return _defined(client, answer, f"{consumer}, version {number}", arn)

    yield from of_each(context, versions, of_version)


def _defined(client: Any, answer: dict[str, Any], consumer: str, arn: str) -> Iterator[Usage]:
    responses.member(answer, "PipelineDefinition", "DescribePipeline")
    yield from usages_of_texts(DEFINITION_TEXTS, answer, client, like(NAME, consumer, arn=arn))
