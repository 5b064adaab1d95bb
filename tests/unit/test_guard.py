"""What stops a whole run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ecr_cleaner.guard import FRESHNESS, is_stale, refusals
from ecr_cleaner.model import SourceOutcome, SourceStatus, UsageScan
from tests.builders import NOW


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (SourceStatus.COMPLETE, False),
        (SourceStatus.NOT_IN_REGION, False),
        (SourceStatus.DISABLED, False),
        (SourceStatus.FAILED, True),
    ],
)
def test_one_failed_source_refuses_everything(status: SourceStatus, *, refused: bool) -> None:
    """Access denied is not unused."""
    outcomes = (SourceOutcome("lambda", SourceStatus.COMPLETE), SourceOutcome("ecs", status, detail="why"))
    assert refusals(UsageScan((), outcomes, NOW)) == (("source ecs: why",) if refused else ())


def test_usages_go_stale() -> None:
    """What was deployed since the scan began may be missing from it."""
    scan = UsageScan((), (), NOW)
    assert not is_stale(scan, NOW + FRESHNESS)
    assert is_stale(scan, NOW + FRESHNESS + timedelta(seconds=1))
