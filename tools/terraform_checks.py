"""``terraform fmt -check``, ``validate`` and ``test`` of the module and its examples.

They run on a copy beneath .cache/, because ``init`` leaves its folder and its lock file where it runs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from tools.provider_mirror import ProviderMirror
from tools.terraform import ROOT, Terraform, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NOT_COPIED: Final = (".*", "__pycache__", "node_modules", "*.tfstate*")
"""Nothing hidden belongs to the module except what lambda_src/ needs; see `copy_module`."""


def copy_module(target: Path, source: Path = ROOT) -> None:
    """Copies the module's files, so that Terraform can leave its own beside them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in (*source.glob("*.tf"), *source.glob("*.tfmock.hcl"), source / "usage_sources.json"):
        shutil.copy(path, target)
    for name in ("examples", "scripts", "tests"):
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns(*_NOT_COPIED, "*.py"))
    # With its hidden .dockerignore.
    shutil.copytree(
        source / "lambda_src", target / "lambda_src", ignore=shutil.ignore_patterns("__pycache__", ".venv", ".*_cache")
    )


class Checks:
    """The checks in one environment; each prints what it does, and Terraform's own words if it fails."""

    def __init__(self, terraform: Terraform, environment: Mapping[str, str]) -> None:
        self._terraform = terraform
        self._environment = environment
        self._failed = False

    def step(self, title: str, *arguments: str, folder: Path, show: bool = False) -> bool:
        """Runs one command; returns whether it succeeded."""
        started = time.monotonic()
        sys.stdout.write(f"{title} ... ")
        sys.stdout.flush()
        if show:
            sys.stdout.write("\n")
            sys.stdout.flush()
            command = [self._terraform.path, *arguments]
            status = subprocess.run(
                command, cwd=folder, env=self._environment, stdin=subprocess.DEVNULL, check=False
            ).returncode
            told = ""
        else:
            answer = self._terraform.run(*arguments, folder=folder, environment=self._environment)
            status, told = answer.returncode, answer.stdout
        sys.stdout.write(
            f"{'failed' if status else 'ok'} ({time.monotonic() - started:.1f} s)\n{told if status else ''}"
        )
        self._failed = self._failed or status != 0
        return status == 0

    def _shown(self, *arguments: str, folder: Path) -> tuple[int, str]:
        command = [self._terraform.path, *arguments]
        ended = subprocess.run(command, cwd=folder, env=self._environment, stdin=subprocess.DEVNULL, check=False)
        return ended.returncode, ""

    def _kept(self, *arguments: str, folder: Path) -> tuple[int, str]:
        ended = self._terraform.run(*arguments, folder=folder, environment=self._environment)
        return ended.returncode, ended.stdout

    def all(self, work: Path) -> bool:
        """Runs all of them; returns whether all succeeded."""
        self.step("terraform fmt -check -recursive", "fmt", "-check", "-recursive", "-diff", folder=ROOT)
        copy_module(work)
        initialised = self._init("the module", work, "-test-directory=tests")
        if initialised:
            self.step("terraform validate the module", "validate", "-no-color", folder=work)
        for example in sorted(path.parent for path in work.glob("examples/*/main.tf")):
            name = f"examples/{example.name}"
            if self._init(name, example):
                self.step(f"terraform validate {name}", "validate", "-no-color", folder=example)
        if initialised and any(work.glob("tests/*.tftest.hcl")):
            self.step("terraform test", "test", "-no-color", folder=work, show=True)
        return not self._failed

    def _init(self, name: str, folder: Path, *arguments: str) -> bool:
        return self.step(f"terraform init {name}", "init", "-backend=false", "-no-color", *arguments, folder=folder)


def main() -> int:
    """Runs the checks; returns the exit status."""
    try:
        terraform = Terraform.find()
        checks = Checks(terraform, ProviderMirror(terraform).ensure())
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0 if checks.all(ROOT / ".cache" / "terraform" / "checks") else 1


if __name__ == "__main__":
    sys.exit(main())
