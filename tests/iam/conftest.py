"""The role's policy as Terraform renders it, and the calls that whole runs make."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.usage.catalog import EXCLUDABLE
from tests.iam.simulator import FOLDER
from tests.integration import accounts
from tests.integration.fixtures import night, past, run, running_sandbox, sandbox
from tests.terraform.attached import attached
from tools.processes import loopback_only
from tools.provider_mirror import ProviderMirror
from tools.stack import Stack
from tools.terraform import Terraform

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox

__all__ = ["night", "past", "run", "running_sandbox", "sandbox"]

IMAGE: Final = "123456789012.dkr.ecr.us-east-1.amazonaws.com/platform/cleaner:v1"
INVENTORIES: Final = "s3://{bucket}/{prefix}".format_map(accounts.SETTINGS["used_images"])
RUN: Final = ("approval", "dry", "real", "archive", *(f"only {source}" for source in sorted(EXCLUDABLE)))
"""The functions whose whole environment a plan knows; that of ``built`` follows from its image."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a plan of the module says.

    Attributes:
        policies: The function's inline policy with the statements of the sources' policies, by mode.
        environment: The function's environment, by mode; a value that is only known after an apply is absent.
        attached: ARNs of the managed policies, by mode.
        started: The policies of the roles that start the function, by mode and the role's name in the module.
    """

    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    attached: dict[str, set[str]] = field(default_factory=dict)
    started: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def allowed(self, mode: str) -> set[str]:
        """Every action that the policy allows on anything."""
        return {a for s in self.policies[mode]["Statement"] if s["Effect"] == "Allow" for a in s["Action"]}

    def denied(self, mode: str) -> set[str]:
        """Every action that the policy denies on anything."""
        return {a for s in self.policies[mode]["Statement"] if s["Effect"] == "Deny" for a in s["Action"]}


@pytest.fixture(scope="module")
def rendered(running_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """The module planned by a real Terraform, once for all tests of a module."""
    terraform = Terraform.find()
    environment = loopback_only(ProviderMirror(terraform).ensure())
    folder = tmp_path_factory.mktemp("rendered") / "root"
    stack = Stack(
        folder,
        running_sandbox.endpoint,
        terraform,
        environment,
        variables={
            "image_uri": IMAGE,
            "sources": sorted(EXCLUDABLE),
            "protected_images": accounts.SETTINGS["protected_images"],
            "used_images_uri": INVENTORIES,
        },
    )
    stack.copy_from(FOLDER)
    stack.init()
    with attached(folder, environment) as environment:
        told = terraform.run("plan", "-input=false", "-no-color", "-out=plan", folder=folder, environment=environment)
        assert told.returncode == 0, told.stdout
        shown = terraform.run("show", "-json", "plan", folder=folder, environment=environment)
        assert shown.returncode == 0, shown.stdout
    found = Rendered()
    for module in json.loads(shown.stdout)["planned_values"]["root_module"]["child_modules"]:
        # module.dry, or module.only["ecs"]
        _read(module, " ".join(re.findall(r"\w+", module["address"])[1:]), found)
    assert set(found.policies) == {"accounts", "built", "keep", "organization", *RUN}
    return found


def _read(module: dict[str, Any], mode: str, found: Rendered) -> None:
    for resource in module["resources"]:
        values = resource.get("values", {})  # of what has no arguments there are none
        match resource["type"], resource["name"]:
            case ("aws_iam_role_policy", "function") | ("aws_iam_policy", "usage"):
                policy = found.policies.setdefault(mode, {"Version": "2012-10-17", "Statement": []})
                policy["Statement"] += json.loads(values["policy"])["Statement"]
            case "aws_iam_role_policy", role:
                found.started[mode, role] = json.loads(values["policy"])
            case "aws_iam_role_policy_attachment", "function":
                found.attached.setdefault(mode, set()).add(values["policy_arn"])
            case "aws_lambda_function", "cleaner":
                found.environment[mode] = values["environment"][0]["variables"]
