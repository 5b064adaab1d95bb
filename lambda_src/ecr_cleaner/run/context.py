"""What a run is given. Nothing in it is changed by the run, but for what the parts themselves write down."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ecr_cleaner.approval.policy import ApprovalPolicy, NoApproval, PlanApplication
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.clock import utc_now
from ecr_cleaner.decision import pull_failures
from ecr_cleaner.decision.limits import Limits
from ecr_cleaner.facts.store import FactStore
from ecr_cleaner.history.reader import HistoryReader
from ecr_cleaner.journal.writer import Journal
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.night import RepositoryCounts
from ecr_cleaner.model.plan import Removal
from ecr_cleaner.model.report import StoredReport
from ecr_cleaner.model.repository import SkipReason
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.printable import minute
from ecr_cleaner.registry import config, repositories
from ecr_cleaner.registry import images as registry_images
from ecr_cleaner.registry.images import IndexLists
from ecr_cleaner.registry.own_pulls import Readings
from ecr_cleaner.registry.pull_access import RegistryFacts
from ecr_cleaner.registry.repositories import RegistryListing
from ecr_cleaner.removal import remover
from ecr_cleaner.report.reporter import Reporter
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import states
from ecr_cleaner.usage.scanner import Scanner

RESERVE_SECONDS: Final = 90.0
"""What must be left of the time to start on anything more: enough for one call with all its retries to be cut
short and for the report to be written."""

WORKERS: Final = 8
"""Repositories that are read side by side, and as many that images are removed from."""

HISTORY_IS_OFF: Final = (
    "the history is off: what was in use until yesterday is not protected, only what is now; and there is no grace, so"
    " an image goes in the first run that finds it unneeded"
)
JOURNAL_IS_OFF: Final = "no journal is kept: nothing that goes can be pushed again from what is known here"
LIMITS_ARE_OFF: Final = "no limit is set to what one run may remove: see max_removals_per_run and its siblings"


def _for_ever() -> float:
    return float("inf")


@dataclass(frozen=True, slots=True)
class RegistryCalls:
    """How a run reads ECR, and removes from it.

    Attributes:
        facts: What the registry as a whole says.
        list_repositories: All repositories, and which of them may be cleaned.
        images: Every image of a repository.
        children: What indexes list.
        remove: Carries the removals of one repository out.
    """

    facts: Callable[..., RegistryFacts] = config.registry_facts
    list_repositories: Callable[..., RegistryListing] = repositories.list_repositories
    images: Callable[..., Iterable[Image]] = registry_images.images
    children: Callable[..., IndexLists] = registry_images.children
    remove: Callable[..., Iterator[Removal]] = remover.remove


@dataclass(frozen=True, slots=True)
class RunContext:
    """Everything that one run over one registry needs.

    Attributes:
        clients: Of the account and region.
        settings: What it is told.
        reporter: Told of everything as it happens.
        run_id: Names the run in logs, errors and everything that it writes.
        scanner: Finds out which images are in use.
        now: The moment the run began, by which every age is measured; UTC.
        history: What is known of the past; None: nothing is.
        journal: Where what goes is written down first; None: nowhere.
        approval: Says which plans are carried out.
        application: The plan that an operator sent, which decides in place of `approval`; None: nobody sent one.
        store_report: Keeps the report of the ended run; None: nothing does.
        function_name: Of the function, in the commands that a run tells.
        only: Look at these repositories alone; None means all of them.
        seconds_left: Until the run is cut off.
        clock: Now, in UTC.
        own_pulls: When the run itself read manifests.
        registry: How ECR is read and changed.
        progress: Told of each evaluated repository: its name, and how many there are; None: nobody is.
        facts: What never changes, kept from run to run; None: nothing is.
        consumer_state: Says whether a consumer that was not asked got its image.
        former_rounds: What earlier invocations of the same night did, by repository.
        next_round_rescans: Whether another invocation scans again if nothing but time is missing.
        ended: Called with the result before it is reported; says whether another invocation goes on. None: none does.
        holds_lock: Whether no other run may remove anything now.
        workers: How many repositories are read side by side, and how many removed from; 1: one after the other.
    """

    clients: AwsClients
    settings: Settings
    reporter: Reporter
    run_id: str
    scanner: Scanner
    now: datetime
    history: HistoryReader | None = None
    journal: Journal | None = None
    approval: ApprovalPolicy = field(default_factory=NoApproval)
    application: PlanApplication | None = None
    store_report: Callable[[RunResult], StoredReport] | None = None
    function_name: str = "ecr-cleaner"
    only: frozenset[str] | None = None
    seconds_left: Callable[[], float] = _for_ever
    clock: Callable[[], datetime] = utc_now
    own_pulls: Readings = field(default_factory=Readings)
    registry: RegistryCalls = field(default_factory=RegistryCalls)
    progress: Callable[[str, int], None] | None = None
    facts: FactStore | None = None
    consumer_state: Callable[[AwsClients, Usage], str] = states.ask
    former_rounds: Mapping[str, RepositoryCounts] = field(default_factory=dict)
    next_round_rescans: bool = False
    ended: Callable[[RunResult], RunResult] | None = None
    holds_lock: Callable[[], bool] = lambda: True
    workers: int = WORKERS

    @property
    def restore_command(self) -> str:
        """What brings an image back, with ``{}`` for its name."""
        return pull_failures.restore_command("{}", self.function_name, self.clients.region)

    @property
    def archives(self) -> bool:
        """Whether what is to go is moved into the archive."""
        return self.settings.removal_mode == "archive" and not self.settings.dry_run

    @property
    def what_is_off(self) -> list[str]:
        """Notes on the settings, and what protects less than it could. The history has to be open."""
        notes = [*self.settings.notes]
        if self.history is None:
            notes.append(HISTORY_IS_OFF)
        elif self.now - self.history.started_at < timedelta(days=self.settings.keep_recently_used_days):
            began = minute(self.history.started_at)
            notes.append(f"the history began {began}: what was in use before is not known")
        if not self.settings.dry_run and self.journal is None:
            notes.append(JOURNAL_IS_OFF)
        if not self.settings.dry_run and limits_of(self.settings).are_off:
            notes.append(LIMITS_ARE_OFF)
        return notes

    def accepts_others(self, repository: str) -> bool:
        """Whether a person accepted that other accounts use images of a repository."""
        return registry_images.accepting(self.settings, SkipReason.OTHER_ACCOUNTS, repository) is not None

    @property
    def looks_elsewhere(self) -> bool:
        """Whether the consumers of other accounts are looked at."""
        return bool(self.settings.accounts or self.settings.organization)

    def is_deadline_exceeded(self) -> bool:
        """Whether there is no time left to start on anything more."""
        return self.seconds_left() < RESERVE_SECONDS


def limits_of(settings: Settings) -> Limits:
    """How much may go."""
    return Limits(
        removals_per_repository=settings.max_removals_per_repository,
        percent_per_repository=settings.max_removal_percent_per_repository,
        removals_per_run=settings.max_removals_per_run,
        percent_per_run=settings.max_removal_percent_per_run,
    )
