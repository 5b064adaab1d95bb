"""What the function's image holds, as a software bill of materials in CycloneDX (https://cyclonedx.org/docs/1.6/json/).

``python3 -m tools.sbom`` prints it: the Python packages by the lock that the image is built from, the two libraries of
the report's page by theirs, and the base image by its name; not what the base image itself holds. It needs nothing but
Python, and is the same whenever the files are.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent

_LOCKED: Final = re.compile(r"^([a-z0-9._-]+)==([^\s;\\]+)(.*?)(?=^[a-z]|\Z)", re.MULTILINE | re.DOTALL)
_HASH: Final = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_BASE_IMAGE: Final = re.compile(r"^ARG BASE_IMAGE=(\S+)$", re.MULTILINE)


def sbom(root: Path = ROOT) -> dict[str, Any]:
    """The bill of materials, as JSON-native values."""
    source = root / "lambda_src"
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    (base_image,) = _BASE_IMAGE.findall((source / "Dockerfile").read_text())
    vendored = json.loads((root / "tools" / "vendored.json").read_text())
    main = {
        "type": "application",
        "bom-ref": f"{project['name']}@{project['version']}",
        "name": project["name"],
        "version": project["version"],
        "licenses": [{"license": {"id": project["license"]}}],
    }
    components = [
        {"type": "container", "bom-ref": base_image, "name": base_image},
        *(_package(*found) for found in _LOCKED.findall((source / "requirements.txt").read_text())),
        *(_library(name, told) for name, told in sorted(vendored.items())),
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": main},
        "components": components,
        "dependencies": [{"ref": main["bom-ref"], "dependsOn": [one["bom-ref"] for one in components]}],
    }


def _package(name: str, version: str, rest: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    # One for each wheel; which of them is in the image depends on its architecture.
    locked = [{"name": "pip:hash", "value": value} for value in _HASH.findall(rest)]
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "properties": locked}


def _library(name: str, told: dict[str, Any]) -> dict[str, Any]:
    purl = f"pkg:npm/{name}@{told['version']}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": told["version"],
        "purl": purl,
        "licenses": [{"license": {"id": told["license"]}}],
        "properties": [{"name": "npm:integrity", "value": told["integrity"]}],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(sbom(), indent=2) + "\n")
