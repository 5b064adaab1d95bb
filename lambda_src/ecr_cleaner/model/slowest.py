"""Which sources took longest, and what they did in that time."""

from collections.abc import Iterable
from typing import Final

from ecr_cleaner.model.scan import SourceOutcome

MOST: Final = 3
"""How many of them are told."""

SLOW: Final = 60.0
"""Seconds from which on a source is among those that make a scan slow."""


def by_time(outcomes: Iterable[SourceOutcome]) -> list[SourceOutcome]:
    """The sources that did something, the slowest first."""
    called = [one for one in outcomes if one.seconds or one.calls]
    return sorted(called, key=lambda one: (-one.seconds, one.key))


def slowest(outcomes: Iterable[SourceOutcome]) -> list[SourceOutcome]:
    """Those among them that took longest, the slowest first."""
    return by_time(outcomes)[:MOST]


def slowest_words(outcomes: Iterable[SourceOutcome]) -> str:
    """Those among them that make a scan slow, as the end of a sentence; empty if none does."""
    told = "; ".join(f"{one.key} ({_took(one)})" for one in slowest(outcomes) if one.seconds >= SLOW)
    return f"; the slowest sources: {told}" if told else ""


def _took(outcome: SourceOutcome) -> str:
    counts = {"calls": outcome.calls, "throttled": outcome.throttled, "facts of earlier runs": outcome.facts}
    return ", ".join([f"{outcome.seconds:.0f} s", *(f"{count:,} {what}" for what, count in counts.items() if count)])
