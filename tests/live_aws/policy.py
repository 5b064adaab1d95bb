"""The policy of the function's role as Terraform plans it for a real account; a plan makes nothing."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.provider_mirror import ProviderMirror
from tools.terraform import ROOT, Terraform, ToolError

if TYPE_CHECKING:
    from tests.live_aws.account import Account

_CONFIGURATION: Final = """\
provider "aws" {{
  region = "{region}"
}}

module "cleaner" {{
  source    = "{source}"
  name      = "{name}"
  dry_run   = {dry_run}
  image_uri = "{account}.dkr.ecr.{region}.amazonaws.com/{own_repository}:none"
}}
"""


def planned(account: Account, *, dry_run: bool, own_repository: str) -> dict[str, Any]:
    """The policy document.

    Args:
        account: Whose, and where.
        dry_run: The module's input.
        own_repository: Where the function's own image would lie.

    Raises:
        ToolError: Terraform cannot plan.
    """
    terraform = Terraform.find()
    environment = ProviderMirror(terraform).ensure()
    # Here, and nowhere else in the project, Terraform gets the caller's own credentials.
    environment |= {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "main.tf").write_text(
            _CONFIGURATION.format(
                region=account.region,
                source=os.path.relpath(ROOT, folder.resolve()),
                name=account.name,
                dry_run=json.dumps(dry_run),
                account=account.number,
                own_repository=own_repository,
            )
        )
        for arguments in (["init"], ["plan", "-out=plan"]):
            told = terraform.run(*arguments, "-no-color", folder=folder, environment=environment)
            if told.returncode:
                raise ToolError(f"terraform {arguments[0]} failed:\n{told.stdout}")
        shown = terraform.run("show", "-json", "plan", folder=folder, environment=environment)
        if shown.returncode:
            raise ToolError(f"terraform show failed:\n{shown.stdout}")
    (module,) = json.loads(shown.stdout)["planned_values"]["root_module"]["child_modules"]
    (policy,) = (one for one in module["resources"] if one["address"].endswith(".aws_iam_role_policy.function[0]"))
    document: dict[str, Any] = json.loads(policy["values"]["policy"])
    return document
