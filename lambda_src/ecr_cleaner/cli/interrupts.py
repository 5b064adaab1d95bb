"""Ctrl-C: the calls that are under way end, none begins any more, and the terminal is left as it was."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

INTERRUPTED: Final = 130
"""Exit code of what SIGINT ended, as shells have it: 128 and the signal's number."""

STOPPED: Final = threading.Event()
"""Set by the first Ctrl-C; whoever works in threads asks it."""


@contextmanager
def listening() -> Iterator[None]:
    """Let Ctrl-C stop the work in all threads; a second one ends the process at once."""
    STOPPED.clear()
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may listen
        return
    before = signal.signal(signal.SIGINT, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    if STOPPED.is_set():
        os._exit(INTERRUPTED)
    STOPPED.set()
    raise KeyboardInterrupt
