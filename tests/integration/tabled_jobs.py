"""What names images in pipelines and in what runs on EMR and in HealthOmics; see `tabled`."""

from __future__ import annotations

from typing import Any, Final

_APP: Final = "{registry}/app"
_RUN: Final = "arn:aws:omics:us-east-1:123456789012:run/7"
_PARAMETERS: Final = {"docker": f"{_APP}:omics-run"}

STAGES: Final[list[dict[str, Any]]] = [
    {
        "name": "Source",
        "actions": [
            {
                "name": "Image",
                "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "ECR", "version": "1"},
                "configuration": {"RepositoryName": "app", "ImageTag": "codepipeline-source"},
            }
        ],
    },
    {
        "name": "Test",
        "actions": [
            {
                "name": "Run",
                "actionTypeId": {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"},
                "commands": [f"docker run {_APP}:codepipeline-command --quick"],
            }
        ],
    },
]

EMR_ON_EKS: Final[dict[str, Any]] = {
    "ListVirtualClusters": [{"items": [{"id": "v1"}]}],
    "ListJobRuns": [{"when": {"virtualClusterId": "v1"}, "items": [{"id": "run1", "virtualClusterId": "v1"}]}],
    "DescribeJobRun": [
        {
            "when": {"virtualClusterId": "v1", "id": "run1"},
            "answer": {
                "jobRun": {
                    "arn": "arn:aws:emr-containers:us-east-1:123456789012:/virtualclusters/v1/jobruns/run1",
                    "jobDriver": {
                        "sparkSubmitJobDriver": {
                            "entryPoint": "s3://b/job.py",
                            "sparkSubmitParameters": f"--conf spark.kubernetes.container.image={_APP}:emr-on-eks-run",
                        }
                    },
                }
            },
        }
    ],
    "ListManagedEndpoints": [{"when": {"virtualClusterId": "v1"}, "items": [{"id": "end1", "virtualClusterId": "v1"}]}],
    "DescribeManagedEndpoint": [
        {
            "when": {"virtualClusterId": "v1", "id": "end1"},
            "answer": {
                "endpoint": {
                    "arn": "arn:aws:emr-containers:us-east-1:123456789012:/virtualclusters/v1/endpoints/e1",
                    "configurationOverrides": {
                        "applicationConfiguration": [
                            {
                                "classification": "spark-defaults",
                                "properties": {"spark.kubernetes.container.image": f"{_APP}:emr-on-eks-endpoint"},
                            }
                        ]
                    },
                }
            },
        }
    ],
    "ListJobTemplates": [{"items": [{"id": "t1"}]}],
    "DescribeJobTemplate": [
        {
            "when": {"id": "t1"},
            "answer": {
                "jobTemplate": {
                    "arn": "arn:aws:emr-containers:us-east-1:123456789012:/jobtemplates/t1",
                    "jobTemplateData": {
                        "parameterConfiguration": {
                            "Image": {"type": "STRING", "defaultValue": f"{_APP}:emr-on-eks-template"}
                        }
                    },
                }
            },
        }
    ],
}

EMR_SERVERLESS: Final[dict[str, Any]] = {
    "ListApplications": [{"items": [{"id": "e1", "state": "STOPPED"}]}],
    "GetApplication": [
        {
            "when": {"applicationId": "e1"},
            "answer": {
                "application": {
                    "imageConfiguration": {
                        "imageUri": f"{_APP}:moved-on",
                        "resolvedImageDigest": "{emr-application}",
                    },
                    "workerTypeSpecifications": {
                        "Executor": {"imageConfiguration": {"imageUri": f"{_APP}:emr-worker"}},
                        "Driver": {},
                    },
                }
            },
        }
    ],
    "ListJobRuns": [{"when": {"applicationId": "e1"}, "items": [{"id": "j1", "applicationId": "e1"}]}],
    "GetJobRun": [
        {
            "when": {"applicationId": "e1", "jobRunId": "j1"},
            "answer": {"jobRun": {"imageConfiguration": {"imageUri": f"{_APP}:emr-job-run"}}},
        }
    ],
}

OMICS: Final[dict[str, Any]] = {
    "ListWorkflows": [{"when": {"type": "PRIVATE"}, "items": [{"id": "1", "name": "align"}]}],
    "GetWorkflow": [
        {
            "when": {"id": "1"},
            "answer": {
                "id": "1",
                "arn": "arn:aws:omics:us-east-1:123456789012:workflow/1",
                "containerRegistryMap": {
                    "imageMappings": [{"sourceImage": "docker.io/x", "destinationImage": f"{_APP}:omics-workflow"}],
                    "registryMappings": [{"upstreamRegistryUrl": "quay.io", "ecrRepositoryPrefix": "mirror"}],
                },
            },
        }
    ],
    "ListWorkflowVersions": [{"when": {"workflowId": "1"}, "items": [{"workflowId": "1", "versionName": "v2"}]}],
    "GetWorkflowVersion": [
        {
            "when": {"workflowId": "1", "versionName": "v2"},
            "answer": {
                "workflowId": "1",
                "containerRegistryMap": {"imageMappings": [{"destinationImage": f"{_APP}:omics-version"}]},
            },
        }
    ],
    "ListRuns": [{"when": {"status": "PENDING"}, "items": [{"id": "7"}]}],
    "GetRun": [
        {"when": {"id": "7"}, "answer": {"id": "7", "arn": _RUN, "parameters": {"docker": f"{_APP}:omics-run"}}}
    ],
    "ListRunTasks": [{"when": {"id": "7"}, "items": [{"taskId": "70"}]}],
    "GetRunTask": [
        {
            "when": {"id": "7", "taskId": "70"},
            "answer": {
                "taskId": "70",
                "imageDetails": {"image": f"{_APP}:moved-on", "imageDigest": "{omics-task}"},
            },
        }
    ],
}
