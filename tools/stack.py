"""A root configuration that calls the module, applied by a real Terraform to the sandbox instead of AWS.

The configuration stays as its author wrote it; beside it lies an override file, Terraform's own means to replace
single arguments: where the module comes from, the provider's endpoints and its fake credentials.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tools.loopback import FOLDER
from tools.processes import Children, byte_code
from tools.terraform import ROOT, Terraform, ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

REGION: Final = "us-east-1"
SERVICES: Final = (
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "ec2",
    "ecr",
    "eks",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "s3",
    "scheduler",
    "sns",
    "sqs",
    "stepfunctions",
    "sts",
)
"""Whose endpoint is the sandbox. Every other one's is AWS, where fake keys and closed proxies lead nowhere."""

CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}
PROVIDER: Final[dict[str, Any]] = {
    "access_key": CREDENTIALS["AWS_ACCESS_KEY_ID"],
    "secret_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    "skip_credentials_validation": True,
    "skip_metadata_api_check": True,
    "s3_use_path_style": True,
}
"""The provider's arguments beside region and endpoints."""
NO_OTHER_CREDENTIALS: Final = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

_BLOCK: Final = r'^{kind}\s+"(?P<name>[\w-]+)"\s*\{{(?P<body>\}}|.*?^\}})'
_OVERRIDE: Final = "sandbox_override.tf.json"
_VARIABLES: Final = "sandbox.auto.tfvars.json"
_CHANGES: Final = 2
"""Exit status of ``plan -detailed-exitcode`` when there is something to do."""


class TerraformError(ToolError):
    """A terraform command failed; the message is what it says of that."""


@dataclass(slots=True)
class Stack:
    """A folder with a configuration, and the state of what was applied.

    Attributes:
        folder: Where Terraform runs; its last component may not exist yet.
        endpoint: The sandbox's URL.
        terraform: The command.
        environment: That it runs in.
        arguments: Of the module, instead of the configuration's own.
        variables: Of the configuration.
        children: Who runs it.
        on_line: Told of every line that Terraform writes.
        module: Where the module lies.
    """

    folder: Path
    endpoint: str
    terraform: Terraform
    environment: Mapping[str, str]
    arguments: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    children: Children = field(default_factory=Children)
    on_line: Callable[[str], None] = lambda _: None
    module: Path = ROOT
    _resources: list[dict[str, Any]] | None = None
    """What the state held when somebody last asked, until Terraform changes it."""

    def copy_from(self, example: Path) -> None:
        """Starts from the files of an example, and from no state."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for path in example.glob("*.tf"):
            shutil.copy(path, self.folder)

    def override(self, **arguments: Any) -> None:
        """Writes the override file, with further arguments of the module from now on."""
        self.arguments |= arguments
        text = "\n".join(path.read_text() for path in sorted(self.folder.glob("*.tf")))
        (self.folder / _OVERRIDE).write_text(json.dumps(self._overriding(text), indent=2) + "\n")
        (self.folder / _VARIABLES).write_text(json.dumps(self.variables, indent=2) + "\n")

    def _overriding(self, text: str) -> dict[str, Any]:
        modules = {
            match["name"]: {"source": os.path.relpath(self.module, self.folder), **self.arguments}
            for match in blocks("module", text)
        }
        providers = [self._provider(match["body"]) for match in blocks("provider", text)]
        return {"provider": {"aws": providers}, "module": modules}

    def _provider(self, body: str) -> dict[str, Any]:
        found: dict[str, Any] = {**PROVIDER, "endpoints": dict.fromkeys(SERVICES, self.endpoint)}
        if alias := re.search(r'^\s*alias\s*=\s*"([\w-]+)"', body, re.MULTILINE):
            found["alias"] = alias[1]
        if not re.search(r"^\s*region\s*=", body, re.MULTILINE):
            found["region"] = REGION
        return found

    def init(self) -> str:
        """Makes the folder ready, with the override file in it; returns what Terraform wrote."""
        self.override()
        return self._run("init")

    def apply(self, **arguments: Any) -> str:
        """Applies, with further arguments of the module; returns what Terraform wrote."""
        self.override(**arguments)
        return self._run("apply", "-auto-approve")

    def replace(self, address: str) -> str:
        """Applies, and makes one resource anew; returns what Terraform wrote."""
        return self._run("apply", "-auto-approve", f"-replace={address}")

    def changes(self) -> str:
        """Plans; returns what Terraform would do, or nothing if the second plan is empty as it should be."""
        status, told = self._status("plan", "-detailed-exitcode")
        if status not in {0, _CHANGES}:
            raise TerraformError(errors(told))
        return told if status else ""

    def outputs(self) -> dict[str, Any]:
        """Returns the configuration's outputs."""
        told = json.loads(self._run("output", "-json"))
        return {name: output["value"] for name, output in told.items()}

    def resources(self) -> list[dict[str, Any]]:
        """Returns every resource of the state, those of modules included: module, mode, type, name and values."""
        if self._resources is not None:
            return self._resources
        # As the state has it: `show` would load the provider's schemas, and so start the provider.
        told = self._run("state", "pull")
        state = json.loads(told) if told.strip() else {"resources": []}
        self._resources = [
            {
                "module": resource.get("module", ""),
                "mode": resource["mode"],
                "type": resource["type"],
                "name": resource["name"],
                "values": instance["attributes"],
            }
            for resource in state["resources"]
            for instance in resource["instances"]
        ]
        return self._resources

    def destroy(self, *, refresh: bool = True) -> str:
        """Destroys all of it; returns what Terraform wrote.

        Args:
            refresh: Whether Terraform looks at everything first, as it does by itself.
        """
        return self._run("destroy", "-auto-approve", *([] if refresh else ["-refresh=false"]))

    def _run(self, *arguments: str) -> str:
        status, told = self._status(*arguments)
        if status:
            raise TerraformError(f"terraform {arguments[0]} failed:\n{errors(told)}")
        return told

    def _status(self, *arguments: str) -> tuple[int, str]:
        if arguments[0] in {"apply", "destroy"}:
            self._resources = None
        color = [] if arguments[0] in {"output", "state"} else ["-no-color"]
        command = [self.terraform.path, arguments[0], *color, *arguments[1:]]
        return self.children.run(command, folder=self.folder, environment=self.environment, on_line=self.on_line)


def errors(told: str) -> str:
    """Returns Terraform's errors without the plan before them; the end of what it wrote if it names none."""
    _, found, rest = told.partition("\nError: ")
    return f"Error: {rest}" if found else "\n".join(told.splitlines()[-40:])


def blocks(kind: str, text: str) -> list[re.Match[str]]:
    """Finds the top-level blocks of a kind in formatted HCL.

    A block's closing brace stands in the first column, or directly behind the opening one.
    """
    return list(re.finditer(_BLOCK.format(kind=kind), text, re.MULTILINE | re.DOTALL))


@dataclass(slots=True)
class Invocation:
    """How one invocation of the function ended.

    Attributes:
        lines: What it logged, in Lambda's JSON form.
        result: What the handler returned; None if it raised.
        error: What it raised (``errorType``, ``errorMessage``), else empty.
    """

    lines: list[dict[str, Any]]
    result: dict[str, Any] | None = None
    error: dict[str, str] = field(default_factory=dict)


def function_environment(configuration: Mapping[str, Any], endpoint: str, region: str = REGION) -> dict[str, str]:
    """Returns the environment that the function has in Lambda.

    Args:
        configuration: What Lambda's GetFunctionConfiguration answers: what Terraform made of the module's inputs.
        endpoint: Of the sandbox, in place of AWS.
        region: Where the function lies.
    """
    logging = configuration.get("LoggingConfig", {})
    return {
        **configuration.get("Environment", {}).get("Variables", {}),
        **CREDENTIALS,
        **NO_OTHER_CREDENTIALS,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
        "AWS_LAMBDA_FUNCTION_VERSION": configuration["Version"],
        "AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat", "Text"),
        "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel", "INFO"),
    }


def invoke_from_source(
    environment: Mapping[str, str], event: Mapping[str, Any], *, children: Children | None = None
) -> Invocation:
    """Runs the handler from lambda_src/ in a process with nothing but the function's environment."""
    _, told = (children or Children()).run(
        [sys.executable, "-m", "tools.lambda_runtime", json.dumps(event)],
        folder=ROOT,
        environment={"PATH": os.defpath, "PYTHONPATH": FOLDER, **byte_code(), **environment},
    )
    *lines, last = [_parsed(line) for line in told.splitlines() if line.strip()]
    return Invocation(lines, last.get("result"), last.get("error", {} if "result" in last else {"errorMessage": told}))


def _parsed(line: str) -> dict[str, Any]:
    """Reads one line of the log; what is not JSON (a warning of the interpreter's) is a message."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"level": "WARNING", "message": line}
