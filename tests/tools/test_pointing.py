"""What the sandbox and the demo print is what a person pastes: tools and Terraform then speak to the sandbox."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from demo.screen import Screen
from demo.story import stay
from tools.pointing import exports, instructions, provider_block
from tools.processes import Children, StoppedError, loopback_only
from tools.provider_mirror import ProviderMirror
from tools.terraform import ROOT, Terraform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPOSITORY = """
resource "aws_ecr_repository" "orders" {
  name = "shop/orders"
}
"""


@dataclass(frozen=True)
class Printed:
    """What ``make sandbox`` printed.

    Attributes:
        text: All of it.
    """

    text: str

    @property
    def shell(self) -> str:
        """Its lines for a shell."""
        return "\n".join(re.findall(r"^(?:export|unset) .*$", self.text, re.MULTILINE))

    @property
    def provider(self) -> str:
        """Its block for Terraform."""
        return self.text[self.text.index('provider "aws" {') :]


def recipe(*words: str) -> str:
    """The commands that make would run."""
    told = subprocess.run(["/usr/bin/env", "make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return told.stdout


@pytest.fixture(scope="module")
def printed() -> Iterator[Printed]:
    """A sandbox as ``make sandbox`` starts it."""
    (command,) = re.findall(r"^\S+python -m (tests\.fake_aws .*)$", recipe("sandbox"), re.MULTILINE)
    with subprocess.Popen([sys.executable, "-m", *command.split()], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        lines: list[str] = []
        for line in run.stdout:
            lines.append(line)
            if line == "}\n":
                break
        yield Printed("".join(lines))
        run.terminate()


def test_every_source_is_asked_with_what_is_exported(printed: Printed) -> None:
    """Also services that put a prefix before the host's name, and the company's cluster.

    What the shell held before leads nowhere else.
    """
    elsewhere = {"AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "real", "AWS_REGION": "eu-central-1"}
    command = f"{printed.shell}\nexport PYTHONPATH=$PYTHONPATH:{ROOT}/lambda_src\n"
    command += f"exec {sys.executable} -m ecr_cleaner.cli explain shop/search:v5"
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **elsewhere}
    told = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "EKS cluster platform: Deployment shop/search" in told.stdout


@pytest.mark.terraform
@pytest.mark.timeout(300)
def test_terraform_works_with_what_is_printed(printed: Printed, tmp_path: Path) -> None:
    """The minimal example with the printed block in place of its own is planned, and a repository is made."""
    example = (ROOT / "examples/minimal/main.tf").read_text()
    assert example.count('provider "aws" {}') == 1
    example = example.replace('provider "aws" {}', "").replace('"../../"', f'"{os.path.relpath(ROOT, tmp_path)}"')
    (tmp_path / "main.tf").write_text(example + REPOSITORY)
    (tmp_path / "provider.tf").write_text(printed.provider)
    terraform = Terraform.find()
    environment = loopback_only(ProviderMirror(terraform).ensure())
    shell = f"{printed.shell}\nexec {terraform.path} "

    def run(arguments: str) -> str:
        command = ["/bin/sh", "-c", shell + arguments]
        told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout

    assert run("fmt -check -diff provider.tf") == ""
    run("init")
    planned = run("plan -no-color")
    assert "module.ecr_cleaner.aws_lambda_function.cleaner[0] will be created" in planned
    assert "Apply complete! Resources: 1 added" in run(
        "apply -no-color -auto-approve -target=aws_ecr_repository.orders"
    )


def test_make_hands_the_demo_its_words_and_says_so() -> None:
    """``make demo ARGS=--keep`` is what the help names."""
    assert re.search(r"-m demo --keep$", recipe("demo", "ARGS=--keep"), re.MULTILINE)
    told = subprocess.run(["/usr/bin/env", "make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(r"^  demo .*ARGS=--keep", told.stdout, re.MULTILINE)


class _Stopped(Children):
    """Somebody ends the demo as soon as it waits."""

    def wait_until_stopped(self) -> None:
        """Wait for nothing."""
        raise StoppedError(2)


def test_a_demo_that_is_kept_prints_the_same(tmp_path: Path) -> None:
    """Unbroken, so that it can be pasted, before it waits."""
    console = Console(record=True, file=io.StringIO())
    configuration = tmp_path / "terraformrc"
    environment = {"TF_CLI_CONFIG_FILE": str(configuration)}
    with pytest.raises(StoppedError):
        stay(Screen(console), _Stopped(), "http://127.0.0.1:1", environment, tmp_path)
    assert instructions("http://127.0.0.1:1", configuration) in console.export_text()


def test_the_demo_starts_by_itself() -> None:
    """Nothing but the checkout tells it where the package lies."""
    command = [sys.executable, "-m", "demo", "--help"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "--keep" in told.stdout


def test_values_are_quoted_for_the_shell(tmp_path: Path) -> None:
    """A folder may have a space in its name."""
    told = instructions("http://127.0.0.1:1", tmp_path / "with space" / "terraformrc")
    assert f"export TF_CLI_CONFIG_FILE='{tmp_path}/with space/terraformrc'" in told
    assert provider_block("http://127.0.0.1:1") in told
    assert exports("http://127.0.0.1:1")["AWS_DISABLE_HOST_PREFIX_INJECTION"] == "true"
