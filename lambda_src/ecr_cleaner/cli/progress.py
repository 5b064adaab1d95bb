"""What is under way, on standard error, as long as somebody at a terminal waits for it."""

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


def _nobody_knows() -> int | None:
    return None


class Progress:
    """Shows every call, and how many repositories are judged; nothing where standard error is no terminal.

    Attributes:
        total: How many repositories there are to judge; asked when one was.
    """

    def __init__(self, clients: AwsClients, *, quiet: bool) -> None:
        self.total: Callable[[], int | None] = _nobody_knows
        self._clients = clients
        self._lock = threading.Lock()
        self._calls, self._judged = 0, 0
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            # Not what rich takes for a terminal: FORCE_COLOR would make one of a file.
            disable=quiet or not sys.stderr.isatty(),
        )
        self._task = self._bars.add_task("Asking AWS", total=None)

    def __enter__(self) -> Self:
        self._bars.start()
        self._clients.on_call = self._called
        return self

    def __exit__(self, *_: object) -> None:
        self._clients.on_call = None
        self._bars.stop()

    def judged(self, name: str) -> None:
        """One more repository is judged."""
        self._judged += 1
        total = self.total()
        done = f"{self._judged} of {total} repositories judged, now {name}"
        self._bars.update(self._task, total=total, completed=self._judged, description=done)

    def _called(self, service: str, operation: str) -> None:
        with self._lock:
            self._calls += 1
            self._bars.update(self._task, description=f"{self._calls} calls, now {service} {operation}")


class WatchedReporter(CollectingReporter):
    """Keeps everything, and tells of each repository as it is judged.

    Attributes:
        watch: Told the name.
    """

    __slots__ = ("watch",)

    def __init__(self, watch: Callable[[str], None]) -> None:
        CollectingReporter.__init__(self)
        self.watch = watch

    def judged(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:
        """Keep the verdicts."""
        CollectingReporter.judged(self, plan, dry_run=dry_run, refused=refused)
        self.watch(plan.repository.name)
