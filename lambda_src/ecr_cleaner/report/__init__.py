"""What people read. Everything here is told what happened; nothing here decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ecr_cleaner.model import Removal, RepositoryPlan
    from ecr_cleaner.report.summary import RepositorySummary, RunSummary


class Reporter(Protocol):
    """Told of everything as it happens, so that no run has to be held in memory."""

    def judged(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:
        """Every verdict of one repository is known.

        With ``dry_run`` none will be carried out. With ``refused`` neither, and the verdicts that remove
        rest on usages that are not complete.
        """

    def withheld(self, plan: RepositoryPlan, *, refused: bool = False) -> None:
        """What one repository's plan would remove stays.

        Because that would be more than a limit allows; or with ``refused``, because it turned out after the judgement
        that the run has to remove nothing.
        """

    def removal(self, removal: Removal) -> None:
        """One removal ended."""

    def repository(self, summary: RepositorySummary) -> None:
        """One repository is done with."""

    def run(self, summary: RunSummary) -> None:
        """The run ended."""
