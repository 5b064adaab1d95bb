"""Until when a run that nobody else ends may go on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_cleaner.cli.interrupts import STOPPED
from ecr_cleaner.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(slots=True)
class Deadline:
    """Begins when it is made.

    Two clocks are asked, and the one by which more time has passed is believed: the steady one stands still while a
    machine sleeps, and the one on the wall may be put back.

    Attributes:
        seconds: How long the run may take at most.
        expires_at: From then on it may do nothing more, however long it took; None: there is no such moment.
        clock: Now, in UTC.
        steady: Seconds by a clock that nobody can put back.
    """

    seconds: float
    expires_at: datetime | None = None
    clock: Callable[[], datetime] = utc_now
    steady: Callable[[], float] = time.monotonic
    _began: tuple[datetime, float] = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock(), self.steady()

    def seconds_left(self) -> float:
        """None are left after Ctrl-C."""
        if STOPPED.is_set():
            return 0.0
        began, steadily = self._began
        now = self.clock()
        passed = max((now - began).total_seconds(), self.steady() - steadily)
        left = self.seconds - passed
        return left if self.expires_at is None else min(left, (self.expires_at - now).total_seconds())
