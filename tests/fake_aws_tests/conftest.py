"""A running sandbox for the tests of the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fake_aws import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One server for a module; every test starts from an empty account."""
    with Sandbox() as sandbox:
        yield sandbox
