"""Programs that never outlive the one that started them, and that can reach nothing but this machine.

Each runs in a process group of its own: a Ctrl-C at the terminal reaches this process alone, which then ends its
children in order, and what a child started ends with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

CLOSED_PROXY: Final = "http://127.0.0.1:9"
"""Nothing listens there (the port is RFC 863's, and no system of today serves it)."""

_PROXY_NAMES: Final = ("http_proxy", "https_proxy", "all_proxy")
_GRACE_SECONDS: Final = 20.0


def byte_code() -> dict[str, str]:
    """Returns the variables by which a Python that starts from the sources leaves them as they are.

    What this process compiled is used again where it keeps that elsewhere, as everything does that make starts.
    """
    return {"PYTHONPYCACHEPREFIX": sys.pycache_prefix} if sys.pycache_prefix else {"PYTHONDONTWRITEBYTECODE": "1"}


def without_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment that says nothing about proxies."""
    return {name: value for name, value in environment.items() if name.lower() not in {*_PROXY_NAMES, "no_proxy"}}


def loopback_only(environment: Mapping[str, str], proxy: str = CLOSED_PROXY) -> dict[str, str]:
    """Returns an environment in which well-behaved HTTP clients reach loopback addresses and nothing else.

    Terraform, its providers, boto3 and curl are such: they ask the proxy for every other address, and it is closed.
    """
    names = (*_PROXY_NAMES, *map(str.upper, _PROXY_NAMES))
    local = dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost,::1")
    return without_proxies(environment) | dict.fromkeys(names, proxy) | local


class Children:
    """The programs of one process; as a context manager it leaves none behind."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()

    def start(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
        """Starts a program whose output (both streams in one) can be read."""
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def run(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str], None] = lambda _: None,
        seconds: float = 600,
    ) -> tuple[int, str]:
        """Runs a program to its end.

        Args:
            command: With its arguments.
            folder: Where it runs.
            environment: All of its environment.
            on_line: Told of every line when it is written.
            seconds: After that it is stopped, and its status is not 0.

        Returns:
            Its exit status, and what it wrote.
        """
        process = self.start(command, folder=folder, environment=environment)
        watchdog = threading.Timer(seconds, self.stop, (process,))
        watchdog.daemon = True
        watchdog.start()
        try:
            lines = []
            for line in process.stdout or ():
                lines.append(line)
                on_line(line.rstrip("\n"))
            return process.wait(), "".join(lines)
        finally:
            watchdog.cancel()
            self.stop(process)

    def stop(self, process: subprocess.Popen[str]) -> None:
        """Ends a program and all that it started: politely, then not."""
        if process.poll() is None:
            # Terraform asked to stop this way waits for calls under way and writes its state.
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        if process in self._running:
            self._running.remove(process)

    def wait_until_stopped(self) -> None:
        """Waits for a `StoppedError`, or until one of the programs ends by itself."""
        while all(process.poll() is None for process in self._running):
            time.sleep(0.5)

    def stop_all(self) -> None:
        """Ends what is still running, the latest first."""
        for process in reversed(self._running.copy()):
            self.stop(process)


class StoppedError(Exception):
    """Somebody asked this process to end.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


@contextlib.contextmanager
def stoppable() -> Iterator[Callable[[], None]]:
    """Turns the first request to end into a `StoppedError`, so that ``with`` blocks clean up.

    Yields:
        What makes further requests fall on deaf ears, so that cleaning up is not cut off: call it first then.
    """

    def stop(number: int, _frame: object) -> None:
        deafen()
        raise StoppedError(number)

    def deafen() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield deafen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
