"""Whole runs of the real handler against the sandbox."""

from __future__ import annotations

from tests.integration.fixtures import run, running_sandbox, sandbox

__all__ = ["run", "running_sandbox", "sandbox"]
