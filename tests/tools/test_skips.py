"""Only a missing engine may skip a test, and what was skipped is said at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tools.skips import report
from tools.terraform import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SUITE = """
import pytest

@pytest.mark.container
def test_engine():
    pytest.skip("there is no engine; install one")

@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    assert False
"""


def run(folder: Path, suite: str, *arguments: str) -> tuple[int, str, dict[str, list[str]]]:
    """Runs pytest with the project's conftest in a folder; returns its status, output, and recorded skips."""
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    container: x\n")
    (folder / "test_suite.py").write_text(suite)
    record = folder / "skips.json"
    plugins = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:pytest_cov", "-p", "no:timeout"]
    command = [sys.executable, "-m", "pytest", *plugins, *arguments, str(folder)]
    environment = os.environ | {"ECR_CLEANER_SKIPS_FILE": str(record)}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout, json.loads(record.read_text()) if record.exists() else {}


@pytest.mark.parametrize("arguments", [(), ("-n", "1")], ids=["one process", "several"])
def test_container_tests_may_skip_and_are_recorded(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """With their reason, which says what would enable them."""
    status, _, skipped = run(tmp_path, SUITE, *arguments)
    assert (status, skipped) == (0, {"there is no engine; install one": ["test_suite.py::test_engine"]})


@pytest.mark.parametrize(
    "suite",
    [
        "import pytest\ndef test_it():\n    pytest.skip('why')\n",
        "import pytest\n@pytest.mark.skip(reason='why')\ndef test_it(): pass\n",
        "import pytest\npytest.skip('why', allow_module_level=True)\n",
        "import pytest\npytest.importorskip('no_such_module', reason='why')\n",
    ],
)
def test_any_other_skip_fails(tmp_path: Path, suite: str) -> None:
    """However it is written."""
    status, told, _ = run(tmp_path, suite)
    assert status != 0
    assert "why" in told


def test_the_report_names_every_skipped_test_under_its_reason() -> None:
    """So that nobody believes that everything was run."""
    told = report({"there is no engine; install one": ["a::b", "c::d"]})
    assert "Skipped: 2 tests." in told
    assert told.index("no engine") < told.index("a::b") < told.index("c::d")


def test_the_report_says_when_nothing_was_skipped() -> None:
    """One line is enough."""
    assert report({}) == "Nothing was skipped.\n"
