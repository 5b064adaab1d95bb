"""Whole runs again: on accounts that another tool's rule would break."""

from __future__ import annotations

from tests.integration.fixtures import pair_deletes, run, running_sandbox, sandbox

__all__ = ["pair_deletes", "run", "running_sandbox", "sandbox"]
