"""How many calls are made, throttled and held back: by service, and by whatever part of a run makes them."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from ecr_cleaner.model.calls import HeldBack, RunCalls, ServiceCalls


@dataclass(slots=True)
class CallCounts:
    """Tries of calls by service, as botocore's events name it; thread-safe.

    Attributes:
        calls: Those that were let through or are held back.
        throttled: Those among them that AWS refused because there were too many.
        held: By service and operations, the seconds in which their rate held a call back: the most of any pacer.
    """

    calls: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
    held: dict[tuple[str, tuple[str, ...]], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, service: str) -> None:
        """Count a try, here and for the part of the run that makes it."""
        for counts in self._concerned():
            with counts._lock:  # noqa: SLF001 - the same class
                counts.calls[service] += 1

    def throttle(self, service: str) -> None:
        """Count that a try was throttled, likewise."""
        for counts in self._concerned():
            with counts._lock:  # noqa: SLF001 - the same class
                counts.throttled[service] += 1

    def hold(self, service: str, operations: tuple[str, ...], seconds: float) -> None:
        """Note for how long one pacer held calls back by now."""
        with self._lock:
            self.held[service, operations] = max(seconds, self.held.get((service, operations), 0.0))

    def told(self) -> RunCalls:
        """What was counted by now."""
        with self._lock:
            services = [ServiceCalls(name, calls, self.throttled[name]) for name, calls in self.calls.items()]
            held = [HeldBack(*rate, seconds) for rate, seconds in self.held.items() if seconds >= 1]
        return RunCalls(
            tuple(sorted(services, key=lambda one: (-one.calls, one.service))),
            tuple(sorted(held, key=lambda one: (-one.seconds, one.service, one.operations))),
        )

    def _concerned(self) -> tuple["CallCounts", ...]:
        part = _PART.get()
        return (self,) if part is None else (self, part)


_PART: Final[ContextVar[CallCounts | None]] = ContextVar("part", default=None)


@contextmanager
def counted() -> Iterator[CallCounts]:
    """Count by itself what is called inside, also by threads to which the context is copied.

    What is counted inside of that is not counted here once more.
    """
    part = CallCounts()
    token = _PART.set(part)
    try:
        yield part
    finally:
        _PART.reset(token)
