"""What looking at empty accounts costs: calls, processor time and memory of a dry run, beside those of the own alone.

Runs the real handler, in a process of its own for each number, against the sandbox without latency and without pacing.
Quote the ratios of one run, not the seconds. Memory may not grow with the number of accounts: the clients of a target
are released when it is scanned.

    .venv/bin/python -m benchmarks.other_accounts [ACCOUNTS ...]
"""

from __future__ import annotations

import json
import sys
from typing import Final

from benchmarks.account import measure
from tests.fake_aws import Sandbox

NUMBERS: Final = (0, 10, 40)


def main() -> None:
    """Print one line for each number of empty accounts."""
    numbers = [int(number) for number in sys.argv[1:]] or list(NUMBERS)
    sys.stdout.write(
        f"{'accounts':>8} {'calls':>8} {'calls each':>11} {'processor s':>12} {'s each':>8} {'peak MiB':>9}\n"
    )
    base_calls, base_seconds = 0, 0.0
    for number in numbers:
        others = [str(222200000000 + one) for one in range(number)]
        settings = json.dumps({"schema_version": 1, "accounts": others})
        with Sandbox() as sandbox:
            sandbox.repository("app", tags={"BoxCleanerEnabled": "true"})
            sandbox.push("app", tags=["v1"], pushed="90d")
            for one in others:
                sandbox.account(one, reader=True)
            told = measure(sandbox, paced=False, ECR_CLEANER_SETTINGS=settings)
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
