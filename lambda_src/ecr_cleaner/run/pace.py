"""Whether there is time to begin what has to be ended: how long batches take shows while a run removes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ecr_cleaner.decision.stop import FRESHNESS
from ecr_cleaner.run.context import RESERVE_SECONDS, RunContext
from ecr_cleaner.run.state import RunState

BATCH_SECONDS: Final = 15.0
"""How long one batch may take before any was seen to take longer: about eight calls, one of them repeated."""


@dataclass(slots=True)
class Pace:
    """The time that removals take.

    Attributes:
        ctx: What the run was given.
        state: What became of it so far.
        is_late: Whether there was no time for something that was to begin.
        is_outdated: Whether something can only be ended by newer usages.
    """

    ctx: RunContext
    state: RunState
    is_late: bool = False
    is_outdated: bool = False
    _slowest: float = BATCH_SECONDS  # seconds of a batch
    _begun: tuple[int, datetime, float] | None = None  # what began last: batches, when, and the time that was left then
    _began_by: datetime | None = None  # the start of the scan by which something was begun

    def may_begin(self, batches: int) -> bool:
        """Whether so many batches can be ended before time runs out, and before the usages are too old.

        What needs one batch leaves nothing half done, so it may always begin. What would take longer than usages are
        valid could never be ended by one scan: it is begun all the same, and what is left of it comes first in the next
        run.
        """
        self.pause()
        seconds = batches * self._slowest if batches > 1 else 0.0
        scanned_at = self.state.basis.scan.started_at if self.state.basis else self.ctx.now
        if seconds <= FRESHNESS.total_seconds():
            if self.ctx.seconds_left() < RESERVE_SECONDS + seconds:
                self.is_late = True
                return False
            fresh = (FRESHNESS - (self.ctx.clock() - scanned_at)).total_seconds()
            # After a scan at least one wave begins: another scan would not leave more time.
            if fresh < seconds and self._began_by == scanned_at:
                self.is_outdated = True
                return False
        self._began_by = scanned_at
        self._begun = batches, self.ctx.clock(), self.ctx.seconds_left()
        return True

    def pause(self) -> None:
        """What was begun has ended: take over how long it took."""
        if self._begun is not None:
            batches, at, left = self._begun
            passed = [(self.ctx.clock() - at).total_seconds()]
            if left < float("inf"):
                passed.append(left - self.ctx.seconds_left())
            self._slowest = max(self._slowest, max(passed) / batches)
        self._begun = None
