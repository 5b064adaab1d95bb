"""The types of everything, beside the other tests: the checker takes half a minute on one core."""

from __future__ import annotations

import subprocess

from tools.terraform import ROOT


def test_mypy_finds_nothing() -> None:
    """In its strict mode, over all that ``make types`` names."""
    command = ["make", "--no-print-directory", "types"]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert told.returncode == 0, told.stdout
