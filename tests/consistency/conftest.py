"""The pages that are held against the code."""

from __future__ import annotations

import pytest

from tests.consistency.declared import ROOT
from tests.consistency.markdown import Page


@pytest.fixture(scope="session")
def readme() -> Page:
    """The README."""
    return Page(ROOT / "README.md")
