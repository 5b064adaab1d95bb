"""How many calls a night takes that knows what never changes, beside the first night's: with two in a hundred changed.

Runs the real handler, in a process of its own for each night, against the sandbox without latency and without pacing,
over an account with so many services and functions. Counts the calls that ask who uses images; quote the ratios.

    .venv/bin/python -m benchmarks.later_nights [SERVICES ...]
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Final

from benchmarks.registry_size import measure
from tests.fake_aws import Sandbox
from tests.integration.past import Past

SIZES: Final = (30, 100, 300)
NIGHTS: Final = 3
IMAGES: Final = 20
CHANGED: Final = 50
"""One in so many is deployed anew between two nights."""


def fill(sandbox: Sandbox, services: int) -> None:
    """A repository, and as many services, families and functions as named, all of its images."""
    sandbox.repository("app", tags={"BoxCleanerEnabled": "true"})
    for number in range(IMAGES):
        sandbox.push("app", id=f"i{number}", tags=[f"v{number}"], pushed="90d")
    for number in range(services):
        deploy(sandbox, number, revision=2)


def deploy(sandbox: Sandbox, number: int, revision: int) -> None:
    """One service and one function have so many revisions, of which each is another image."""
    images = [f"{{registry}}/app:v{(number + one) % IMAGES}" for one in range(revision)]
    digests = [f"{{i{(number + one) % IMAGES}}}" for one in range(revision)]
    family, name = f"family-{number}", f"service-{number}"
    revisions = [
        {"task_definition": f"{family}:{one + 1}", "digests": {family: digests[one]}, "deployed": f"{80 - one}d"}
        for one in reversed(range(revision))
    ]
    definitions = {f"{family}:{one + 1}": {"image": images[one]} for one in range(revision)}
    service = {"task_definition": f"{family}:{revision}", "revisions": revisions}
    versions = {"$LATEST": {"image": images[-1], "digest": digests[-1]}}
    sandbox.seed(
        {
            "ecs": {"task_definitions": definitions, "clusters": {"prod": {"services": {name: service}}}},
            "lambda": {"functions": {f"function-{number}": {"versions": versions}}},
        }
    )


def main() -> None:
    """Print one line for each night of each size."""
    sizes = [int(size) for size in sys.argv[1:]] or list(SIZES)
    sys.stdout.write(f"{'services':>8} {'night':>6} {'calls':>6} {'of the first':>13}  most frequent calls\n")
    for services in sizes:
        with Sandbox() as sandbox:
            fill(sandbox, services)
            place = Past(sandbox).place | {"history": True}
            settings = json.dumps({"schema_version": 1, "storage": place, "max_usage_drop_percent": None})
            first = 0
            for night in range(NIGHTS):
                for number in range(0, services, CHANGED) if night else ():
                    deploy(sandbox, number, revision=2 + night)
                sandbox.clear_calls()
                measure(sandbox, ECR_CLEANER_SETTINGS=settings)
                calls = Counter(call.action for call in sandbox.calls if call.service not in {"ecr", "s3"})
                first = first or calls.total()
                frequent = ", ".join(f"{action} {count}" for action, count in calls.most_common(5))
                ratio = calls.total() / first
                sys.stdout.write(f"{services:>8} {night + 1:>6} {calls.total():>6} {ratio:>13.2f}  {frequent}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
