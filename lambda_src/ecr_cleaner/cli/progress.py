"""Progress on standard error, if that is a terminal."""

import sys
import threading
from typing import Self

from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.report.terminal import PrintableConsole


class Progress:
    """Shows the calls, and the number of evaluated repositories."""

    def __init__(self, clients: AwsClients, *, quiet: bool) -> None:
        self._clients = clients
        self._lock = threading.Lock()
        self._calls, self._evaluated = 0, 0
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            console=PrintableConsole(stderr=True),
            transient=True,
            # Not `Console.is_terminal`: FORCE_COLOR would make a file one.
            disable=quiet or not sys.stderr.isatty(),
        )
        self._task = self._bars.add_task("Calling AWS", total=None)

    def __enter__(self) -> Self:
        self._bars.start()
        self._clients.on_call = self._called
        return self

    def __exit__(self, *_: object) -> None:
        self._clients.on_call = None
        self._bars.stop()

    def evaluated(self, name: str, total: int) -> None:
        """Count one more evaluated repository, of so many."""
        self._evaluated += 1
        done = f"{self._evaluated} of {total} repositories evaluated, last {name}"
        self._bars.update(self._task, total=total, completed=self._evaluated, description=done)

    def _called(self, service: str, operation: str) -> None:
        with self._lock:
            self._calls += 1
            self._bars.update(self._task, description=f"{self._calls} calls, now {service} {operation}")
