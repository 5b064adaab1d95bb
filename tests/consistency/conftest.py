"""The pages that are held against the code."""

from __future__ import annotations

import pytest

from tests.consistency.markdown import Page
from tools.declared import ROOT


@pytest.fixture(scope="session")
def readme() -> Page:
    """The README."""
    return Page(ROOT / "README.md")


@pytest.fixture(scope="session")
def pages() -> dict[str, Page]:
    """The pages under docs/, by their names without the ending."""
    return {path.stem: Page(path) for path in sorted(ROOT.glob("docs/*.md"))}
