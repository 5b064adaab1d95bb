"""The resources of calls to services of which only the form is known, after the Service Authorization Reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .aws import Request

TEMPLATES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "bedrock-agentcore-control": {
        "GetAgentRuntime": ("runtime/{agentRuntimeId}",),
        "GetHarness": ("harness/{harnessId}",),
    },
    "braket": {"GetJob": ("{jobArn}",)},
    "cleanroomsml": {
        "GetConfiguredModelAlgorithm": ("{configuredModelAlgorithmArn}",),
        "GetTrainedModel": ("{trainedModelArn}",),
        "GetTrainedModelInferenceJob": ("{trainedModelInferenceJobArn}",),
    },
    "codedeploy": {
        "BatchGetDeploymentGroups": ("deploymentgroup:{applicationName}/*",),
        # The ids do not tell of which groups they are.
        "BatchGetDeployments": ("deploymentgroup:*",),
        "GetApplicationRevision": ("application:{applicationName}",),
        "ListDeploymentGroups": ("application:{applicationName}",),
    },
    "codepipeline": {
        "GetPipeline": ("{name}",),
        "GetPipelineExecution": ("{pipelineName}",),
        "ListPipelineExecutions": ("{pipelineName}",),
    },
    "emr-containers": {
        "DescribeJobRun": ("/virtualclusters/{virtualClusterId}/jobruns/{id}",),
        "DescribeJobTemplate": ("/jobtemplates/{id}",),
        "DescribeManagedEndpoint": ("/virtualclusters/{virtualClusterId}/endpoints/{id}",),
        "ListJobRuns": ("/virtualclusters/{virtualClusterId}",),
        "ListManagedEndpoints": ("/virtualclusters/{virtualClusterId}",),
    },
    "emr-serverless": {
        "GetApplication": ("/applications/{applicationId}",),
        "GetJobRun": ("/applications/{applicationId}/jobruns/{jobRunId}",),
        "ListJobRuns": ("/applications/{applicationId}",),
    },
    "eventbridgev2": {"DescribeSubscriber": ("{SubscriberArn}",)},
    "gamelift": {"ListContainerGroupDefinitionVersions": ("containergroupdefinition/{Name}",)},
    "greengrassv2": {"GetComponent": ("{arn}",), "ListComponentVersions": ("{arn}",)},
    "imagebuilder": {"GetContainerRecipe": ("{containerRecipeArn}",)},
    "iotsitewise": {"DescribeTask": ("workspace/{workspaceName}/task/{taskName}",)},
    "omics": {
        "GetRun": ("run/{id}",),
        "GetRunTask": ("run/{id}", "task/{taskId}"),
        "GetWorkflow": ("workflow/{id}",),
        "GetWorkflowVersion": ("workflow/{workflowId}", "workflow/{workflowId}/version/{versionName}"),
        "ListRunTasks": ("run/{id}",),
        "ListWorkflowVersions": ("workflow/{workflowId}",),
    },
}
"""By botocore's service and operation: what follows the account in the ARN, or the whole ARN, with input members."""


def templated(request: Request) -> list[str]:
    """ARNs of what a call is about; none if its action knows no resources."""
    found = []
    for template in TEMPLATES.get(request.service, {}).get(request.operation, ()):
        told = template.format_map(_Members(request.parameters))
        whole = told.startswith("arn:")
        found.append(told if whole else f"arn:aws:{request.prefix}:{request.region}:{request.account}:{told}")
    return found


class _Members(dict[str, object]):
    def __missing__(self, key: str) -> str:
        # A request that lacks what it is about is refused later; it is recorded all the same.
        return f"no-{key}"
