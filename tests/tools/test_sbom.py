"""The bill of materials names everything that is put into the image, in the locked version."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from tools.sbom import sbom
from tools.terraform import ROOT


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    """That of this checkout."""
    return sbom()


def test_every_locked_package_is_in_it(bill: dict[str, Any]) -> None:
    """With each hash of the lock."""
    lock = (ROOT / "lambda_src/requirements.txt").read_text()
    locked = dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE))
    packages = [one for one in bill["components"] if one.get("purl", "").startswith("pkg:pypi/")]
    assert {one["name"]: one["version"] for one in packages} == locked
    assert {"boto3", "pydantic"} <= locked.keys()
    assert sum(len(one["properties"]) for one in packages) == lock.count("--hash=")
    assert all(one["properties"] for one in packages)


def test_the_pages_libraries_and_the_base_image_are_in_it(bill: dict[str, Any]) -> None:
    """They are in the image, too."""
    names = {one["name"] for one in bill["components"]}
    assert set(json.loads((ROOT / "tools/vendored.json").read_text())) <= names
    assert "public.ecr.aws/lambda/python:3.13" in names


def test_everything_has_one_reference_and_is_a_dependency(bill: dict[str, Any]) -> None:
    """As CycloneDX asks for."""
    references = [one["bom-ref"] for one in bill["components"]]
    assert len(references) == len(set(references))
    (dependency,) = bill["dependencies"]
    assert dependency == {"ref": bill["metadata"]["component"]["bom-ref"], "dependsOn": references}


def test_the_release_attaches_it() -> None:
    """By a command that is tried here."""
    workflow = (ROOT / ".github/workflows/release.yml").read_text()
    assert "python3 -m tools.sbom > sbom.cdx.json\n" in workflow
    assert re.search(r"gh release create .* sbom\.cdx\.json$", workflow, re.MULTILINE)
    command = [sys.executable, "-m", "tools.sbom"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == sbom()
