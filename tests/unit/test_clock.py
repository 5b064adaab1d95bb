"""The wall clock."""

from __future__ import annotations

from datetime import UTC, datetime

from ecr_cleaner.clock import utc_now


def test_now_is_in_utc() -> None:
    """Of whatever zone the machine is."""
    before = datetime.now(UTC)
    now = utc_now()
    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)
