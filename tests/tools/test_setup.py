"""A set-up that fails says what failed, why, and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tools.terraform import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PYTHON: Final = """\
#!/bin/sh
case "$*" in
  *sys.version_info*) exit 0 ;;
  *"pip --version"*) exit 0 ;;
  *"pip install"*) echo "ERROR: no index here" >&2; exit 1 ;;
  *silent*) exit 1 ;;
  *npm*) echo "npm error code ECONNREFUSED" >&2; exit 1 ;;
  *"-m venv"*) echo "Error: ensurepip is not available"; exit 1 ;;
esac
exit 9
"""
"""A Python whose installers all fail; npm says why unless it is told to be silent."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout whose virtual environment is ready."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/setup.sh", tmp_path / "tools")
    for folder in (".venv/bin", "tests/iam", "tests/report_page"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "package-lock.json").write_text("{}")
    (tmp_path / "requirements-dev.txt").write_text("one==1\n")
    (tmp_path / ".venv/ready.txt").write_text("one==1\n")
    for python in (tmp_path / ".venv/bin/python", tmp_path / "python3"):
        python.write_text(PYTHON)
        python.chmod(0o755)
    return tmp_path


def failed(project: Path, *arguments: str) -> str:
    """What the set-up says when it fails."""
    command = ["/bin/sh", "tools/setup.sh", *arguments]
    environment = os.environ | {"PYTHON": str(project / "python3")}
    told = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    return told.stderr


def test_npm_says_why(project: Path) -> None:
    """And the set-up whose packages, and what would help."""
    said = failed(project, "node")
    assert "npm error code ECONNREFUSED" in said
    assert "setup: npm could not install the packages of tests/iam/package-lock.json" in said
    assert "npm_config_registry" in said


def test_pip_says_why(project: Path) -> None:
    """Likewise."""
    (project / ".venv/ready.txt").unlink()
    said = failed(project)
    assert "ERROR: no index here" in said
    assert "setup: pip could not install the packages of requirements-dev.txt" in said
    assert "PIP_INDEX_URL" in said


def test_a_python_without_virtual_environments_says_why(project: Path) -> None:
    """What the interpreter itself says is shown, too."""
    shutil.rmtree(project / ".venv")
    said = failed(project)
    assert "ensurepip is not available" in said
    assert "apt-get install python3-venv" in said
