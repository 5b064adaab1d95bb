"""Progress on standard error, if that is a terminal."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from ecr_cleaner.report.reporter import CollectingReporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.model.plan import RepositoryPlan


def _unknown() -> int | None:
    return None


class Progress:
    """Shows the calls, and the number of evaluated repositories.

    Attributes:
        total: Returns the number of repositories to evaluate; None: unknown.
    """

    def __init__(self, clients: AwsClients, *, quiet: bool) -> None:
        self.total: Callable[[], int | None] = _unknown
        self._clients = clients
        self._lock = threading.Lock()
        self._calls, self._evaluated = 0, 0
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            console=Console(stderr=True),
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

    def judged(self, name: str) -> None:
        """Count one more evaluated repository."""
        self._evaluated += 1
        total = self.total()
        done = f"{self._evaluated} of {total} repositories evaluated, last {name}"
        self._bars.update(self._task, total=total, completed=self._evaluated, description=done)

    def _called(self, service: str, operation: str) -> None:
        with self._lock:
            self._calls += 1
            self._bars.update(self._task, description=f"{self._calls} calls, now {service} {operation}")


class WatchedReporter(CollectingReporter):
    """Collects everything, and shows the progress.

    Attributes:
        watch: Called with the name of each evaluated repository.
    """

    __slots__ = ("watch",)

    def __init__(self, watch: Callable[[str], None]) -> None:
        CollectingReporter.__init__(self)
        self.watch = watch

    def judged(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:
        """Keep the verdicts."""
        CollectingReporter.judged(self, plan, dry_run=dry_run, refused=refused)
        self.watch(plan.repository.name)
