"""Consumers that keep what they were started with, and ends of a rollback, for the account of every consumer.

Each image is named in one place; the present definition of what was started names another one.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Final

from tests.fake_aws.aws import now

_APP: Final = "{registry}/app"
_ARN: Final = "arn:aws:ecs:us-east-1:123456789012:task-definition/"
_BUS: Final = "arn:aws:events:us-east-1:123456789012:event-busv2/orders/0123456789abcdefghijklmno"
_SUBSCRIBER: Final = "arn:aws:events:us-east-1:123456789012:subscriber/{}/0123456789abcdefghijklmno"

BY_TASK_DEFINITION: Final = (
    "codedeploy",
    "codedeploy-before",
    "codedeploy-under-way",
    "execution-input-task",
    "execution-task",
    "subscriber-task",
)
BY_TAG: Final = (
    "codepipeline-earlier",
    "codepipeline-variable",
    "execution",
    "execution-input",
    "pipeline-parameter",
    "subscriber",
)
BY_DIGEST: Final = ("codepipeline-digest",)
CONSUMERS: Final = (*BY_TASK_DEFINITION, *BY_TAG, *BY_DIGEST)


def machine(**arguments: str) -> dict[str, Any]:
    """A state machine of one call."""
    return {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Parameters": arguments, "End": True}}}


def machines() -> dict[str, Any]:
    """A state machine with executions that were started before it was changed; the first of all by its name."""
    present = machine(TrainingImage=f"{_APP}:service")
    return {
        "calibrate": {
            "definition": present,
            "executions": {
                "of-before": {
                    "definition": machine(TrainingImage=f"{_APP}:execution"),
                    "input": {"image": f"{_APP}:execution-input"},
                    "started": "9d",
                    "updated": "20d",
                },
                "tasks-of-before": {
                    "definition": machine(TaskDefinition="execution-task:1"),
                    "input": {"chosen": f"{_ARN}execution-input-task:1"},
                    "started": "30d",
                    "updated": "40d",
                },
                "is-over": {"definition": machine(TrainingImage=f"{_APP}:unused"), "status": "SUCCEEDED"},
            },
        }
    }


def executions_of_pipelines() -> dict[str, Any]:
    """More executions of the pipeline ``weekly``."""
    return {
        "parameters": {
            "status": "Executing",
            "started": "1d",
            "definition": json.dumps({"Steps": [{"ImageUri": {"Get": "Parameters.Image"}}]}),
            "parameters": {"Count": "3", "Image": f"{_APP}:pipeline-parameter"},
        }
    }


def _app_spec(name: str) -> dict[str, Any]:
    """A revision that is told as text."""
    spec = {
        "version": 0.0,
        "Resources": [
            {
                "TargetService": {
                    "Type": "AWS::ECS::Service",
                    "Properties": {"TaskDefinition": f"{_ARN}{name}:1", "LoadBalancerInfo": {"ContainerName": "web"}},
                }
            }
        ],
    }
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(spec), "sha256": name}}


def tables() -> dict[str, Any]:
    """The parts of the scenario's section ``tables``."""
    known_by_its_checksum = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "before"}}
    server = {"revisionType": "S3", "s3Location": {"bucket": "b", "key": "bundle.zip", "bundleType": "zip"}}
    return {
        "codedeploy": {
            "ListApplications": [{"items": ["shop", "tools"]}],
            "ListDeploymentGroups": [
                {"when": {"applicationName": "shop"}, "items": ["blue", "new"]},
                {"when": {"applicationName": "tools"}, "items": []},
            ],
            "BatchGetDeploymentGroups": [
                {
                    "when": {"applicationName": "shop"},
                    "items": [
                        {
                            "deploymentGroupName": "blue",
                            "computePlatform": "ECS",
                            "targetRevision": _app_spec("codedeploy"),
                            "lastSuccessfulDeployment": {"deploymentId": "d-1"},
                        },
                        {"deploymentGroupName": "new", "computePlatform": "Server", "targetRevision": server},
                    ],
                }
            ],
            "ListDeployments": [{"items": ["d-2"]}],
            "BatchGetDeployments": [
                {
                    "when": {"deploymentIds": ["d-1"]},
                    "items": [
                        {
                            "deploymentId": "d-1",
                            "applicationName": "shop",
                            "computePlatform": "ECS",
                            "revision": _app_spec("codedeploy"),
                            "previousRevision": known_by_its_checksum,
                        },
                    ],
                },
                {
                    "when": {"deploymentIds": ["d-2"]},
                    "items": [
                        {
                            "deploymentId": "d-2",
                            "applicationName": "shop",
                            "computePlatform": "ECS",
                            "revision": _app_spec("codedeploy-under-way"),
                        },
                    ],
                },
            ],
            "GetApplicationRevision": [
                {
                    "when": {"applicationName": "shop", "revision": known_by_its_checksum},
                    "answer": {"applicationName": "shop", "revision": _app_spec("codedeploy-before")},
                }
            ],
        },
        "eventbridgev2": {
            "ListSubscribers": [
                {"items": [{"SubscriberArn": _SUBSCRIBER.format(name)} for name in ("trains", "reports", "queues")]}
            ],
            "DescribeSubscriber": [
                _subscriber("trains", "sagemaker:createTrainingJob", {"Image": f"{_APP}:subscriber"}),
                _subscriber("reports", "ecs:runTask", {"Cluster": "prod", "TaskDefinition": "subscriber-task:1"}),
                {
                    "when": {"SubscriberArn": _SUBSCRIBER.format("queues")},
                    "answer": {
                        "InvokeConfiguration": {
                            "RoleArn": "arn:aws:iam::123456789012:role/starts-tasks",
                            "TargetArn": "arn:aws:sqs:us-east-1:123456789012:audit",
                            "SqsParameters": {"MessageGroupId": "{% $events.Data.id %}"},
                        }
                    },
                },
            ],
        },
    }


def _subscriber(name: str, target: str, told: dict[str, str]) -> dict[str, Any]:
    """One with a universal target."""
    called = {
        "RoleArn": "arn:aws:iam::123456789012:role/starts-tasks",
        "TargetArn": f"arn:aws:events:::aws-sdk:{target}",
        "UniversalTargetParameters": {"Input": json.dumps(told)},
    }
    return {"when": {"SubscriberArn": _SUBSCRIBER.format(name)}, "answer": {"InvokeConfiguration": called}}


def of_codepipeline(stages: list[dict[str, Any]]) -> dict[str, Any]:
    """The table of CodePipeline: a pipeline with executions of its present version, and one of an earlier one."""
    started = now() - dt.timedelta(hours=2)
    listed = [
        {"pipelineExecutionId": name, "status": status, "startTime": started}
        for name, status in (("waits", "InProgress"), ("is-over", "Succeeded"), ("is-old", "Stopping"))
    ]
    earlier = {"name": "Test", "actions": [{"name": "Run", "commands": [f"docker run {_APP}:codepipeline-earlier"]}]}
    compute = {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"}
    earlier["actions"][0]["actionTypeId"] = compute  # type: ignore[index]
    waits = {
        "pipelineVersion": 3,
        "status": "InProgress",
        "variables": [{"name": "IMAGE", "resolvedValue": f"{_APP}:codepipeline-variable"}],
        "artifactRevisions": [{"name": "Image", "revisionId": "{codepipeline-digest}"}, {"revisionId": "0123abc"}],
    }
    is_old = {"pipelineVersion": 2, "status": "Stopping"}
    return {
        "ListPipelines": [{"items": [{"name": "deploy", "version": 3}]}],
        "GetPipeline": [
            {
                "when": {"name": "deploy", "version": 2},
                "answer": {"pipeline": {"name": "deploy", "version": 2, "stages": [earlier]}},
            },
            {"when": {"name": "deploy"}, "answer": {"pipeline": {"name": "deploy", "version": 3, "stages": stages}}},
        ],
        "ListPipelineExecutions": [{"when": {"pipelineName": "deploy"}, "items": listed}],
        "GetPipelineExecution": [
            {
                "when": {"pipelineName": "deploy", "pipelineExecutionId": name},
                "answer": {"pipelineExecution": {"pipelineName": "deploy", "pipelineExecutionId": name, **told}},
            }
            for name, told in (("waits", waits), ("is-old", is_old))
        ],
    }


def naming(task_definition: str) -> dict[str, Any]:
    """More for the section ``tables``: a subscriber and a deployment group that name a task definition."""
    family = task_definition.partition(":")[0]
    target = {"deploymentGroupName": "dead", "targetRevision": _app_spec(family)}
    return {
        "codedeploy": {
            "ListApplications": [{"items": ["dead"]}],
            "ListDeploymentGroups": [{"when": {"applicationName": "dead"}, "items": ["dead"]}],
            "BatchGetDeploymentGroups": [{"when": {"applicationName": "dead"}, "items": [target]}],
        },
        "eventbridgev2": {
            "ListSubscribers": [{"items": [{"SubscriberArn": _SUBSCRIBER.format("dead")}]}],
            "DescribeSubscriber": [_subscriber("dead", "ecs:runTask", {"TaskDefinition": task_definition})],
        },
    }
