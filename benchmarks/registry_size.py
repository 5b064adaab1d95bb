"""How calls, time and memory of a dry run grow with the registry.

Runs the real handler, in a process of its own for each size, against the sandbox without latency: the times say how
much work the function does itself, not how long AWS takes. Quote the ratios of one run, not the seconds.

    .venv/bin/python -m benchmarks.registry_size [IMAGES ...]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import Final

from tests.fake_aws import Sandbox

SIZES: Final = (500, 2_000, 8_000)
IMAGES_PER_REPOSITORY: Final = 200

_CHILD: Final = """
import json, resource, sys, time
from ecr_cleaner import handler
started = time.perf_counter()
result = handler.handler({}, None)
print(json.dumps({
    "seconds": time.perf_counter() - started,
    "processor_seconds": sum(resource.getrusage(resource.RUSAGE_SELF)[:2]),
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "images": result["totals"]["images"],
    "removable": result["totals"]["removable"],
}))
"""


def fill(sandbox: Sandbox, images: int) -> None:
    """A registry of so many images, a hundredth of them indexes, half of them old, one in ten used by a service."""
    made = 0
    while made < images:
        name = f"team/app-{made // IMAGES_PER_REPOSITORY}"
        sandbox.repository(name, tags={"BoxCleanerEnabled": "true"})
        for number in range(min(IMAGES_PER_REPOSITORY, images - made)):
            age = "90d" if number % 2 else "5d"
            platforms = ["linux/amd64", "linux/arm64"] if number % 100 == 0 else []
            kind = "index" if platforms else "image"
            image = f"{name}-{number}"
            sandbox.push(name, id=image, kind=kind, platforms=platforms, tags=[f"v{number}"], pushed=age)
        sandbox.seed(
            {
                "ecs": {
                    "task_definitions": {
                        f"app-{made}-{n}:1": {"image": f"{{registry}}/{name}:v{n}"} for n in range(1, 200, 20)
                    },
                    "clusters": {
                        "prod": {
                            "services": {
                                f"app-{made}-{n}": {"task_definition": f"app-{made}-{n}:1"} for n in range(1, 200, 20)
                            }
                        }
                    },
                }
            }
        )
        made += IMAGES_PER_REPOSITORY


def measure(sandbox: Sandbox, **settings: str) -> dict[str, float]:
    """One dry run in a process of its own, without pacing, with some more variables in its environment."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL": sandbox.endpoint,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "PYTHONPATH": "lambda_src",
        "PYTHONDONTWRITEBYTECODE": "1",
        **settings,
    }
    unpaced = "import ecr_cleaner.aws.pacing as a; a.Pacer.wait = lambda *_: None\n"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", unpaced + _CHILD], env=environment, capture_output=True, text=True, check=True
    )
    # The metrics come before, a line for Lambda to read.
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Print one line for each size."""
    sizes = [int(size) for size in sys.argv[1:]] or list(SIZES)
    sys.stdout.write(f"{'images':>8} {'calls':>7} {'seconds':>8} {'peak MiB':>9}  most frequent calls\n")
    with Sandbox() as sandbox:
        for size in sizes:
            sandbox.reset()
            fill(sandbox, size)
            sandbox.clear_calls()
            found = measure(sandbox)
            calls = Counter(call.action for call in sandbox.calls)
            frequent = ", ".join(f"{action} {count}" for action, count in calls.most_common(4))
            measured = f"{calls.total():>7} {found['seconds']:>8.1f} {found['peak_mib']:>9.0f}"
            sys.stdout.write(f"{found['images']:>8.0f} {measured}  {frequent}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
