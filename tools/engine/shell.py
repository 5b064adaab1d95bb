"""Running commands and saying what happens; the only place of this package that starts processes."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class EngineError(Exception):
    """Something that the machine lacks or refused; the message says what."""


def say(text: str) -> None:
    """Writes one line for people; standard output belongs to what other programs read."""
    sys.stderr.write(f"engine: {text}\n")
    sys.stderr.flush()


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Runs a command to its end.

    Returns:
        What it wrote to standard output.

    Raises:
        EngineError: It failed, or there is no such command; the message has the end of its output.
    """
    try:
        done = subprocess.run(  # fixed commands, no shell
            command, env=env, cwd=cwd, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        message = f"{command[0]}: {error}"
        raise EngineError(message) from error
    if done.returncode != 0:
        message = f"{' '.join(command)}: status {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}"
        raise EngineError(message)
    return done.stdout


def start(command: Sequence[str], log: Path) -> int:
    """Starts a process that outlives this one.

    Returns:
        Its process id.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(  # fixed commands, no shell
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    return process.pid


def wait_for(what: str, ready: Callable[[], bool], log: Path, *, seconds: float = 60) -> None:
    """Waits until something is ready.

    Raises:
        EngineError: It was not ready in time; the message has the end of its log.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            message = f"{what} was not ready after {seconds:.0f} s\n{log.read_text(errors='replace')[-3000:]}"
            raise EngineError(message)
        time.sleep(0.2)
