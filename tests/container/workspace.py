"""The module under a real Terraform, against a sandbox in a process of its own and a registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.request import urlopen

from tools.stack import TerraformError, errors
from tools.terraform import ROOT, Terraform

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "123456789012"
REGION = "us-east-1"
PASSWORD = f"{ACCOUNT}-auth-token"  # in the authorization tokens that the sandbox hands out

BUILD = "module.cleaner.terraform_data.image_build"

_SERVICES = (
    "cloudwatch",
    "dynamodb",
    "ecr",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "scheduler",
    "sns",
    "sqs",
    "sts",
)


class SandboxProcess:
    """``python -m tests.fake_aws`` as a context manager; it ends with the test process at the latest.

    Attributes:
        endpoint: Its URL.
    """

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "tests.fake_aws", "--port", "0", "--parent-pid", str(os.getpid()), *options]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.endpoint: str = json.loads(self._process.stdout.readline())["endpoint"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _ask(self, what: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(f"{self.endpoint}/_sandbox/{what}", data, timeout=60) as response:  # noqa: S310  # our own address
            return json.load(response)

    def seed(self, scenario: dict[str, Any]) -> None:
        """Adds a scenario to the account."""
        self._ask("seed", scenario)

    def tags(self, repository: str) -> list[str]:
        """Returns the tags of a repository's images."""
        return sorted(tag for image in self._ask(f"images?repository={repository}") for tag in image["tags"])


@dataclass(slots=True)
class Workspace:
    """A folder with a configuration that calls the module.

    Attributes:
        folder: Where it lies; Terraform runs here.
        endpoint: The sandbox's URL.
        variables: The module's inputs.
        terraform: The command.
        env: The environment that it gets.
    """

    folder: Path
    endpoint: str
    variables: dict[str, Any]
    terraform: Terraform
    env: dict[str, str]

    def _write(self, **changed: Any) -> None:
        provider = {
            "region": REGION,
            "access_key": "test",
            "secret_key": "test",
            "skip_credentials_validation": True,
            "skip_metadata_api_check": True,
            "endpoints": [dict.fromkeys(_SERVICES, self.endpoint)],
        }
        configuration = {
            "provider": {"aws": provider},
            "module": {"cleaner": {"source": str(ROOT), **self.variables, **changed}},
            "output": {"image_uri": {"value": "${module.cleaner.image_uri}"}},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(configuration, indent=2))

    def init(self) -> None:
        """Makes the folder ready."""
        self._write()
        self.run("init")

    def apply(self, *options: str, **changed: Any) -> str:
        """Applies; `changed` overrides the module's inputs for this time. Returns what Terraform wrote."""
        self._write(**changed)
        return self.run("apply", "-auto-approve", *options)

    def build(self, **changed: Any) -> str:
        """Applies the image's part alone: the function's surroundings take Terraform half a minute."""
        return self.apply(f"-target={BUILD}", **changed)

    def plan(self, *options: str, **changed: Any) -> dict[str, Any]:
        """Plans and returns the plan as Terraform's JSON."""
        self._write(**changed)
        self.run("plan", "-out=plan", *options)
        planned: dict[str, Any] = json.loads(self.run("show", "-json", "plan"))
        return planned

    def changes(self) -> str:
        """Plans; returns what Terraform would do, or nothing if there is nothing to do."""
        self._write()
        done = self._terraform("plan", "-detailed-exitcode")
        if done.returncode not in {0, 2}:
            raise TerraformError(errors(done.stdout))
        return done.stdout if done.returncode else ""

    def destroy(self) -> str:
        """Destroys all of it as the state has it; what is in the account has just been looked at."""
        return self.run("destroy", "-auto-approve", "-refresh=false")

    def built(self) -> dict[str, str]:
        """Returns the image's identity as the state has it: ``image_uri``, and ``hash`` of what it was built of."""
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        (found,) = (one for one in state["resources"] if one["name"] == "image_build")
        triggers: dict[str, str] = found["instances"][0]["attributes"]["triggers_replace"]["value"]
        return triggers

    def run(self, *arguments: str) -> str:
        """Runs terraform.

        Returns:
            What it wrote.

        Raises:
            TerraformError: It failed.
        """
        done = self._terraform(*arguments)
        if done.returncode != 0:
            raise TerraformError(errors(done.stdout))
        return done.stdout

    def _terraform(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        color = [] if arguments[0] in {"show", "state"} else ["-no-color"]
        return self.terraform.run(*arguments, *color, folder=self.folder, environment=self.env)
