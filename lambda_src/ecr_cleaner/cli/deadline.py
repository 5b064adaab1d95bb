"""How much time a local run has left."""

import time
from collections.abc import Callable
from datetime import datetime

from ecr_cleaner.cli.interrupts import STOPPED
from ecr_cleaner.clock import utc_now


def countdown(
    seconds: float,
    expires_at: datetime | None = None,
    clock: Callable[[], datetime] = utc_now,
    steady: Callable[[], float] = time.monotonic,
) -> Callable[[], float]:
    """Start a time limit.

    Of two clocks the one counts that shows more elapsed time: the monotonic clock stops while the machine sleeps, and
    the wall clock may be set back.

    Args:
        seconds: Time limit in seconds.
        expires_at: The limit ends here at the latest; None: no such time.
        clock: Returns the current time, in UTC.
        steady: Returns seconds of a monotonic clock.

    Returns:
        A function that returns the seconds until the limit; 0 after Ctrl-C.
    """
    began, steadily = clock(), steady()

    def seconds_left() -> float:
        if STOPPED.is_set():
            return 0.0
        now = clock()
        left = seconds - max((now - began).total_seconds(), steady() - steadily)
        return left if expires_at is None else min(left, (expires_at - now).total_seconds())

    return seconds_left
