"""Whole runs of the real handler against the sandbox."""

from __future__ import annotations

from tests.integration.fixtures import machine, night, no_grace, pair_deletes, past, run, running_sandbox, sandbox

__all__ = ["machine", "night", "no_grace", "pair_deletes", "past", "run", "running_sandbox", "sandbox"]
