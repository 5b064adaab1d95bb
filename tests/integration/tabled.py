"""Consumers of services that the sandbox knows by the form of their answers alone.

Each image is named in one place, as deep as the service has it, and beside what names it often lies something that
names nothing.
"""

from __future__ import annotations

from typing import Any, Final

from tests.integration import under_way
from tests.integration.tabled_jobs import EMR_ON_EKS, EMR_SERVERLESS, OMICS, STAGES

_APP: Final = "{registry}/app"
_MODEL: Final = "arn:aws:cleanrooms-ml:us-east-1:123456789012:membership/m1/trained-model/t1"
_JOB: Final = "arn:aws:cleanrooms-ml:us-east-1:123456789012:membership/m1/trained-model-inference-job/j1"
_ALGORITHM: Final = "arn:aws:cleanrooms-ml:us-east-1:123456789012:configured-model-algorithm/a1"
_HYBRID: Final = "arn:aws:braket:us-east-1:123456789012:job/b1"
_RECIPE: Final = "arn:aws:imagebuilder:us-east-1:123456789012:container-recipe/base/1.0.0"
_COMPONENT: Final = "arn:aws:greengrass:us-east-1:123456789012:components:sensor"
_SENSOR: Final = {"componentName": "sensor"}
_MEMBER: Final = "0" * 36
_VERSION: Final = "1" * 36

BY_TAG: Final = (
    "agentcore-harness",
    "agentcore-runtime",
    "beanstalk-version",
    "braket-job",
    "cleanrooms-inference",
    "cleanrooms-training",
    "codepipeline-command",
    "codepipeline-source",
    "emr-job-run",
    "emr-on-eks-endpoint",
    "emr-on-eks-run",
    "emr-on-eks-template",
    "emr-worker",
    "gamelift-support",
    "greengrass-recipe",
    "imagebuilder-dockerfile",
    "imagebuilder-parent",
    "lightsail-current",
    "lightsail-earlier",
    "omics-run",
    "omics-version",
    "omics-workflow",
    "sitewise-task",
)
"""In the repository ``app``."""

BY_DIGEST: Final = (
    "cleanrooms-job",
    "cleanrooms-model",
    "emr-application",
    "gamelift-server",
    "inspector-seen",
    "lambda-runtime",
    "omics-task",
)
"""There too, but without a tag: theirs moved on."""

BY_PREFIX: Final = "omics-prefix"
"""In the repository ``mirror/tools``."""


def _moved(name: str) -> str:
    """The digest of an image, as scenarios have it."""
    return "{" + name + "}"


def tables() -> dict[str, Any]:
    """The scenario's section."""
    return {
        "bedrock-agentcore-control": {
            "ListAgentRuntimes": [{"items": [{"agentRuntimeId": "r1"}, {"agentRuntimeId": "r2"}]}],
            "ListAgentRuntimeVersions": [
                {
                    "when": {"agentRuntimeId": "r1"},
                    "items": [
                        {"agentRuntimeId": "r1", "agentRuntimeVersion": "2"},
                        {"agentRuntimeId": "r1", "agentRuntimeVersion": "1"},
                    ],
                }
            ],
            "GetAgentRuntime": [
                {
                    "when": {"agentRuntimeId": "r1", "agentRuntimeVersion": "1"},
                    "answer": {
                        "agentRuntimeArtifact": {
                            "containerConfiguration": {"containerUri": f"{_APP}:agentcore-runtime"}
                        }
                    },
                },
                # A runtime whose code is a zip file.
                {"when": {"agentRuntimeId": "r1", "agentRuntimeVersion": "2"}, "answer": {}},
            ],
            "ListHarnesses": [{"items": [{"harnessId": "h1"}]}],
            "ListHarnessVersions": [
                {"when": {"harnessId": "h1"}, "items": [{"harnessId": "h1", "harnessVersion": "1"}]}
            ],
            "GetHarness": [
                {
                    "when": {"harnessId": "h1", "harnessVersion": "1"},
                    "answer": {
                        "harness": {
                            "environmentArtifact": {
                                "containerConfiguration": {"containerUri": f"{_APP}:agentcore-harness"}
                            }
                        }
                    },
                }
            ],
        },
        "braket": {
            "SearchJobs": [
                {
                    "items": [
                        {"jobArn": f"{_HYBRID}-over", "status": "COMPLETED"},
                        {"jobArn": _HYBRID, "status": "QUEUED"},
                    ]
                }
            ],
            "GetJob": [
                {
                    "when": {"jobArn": _HYBRID},
                    "answer": {"algorithmSpecification": {"containerImage": {"uri": f"{_APP}:braket-job"}}},
                },
            ],
        },
        "cleanrooms": {"ListMemberships": [{"when": {"status": "ACTIVE"}, "items": [{"id": _MEMBER}]}]},
        "cleanroomsml": {
            "ListConfiguredModelAlgorithms": [{"items": [{"configuredModelAlgorithmArn": _ALGORITHM}]}],
            "GetConfiguredModelAlgorithm": [
                {
                    "when": {"configuredModelAlgorithmArn": _ALGORITHM},
                    "answer": {
                        "trainingContainerConfig": {"imageUri": f"{_APP}:cleanrooms-training"},
                        "inferenceContainerConfig": {"imageUri": f"{_APP}:cleanrooms-inference"},
                    },
                }
            ],
            "ListTrainedModels": [
                {
                    "when": {"membershipIdentifier": _MEMBER},
                    "items": [{"trainedModelArn": _MODEL, "membershipIdentifier": _MEMBER}],
                }
            ],
            "ListTrainedModelVersions": [
                {
                    "when": {"membershipIdentifier": _MEMBER, "trainedModelArn": _MODEL},
                    "items": [
                        {"trainedModelArn": _MODEL, "membershipIdentifier": _MEMBER, "versionIdentifier": _VERSION}
                    ],
                }
            ],
            "GetTrainedModel": [
                {
                    "when": {"trainedModelArn": _MODEL, "versionIdentifier": _VERSION},
                    "answer": {"trainingContainerImageDigest": _moved("cleanrooms-model"), "dataChannels": []},
                }
            ],
            "ListTrainedModelInferenceJobs": [
                {
                    "when": {"membershipIdentifier": _MEMBER},
                    "items": [{"trainedModelInferenceJobArn": _JOB, "membershipIdentifier": _MEMBER}],
                }
            ],
            "GetTrainedModelInferenceJob": [
                {
                    "when": {"membershipIdentifier": _MEMBER, "trainedModelInferenceJobArn": _JOB},
                    "answer": {"inferenceContainerImageDigest": _moved("cleanrooms-job")},
                }
            ],
        },
        "codepipeline": under_way.of_codepipeline(STAGES),
        "elasticbeanstalk": {
            "DescribeApplicationVersions": [
                {
                    "items": [
                        {"VersionLabel": "bundle", "SourceBundle": {"S3Bucket": "b", "S3Key": "k"}},
                        {"VersionLabel": "image", "ImageSource": {"Uri": f"{_APP}:beanstalk-version"}},
                    ]
                }
            ]
        },
        "emr-containers": EMR_ON_EKS,
        "emr-serverless": EMR_SERVERLESS,
        "gamelift": {
            "ListContainerGroupDefinitions": [{"items": [{"Name": "game", "VersionNumber": 2}]}],
            "ListContainerGroupDefinitionVersions": [
                {
                    "when": {"Name": "game"},
                    "items": [
                        {"Name": "game", "VersionNumber": 2},
                        {
                            "Name": "game",
                            "VersionNumber": 1,
                            "GameServerContainerDefinition": {
                                "ImageUri": f"{_APP}:moved-on",
                                "ResolvedImageDigest": _moved("gamelift-server"),
                            },
                            "SupportContainerDefinitions": [{"ImageUri": f"{_APP}:gamelift-support"}],
                        },
                    ],
                }
            ],
        },
        "greengrassv2": {
            "ListComponents": [{"when": {"scope": "PRIVATE"}, "items": [{"arn": _COMPONENT, **_SENSOR}]}],
            "ListComponentVersions": [
                {"when": {"arn": _COMPONENT}, "items": [{"arn": f"{_COMPONENT}:versions:1.0.0", **_SENSOR}]}
            ],
            "GetComponent": [
                {
                    "when": {"arn": f"{_COMPONENT}:versions:1.0.0"},
                    "answer": {
                        "recipeOutputFormat": "JSON",
                        "recipe": f'{{"Artifacts": [{{"Uri": "docker:{_APP}:greengrass-recipe"}}]}}',
                    },
                }
            ],
        },
        "imagebuilder": {
            "ListContainerRecipes": [{"when": {"owner": "Self"}, "items": [{"arn": _RECIPE}]}],
            "GetContainerRecipe": [
                {
                    "when": {"containerRecipeArn": _RECIPE},
                    "answer": {
                        "containerRecipe": {
                            "parentImage": f"{_APP}:imagebuilder-parent",
                            "dockerfileTemplateData": f"FROM {_APP}:imagebuilder-dockerfile\nRUN true\n",
                        }
                    },
                }
            ],
        },
        "iotsitewise": {
            "ListWorkspaces": [{"items": [{"name": "plant"}]}],
            "ListTasks": [{"when": {"workspaceName": "plant"}, "items": [{"taskName": "count"}]}],
            "DescribeTask": [
                {
                    "when": {"workspaceName": "plant", "taskName": "count"},
                    "answer": {
                        "taskConfiguration": {"containerTaskConfiguration": {"ecrUri": f"{_APP}:sitewise-task"}}
                    },
                }
            ],
        },
        "lambda-core": {
            "ListRuntimes": [{"items": [{"Name": "custom"}]}],
            "ListRuntimeVersions": [
                {
                    "when": {"RuntimeName": "custom"},
                    "items": [{"Name": "1", "ResolvedUri": f"{_APP}@{_moved('lambda-runtime')}"}],
                }
            ],
        },
        "lightsail": {
            "GetContainerServices": [
                {
                    "items": [
                        {
                            "containerServiceName": "shop",
                            "currentDeployment": {"containers": {"web": {"image": f"{_APP}:lightsail-current"}}},
                        }
                    ]
                }
            ],
            "GetContainerServiceDeployments": [
                {
                    "when": {"serviceName": "shop"},
                    "items": [{"version": 1, "containers": {"web": {"image": f"{_APP}:lightsail-earlier"}}}],
                }
            ],
        },
        "omics": OMICS,
        **under_way.tables(),
    }


def inspector() -> dict[str, Any]:
    """The scenario's section."""
    return {"in_use": {"app": [_moved("inspector-seen")]}, "not_in_use": {"app": [_moved("unused")]}}
