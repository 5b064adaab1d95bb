"""Findings: what an operator should know of a registry beside the verdicts."""
