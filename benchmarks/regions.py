"""What looking at empty regions costs: calls and processor time of a dry run, beside those of one region alone.

Runs the real handler, in a process of its own for each number, against the sandbox without latency and without pacing.
Quote the ratios of one run, not the seconds.

    .venv/bin/python -m benchmarks.regions [REGIONS ...]
"""

from __future__ import annotations

import json
import sys
from typing import Final

import boto3

from benchmarks.account import measure
from tests.fake_aws import Sandbox

NUMBERS: Final = (0, 4, 16)
OTHERS: Final = [one for one in boto3.Session().get_available_regions("ec2") if one != "us-east-1"]
SETTINGS: Final = json.dumps({"schema_version": 1, "regions": "enabled"})


def main() -> None:
    """Print one line for each number of empty regions."""
    numbers = [int(number) for number in sys.argv[1:]] or list(NUMBERS)
    sys.stdout.write(
        f"{'regions':>8} {'calls':>8} {'calls each':>11} {'processor s':>12} {'s each':>8} {'peak MiB':>9}\n"
    )
    base_calls, base_seconds = 0, 0.0
    for number in numbers:
        with Sandbox() as sandbox:
            sandbox.repository("app", tags={"BoxCleanerEnabled": "true"})
            sandbox.push("app", tags=["v1"], pushed="90d")
            sandbox.seed({"regions": dict.fromkeys(OTHERS[:number], "ENABLED")})
            told = measure(sandbox, paced=False, ECR_CLEANER_SETTINGS=SETTINGS)
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
