"""The kinds of things that SageMaker lists and describes alike, by the keys of a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing.

    Attributes:
        word: As ARNs have it.
        listing: The listing operation.
        items: Its member that holds the things.
        name: A listed thing's member for its name.
        describing: The describing operation.
        asks: Its member for the name.
        missing: What it answers of a thing that does not exist.
    """

    word: str
    listing: str
    items: str
    name: str
    describing: str
    asks: str
    missing: str = "ValidationException"


KINDS: Final = {
    "models": Kind("model", "ListModels", "Models", "ModelName", "DescribeModel", "ModelName"),
    "endpoints": Kind("endpoint", "ListEndpoints", "Endpoints", "EndpointName", "DescribeEndpoint", "EndpointName"),
    "inference_components": Kind(
        "inference-component",
        "ListInferenceComponents",
        "InferenceComponents",
        "InferenceComponentName",
        "DescribeInferenceComponent",
        "InferenceComponentName",
    ),
    "model_packages": Kind(
        "model-package",
        "ListModelPackages",
        "ModelPackageSummaryList",
        "ModelPackageName",
        "DescribeModelPackage",
        "ModelPackageName",
    ),
    "algorithms": Kind(
        "algorithm", "ListAlgorithms", "AlgorithmSummaryList", "AlgorithmName", "DescribeAlgorithm", "AlgorithmName"
    ),
    "training_jobs": Kind(
        "training-job",
        "ListTrainingJobs",
        "TrainingJobSummaries",
        "TrainingJobName",
        "DescribeTrainingJob",
        "TrainingJobName",
    ),
    "processing_jobs": Kind(
        "processing-job",
        "ListProcessingJobs",
        "ProcessingJobSummaries",
        "ProcessingJobName",
        "DescribeProcessingJob",
        "ProcessingJobName",
        "ResourceNotFound",
    ),
    "tuning_jobs": Kind(
        "hyper-parameter-tuning-job",
        "ListHyperParameterTuningJobs",
        "HyperParameterTuningJobSummaries",
        "HyperParameterTuningJobName",
        "DescribeHyperParameterTuningJob",
        "HyperParameterTuningJobName",
        "ResourceNotFound",
    ),
    "optimization_jobs": Kind(
        "optimization-job",
        "ListOptimizationJobs",
        "OptimizationJobSummaries",
        "OptimizationJobName",
        "DescribeOptimizationJob",
        "OptimizationJobName",
        "ResourceNotFound",
    ),
    "monitoring_schedules": Kind(
        "monitoring-schedule",
        "ListMonitoringSchedules",
        "MonitoringScheduleSummaries",
        "MonitoringScheduleName",
        "DescribeMonitoringSchedule",
        "MonitoringScheduleName",
        "ResourceNotFound",
    ),
    **{
        f"{word.replace('-', '_')}_job_definitions": Kind(
            f"{word}-job-definition",
            f"List{word.title().replace('-', '')}JobDefinitions",
            "JobDefinitionSummaries",
            "MonitoringJobDefinitionName",
            f"Describe{word.title().replace('-', '')}JobDefinition",
            "JobDefinitionName",
            "ResourceNotFound",
        )
        for word in ("data-quality", "model-bias", "model-explainability", "model-quality")
    },
}
"""What AWS calls a missing thing is ValidationException more often than its model says."""
