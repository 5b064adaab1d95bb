"""What SageMaker lists and describes, and where it names images.

Of a container in a model package or an algorithm, the digest is read beside the reference: a model made of it runs the
digest, wherever its tag may be by then. Of endpoints and inference components, ``ResolvedImage`` is a reference with a
digest.
"""

from dataclasses import dataclass
from typing import Any, Final

from ecr_cleaner.model.usage import UsageKind
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar


@dataclass(frozen=True, slots=True)
class Kind:
    """Things that are listed, then described one by one.

    Attributes:
        noun: What reports call it.
        word: What operations and members call it.
        items: Member of the listing that holds the resources.
        required_member: A member that a complete description always has.
        images: Where it names images.
        filters: Input of the listing, which is called once with each.
        evidence: How a usage of it is seen.
        params: Further input of the describing operation.
        listed_by: The member of a listed resource by which it is described, if it is not `param`.
        described_by: Input member of the describing operation, if its name does not follow from the word.
        created: The member of a listed resource that says when it was made, if nothing can change it since.
    """

    noun: str
    word: str
    items: str
    required_member: str
    images: tuple[Images, ...]
    filters: tuple[dict[str, str], ...] = ({},)
    evidence: UsageKind = UsageKind.CONFIGURED
    params: tuple[tuple[str, Any], ...] = ()
    listed_by: str = ""
    described_by: str = ""
    created: str = ""

    @property
    def listing(self) -> str:
        """The listing operation."""
        return f"List{self.word}s"

    @property
    def describing(self) -> str:
        """The describing operation."""
        return f"Describe{self.word}"

    @property
    def texts(self) -> FreeText:
        """How the texts of a description are searched: variables, arguments, hyperparameters."""
        images = tuple(path for one in self.images for path in one.paths)
        return FreeText("sagemaker", self.describing, "", Grammar.VARIABLES, images)

    @property
    def param(self) -> str:
        """Input member of the describing operation for the name."""
        return self.described_by or f"{self.word}Name"

    @property
    def name(self) -> str:
        """The member of a listed resource by which it is described."""
        return self.listed_by or self.param


_INFERENCE: Final = "Containers[]"
_DEPLOYED: Final = "DeployedImages[]"


def _both(*places: str) -> tuple[Images, ...]:
    """A deployed image, as it was written and as it was resolved."""
    return tuple(Images(name, at=place) for place in places for name in ("SpecifiedImage", "ResolvedImage"))


def _unended(*statuses: str) -> tuple[dict[str, str], ...]:
    """Filters, in the order in which a job passes through its statuses: one that moves on is listed again."""
    return tuple({"StatusEquals": status} for status in statuses)


def _job_definition(monitor: str) -> Kind:
    joined = monitor.title().replace(" ", "")
    return Kind(
        f"{monitor} job definition",
        f"{joined}JobDefinition",
        "JobDefinitionSummaries",
        f"{joined}AppSpecification",
        (Images("ImageUri", at=f"{joined}AppSpecification"),),
        listed_by="MonitoringJobDefinitionName",
        described_by="JobDefinitionName",
    )


KINDS: Final = (
    Kind(
        "model",
        "Model",
        "Models",
        "ModelArn",
        (Images("Image", at="PrimaryContainer"), Images("Image", at="Containers[]")),
        created="CreationTime",  # the API has no operation that changes a model
    ),
    Kind(
        "endpoint",
        "Endpoint",
        "Endpoints",
        "EndpointStatus",
        _both(
            f"ProductionVariants[].{_DEPLOYED}",
            f"ShadowProductionVariants[].{_DEPLOYED}",
            f"PendingDeploymentSummary.ProductionVariants[].{_DEPLOYED}",
            f"PendingDeploymentSummary.ShadowProductionVariants[].{_DEPLOYED}",
        ),
    ),
    Kind(
        "inference component",
        "InferenceComponent",
        "InferenceComponents",
        "InferenceComponentArn",
        _both("Specification.Container.DeployedImage", "Specifications[].Container.DeployedImage"),
    ),
    Kind(
        "model package",
        "ModelPackage",
        "ModelPackageSummaryList",
        "ModelPackageStatus",
        (
            Images("Image", at=f"InferenceSpecification.{_INFERENCE}", digest="ImageDigest"),
            Images("Image", at=f"AdditionalInferenceSpecifications[].{_INFERENCE}", digest="ImageDigest"),
        ),
        listed_by="ModelPackageArn",  # versions of a group have no name
        filters=({"ModelPackageType": "Both"},),  # else the versions of groups are left out
        params=(("IncludedData", "MetadataOnly"),),  # else the key of its model card has to allow decryption
    ),
    Kind(
        "algorithm",
        "Algorithm",
        "AlgorithmSummaryList",
        "TrainingSpecification",
        (
            Images("TrainingImage", at="TrainingSpecification", digest="TrainingImageDigest"),
            Images("Image", at=f"InferenceSpecification.{_INFERENCE}", digest="ImageDigest"),
        ),
    ),
    Kind(
        "training job",
        "TrainingJob",
        "TrainingJobSummaries",
        "TrainingJobStatus",
        (
            Images("TrainingImage", at="AlgorithmSpecification"),
            Images("RuleEvaluatorImage", at="DebugRuleConfigurations[]"),
            Images("RuleEvaluatorImage", at="ProfilerRuleConfigurations[]"),
        ),
        filters=_unended("InProgress", "Stopping"),
        evidence=UsageKind.RUNNING,
    ),
    Kind(
        "processing job",
        "ProcessingJob",
        "ProcessingJobSummaries",
        "AppSpecification",
        (Images("ImageUri", at="AppSpecification"),),
        filters=_unended("InProgress", "Stopping"),
        evidence=UsageKind.RUNNING,
    ),
    Kind(
        "tuning job",
        "HyperParameterTuningJob",
        "HyperParameterTuningJobSummaries",
        "HyperParameterTuningJobStatus",
        (
            Images("TrainingImage", at="TrainingJobDefinition.AlgorithmSpecification"),
            Images("TrainingImage", at="TrainingJobDefinitions[].AlgorithmSpecification"),
        ),
        filters=_unended("InProgress", "Stopping"),
        evidence=UsageKind.RUNNING,
    ),
    Kind(
        "optimization job",
        "OptimizationJob",
        "OptimizationJobSummaries",
        "OptimizationConfigs",
        (
            Images("Image", at="OptimizationConfigs[].ModelQuantizationConfig"),
            Images("Image", at="OptimizationConfigs[].ModelCompilationConfig"),
            Images("Image", at="OptimizationConfigs[].ModelShardingConfig"),
        ),
        filters=_unended("STARTING", "INPROGRESS", "STOPPING"),
        evidence=UsageKind.RUNNING,
    ),
    Kind(
        "monitoring schedule",
        "MonitoringSchedule",
        "MonitoringScheduleSummaries",
        "MonitoringScheduleConfig",
        (Images("ImageUri", at="MonitoringScheduleConfig.MonitoringJobDefinition.MonitoringAppSpecification"),),
        evidence=UsageKind.SCHEDULED,
    ),
    *map(_job_definition, ("data quality", "model bias", "model explainability", "model quality")),
)
"""Every kind but two, which take a third call: images of Studio and pipelines."""
