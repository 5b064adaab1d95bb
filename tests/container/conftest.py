"""Fixtures of the container path."""

from __future__ import annotations

import os

import pytest

from tests.container.engine import engine_problem, native_architecture


@pytest.fixture(scope="session")
def architecture() -> str:
    """The engine's own architecture; a test that asks for it is skipped where there is no usable engine."""
    problem = engine_problem()
    if problem is not None:
        # CI prepares an engine: there a missing one is a failure.
        (pytest.fail if os.environ.get("ECR_CLEANER_REQUIRE_ENGINE") else pytest.skip)(problem)
    return native_architecture()
