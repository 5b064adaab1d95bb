"""Whole runs of the real handler against the sandbox."""

from __future__ import annotations

from tests.integration.fixtures import night, no_grace, pair_deletes, past, run, running_sandbox, sandbox

__all__ = ["night", "no_grace", "pair_deletes", "past", "run", "running_sandbox", "sandbox"]
