"""How many calls are made and throttled: by service, and by whatever part of a run makes them."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final


@dataclass(slots=True)
class CallCounts:
    """Tries of calls by service, as botocore's events name it; thread-safe.

    Attributes:
        calls: Those that were let through or are held back.
        throttled: Those among them that AWS refused because there were too many.
    """

    calls: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
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
