"""What looking at empty regions or accounts costs: calls, processor time and memory of a dry run, beside those of one.

Runs the real handler, in a process of its own for each number, against the sandbox without latency and without pacing.
Quote the ratios of one run, not the seconds. Memory may not grow with the number of accounts: the clients of a target
are released when it is scanned.

    .venv/bin/python -m benchmarks.targets regions|accounts [NUMBER ...]
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import boto3

from benchmarks.account import measure
from tests.fake_aws import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

OTHERS: Final = [one for one in boto3.Session().get_available_regions("ec2") if one != "us-east-1"]


def regions(sandbox: Sandbox, number: int) -> dict[str, Any]:
    """Open so many other regions; returns the settings that look there."""
    sandbox.seed({"regions": dict.fromkeys(OTHERS[:number], "ENABLED")})
    return {"regions": "enabled"}


def accounts(sandbox: Sandbox, number: int) -> dict[str, Any]:
    """Make so many other accounts; returns the settings that look there."""
    others = [str(222200000000 + one) for one in range(number)]
    for one in others:
        sandbox.account(one, reader=True)
    return {"accounts": others}


KINDS: Final[dict[str, tuple[Callable[[Sandbox, int], dict[str, Any]], tuple[int, ...]]]] = {
    "accounts": (accounts, (0, 10, 40)),
    "regions": (regions, (0, 4, 16)),
}


def main() -> None:
    """Print one line for each number of empty targets."""
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind not in KINDS:
        sys.exit(f"usage: python -m benchmarks.targets {'|'.join(KINDS)} [NUMBER ...]")
    make, usual = KINDS[kind]
    sys.stdout.write(f"{kind:>8} {'calls':>8} {'calls each':>11} {'processor s':>12} {'s each':>8} {'peak MiB':>9}\n")
    base_calls, base_seconds = 0, 0.0
    for number in [int(word) for word in sys.argv[2:]] or usual:
        with Sandbox() as sandbox:
            sandbox.repository("app", tags={"BoxCleanerEnabled": "true"})
            sandbox.push("app", tags=["v1"], pushed="90d")
            settings = {"schema_version": 1, **make(sandbox, number)}
            told = measure(sandbox, paced=False, ECR_CLEANER_SETTINGS=json.dumps(settings))
            calls = len(sandbox.calls)
        if number == 0:
            base_calls, base_seconds = calls, told.processor_seconds
        each = max(number, 1)
        sys.stdout.write(
            f"{number:>8} {calls:>8} {(calls - base_calls) / each:>11.1f} {told.processor_seconds:>12.1f}"
            f" {(told.processor_seconds - base_seconds) / each:>8.2f} {told.peak_mib:>9.0f}\n"
        )


if __name__ == "__main__":
    main()
