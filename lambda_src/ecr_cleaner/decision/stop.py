"""Pure: what stops a whole run from removing anything."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_cleaner.model.scan import UsageScan

FRESHNESS: Final = timedelta(minutes=10)
"""Usages older than this are collected again before more is removed."""


def refusals(scan: UsageScan) -> tuple[str, ...]:
    """Why nothing may be removed anywhere; empty if everything that can be seen was seen."""
    return tuple(f"source {outcome.key}: {outcome.detail}" for outcome in scan.failures)


def is_stale(scan: UsageScan, now: datetime) -> bool:
    """Whether too much may have been deployed since the usages were collected."""
    return now - scan.started_at > FRESHNESS
