"""Whole runs of the real handler against the sandbox."""

from __future__ import annotations

from tests.integration.fixtures import no_grace, run, running_sandbox, sandbox

__all__ = ["no_grace", "run", "running_sandbox", "sandbox"]
