"""The terraform command: where it is, whether it is new enough, and in which environment it runs.

Nothing that the caller's shell holds reaches Terraform here: no credentials, no variables, no arguments, no
configuration. What it may install is decided by `tools.provider_mirror`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent
OLDEST: Final = (1, 9, 0)
"""What versions.tf asks for; a test compares."""

_INHERITED_LOGGING: Final = ("TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER", "TF_LOG_PATH")


class ToolError(Exception):
    """A tool is missing, too old, or failed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Terraform:
    """A usable terraform command.

    Attributes:
        path: The executable.
        version: As three numbers.
        platform: As the registry names it, ``linux_amd64``.
    """

    path: str
    version: tuple[int, int, int]
    platform: str

    @classmethod
    def find(cls, environment: Mapping[str, str] | None = None) -> Terraform:
        """Finds it on PATH.

        Raises:
            ToolError: There is none, or it is too old.
        """
        environment = os.environ if environment is None else environment
        path = shutil.which("terraform", path=environment.get("PATH"))
        if path is None:
            message = "Terraform 1.9 or newer is needed, and PATH has none: developer.hashicorp.com/terraform/install"
            raise ToolError(message)
        answer = subprocess.run(
            [path, "version", "-json"], env=cleaned(environment), capture_output=True, text=True, check=False
        )
        try:
            told = json.loads(answer.stdout)
            # A pre-release counts as its release: 1.12.0-beta1.
            major, minor, patch = map(int, re.findall(r"\d+", told["terraform_version"])[:3])
            platform = str(told["platform"])
        except (ValueError, KeyError) as error:
            message = f"{path} version -json gave no version: {answer.stdout}{answer.stderr}"
            raise ToolError(message) from error
        version = (major, minor, patch)
        if version < OLDEST:
            message = f"Terraform 1.9 or newer is needed, and {path} is {told['terraform_version']}."
            raise ToolError(message)
        return cls(path, version, platform)

    def run(
        self, *arguments: str, folder: Path, environment: Mapping[str, str], timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs it and returns what it said on both streams, whatever its exit status."""
        return subprocess.run(
            [self.path, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )


def cleaned(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment for Terraform, with nothing of AWS's or Terraform's but what asks for Terraform's log."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(("AWS_", "TF_")) or name in _INHERITED_LOGGING
    }
    return {
        # Most of a short command's time goes into the provider's schemas, millions of objects that all stay: collecting
        # garbage among them four times as rarely saves a fifth of it, for a hundred megabytes.
        "GOGC": "400",
        **kept,
        # HashiCorp's version check would be the one connection that leaves the machine.
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }


def main(arguments: Sequence[str]) -> int:
    """Says which Terraform is used, or what is wrong with it."""
    del arguments
    try:
        found = Terraform.find()
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"Terraform {'.'.join(map(str, found.version))} ({found.path})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
