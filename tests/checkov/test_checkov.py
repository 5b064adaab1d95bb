"""checkov finds nothing in the module but what is skipped with a reason beside it; and every skip is needed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from tools.processes import loopback_only
from tools.terraform import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)

PYTHON: Final = ROOT / ".cache" / "checkov" / "bin" / "python"
"""`tools/setup.sh checkov` makes it."""
SKIP: Final = re.compile(r"^ *# checkov:skip=.*\n", re.MULTILINE)
EVERYTHING: Final = """\
dashboard_enabled              = true
kms_key_arn                    = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
notifications_enabled          = true
reserved_concurrent_executions = 1
state_machine                  = true
vpc_security_group_ids         = ["sg-0123456789abcdef0"]
vpc_subnet_ids                 = ["subnet-0123456789abcdef0"]
"""
"""What is not there by default is looked at too."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What checkov said.

    Attributes:
        failed: Check and resource of each finding.
        skipped: Those of each skip, with the reason.
    """

    failed: frozenset[tuple[str, str]]
    skipped: dict[tuple[str, str], str]


def look(folder: Path, variables: str = "") -> Looked:
    """Has checkov look at the Terraform files of a folder, offline."""
    (folder / "looked.tfvars").write_text(variables)
    told = subprocess.run(
        [
            *(PYTHON, "-m", "checkov.main", "--directory", ".", "--framework", "terraform"),
            *("--var-file", "looked.tfvars", "--output", "json", "--compact", "--soft-fail", "--skip-download"),
        ],
        cwd=folder,
        env=loopback_only({"PATH": "/usr/bin:/bin", "HOME": str(folder)}),
        capture_output=True,
        text=True,
        check=True,
    )
    document: dict[str, Any] = json.loads(told.stdout)
    assert document["summary"]["parsing_errors"] == 0
    assert document["summary"]["passed"] > 0
    results = document["results"]
    return Looked(
        frozenset(map(_what, results["failed_checks"])),
        {_what(one): one["check_result"]["suppress_comment"] for one in results["skipped_checks"]},
    )


def _what(one: dict[str, Any]) -> tuple[str, str]:
    return one["check_id"], one["resource"]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """The module's own files."""
    for path in (*ROOT.glob("*.tf"), *ROOT.glob("*.tftpl"), *ROOT.glob("*.json"), ROOT / "time_zones.txt"):
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.mark.parametrize("variables", ["", EVERYTHING], ids=["default", "everything"])
def test_nothing_is_found(module: Path, variables: str) -> None:
    """What is skipped says why."""
    looked = look(module, variables)
    assert looked.failed == frozenset()
    assert all(len(reason.split()) > 3 for reason in looked.skipped.values())


def test_every_skip_is_needed(module: Path) -> None:
    """Without them checkov finds exactly that."""
    skipped = look(module).skipped
    for path in module.glob("*.tf"):
        path.write_text(SKIP.sub("", path.read_text()))
    assert look(module).failed == skipped.keys()
