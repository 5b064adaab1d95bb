"""The request rates that AWS publishes: token buckets, each of an account and region, some shared by operations.

What is not here has no published rate; `ecr_cleaner.aws.pacing` finds out how much of it is let through.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Final


@dataclass(frozen=True, slots=True)
class Quota:
    """A bucket that AWS takes a token from for each request, or throttles it.

    Attributes:
        service: As botocore's events name it.
        operations: Globs of the operations that share it.
        burst: Tokens of a full bucket.
        refill: Tokens a second.
        is_shared: Whether others take from it too, so that a share of it has to be left to them.
    """

    service: str
    operations: tuple[str, ...]
    burst: int
    refill: int
    is_shared: bool = True


def _of(service: str, buckets: Mapping[str, tuple[int, int]]) -> Iterator[Quota]:
    """The buckets of a service: operations, separated by spaces, to burst and refill."""
    for operations, (burst, refill) in buckets.items():
        yield Quota(service, tuple(operations.split()), burst, refill)


QUOTAS: Final = (
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/request-throttling.html; it has no daemons.
    *_of(
        "ecs",
        {
            "DescribeClusters ListClusters": (50, 20),
            "DescribeTaskDefinition ListTaskDefinitions ListTaskDefinitionFamilies": (50, 20),
            "DescribeTasks ListTasks": (100, 20),
            "DescribeServices ListServices": (100, 20),
            "DescribeServiceDeployments ListServiceDeployments": (50, 20),
            "DescribeServiceRevisions": (50, 20),
        },
    ),
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: requests a second, and no bursts. The
    # last one is shared by all control plane operations but GetFunction and GetPolicy, and is never increased.
    *_of("lambda", {"GetFunction": (100, 100), "*": (15, 15)}),
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html, of the smaller regions.
    *_of(
        "sfn",
        {
            "DescribeExecution": (250, 10),
            "DescribeStateMachine": (200, 20),
            "DescribeStateMachineForExecution": (200, 1),
            "ListExecutions": (100, 2),
            "ListStateMachines": (100, 5),
            "ListStateMachineVersions": (100, 1),
        },
    ),
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/cloudwatch-limits-eventbridge.html: all but PutEvents.
    *_of("eventbridge", {"[!P]*": (50, 50)}),
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
    *_of(
        "ecr",
        {
            "BatchGetImage": (2000, 2000),
            "BatchCheckLayerAvailability": (1000, 1000),
            "GetDownloadUrlForLayer": (3000, 3000),
            "PutImage": (10, 10),
        },
    ),
    # https://docs.aws.amazon.com/general/latest/gr/arg.html
    *_of("resource-groups-tagging-api", {"GetResources": (15, 15)}),
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html, of each prefix.
    *_of("s3", {"Get* Head* List*": (5500, 5500), "Put* Delete* Copy*": (3500, 3500)}),
    # Of one cluster, by one request at a time; its own server says when that is too much.
    Quota("kubernetes", ("*",), 20, 50, is_shared=False),
)


@cache
def quota_of(service: str, operation: str) -> Quota | None:
    """The first bucket that fits an operation; None if AWS publishes none."""
    fitting = (
        quota
        for quota in QUOTAS
        if quota.service == service and any(fnmatchcase(operation, glob) for glob in quota.operations)
    )
    return next(fitting, None)
