"""Whole runs of the real handler against the sandbox."""

from __future__ import annotations

from tests.behaviour.fixtures import boto_session, night, pair_deletes, past, run, running_sandbox, sandbox

__all__ = ["boto_session", "night", "pair_deletes", "past", "run", "running_sandbox", "sandbox"]
