"""The module that gives the function's role access to EKS clusters; tests/examples applies it."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from tests.terraform.attached import attached
from tools.terraform import ROOT, Terraform

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

ROLE: Final = "arn:aws-us-gov:iam::123456789012:role/path/ecr-cleaner"
GOOD: Final = {"clusters": '["prod", "staging"]', "role_arn": f'"{ROLE}"', "kubernetes_group": '"readers"'}
REFUSED: Final = {
    "clusters": ('["arn:aws:eks:us-east-1:123456789012:cluster/prod"]', "clusters must be names of EKS clusters"),
    "kubernetes_group": ('"system:masters"', "that does not begin with system:, got system:masters"),
    "role_arn": ('"arn:aws:sts::123456789012:assumed-role/ecr-cleaner/run"', "role_arn must be the ARN of an IAM role"),
}
"""What a plan refuses of each input, and what it says."""

MOCKED: Final = """
mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws-us-gov" }
  }
}

"""

ACCEPTED: Final = """
run "accepted" {
  command = plan
  variables {
    %s
  }
  assert {
    condition     = alltrue([for one in aws_eks_access_entry.reader : contains(one.kubernetes_groups, "readers")])
    error_message = "each cluster has an entry with the group"
  }
  assert {
    condition     = keys(aws_eks_access_policy_association.view) == ["prod", "staging"]
    error_message = "and Amazon's policy"
  }
}
"""


def run(name: str, inputs: dict[str, str]) -> str:
    """A run that plans with some inputs."""
    lines = "\n    ".join(f"{key} = {value}" for key, value in inputs.items())
    if name == "accepted":
        return ACCEPTED % lines
    return f'run "{name}" {{\n  command = plan\n  variables {{\n    {lines}\n  }}\n}}\n'


def test_inputs_are_held_against_what_eks_takes(
    terraform: Terraform, terraform_environment: dict[str, str], tmp_path: Path
) -> None:
    """Good ones make an entry and a policy for each cluster; of a bad one it is told what it has to be."""
    shutil.copytree(ROOT / "modules" / "eks-access", tmp_path, dirs_exist_ok=True)
    # A file each, because Terraform ends a file with the first run that is refused.
    runs = {"accepted": GOOD} | {name: GOOD | {name: value} for name, (value, _) in REFUSED.items()}
    for name, inputs in runs.items():
        (tmp_path / f"{name}.tftest.hcl").write_text(MOCKED + run(name, inputs))
    folder, environment = tmp_path, terraform_environment
    answer = terraform.run("init", "-backend=false", "-no-color", folder=folder, environment=environment)
    assert answer.returncode == 0, answer.stdout
    with attached(folder, environment) as environment:
        told = terraform.run("test", "-no-color", folder=folder, environment=environment).stdout
    said = re.sub(r"\s*\n[\s\N{BOX DRAWINGS LIGHT VERTICAL}]*", " ", told)
    assert 'run "accepted"... pass' in said, told
    assert [name for name, (_, reason) in REFUSED.items() if reason not in said] == [], told
    assert "1 passed, 3 failed" in said, told
