"""What was asked: every call with its parameters and the resources that IAM would check it against."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .aws import action
from .resources import templated

if TYPE_CHECKING:
    from .aws import Request


@dataclass(slots=True)
class Call:
    """One call that reached the sandbox.

    Attributes:
        service: botocore's name of the service.
        operation: The operation's name.
        parameters: Input members as the client sent them.
        resources: ARNs that IAM evaluates the call against; ``("*",)`` for actions without resource types.
        tags: Tags of the repository at that moment, for ECR calls that name one.
        region: The region the call was signed for.
        account: The account of the credentials.
        error: Error code of the answer, or the kind of a fault that left no answer; None when it succeeded.
    """

    service: str
    operation: str
    parameters: dict[str, Any]
    resources: tuple[str, ...]
    tags: dict[str, str]
    region: str
    account: str
    error: str | None = None

    @property
    def action(self) -> str:
        """The IAM action, such as ``ecr:DescribeImages``."""
        return action(self.service, self.operation)


def resources(request: Request) -> tuple[str, ...]:
    """ARNs of the resources a call is about, after the Service Authorization Reference."""
    found = _FINDERS.get(request.service, templated)(request)
    return tuple(dict.fromkeys(found)) or ("*",)


def _arn(request: Request, service: str, rest: str) -> str:
    return rest if rest.startswith("arn:") else f"arn:aws:{service}:{request.region}:{request.account}:{rest}"


def _named(request: Request, service: str, kind: str, name: str) -> str:
    return name if name.startswith("arn:") else _arn(request, service, f"{kind}{name}")


def _ecr(request: Request) -> list[str]:
    if arn := request.get("resourceArn"):
        return [str(arn)]
    names = [request.get("repositoryName")] if request.get("repositoryName") else request.get("repositoryNames", [])
    if not names and request.operation == "DescribeRepositories":
        names = ["*"]
    return [_arn(request, "ecr", f"repository/{name}") for name in names]


def _ecs(request: Request) -> list[str]:
    cluster = str(request.get("cluster", "default")).rpartition("/")[2]
    if request.operation == "DescribeServices":
        return [_named(request, "ecs", f"service/{cluster}/", name) for name in request.get("services", [])]
    if request.operation == "DescribeTasks":
        return [_named(request, "ecs", f"task/{cluster}/", name) for name in request.get("tasks", [])]
    if request.operation == "ListServiceDeployments":
        return [_named(request, "ecs", f"service/{cluster}/", str(request.get("service")))]
    if request.operation in _OF_DAEMONS:
        return _of_daemons(request)
    if express := request.get("serviceArn"):
        return [str(express)]
    return [*request.get("serviceDeploymentArns", []), *request.get("serviceRevisionArns", [])]


_OF_DAEMONS = frozenset(
    {
        "DescribeDaemon",
        "DescribeDaemonDeployments",
        "DescribeDaemonRevisions",
        "DescribeDaemonTaskDefinition",
        "ListDaemonDeployments",
    }
)


def _of_daemons(request: Request) -> list[str]:
    """What is named, and the daemon that it belongs to."""
    if name := request.get("daemonTaskDefinition"):
        return [_named(request, "ecs", "daemon-task-definition/", str(name))]
    named = [*request.get("daemonDeploymentArns", []), *request.get("daemonRevisionArns", [])]
    daemons = [re.sub(r":daemon-(?:deployment|revision)/(.+)/[^/]+$", r":daemon/\1", name) for name in named]
    return [*([request.get("daemonArn")] if request.get("daemonArn") else []), *named, *daemons]


def _lambda(request: Request) -> list[str]:
    name = request.get("FunctionName") or request.get("Resource")
    return [_named(request, "lambda", "function:", str(name))] if name else []


def _apprunner(request: Request) -> list[str]:
    return [str(request.get("ServiceArn"))] if request.get("ServiceArn") else []


def _codebuild(request: Request) -> list[str]:
    # Builds and their like belong to projects, whose names their ids begin with.
    named = [request.get("projectName"), *request.get("names", []), *request.get("ids", [])]
    names = [str(name).partition(":")[0] for name in named if name]
    return [_arn(request, "codebuild", f"project/{name}") for name in names]


def _sagemaker(request: Request) -> list[str]:
    if image := request.get("ImageName"):
        version = request.get("Version")
        kind, name = ("image", image) if version is None else ("image-version", f"{image}/{version}")
    elif execution := request.get("PipelineExecutionArn"):
        kind, name = "pipeline", execution
    elif pipeline := request.get("PipelineName"):
        kind, name = "pipeline", pipeline
    elif request.operation.startswith("Describe"):
        kind = re.sub(r"(?<!^)(?=[A-Z])", "-", request.operation.removeprefix("Describe")).lower()
        name = next((value for key, value in request.parameters.items() if key.endswith(("Name", "Arn"))), "")
    else:
        return []
    return [_named(request, "sagemaker", f"{kind}/", str(name))]


def _events(request: Request) -> list[str]:
    if request.operation == "PutEvents":
        buses = [str(entry.get("EventBusName", "default")) for entry in request.get("Entries", [])]
        return [_named(request, "events", "event-bus/", bus) for bus in buses]
    name = request.get("Rule") or request.get("Name")
    if not name:
        return []
    bus = str(request.get("EventBusName", "default")).rpartition("/")[2]
    return [_arn(request, "events", f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}")]


def _s3(request: Request) -> list[str]:
    bucket, key = request.get("Bucket"), request.get("Key")
    return [f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"] if bucket else []


def _scheduler(request: Request) -> list[str]:
    name = request.get("Name")
    if not name:
        return [str(request.get("ResourceArn"))] if request.get("ResourceArn") else []
    if request.operation.endswith("ScheduleGroup"):
        return [_arn(request, "scheduler", f"schedule-group/{name}")]
    return [_arn(request, "scheduler", f"schedule/{request.get('GroupName', 'default')}/{name}")]


def _pipes(request: Request) -> list[str]:
    name = request.get("Name")
    return [_arn(request, "pipes", f"pipe/{name}")] if name else []


def _stepfunctions(request: Request) -> list[str]:
    named = request.get("stateMachineArn") or request.get("executionArn") or request.get("resourceArn")
    if request.operation == "CreateStateMachine":
        named = _arn(request, "states", f"stateMachine:{request.get('name')}")
    return [str(named)] if named else []


def _dynamodb(request: Request) -> list[str]:
    name = request.get("TableName") or request.get("ResourceArn")
    return [_named(request, "dynamodb", "table/", str(name))] if name else []


def _sns(request: Request) -> list[str]:
    name = request.get("TopicArn") or request.get("ResourceArn") or request.get("Name")
    return [_named(request, "sns", "", str(name))] if name else []


def _sqs(request: Request) -> list[str]:
    url = request.get("QueueUrl") or request.get("QueueName")
    return [_arn(request, "sqs", str(url).rpartition("/")[2])] if url else []


def _iam(request: Request) -> list[str]:
    path = request.get("Path") or "/"
    for member, kind in (("RoleName", "role"), ("PolicyArn", "policy"), ("PolicyName", "policy")):
        if name := request.get(member):
            return [name if name.startswith("arn:") else f"arn:aws:iam::{request.account}:{kind}{path}{name}"]
    return []


def _sts(request: Request) -> list[str]:
    return [str(request.get("RoleArn"))] if request.get("RoleArn") else []


def _logs(request: Request) -> list[str]:
    name = request.get("logGroupName") or request.get("resourceArn")
    return [_named(request, "logs", "log-group:", str(name))] if name else []


def _cloudwatch(request: Request) -> list[str]:
    if request.operation == "DescribeAlarms":
        return []  # it finds alarms by conditions, names are one of them
    if arn := request.get("ResourceARN"):
        return [str(arn)]
    dashboards = [request.get("DashboardName"), *request.get("DashboardNames", [])]
    alarms = [request.get("AlarmName"), *request.get("AlarmNames", [])]
    return [
        *(f"arn:aws:cloudwatch::{request.account}:dashboard/{name}" for name in dashboards if name),
        *(_arn(request, "cloudwatch", f"alarm:{name}") for name in alarms if name),
    ]


_FINDERS = {
    "apprunner": _apprunner,
    "cloudwatch": _cloudwatch,
    "codebuild": _codebuild,
    "dynamodb": _dynamodb,
    "ecr": _ecr,
    "ecs": _ecs,
    "events": _events,
    "iam": _iam,
    "lambda": _lambda,
    "logs": _logs,
    "s3": _s3,
    "sagemaker": _sagemaker,
    "pipes": _pipes,
    "scheduler": _scheduler,
    "sns": _sns,
    "sqs": _sqs,
    "stepfunctions": _stepfunctions,
    "sts": _sts,
}
