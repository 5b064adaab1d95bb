"""Several readers of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_cleaner.model import Removal, RepositoryPlan
    from ecr_cleaner.report import Reporter
    from ecr_cleaner.report.summary import RepositorySummary, RunSummary


@dataclass(frozen=True, slots=True)
class Fanout:
    """Tells each of several reporters everything, in their order.

    Whoever adds to the summary at the end of a run (where its report lies, that it could not be written) comes before
    those who tell it.

    Attributes:
        reporters: Who is told.
    """

    reporters: tuple[Reporter, ...]

    def judged(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:
        """Pass the verdicts of one repository on."""
        for reporter in self.reporters:
            reporter.judged(plan, dry_run=dry_run, refused=refused)

    def withheld(self, plan: RepositoryPlan, *, refused: bool = False) -> None:
        """Pass on what stays."""
        for reporter in self.reporters:
            reporter.withheld(plan, refused=refused)

    def removal(self, removal: Removal) -> None:
        """Pass the end of one removal on."""
        for reporter in self.reporters:
            reporter.removal(removal)

    def repository(self, summary: RepositorySummary) -> None:
        """Pass one repository's summary on."""
        for reporter in self.reporters:
            reporter.repository(summary)

    def run(self, summary: RunSummary) -> None:
        """Pass the run's summary on."""
        for reporter in self.reporters:
            reporter.run(summary)
