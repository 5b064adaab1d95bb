"""The pages that are held against the code."""

from __future__ import annotations

import pytest

from tests.docs.declared import ROOT
from tests.docs.markdown import Page


@pytest.fixture(scope="session")
def readme() -> Page:
    """The README."""
    return Page(ROOT / "README.md")
