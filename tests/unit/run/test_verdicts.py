"""Which images are unneeded from one run to the next."""

from __future__ import annotations

from ecr_cleaner.run.verdicts import PendingVerdicts, Verdicts
from tests.builders import repository

A, B = repository("a"), repository("b")


def verdicts(unneeded: str, before: str = "") -> Verdicts:
    """Digests of one letter each."""
    return Verdicts(frozenset(unneeded), frozenset(before))


def test_the_latest_verdicts_are_taken_once() -> None:
    """By name; those that the history has already are no longer pending."""
    pending = PendingVerdicts()
    pending.add(B, verdicts("x"))
    pending.add(A, verdicts("x"))
    pending.add(A, verdicts("yz", "y"))
    assert list(pending.taken(lambda _: True)) == [(A, frozenset("yz")), (B, frozenset("x"))]
    assert list(pending.taken(lambda _: True)) == []
    pending.add(A, verdicts("x"))
    pending.add(B, verdicts("x"))
    pending.add(A, None)
    assert list(pending.taken(lambda _: True)) == [(B, frozenset("x"))]


def test_what_does_not_count_begins_nothing() -> None:
    """It only ends what it found needed, and has nothing to say of all else."""
    pending = PendingVerdicts()
    pending.add(A, verdicts("xyz", "wx"))
    pending.add(B, verdicts("xy", "x"))
    assert list(pending.taken(lambda _: False)) == [(A, frozenset("x"))]
    pending.add(A, verdicts("x", "x"))
    pending.add(B, verdicts("x"))
    assert list(pending.taken(lambda name: name == "b")) == [(B, frozenset("x"))]
