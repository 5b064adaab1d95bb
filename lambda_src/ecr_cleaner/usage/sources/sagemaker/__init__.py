"""Amazon SageMaker AI: models, endpoints, Studio's images, jobs, monitors, model registry, pipelines.

Not read because they only use AWS's images: AutoML, compilation and recommendation jobs. Not read because they run
what is read here: endpoint configurations, transform jobs and inference experiments, which name models; domains,
spaces, profiles and apps, which name images of Studio.

Regions get SageMaker's newer listings later, if at all, and organizations deny them one by one. What appeared together
is a source, so that nobody has to give up the protection of models and endpoints for the sake of something newer.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage.extract import fields_at
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, arn_of
from ecr_cleaner.usage.sources.sagemaker import nested, reading
from ecr_cleaner.usage.sources.sagemaker.kinds import KINDS, Kind

_SERVICE: Final = "sagemaker"


def _kinds(*nouns: str) -> tuple[Kind, ...]:
    return tuple(kind for kind in KINDS if kind.noun in nouns)


def _of_kinds(context: SourceContext, name: str, kinds: Sequence[Kind]) -> Iterator[Usage]:
    for kind in kinds:
        yield from reading.usages(context, kind, name)


def _fields(kinds: Sequence[Kind]) -> Iterator[RequiredField]:
    for kind in kinds:
        paths = [path for place in kind.images for path in place.paths]
        yield RequiredField(_SERVICE, kind.listing, f"{kind.items}[].{kind.name}")
        yield from fields_at(_SERVICE, kind.describing, "", paths)


def _source(name: str, title: str, protects: str, word: str, kinds: Sequence[Kind]) -> Source:
    """A source of kinds alone; the word makes its statements' ids unique."""
    return Source(
        name=name,
        title=title,
        protects=protects,
        service=_SERVICE,
        grants=(
            Grant(f"List{word}", tuple(f"sagemaker:{kind.listing}" for kind in kinds)),
            Grant(f"Read{word}", tuple(f"sagemaker:{kind.describing}" for kind in kinds), arn_of(_SERVICE, "*")),
        ),
        fields=tuple(_fields(kinds)),
        collect=lambda context: _of_kinds(context, name, kinds),
        texts=tuple(kind.texts for kind in kinds),
    )


_FIRST: Final = _kinds("model", "endpoint", "model package", "algorithm", "training job", "tuning job")
_PROCESSING: Final = _kinds("processing job", "monitoring schedule")
_MONITORS: Final = tuple(kind for kind in KINDS if kind.noun.endswith("job definition"))


def _studio(context: SourceContext) -> Iterator[Usage]:
    """Images of Studio, pipelines and job definitions of monitors."""
    yield from _of_kinds(context, nested.NAME, _MONITORS)
    yield from nested.images(context)
    yield from nested.pipelines(context)


SOURCES: Final = (
    _source(
        reading.NAME,
        "Amazon SageMaker AI: models, endpoints, training",
        "The images of models and endpoints (with the digests SageMaker resolved), of model packages and algorithms, of"
        " training and tuning jobs under way",
        "SageMaker",
        _FIRST,
    ),
    _source(
        "sagemaker_processing",
        "SageMaker processing jobs and monitoring schedules",
        "The images of monitoring schedules and of processing jobs under way",
        "SageMakerProcessing",
        _PROCESSING,
    ),
    Source(
        name=nested.NAME,
        title="SageMaker Studio's images, pipelines and monitors' job definitions",
        protects="The images of every version of Studio's images, and of monitors' job definitions; whatever a"
        " pipeline's newest definition names, and one with an alias",
        service=_SERVICE,
        grants=(
            Grant(
                "ListSageMakerStudio",
                tuple(f"sagemaker:{name}" for name in (*(k.listing for k in _MONITORS), "ListImages", "ListPipelines")),
            ),
            Grant(
                "ReadSageMakerStudio",
                (
                    *(f"sagemaker:{kind.describing}" for kind in _MONITORS),
                    "sagemaker:DescribeImageVersion",
                    "sagemaker:DescribePipeline",
                    "sagemaker:ListImageVersions",
                    "sagemaker:ListPipelineVersions",
                ),
                arn_of(_SERVICE, "*"),
            ),
        ),
        fields=(*_fields(_MONITORS), *nested.FIELDS),
        collect=_studio,
        texts=(*(kind.texts for kind in _MONITORS), nested.IMAGE_VERSION_TEXTS, nested.DEFINITION_TEXTS),
    ),
    _source(
        "sagemaker_inference_components",
        "SageMaker inference components",
        "The images of inference components, with the digests SageMaker resolved",
        "SageMakerComponents",
        _kinds("inference component"),
    ),
    _source(
        "sagemaker_optimization",
        "SageMaker optimization jobs",
        "The images of optimization jobs under way",
        "SageMakerOptimization",
        _kinds("optimization job"),
    ),
)
