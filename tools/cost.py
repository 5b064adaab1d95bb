"""What a month of the module costs, item by item, so that the arithmetic can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

NIGHTS: Final = 30
HOURS: Final = 730
"""Of a month, as AWS reckons."""

# Dollars in us-east-1: https://aws.amazon.com/lambda/pricing/ (arm64), https://aws.amazon.com/cloudwatch/pricing/,
# https://aws.amazon.com/s3/pricing/, https://aws.amazon.com/ecr/pricing/.
GB_SECOND: Final = 0.0000133334
METRIC_MONTH: Final = 0.30
ALARM_MONTH: Final = 0.10
COMPOSITE_MONTH: Final = 0.50
LOG_GB: Final = 0.50
WRITE: Final = 0.005 / 1000
READ: Final = 0.0004 / 1000
ECR_GB_MONTH: Final = 0.10
IMAGE_GB: Final = 0.2


@dataclass(frozen=True, slots=True)
class Size:
    """An account, and what a run in it is assumed to take.

    Attributes:
        title: In words.
        repositories: That opted in; each has an object of the history.
        seconds: Of a run.
        memory_gb: Of the function.
        log_mb: That a run writes.
    """

    title: str
    repositories: int
    seconds: int
    memory_gb: float
    log_mb: float


SIZES: Final = (
    Size("10 repositories, 1,000 images, runs of 1 minute", 10, 60, 1, 0.1),
    Size("200 repositories, 40,000 images, 5 minutes", 200, 300, 1, 2),
    Size("2,000 repositories, 400,000 images, 15 minutes, 2,048 MB", 2000, 900, 2, 10),
)


def rows(metrics: int, alarms: int, composites: int) -> Iterator[tuple[str, ...]]:
    """What each item costs at each size, and the sum.

    Args:
        metrics: That a run writes; CloudWatch bills the hours in which it gets one.
        alarms: On a metric, that the module makes.
        composites: Alarms on alarms, likewise.
    """
    items = {
        f"Lambda: {NIGHTS} runs x seconds x GB x ${GB_SECOND:.10f}": [
            NIGHTS * one.seconds * one.memory_gb * GB_SECOND for one in SIZES
        ],
        f"CloudWatch, {metrics} metrics x ${METRIC_MONTH:.2f} x {NIGHTS} of {HOURS} hours": [
            metrics * METRIC_MONTH * NIGHTS / HOURS for _ in SIZES
        ],
        f"CloudWatch, {alarms} alarms x ${ALARM_MONTH:.2f}, {composites} composite x ${COMPOSITE_MONTH:.2f}": [
            alarms * ALARM_MONTH + composites * COMPOSITE_MONTH for _ in SIZES
        ],
        f"Logs: {', '.join(f'{one.log_mb:g}' for one in SIZES)} MB a run x ${LOG_GB:.2f} a GB": [
            NIGHTS * one.log_mb / 1024 * LOG_GB for one in SIZES
        ],
        f"S3: an object read and written for each repository, {NIGHTS} x ($0.005 + $0.0004) a thousand": [
            NIGHTS * one.repositories * (WRITE + READ) for one in SIZES
        ],
        f"ECR: the function's image, {IMAGE_GB} GB a version x ${ECR_GB_MONTH:.2f}": [
            IMAGE_GB * ECR_GB_MONTH for _ in SIZES
        ],
        "S3 storage, DynamoDB, SQS, SNS, Scheduler": [0.05, 0.10, 0.50],
    }
    for what, dollars in items.items():
        yield what, *(f"${value:.2f}" for value in dollars)
    yield "**A month**", *(f"**${sum(column):.2f}**" for column in zip(*items.values(), strict=True))
