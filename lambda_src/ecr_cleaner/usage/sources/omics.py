"""HealthOmics: the images of private workflows, and those of the tasks of unfinished runs."""

from collections.abc import Iterator
from typing import Any, Final

from ecr_cleaner.aws.response_paths import values
from ecr_cleaner.model.usage import Reference, ReferenceScope, UsageKind
from ecr_cleaner.reference import named
from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant, arn_of

_PREFIX: Final = "containerRegistryMap.registryMappings[].ecrRepositoryPrefix"
_UNFINISHED: Final = ("PENDING", "STARTING", "RUNNING", "STOPPING")


def mapped(workflow: Any) -> Iterator[Reference]:
    """The repositories through which a workflow pulls from an upstream registry; only its runs name the images.

    The mapping's account is the owner of the upstream image, so the reference is to the prefix in any registry.
    """
    for prefix in values(workflow, _PREFIX):
        yield named(prefix, host=None, breadth=ReferenceScope.PREFIX)


def _workflow(operation: str, required_member: str, **params_from: str) -> Call:
    return Call(
        operation,
        required_member=required_member,
        params_from=params_from,
        images=(Images("destinationImage", at="containerRegistryMap.imageMappings[]"),),
        references=mapped,
        extra_fields=(_PREFIX,),
    )


_WORKFLOWS: Final = Call("ListWorkflows", items="items[]", params={"type": "PRIVATE", "maxResults": 100})

SOURCES: Final = (
    source(
        "omics",
        "HealthOmics private workflows and unfinished runs",
        "Images that a workflow's or version's container registry map names, every repository under its prefixes; "
        "of unfinished runs, the images of tasks and what the parameters name",
        "omics",
        (
            Grant("ListOmics", ("omics:ListRuns", "omics:ListWorkflows")),
            Grant(
                "ReadOmicsWorkflows",
                ("omics:GetWorkflow", "omics:GetWorkflowVersion", "omics:ListWorkflowVersions"),
                arn_of("omics", "workflow/*"),
            ),
            Grant("ReadOmicsRuns", ("omics:GetRun", "omics:ListRunTasks"), arn_of("omics", "run/*")),
            # Of a run and of a task at once.
            Grant("ReadOmicsTasks", ("omics:GetRunTask",), arn_of("omics", "*")),
        ),
        Chain("omics workflow {name}", (_WORKFLOWS, _workflow("GetWorkflow", "id", id="id"))),
        Chain(
            "omics workflow version {name}:{versionName}",
            (
                _WORKFLOWS,
                Call(
                    "ListWorkflowVersions",
                    items="items[]",
                    params_from={"workflowId": "id"},
                    params={"maxResults": 100},
                ),
                _workflow("GetWorkflowVersion", "workflowId", workflowId="workflowId", versionName="versionName"),
            ),
        ),
        *(
            Chain(
                "omics run {id}",
                (
                    Call("ListRuns", items="items[]", params={"status": status, "maxResults": 100}),
                    # Parameters often name the images, and tasks that have not started are not listed yet.
                    Call(
                        "GetRun",
                        required_member="id",
                        params_from={"id": "id"},
                        texts=("parameters",),
                        evidence=UsageKind.RUNNING,
                    ),
                    Call("ListRunTasks", items="items[]", params_from={"id": "id"}, params={"maxResults": 100}),
                    Call(
                        "GetRunTask",
                        required_member="taskId",
                        params_from={"id": "id", "taskId": "taskId"},
                        images=(Images("image", at="imageDetails", digest="imageDigest"),),
                        evidence=UsageKind.RUNNING,
                    ),
                ),
            )
            for status in _UNFINISHED
        ),
    ),
)
