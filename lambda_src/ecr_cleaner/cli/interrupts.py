"""Ctrl-C: calls in progress end, no new ones are made, and the terminal is restored."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from ecr_cleaner.cli.exit_codes import ExitCode

STOPPED: Final = threading.Event()
"""Set by the first Ctrl-C; worker threads check it."""


@contextmanager
def listening() -> Iterator[None]:
    """Stop the work in all threads at the first Ctrl-C, and the process at the second."""
    STOPPED.clear()
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return
    before = signal.signal(signal.SIGINT, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    if STOPPED.is_set():
        os._exit(ExitCode.INTERRUPTED)
    STOPPED.set()
    raise KeyboardInterrupt
