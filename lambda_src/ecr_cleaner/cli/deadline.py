"""The deadline of a local run."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ecr_cleaner.cli.interrupts import STOPPED
from ecr_cleaner.clock import utc_now


@dataclass(slots=True)
class Deadline:
    """A time limit that starts with the creation of the object.

    Of two clocks the one counts that shows more elapsed time: the monotonic clock stops while the machine sleeps, and
    the wall clock may be set back.

    Attributes:
        seconds: Time limit in seconds.
        expires_at: The limit ends here at the latest; None: no such time.
        clock: Returns the current time, in UTC.
        steady: Returns seconds of a monotonic clock.
    """

    seconds: float
    expires_at: datetime | None = None
    clock: Callable[[], datetime] = utc_now
    steady: Callable[[], float] = time.monotonic
    _began: tuple[datetime, float] = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock(), self.steady()

    def seconds_left(self) -> float:
        """Seconds until the limit; 0 after Ctrl-C."""
        if STOPPED.is_set():
            return 0.0
        began, steadily = self._began
        now = self.clock()
        passed = max((now - began).total_seconds(), self.steady() - steadily)
        left = self.seconds - passed
        return left if self.expires_at is None else min(left, (self.expires_at - now).total_seconds())
