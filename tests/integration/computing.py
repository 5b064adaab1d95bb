"""Consumers of Batch, CodeBuild and SageMaker, for the account of every consumer: each place of an image once.

An image's name says where it is used; those in `BY_DIGEST` have lost their tag. The very first listing that is made of
each kind holds something, so that it can be handed out in pages.
"""

from __future__ import annotations

import json
from typing import Any, Final

from tests.integration import under_way

_IMAGE: Final = "{registry}/app:"

_BATCH: Final = (
    "batch",
    "batch-tasks",
    "batch-pod",
    "batch-pod-init",
    "batch-node",
    "batch-node-tasks",
    "batch-node-pod",
    "batch-job",
    "batch-job-tasks",
    "batch-job-pod",
    "batch-job-node",
    "batch-service-job",
)
_CODEBUILD: Final = ("codebuild", "codebuild-build", "codebuild-batch", "codebuild-sandbox")
_SAGEMAKER: Final = (
    "model",
    "model-container",
    "endpoint",
    "endpoint-resolved",
    "endpoint-shadow",
    "endpoint-pending",
    "component",
    "component-resolved",
    "components",
    "package",
    "package-digest",
    "package-version",
    "package-more",
    "algorithm",
    "algorithm-inference",
    "training",
    "training-stopping",
    "training-rule",
    "training-profiler",
    "processing",
    "tuning",
    "tuning-many",
    "optimization",
    "monitoring",
    "data-quality",
    "model-bias",
    "model-explainability",
    "model-quality",
    "studio",
    "studio-base",
    "studio-before",
    "pipeline",
    "pipeline-alias",
    "pipeline-execution",
)
BY_DIGEST: Final = frozenset({"endpoint-resolved", "component-resolved", "package-digest"})
CONSUMERS: Final = (*_BATCH, *_CODEBUILD, *_SAGEMAKER)


def sections() -> dict[str, Any]:
    """The scenario's sections of the three services."""
    return {"batch": _batch(), "codebuild": _codebuild(), "sagemaker": _sagemaker()}


def _of(name: str, member: str = "image") -> dict[str, str]:
    return {member: _IMAGE + name}


def _tasks(name: str) -> dict[str, Any]:
    return {"ecsProperties": {"taskProperties": [{"containers": [_of(name)]}]}}


def _pod(name: str, kind: str = "containers") -> dict[str, Any]:
    return {"eksProperties": {"podProperties": {kind: [_of(name)]}}}


def _nodes(*ranges: dict[str, Any]) -> dict[str, Any]:
    listed = [{"targetNodes": str(number), **one} for number, one in enumerate(ranges)]
    return {"nodeProperties": {"numNodes": len(ranges), "mainNode": 0, "nodeRangeProperties": listed}}


def _batch() -> dict[str, Any]:
    return {
        "definitions": {
            "plain:1": _of("batch"),
            "tasks:1": {"properties": _tasks("batch-tasks")},
            "pod:1": {"properties": _pod("batch-pod")},
            "pod:2": {"properties": _pod("batch-pod-init", "initContainers")},
            "nodes:1": {
                "properties": _nodes(
                    {"container": _of("batch-node")}, _tasks("batch-node-tasks"), _pod("batch-node-pod")
                )
            },
            # Deregistered; that one of its jobs still waits is the only thing that keeps an image of it.
            "old:1": {"status": "INACTIVE", "image": _IMAGE + "unused"},
        },
        "queues": {
            "nightly": {
                "jobs": {
                    "waits": {"definition": "old:1", "status": "SUBMITTED", **_of("batch-job")},
                    "runs": {"status": "RUNNING", "properties": _tasks("batch-job-tasks")},
                    "starts": {"status": "STARTING", "properties": _pod("batch-job-pod")},
                    "spreads": {"status": "PENDING", "properties": _nodes({"container": _of("batch-job-node")})},
                    "is-over": {"status": "SUCCEEDED", **_of("unused")},
                }
            },
            "training": {
                "type": "SAGEMAKER_TRAINING",
                "jobs": {
                    "fits": {
                        "status": "SUBMITTED",
                        "request": json.dumps({"AlgorithmSpecification": _of("batch-service-job", "TrainingImage")}),
                    }
                },
            },
        },
    }


def _codebuild() -> dict[str, Any]:
    return {
        "projects": {
            "shop": {
                **_of("codebuild"),
                "builds": [
                    {"started": "1m", "complete": True, **_of("unused")},
                    {"started": "30h", **_of("codebuild-build")},
                ],
                "batches": [_of("codebuild-batch"), {"complete": True, **_of("unused")}],
                "sandboxes": [_of("codebuild-sandbox"), {"ended": True, **_of("unused")}],
            },
            "standard": {"image": "aws/codebuild/standard:7.0"},
        }
    }


def _deployed(*names: str, resolved: str = "") -> dict[str, Any]:
    images: list[dict[str, str]] = [_of(name, "SpecifiedImage") for name in names]
    if resolved:
        images.append({"ResolvedImage": f"{{registry}}/app@{{{resolved}}}"})
    return {"VariantName": "all", "DeployedImages": images}


def _sagemaker() -> dict[str, Any]:
    return {
        "models": {
            "fraud": {"PrimaryContainer": _of("model", "Image")},
            "chain": {"Containers": [_of("model-container", "Image")]},
        },
        "endpoints": {
            "fraud": {
                "ProductionVariants": [_deployed("endpoint", resolved="endpoint-resolved")],
                "ShadowProductionVariants": [_deployed("endpoint-shadow")],
                "PendingDeploymentSummary": {
                    "EndpointConfigName": "next",
                    "ProductionVariants": [_deployed("endpoint-pending")],
                },
            }
        },
        "inference_components": {
            "chat": {
                "Specification": {
                    "Container": {
                        "DeployedImage": {
                            **_of("component", "SpecifiedImage"),
                            "ResolvedImage": "{registry}/app@{component-resolved}",
                        }
                    }
                }
            },
            "chats": {"Specifications": [{"Container": {"DeployedImage": _of("components", "SpecifiedImage")}}]},
        },
        "model_packages": {
            "single": {
                "InferenceSpecification": {
                    "Containers": [{**_of("package", "Image"), "ImageDigest": "{package-digest}"}]
                }
            },
            "group/3": {
                "InferenceSpecification": {"Containers": [_of("package-version", "Image")]},
                "AdditionalInferenceSpecifications": [{"Name": "more", "Containers": [_of("package-more", "Image")]}],
            },
        },
        "algorithms": {
            "trees": {
                "TrainingSpecification": _of("algorithm", "TrainingImage"),
                "InferenceSpecification": {"Containers": [_of("algorithm-inference", "Image")]},
            }
        },
        "training_jobs": {
            "fits": {
                "Status": "InProgress",
                "AlgorithmSpecification": _of("training", "TrainingImage"),
                "DebugRuleConfigurations": [_of("training-rule", "RuleEvaluatorImage")],
                "ProfilerRuleConfigurations": [_of("training-profiler", "RuleEvaluatorImage")],
            },
            "stops": {
                "Status": "Stopping",
                "AlgorithmSpecification": _of("training-stopping", "TrainingImage"),
            },
            "is-over": {"Status": "Completed", "AlgorithmSpecification": _of("unused", "TrainingImage")},
        },
        "processing_jobs": {"cleans": {"Status": "InProgress", "AppSpecification": _of("processing", "ImageUri")}},
        "tuning_jobs": {
            "tunes": {
                "Status": "InProgress",
                "TrainingJobDefinition": {"AlgorithmSpecification": _of("tuning", "TrainingImage")},
                "TrainingJobDefinitions": [{"AlgorithmSpecification": _of("tuning-many", "TrainingImage")}],
            }
        },
        "optimization_jobs": {
            "shrinks": {
                "Status": "STARTING",
                "OptimizationConfigs": [{"ModelQuantizationConfig": _of("optimization", "Image")}],
            }
        },
        "monitoring_schedules": {
            "hourly": {
                "MonitoringScheduleConfig": {
                    "MonitoringJobDefinition": {"MonitoringAppSpecification": _of("monitoring", "ImageUri")}
                }
            }
        },
        "data_quality_job_definitions": {"d": {"DataQualityAppSpecification": _of("data-quality", "ImageUri")}},
        "model_bias_job_definitions": {"b": {"ModelBiasAppSpecification": _of("model-bias", "ImageUri")}},
        "model_explainability_job_definitions": {
            "e": {"ModelExplainabilityAppSpecification": _of("model-explainability", "ImageUri")}
        },
        "model_quality_job_definitions": {"q": {"ModelQualityAppSpecification": _of("model-quality", "ImageUri")}},
        "images": {
            "notebook": {
                "versions": {
                    1: _of("studio-before", "ContainerImage"),
                    2: {**_of("studio", "ContainerImage"), **_of("studio-base", "BaseImage")},
                }
            }
        },
        "pipelines": {
            "weekly": {
                "definition": json.dumps({"Steps": [{"Arguments": _of("pipeline", "ImageUri")}]}),
                "versions": {
                    1: {"definition": json.dumps(_of("unused", "ImageUri"))},
                    2: {"aliases": ["stable"], "definition": json.dumps(_of("pipeline-alias", "ImageUri"))},
                },
                "executions": {
                    "under-way": {
                        "status": "Executing",
                        "started": "2d",
                        "definition": json.dumps(_of("pipeline-execution", "ImageUri")),
                    },
                    "is-over": {
                        "status": "Succeeded",
                        "started": "3d",
                        "definition": json.dumps(_of("unused", "ImageUri")),
                    },
                    **under_way.executions_of_pipelines(),
                },
            }
        },
    }
