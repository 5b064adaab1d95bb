"""The types of everything, beside the other tests: the checker takes half a minute on one core."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from tools.terraform import ROOT

FOLDERS: Final = ("lambda_src", "tests", "tools", "demo")


def test_mypy_finds_nothing() -> None:
    """In its strict mode."""
    command = [sys.executable, "-m", "mypy", "--no-error-summary", *FOLDERS]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert told.returncode == 0, told.stdout
