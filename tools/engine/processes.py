"""Processes that outlive the command that starts them, kept by their ids."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.engine.shell import say, start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.engine.layout import Layout

_PATIENCE = 20.0  # seconds for an orderly end; the engine has containers to stop


def running(layout: Layout, name: str) -> int | None:
    """Returns the id of the process started under that name if it still runs, else None."""
    try:
        process, word = layout.pid_file(name).read_text().split(maxsplit=1)
        arguments = Path("/proc", process, "cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    # Ids are used again: it must still be the program that was started.
    return int(process) if word.encode() in arguments else None


def ensure(layout: Layout, name: str, command: Sequence[str]) -> None:
    """Starts a process unless it runs already."""
    if running(layout, name) is None:
        process = start(command, layout.log(name))
        layout.pid_file(name).write_text(f"{process} {Path(command[0]).name}")
        say(f"started {name}, process {process}, log {layout.log(name)}")


def stop(layout: Layout, name: str) -> None:
    """Ends a process that was started here, and waits for its end; does nothing if there is none."""
    process = running(layout, name)
    if process is not None:
        deadline = time.monotonic() + _PATIENCE
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
            while running(layout, name) is not None and time.monotonic() < deadline:
                time.sleep(0.1)
            if running(layout, name) is not None:
                os.kill(process, signal.SIGKILL)
        say(f"stopped {name}")
    layout.pid_file(name).unlink(missing_ok=True)
