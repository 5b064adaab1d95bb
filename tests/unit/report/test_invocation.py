"""How an invocation ended, and whom that concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecr_cleaner.model.run_status import RunStatus
from tests.endings import ending, repository, summary

if TYPE_CHECKING:
    from ecr_cleaner.model.result import NotifyOn, RunResult

QUIET = summary(repository(removable=0))
REMOVED = summary(repository(removed=2))
WOULD = summary(repository(), dry_run=True)
FAILED = summary(repository(status="failed", detail="no", removable=0))


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (QUIET, {"always"}),
        # It stayed: the usages were older than the limit, say, and the run says why.
        (summary(repository(removable=2)), {"always"}),
        (REMOVED, {"always", "removals"}),
        (WOULD, {"always", "removals"}),
        (FAILED, {"always", "removals", "problems"}),
        (None, {"always", "removals", "problems"}),
    ],
    ids=["quiet", "kept after all", "removed", "would go", "failed", "no run"],
)
def test_whom_an_ending_concerns(of: RunResult | None, told: set[NotifyOn]) -> None:
    """Problems concern everybody, removals all but those who want problems alone."""
    occasions: tuple[NotifyOn, ...] = ("always", "removals", "problems")
    assert {one for one in occasions if ending(of).should_notify(one)} == told


def test_what_would_go_counts_in_a_dry_run_alone() -> None:
    """In a real run it is what went."""
    assert (ending(WOULD).went, ending(WOULD).bytes_went) == (2, 2 * 1024**2)
    assert (ending(REMOVED).went, ending(REMOVED).bytes_went) == (2, 2 * 1024**2)
    assert (ending(summary(repository())).went, ending().went) == (0, 0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (RunStatus.COMPLETED, RunStatus.FAILED),
        (RunStatus.INCOMPLETE, RunStatus.FAILED),
        (RunStatus.FAILED, RunStatus.FAILED),
        (RunStatus.REFUSED, RunStatus.REFUSED),
    ],
)
def test_what_goes_wrong_afterwards_comes_on_top(before: RunStatus, after: RunStatus) -> None:
    """The causes that there were come first, and none is hidden; a refused run stays one."""
    worse = ending(status=before, causes=("first",)).with_problems(["second", "third"])
    assert (worse.status, worse.causes) == (after, ("first", "second", "third"))
    assert ending(status=before).with_problems([]) == ending(status=before)


def test_repositories_with_problems_come_first_then_the_largest() -> None:
    """Whoever reads the beginning has read what matters."""
    found = ending(
        summary(
            repository("small", removed=1),
            repository("skipped", status="skipped", removable=0),
            repository("large", removed=2),
            repository("would", removable=4),
            repository("broken", status="failed", removable=0),
        )
    ).repositories
    assert [one["name"] for one in found] == ["broken", "large", "small", "would", "skipped"]


def test_without_a_run_there_is_nothing_to_count() -> None:
    """And no tripwire has tripped."""
    found = ending()
    assert (found.totals, found.repositories, found.sources, found.tripwire_tripped) == ({}, [], [], False)
    assert ending(summary(tripwire_tripped=True)).tripwire_tripped
