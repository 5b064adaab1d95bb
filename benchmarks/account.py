"""What nights over a whole account cost: calls, time beside the least time that the rate quotas allow, and memory.

Makes an account in one of three sizes, and lets the real handler run in it night after night, each in a process of its
own: it removes, with a history, a journal and reports, and before each later night 2 % of what there is changes. Every
call takes 20 ms and draws from token buckets. The floor is the least time that these allow for the calls that were
made: over all buckets the most of (calls - burst) / rate. Quote the ratios of one run, not the seconds.

    .venv/bin/python -m benchmarks.account [small|medium|large ...] [--nights N] [--latency SECONDS] [--no-quotas]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.fake_aws import Sandbox
from tests.fake_aws.faults import AWS_BUCKETS
from tests.integration.past import Past

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.fake_aws.recorder import Call

NIGHTS: Final = 3
LATENCY_SECONDS: Final = 0.02
CHANGED: Final = 0.02
"""Share of services and functions that get another image between two nights, and of repositories a new one."""

PUBLISHED: Final = (
    *AWS_BUCKETS,
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    ("stepfunctions", ("DescribeStateMachine",), 200, 20),
    ("stepfunctions", ("ListStateMachines",), 100, 5),
    # https://docs.aws.amazon.com/general/latest/gr/arg.html
    ("resourcegroupstaggingapi", ("GetResources",), 15, 15),
)
"""Service, operations that share a bucket, its burst, and calls a second by which it fills."""

ASSUMED: Final = (
    *(("ecr", (name,), rate, rate) for name, rate in (("DescribeImages", 20), ("BatchDeleteImage", 10))),
    *(("ecr", (name,), rate, rate) for name, rate in (("BatchGetImage", 20), ("ListTagsForResource", 20))),
    *(("ecr", (name,), 10, 10) for name in ("GetRepositoryPolicy", "GetLifecyclePolicy", "DescribeRepositories")),
    *((service, ("*",), 10, 10) for service in ("apprunner", "batch", "codebuild", "sagemaker")),
)
"""The same where AWS publishes nothing."""

BUCKETS: Final[tuple[tuple[str, tuple[str, ...], float, float], ...]] = (*PUBLISHED, *ASSUMED)

_CHILD: Final = """
import json, resource, sys, time
from ecr_cleaner import handler

class Context:
    aws_request_id = "benchmark"
    ends = time.monotonic() + 900
    def get_remaining_time_in_millis(self):
        return int((self.ends - time.monotonic()) * 1000)

def peak():
    # Not ru_maxrss, which a process has from its parent.
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

started, processor = time.perf_counter(), time.process_time()
try:
    status = handler.handler({}, Context())["status"]
except handler.RunFailedError as error:
    status = json.loads(str(error))["status"]
print(json.dumps({
    "status": status,
    "seconds": time.perf_counter() - started,
    "processor_seconds": time.process_time() - processor,
    "peak_mib": peak(),
}))
"""


@dataclass(frozen=True, slots=True)
class Size:
    """An account.

    Attributes:
        repositories: That opted in.
        images: In each; half of them are old. A hundredth are indexes, whose two manifests come on top.
        services: Of ECS, each with a task definition of its own.
        functions: Of Lambda.
    """

    repositories: int
    images: int
    services: int
    functions: int


SIZES: Final = {
    "small": Size(12, 100, 60, 40),
    "medium": Size(200, 200, 300, 300),
    "large": Size(500, 400, 1_500, 1_000),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run took.

    Attributes:
        status: How it ended.
        seconds: From the handler's start to its end.
        processor_seconds: Of the function alone.
        peak_mib: Memory of its process.
    """

    status: str
    seconds: float
    processor_seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Night:
    """What one night cost.

    Attributes:
        run: What its run took.
        calls: By action; with those that were throttled.
        throttled: Calls.
        floor: Least seconds by the rate quotas; 0 without any, or if all calls were within the bursts.
        images: That there were.
        removed: Of these.
    """

    run: Measured
    calls: Counter[str]
    throttled: int
    floor: float
    images: int
    removed: int


def nights(
    size: Size, number: int = NIGHTS, *, latency: float = LATENCY_SECONDS, quotas: bool = True
) -> Iterator[Night]:
    """Nights over an account of a size.

    Args:
        size: Of the account.
        number: Of nights.
        latency: Seconds that each call takes longer.
        quotas: Whether calls draw from the token buckets, and the function keeps below them.
    """
    with Sandbox() as sandbox:
        _fill(sandbox, size)
        past = Past(sandbox)
        storage = {**past.place, "history": True, "journal": True, "reports": True}
        settings = json.dumps({"schema_version": 1, "grace_days": 0, "storage": storage})
        for night in range(number):
            if night:
                past.passes(days=1)
                _change(sandbox, size, night)
            sandbox.clear_calls()
            sandbox.clear_throttling()
            for service, operations, burst, refill in BUCKETS if quotas else ():
                sandbox.throttle(service, operations, burst=burst, refill=refill)
            sandbox.latency = latency
            before = _count(sandbox, size)
            run = measure(sandbox, paced=quotas, DRY_RUN="false", ECR_CLEANER_SETTINGS=settings)
            sandbox.latency = 0.0
            calls = sandbox.calls
            sandbox.clear_throttling()
            yield Night(
                run=run,
                calls=Counter(call.action for call in calls),
                throttled=sum(_is_throttled(call) for call in calls),
                floor=floor(calls) if quotas else 0.0,
                images=before,
                removed=before - _count(sandbox, size),
            )


def measure(sandbox: Sandbox, *, paced: bool = True, **settings: str) -> Measured:
    """One run in a process of its own, with some more variables in its environment.

    Args:
        sandbox: Where it runs.
        paced: Whether it keeps below AWS's rates, as in Lambda.
        settings: The variables.
    """
    return Measured(**run_in_process(sandbox, paced=paced, **settings))


def environment_in(sandbox: Sandbox) -> dict[str, str]:
    """This process's environment, for one that takes the sandbox for AWS."""
    return os.environ | {
        "AWS_ENDPOINT_URL": sandbox.endpoint,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }


def run_in_process(
    sandbox: Sandbox, before: str = "", *more: str, paced: bool = True, **settings: str
) -> dict[str, Any]:
    """What `measure` returns, with the last values of some more variables of the program.

    Args:
        sandbox: Where it runs.
        before: What the program does first.
        more: Names of variables.
        paced: As in `measure`.
        settings: Variables of the environment.
    """
    environment = environment_in(sandbox) | {"PYTHONPATH": "lambda_src", **settings}
    # The function's image has byte code too: what is loaded late would be compiled in the time that is measured.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    unpaced = "import ecr_cleaner.aws.pacing as a; a.Pacer.hold = lambda *_: None\n"
    told = "".join(f'"{name}": {name}, ' for name in more)
    program = ("" if paced else unpaced) + before + _CHILD.replace("dumps({", f"dumps({{{told}", 1)
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    # The metrics come before, a line for Lambda to read.
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _fill(sandbox: Sandbox, size: Size) -> None:
    for repository in range(size.repositories):
        name = _name(repository)
        sandbox.repository(name, tags={"BoxCleanerEnabled": "true"})
        for number in range(size.images):
            platforms = ["linux/amd64", "linux/arm64"] if number % 100 == 0 else []
            sandbox.push(
                name,
                kind="index" if platforms else "image",
                platforms=platforms,
                tags=[f"v{number}"],
                pushed="90d" if number % 2 else "5d",
            )
    _deploy(sandbox, size, range(size.services), range(size.functions), night=0)


def _deploy(sandbox: Sandbox, size: Size, services: Sequence[int], functions: Sequence[int], night: int) -> None:
    """Give services and functions an old image, or in a later night the one that was pushed before it."""

    def image(number: int) -> str:
        tag = f"new{night}" if night else f"v{2 * (number // size.repositories % (size.images // 2)) + 1}"
        return f"{{registry}}/{_name(number % size.repositories)}:{tag}"

    definitions = {f"service-{number}:{night + 1}": {"image": image(number)} for number in services}
    deployed = {f"service-{number}": {"task_definition": f"service-{number}:{night + 1}"} for number in services}
    versions = {f"function-{number}": {"versions": {"$LATEST": {"image": image(number)}}} for number in functions}
    sandbox.seed(
        {
            "ecs": {"task_definitions": definitions, "clusters": {"prod": {"services": deployed}}},
            "lambda": {"functions": versions},
        }
    )


def _change(sandbox: Sandbox, size: Size, night: int) -> None:
    """Push a new image and an old one to some repositories, and deploy the new one to services and functions."""

    def some(number: int) -> list[int]:
        count = max(1, round(number * CHANGED))
        return [(night * count + one) % number for one in range(count)]

    services, functions = some(size.services), some(size.functions)
    used = {one % size.repositories for one in (*services, *functions)}
    for repository in sorted({*used, *some(size.repositories)}):
        sandbox.push(_name(repository), tags=[f"new{night}"], pushed="1h")
        sandbox.push(_name(repository), tags=[f"old{night}"], pushed="90d")
    _deploy(sandbox, size, services, functions, night)


def _name(repository: int) -> str:
    return f"team-{repository % 10}/app-{repository}"


def _count(sandbox: Sandbox, size: Size) -> int:
    return sum(len(sandbox.images(_name(repository))) for repository in range(size.repositories))


def _is_throttled(call: Call) -> bool:
    return call.error in {"ThrottlingException", "TooManyRequestsException"}


def floor(calls: Sequence[Call]) -> float:
    """The least seconds in which the buckets allow these calls."""
    served = [call for call in calls if not _is_throttled(call)]
    return max(
        0.0,
        *(
            (sum(_draws(call, service, operations) for call in served) - burst) / rate
            for service, operations, burst, rate in BUCKETS
        ),
    )


def _draws(call: Call, service: str, operations: Sequence[str]) -> bool:
    return call.service == service and ("*" in operations or call.operation in operations)


COLUMNS: Final = (
    *("size", "night", "status", "images", "removed", "calls", "throttled"),
    *("wall s", "floor s", "wall/floor", "processor s", "peak MiB"),
)


def _row(size: str, number: int, night: Night) -> str:
    cells = [
        size,
        str(number),
        night.run.status,
        str(night.images),
        str(night.removed),
        str(night.calls.total()),
        str(night.throttled),
        f"{night.run.seconds:.1f}",
        f"{night.floor:.1f}",
        f"{night.run.seconds / night.floor:.2f}" if night.floor > 0 else "-",
        f"{night.run.processor_seconds:.1f}",
        f"{night.run.peak_mib:.0f}",
    ]
    return f"| {' | '.join(cells)} |\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each night, and below it its calls by operation, the most frequent ones first."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.account", description=__doc__)
    parser.add_argument("sizes", nargs="*", choices=[*SIZES, []], help="all three by default")
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--latency", type=float, default=LATENCY_SECONDS, metavar="SECONDS")
    parser.add_argument(
        "--no-quotas", action="store_true", help="no token buckets, and no pacing below them: the function's own time"
    )
    told = parser.parse_args(arguments)
    sys.stdout.write(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n")
    for name in told.sizes or SIZES:
        found = nights(SIZES[name], told.nights, latency=told.latency, quotas=not told.no_quotas)
        for number, night in enumerate(found, 1):
            calls = ", ".join(f"{action} {count}" for action, count in night.calls.most_common() if count > 1)
            sys.stdout.write(f"{_row(name, number, night)}    {calls}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
