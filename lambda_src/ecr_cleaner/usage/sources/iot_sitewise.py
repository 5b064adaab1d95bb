"""IoT SiteWise tasks that run a container."""

from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant, arn_of

SOURCES: Final = (
    source(
        "iot_sitewise",
        "IoT SiteWise tasks",
        "The image of every task in its newest version; no listing shows older ones",
        "iotsitewise",
        (
            Grant("ListSiteWise", ("iotsitewise:ListTasks", "iotsitewise:ListWorkspaces")),
            Grant("ReadSiteWiseTasks", ("iotsitewise:DescribeTask",), arn_of("iotsitewise", "workspace/*")),
        ),
        Chain(
            "iot sitewise task {workspaceName}:{taskName}",
            (
                Call("ListWorkspaces", items="workspaceSummaries[]", params={"maxResults": 250}),
                Call(
                    "ListTasks",
                    items="taskSummaries[]",
                    params_from={"workspaceName": "name"},
                    params={"maxResults": 250},
                ),
                Call(
                    "DescribeTask",
                    items="taskConfiguration",
                    params_from={"workspaceName": "workspaceName", "taskName": "taskName"},
                    images=(Images("ecrUri", at="containerTaskConfiguration"),),
                ),
            ),
        ),
    ),
)
