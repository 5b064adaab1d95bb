"""How fast AWS is called: below the published quotas, so that a nightly run never starves a deployment.

ECS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/request-throttling.html. Lambda: 15 control-plane
calls a second. Where AWS publishes nothing: `DEFAULT_CALLS_PER_SECOND`.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

CALLS_PER_SECOND: Final = {
    # These three share one bucket that fills by 20 a second.
    ("ecs", "DescribeTaskDefinition"): 10.0,
    ("ecs", "ListTaskDefinitions"): 5.0,
    ("ecs", "ListTaskDefinitionFamilies"): 1.0,
    # No number is published for these.
    ("ecs", "*Daemon*"): 5.0,
    ("ecs", "DescribeExpressGatewayService"): 5.0,
    ("ecs", "*"): 10.0,
    ("lambda", "ListFunctions"): 3.0,
    ("lambda", "GetFunction"): 50.0,
    ("eventbridge", "*"): 10.0,
    ("scheduler", "*"): 20.0,
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html: 20, 5 and 1 a second.
    ("sfn", "DescribeStateMachine"): 10.0,
    ("sfn", "ListStateMachines"): 2.5,
    ("sfn", "ListStateMachineVersions"): 0.8,
    # There too: 15, 5 and 1 a second.
    ("sfn", "DescribeExecution"): 7.5,
    ("sfn", "ListExecutions"): 2.5,
    ("sfn", "DescribeStateMachineForExecution"): 0.8,
    ("ecr", "BatchDeleteImage"): 5.0,
    ("ecr", "UpdateImageStorageClass"): 5.0,
    ("ecr", "*"): 10.0,
    ("s3", "*"): 100.0,
    # Of one cluster: never two at once, and its own server says when that is too much.
    ("kubernetes", "*"): 50.0,
}
"""Steady rate of each operation that a glob fits; the first one that does counts."""

DEFAULT_CALLS_PER_SECOND: Final = 5.0

BURST: Final = 20
"""Calls that may be made at once before pacing sets in; the smallest published burst is 50."""

BURSTS: Final = {("sfn", "DescribeStateMachineForExecution"): 100}
"""Of operations whose steady rate is so low that the first night would not end; 200 are published."""


@dataclass(slots=True)
class Pacer:
    """A token bucket for each operation, shared by all threads.

    Attributes:
        clock: Seconds, monotonic.
        sleep: Waits for some seconds.
        calls: How many were let through or are held back.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free_at: dict[tuple[str, str], float] = field(default_factory=dict)

    def wait(self, service: str, operation: str) -> None:
        """Return when the operation may be called."""
        rates = (rate for (s, glob), rate in CALLS_PER_SECOND.items() if s == service and fnmatchcase(operation, glob))
        rate = next(rates, DEFAULT_CALLS_PER_SECOND)
        with self._lock:
            self.calls += 1
            now = self.clock()
            # The bucket as the moment at which it would be full: one number instead of level and time.
            full_at = max(self._free_at.get((service, operation), now), now) + 1 / rate
            self._free_at[service, operation] = full_at
            delay = full_at - now - BURSTS.get((service, operation), BURST) / rate
        if delay > 0:
            self.sleep(delay)


def back_off(tries: int) -> None:
    """Wait longer after each failed try, at most 16 seconds, by a share of chance so that nobody marches in step."""
    time.sleep(random.uniform(0.5, 1) * 2 ** min(tries, 4))  # noqa: S311 - no secret
