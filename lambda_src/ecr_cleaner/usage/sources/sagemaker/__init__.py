"""Amazon SageMaker AI: models, endpoints, Studio's images, jobs, monitors, model registry, pipelines.

Not read because they only use AWS's images: AutoML, compilation and recommendation jobs. Not read because they run
what is read here: endpoint configurations, transform jobs and inference experiments, which name models; domains,
spaces, profiles and apps, which name images of Studio.
"""

from collections.abc import Iterator
from typing import Final

from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage.extract import fields_at
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, arn_of
from ecr_cleaner.usage.sources.sagemaker import nested, reading
from ecr_cleaner.usage.sources.sagemaker.kinds import KINDS

_LISTINGS: Final = (*(kind.listing for kind in KINDS), "ListImages", "ListPipelines")
_OF_ONE_THING: Final = (
    *(kind.describing for kind in KINDS),
    "DescribeImageVersion",
    "DescribePipeline",
    "ListImageVersions",
    "ListPipelineVersions",
)


def collect(context: SourceContext) -> Iterator[Usage]:
    """Everything that runs or may run from an image.

    Yields:
        Usages of the kinds ``configured``, ``running`` and ``scheduled``.
    """
    client = context.aws.client("sagemaker")
    for kind in KINDS:
        yield from reading.usages(client, kind)
    yield from nested.images(client)
    yield from nested.pipelines(client)


def _fields() -> Iterator[RequiredField]:
    for kind in KINDS:
        paths = [path for place in kind.images for path in place.paths]
        yield RequiredField("sagemaker", kind.listing, f"{kind.items}[].{kind.name}")
        yield from fields_at("sagemaker", kind.describing, "", paths)
    yield RequiredField("sagemaker", "ListImageVersions", "ImageVersions[].Version")
    yield from fields_at("sagemaker", "DescribeImageVersion", "", nested.OF_IMAGE_VERSION)
    yield RequiredField("sagemaker", "ListPipelineVersions", "PipelineVersionSummaries[].PipelineVersionAliases[]")
    yield RequiredField("sagemaker", "DescribePipeline", "PipelineDefinition")


SOURCES: Final = (
    Source(
        name=reading.NAME,
        title="Amazon SageMaker AI",
        protects="The images of models, endpoints and inference components (with the digests SageMaker resolved), of"
        " every version of Studio's images, of model packages and algorithms, of monitoring schedules and their job"
        " definitions, of training, processing, tuning and optimization jobs under way; whatever a pipeline's newest"
        " definition names, and one with an alias",
        service="sagemaker",
        grants=(
            Grant("ListSageMaker", tuple(f"sagemaker:{name}" for name in _LISTINGS)),
            Grant("ReadSageMaker", tuple(f"sagemaker:{name}" for name in _OF_ONE_THING), arn_of("sagemaker", "*")),
        ),
        fields=tuple(_fields()),
        collect=collect,
        texts=(*(kind.texts for kind in KINDS), nested.IMAGE_VERSION_TEXTS, nested.DEFINITION_TEXTS),
    ),
)
