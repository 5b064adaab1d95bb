"""What a command does with AWS: clients for whom a person names, and a dry run that only looks."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ecr_cleaner.aws import connect
from ecr_cleaner.model import RunStatus
from ecr_cleaner.report.collected import CollectingReporter
from ecr_cleaner.report.fanout import Fanout
from ecr_cleaner.report.record import Recorder
from ecr_cleaner.report.store import LocalPage
from ecr_cleaner.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.settings import Settings

EXIT_CODES: Final = {
    RunStatus.COMPLETED: 0,
    RunStatus.FAILED: 1,
    RunStatus.REFUSED: 1,
    RunStatus.INCOMPLETE: 3,
}
"""2 is left to wrong usage, as click has it."""


@dataclass
class Connection:
    """Whose account, and which region.

    Attributes:
        region: None: that of the AWS configuration.
        profile: Likewise.
    """

    region: str | None = None
    profile: str | None = None

    @cached_property
    def clients(self) -> Aws:
        """Made at first use, so that wrong usage is told before anybody is asked.

        Raises:
            AwsError: There is no such profile.
            CleanerError: No region is configured.
        """
        return connect(self.region, self.profile)


def look(
    connection: Connection, settings: Settings, only: frozenset[str] | None = None, html: Path | None = None
) -> CollectingReporter:
    """Judge every image of the repositories, or of those in `only`, in a dry run without a history.

    Args:
        connection: Whose account.
        settings: What holds.
        only: Names of repositories; None means all of them.
        html: Where the report's page is written as well; None: nowhere.
    """
    reporter = CollectingReporter()
    told = settings.model_copy(update={"dry_run": True})
    # Whoever writes the page comes first: that it could not be written is a part of the summary.
    both = Fanout((Recorder(told, LocalPage(html).keep), reporter)) if html else reporter
    Run(connection.clients, told, both, str(uuid.uuid4()), only=only).execute()
    return reporter
