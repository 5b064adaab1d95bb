"""How fast AWS is called: by a share of the rates that it publishes, so that a nightly run never starves a deployment.

Where AWS publishes nothing, it says itself when it is too much: the rate grows as long as no call is throttled.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ecr_cleaner.aws import errors
from ecr_cleaner.aws.call_counts import CallCounts
from ecr_cleaner.aws.quotas import Quota, quota_of

DEFAULT_SHARE: Final = 0.5
"""Of every published rate; as ``api_rate_share`` has it."""

BURST: Final = 10
"""Calls of an operation without a published rate that may be made at once, as many as of PutImage, the smallest burst
that AWS publishes: what is throttled at once goes on at half the rate."""

FIRST_RATE: Final = 5.0
"""Calls a second of such an operation, in the beginning, if no other one of its service was called yet."""

HIGHEST_RATE: Final = 20.0

LOWEST_RATE: Final = 0.5

SECONDS_TO_GROW: Final = 5.0
"""After so many seconds without throttling the rate is by one call a second higher."""

SECONDS_OF_ONE_SIGNAL: Final = 1.0
"""Calls that are throttled so soon after another one were under way with it, and say nothing new."""


@dataclass(slots=True)
class Bucket:
    """Tokens of one kind of calls; each call takes one, and may take one that is still to come.

    Attributes:
        burst: Tokens of a full bucket.
        since: When the rate began to grow, or began to hold.
        rate: Tokens a second, at that time.
        grows: Whether the rate is found out.
        level: Tokens at the time of the last call; negative if calls wait.
        at: The time of the last call.
        halved_at: When the rate was last halved; None: never.
        held: Seconds in which at least one call waited, or will have.
        held_until: When the last one of them may be made.
    """

    burst: float
    since: float
    rate: float
    grows: bool
    level: float
    at: float
    halved_at: float | None = None
    held: float = 0.0
    held_until: float = 0.0

    def take(self, now: float) -> float:
        """Take a token; the seconds until there is one."""
        rate = self.rate_at(now)
        self.level = min(self.burst, self.level + (now - self.at) * rate) - 1
        self.at = now
        delay = max(0.0, -self.level / rate)
        self.held += max(0.0, now + delay - max(now, self.held_until))
        self.held_until = max(now + delay, self.held_until)
        return delay

    def rate_at(self, now: float) -> float:
        """Tokens a second."""
        if not self.grows:
            return self.rate
        return min(HIGHEST_RATE, self.rate + max(0.0, now - self.since) // SECONDS_TO_GROW)

    def throttled(self, now: float) -> None:
        """AWS refused a call: nothing is saved up any more, and what has no published rate gets half of the rate."""
        self.level = min(0.0, self.level + (now - self.at) * self.rate_at(now))
        self.at = now
        is_new = self.halved_at is None or now - self.halved_at >= SECONDS_OF_ONE_SIGNAL
        if self.grows and is_new:
            self.rate = max(LOWEST_RATE, self.rate_at(now) / 2)
            self.since = self.halved_at = now


@dataclass(slots=True)
class Pacer:
    """Holds calls of one account and region back; shared by all threads.

    Attributes:
        clock: Seconds, monotonic.
        sleep: Waits for some seconds.
        share: Of every published rate and burst, above 0 and at most 1.
        counts: Of these calls, and of those of every pacer that was made from it.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    share: float = DEFAULT_SHARE
    counts: CallCounts = field(default_factory=CallCounts)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ahead: threading.local = field(default_factory=threading.local)
    _buckets: dict[Quota | tuple[str, str], Bucket] = field(default_factory=dict)

    def another(self) -> "Pacer":
        """A pacer of another account or region, by the same clock and share: each has buckets of its own."""
        return Pacer(self.clock, self.sleep, self.share, self.counts)

    def wait(self, service: str, operation: str) -> None:
        """Return when the operation may be called."""
        self.counts.call(service)
        if getattr(self._ahead, "held", None) == (service, operation):
            self._ahead.held = None
        else:
            self.hold(service, operation)

    def hold_ahead(self, service: str, operation: str) -> None:
        """Hold the next call of an operation by this thread back now, so that it is made at once when it is made.

        For calls right before which something is looked at: other threads' calls may make it wait for long.
        """
        if getattr(self._ahead, "held", None) != (service, operation):
            self.hold(service, operation)
            self._ahead.held = service, operation

    def hold(self, service: str, operation: str) -> None:
        """Take a token, and return when there is one."""
        with self._lock:
            now = self.clock()
            bucket = self._bucket(service, operation, now)
            delay = bucket.take(now)
        if delay > 0:
            quota = quota_of(service, operation)
            self.counts.hold(service, quota.operations if quota else (operation,), bucket.held)
            self.sleep(delay)

    def throttled(self, service: str, operation: str) -> None:
        """Take note that AWS refused a call of the operation because there were too many."""
        self.counts.throttle(service)
        with self._lock:
            now = self.clock()
            self._bucket(service, operation, now).throttled(now)

    def note_response(self, event_name: str, parsed_response: Mapping[str, Any] | None, **_unused: object) -> None:
        """Note a try that was throttled (a handler of botocore's event ``response-received``, once for each try)."""
        if parsed_response is not None and errors.is_throttled(parsed_response):
            _, service, operation = event_name.split(".", maxsplit=2)
            self.throttled(service, operation)

    def _bucket(self, service: str, operation: str, now: float) -> Bucket:
        quota = quota_of(service, operation)
        key = (service, operation) if quota is None else quota
        if key not in self._buckets:
            self._buckets[key] = self._growing(service, now) if quota is None else self._full(quota, now)
        return self._buckets[key]

    def _growing(self, service: str, now: float) -> Bucket:
        """Of an operation without a published rate: it begins where the slowest other one of its service is by now."""
        others = (one.rate_at(now) for of, one in self._buckets.items() if isinstance(of, tuple) and of[0] == service)
        return Bucket(BURST, now, min(others, default=FIRST_RATE), grows=True, level=BURST, at=now)

    def _full(self, quota: Quota, now: float) -> Bucket:
        share = self.share if quota.is_shared else 1.0
        # A bucket of less than one token would never let a call through at once.
        burst = max(1.0, float(int(quota.burst * share)))
        return Bucket(burst, now, quota.refill * share, grows=False, level=burst, at=now)


def back_off(tries: int) -> None:
    """Wait longer after each failed try, at most 16 seconds, by a share of chance so that nobody marches in step."""
    time.sleep(random.uniform(0.5, 1) * 2 ** min(tries, 4))  # noqa: S311 - no secret
