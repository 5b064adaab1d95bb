"""What ``make test`` and ``make test-slow`` skip, said once, at its very end.

``record COMMAND`` runs pytest so that tests/conftest.py writes every skip to a file; ``report`` prints them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from tools.terraform import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE: Final = ROOT / ".cache" / "skipped.json"
VARIABLE: Final = "ECR_CLEANER_SKIPS_FILE"
"""Names the file for tests/conftest.py."""


def report(skipped: dict[str, list[str]]) -> str:
    """Returns the final block.

    Args:
        skipped: The tests, by the reason why they were skipped and what would enable them.
    """
    if not skipped:
        return "Nothing was skipped.\n"
    lines = [f"Skipped: {sum(map(len, skipped.values()))} tests."]
    for reason, tests in sorted(skipped.items()):
        lines += ["", f"{len(tests)} because {reason}", *(f"  {test}" for test in sorted(tests))]
    lines += ["", "Everything else was run."]
    width = max(map(len, lines))
    return "\n".join(["-" * width, *lines, "-" * width, ""])


def main(arguments: Sequence[str]) -> int:
    """Runs ``clear``, ``record COMMAND...`` or ``report``; returns the exit status."""
    match arguments:
        case ["clear"]:
            FILE.unlink(missing_ok=True)
        case ["record", *command] if command:
            FILE.parent.mkdir(exist_ok=True)
            return subprocess.run(command, env=os.environ | {VARIABLE: str(FILE)}, check=False).returncode
        case ["report"]:
            if not FILE.exists():
                sys.stderr.write("No record of the tests' skips: they did not run to their end.\n")
                return 1
            sys.stdout.write("\n" + report(json.loads(FILE.read_text())))
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
