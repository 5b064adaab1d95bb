"""HealthOmics: where private workflows take their images from, and what the tasks of unfinished runs use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.model import Breadth, Evidence, Reference
from ecr_cleaner.paths import values
from ecr_cleaner.usage.base import Grant
from ecr_cleaner.usage.table import Call, Chain, Images, source

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARN: Final = "arn:{partition}:omics:{region}:{account}:"
_PAGES: Final = ("startingToken", "nextToken")
_PREFIX: Final = "containerRegistryMap.registryMappings[].ecrRepositoryPrefix"
_UNFINISHED: Final = ("PENDING", "STARTING", "RUNNING", "STOPPING")


def mapped(workflow: Any) -> Iterator[Reference]:
    """The repositories that a workflow reads an upstream registry through: which images, only its runs say.

    The mapping's account is the owner of the upstream image, so that the prefix counts in whichever registry.
    """
    for prefix in values(workflow, _PREFIX):
        yield Reference(prefix, repository=prefix, breadth=Breadth.PREFIX)


def _workflow(operation: str, whole: str, **asks: str) -> Call:
    return Call(
        operation,
        whole=whole,
        asks=asks,
        images=(Images("destinationImage", at="containerRegistryMap.imageMappings[]"),),
        references=mapped,
        reads=(_PREFIX,),
    )


_WORKFLOWS: Final = Call("ListWorkflows", items="items[]", fixed={"type": "PRIVATE", "maxResults": 100}, token=_PAGES)

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
                f"{_ARN}workflow/*",
            ),
            Grant("ReadOmicsRuns", ("omics:GetRun", "omics:ListRunTasks"), f"{_ARN}run/*"),
            # Of a run and of a task at once.
            Grant("ReadOmicsTasks", ("omics:GetRunTask",), f"{_ARN}*"),
        ),
        Chain("omics workflow", "name", (_WORKFLOWS, _workflow("GetWorkflow", "id", id="id"))),
        Chain(
            "omics workflow version",
            "name:versionName",
            (
                _WORKFLOWS,
                Call(
                    "ListWorkflowVersions",
                    items="items[]",
                    asks={"workflowId": "id"},
                    fixed={"maxResults": 100},
                    token=_PAGES,
                ),
                _workflow("GetWorkflowVersion", "workflowId", workflowId="workflowId", versionName="versionName"),
            ),
        ),
        *(
            Chain(
                "omics run",
                "id",
                (
                    Call("ListRuns", items="items[]", fixed={"status": status, "maxResults": 100}, token=_PAGES),
                    # Parameters often are the images, and tasks that have not begun are not listed yet.
                    Call("GetRun", whole="id", asks={"id": "id"}, texts=("parameters",), evidence=Evidence.RUNNING),
                    Call("ListRunTasks", items="items[]", asks={"id": "id"}, fixed={"maxResults": 100}, token=_PAGES),
                    Call(
                        "GetRunTask",
                        whole="taskId",
                        asks={"id": "id", "taskId": "taskId"},
                        images=(Images("image", at="imageDetails", digest="imageDigest"),),
                        evidence=Evidence.RUNNING,
                    ),
                ),
            )
            for status in _UNFINISHED
        ),
    ),
)
