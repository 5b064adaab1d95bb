"""What a run knows of the usages, and what it makes of a repository with them: read, remember, judge.

A scan makes every earlier verdict old; `Judging.is_of_the_latest_scan` tells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_cleaner.decision import graph, matching, pull_failures, rules, stop, usage_drop
from ecr_cleaner.history import model
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.registry import images as registry_images
from ecr_cleaner.registry.own_pulls import Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ecr_cleaner.approval.policy import ApprovalPolicy
    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.findings.collector import FindingsCollector
    from ecr_cleaner.history.store import HistoryReader
    from ecr_cleaner.journal.writer import Journal
    from ecr_cleaner.model.image import Image, RemovedImage
    from ecr_cleaner.model.plan import RepositoryPlan
    from ecr_cleaner.model.repository import Repository
    from ecr_cleaner.model.scan import UsageScan
    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.registry.repositories import RegistryListing
    from ecr_cleaner.report.summary import RunSummary
    from ecr_cleaner.settings.loader import Settings
    from ecr_cleaner.usage.scanner import Scanner


@dataclass(slots=True)
class Judging:
    """Everything it takes to judge, in one run.

    Attributes:
        clients: Of the run.
        settings: Of the run.
        summary: Told of scans and of why nothing may go.
        checks: Told of what was read.
        scanner: Finds out which images are in use.
        history: What is known of the past; None: nothing is.
        journal: Told of the past of what is to go; None: nowhere.
        gate: Told of every verdict; None: nobody approves.
        function_name: In the command that confirms a fall of usages.
        restore: The command that brings an image back, with ``{}`` for its name.
        clock: Now, in UTC.
        now: The moment the run began, by which every age is measured.
        survey: What there is; set once it is known.
        watch: The consumers that fail for want of what was removed, by the latest scan.
        readings: When this run read manifests.
        scan_seconds: How long the latest scan took.
    """

    clients: AwsClients
    settings: Settings
    summary: RunSummary
    checks: FindingsCollector
    scanner: Scanner
    history: HistoryReader | None
    journal: Journal | None
    gate: ApprovalPolicy | None
    function_name: str
    restore: str
    clock: Callable[[], datetime]
    now: datetime
    survey: RegistryListing | None = None
    watch: pull_failures.PullFailureMonitor = field(init=False)
    readings: Readings = field(init=False, default_factory=Readings)
    scan_seconds: float = field(init=False, default=0.0)
    _usages: tuple[Usage, ...] = field(init=False, default=())
    _drop: usage_drop.UsageDrop | None = field(init=False, default=None)
    _scans: int = field(init=False, default=0)
    _judged_by: dict[str, int] = field(init=False, default_factory=dict)  # repository to the number of the scan
    _seen: model.History | None = field(init=False, default=None)
    _removed: dict[str, dict[str, RemovedImage]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.watch = pull_failures.PullFailureMonitor((), self.restore)

    @property
    def archives(self) -> bool:
        """Whether what is to go is moved into the archive."""
        return self.settings.removal_mode == "archive" and not self.settings.dry_run

    @property
    def has_tripped(self) -> bool:
        """Whether a person has to look at a fall of usages."""
        return self._drop is not None

    def is_stale(self) -> bool:
        """Whether the usages are too old to remove anything by them."""
        return self.summary.scan is not None and stop.is_stale(self.summary.scan, self.clock())

    def is_of_the_latest_scan(self, repository: Repository) -> bool:
        """Whether a repository was judged by the latest usages."""
        return self._judged_by[repository.name] == self._scans

    def scan(self) -> None:
        """Ask every source, and note in the summary why nothing may go."""
        scan = self.scanner.scan(self.clock())
        self.summary.scan = scan
        self.checks.findings += [finding for finding in scan.findings if finding not in self.checks.findings]
        self._scans += 1
        self.scan_seconds = (self.clock() - scan.started_at).total_seconds()
        self.summary.refusals[:] = [*stop.refusals(scan), *self._tripped(scan)]
        if self.is_stale():
            self.summary.refusals.append(
                f"collecting the usages took {self.scan_seconds / 60:.0f} minutes: by now they are out of date"
            )
        account = self.survey.facts.account if self.survey else None
        self._usages = tuple(matching.of_registry(scan.usages, account, self.clients.region))
        self.checks.scanned(self._usages)
        self.watch = pull_failures.PullFailureMonitor(self._usages, self.restore)
        # What this run itself removed so far is not listed again: by name, whoever asks for it now asks in vain.
        for repository, gone in self._removed.items():
            self.watch.look(repository, (), gone)

    def note_removed(self, repository: str, gone: Mapping[str, RemovedImage]) -> None:
        """Note what this run removes, for the consumers that a later scan finds failing."""
        self._removed.setdefault(repository, {}).update(gone)

    def scan_nothing(self) -> None:
        """Ask nobody, where nothing is old."""
        self.summary.scan = self.scanner.scan_nothing(self.clock())

    def _tripped(self, scan: UsageScan) -> list[str]:
        """What a person has to look at before more is removed: far fewer usages than before."""
        if self.history is None or scan.failures:
            return []
        percent = self.settings.max_usage_drop_percent
        self._drop = usage_drop.drop(self.history.usages, usage_drop.counts(scan), percent)
        self.summary.tripwire_tripped = self._drop is not None
        if self._drop is None:
            return []
        command = usage_drop.confirm_command(self._drop, self.function_name, self.clients.region)
        fell = f"the images in use fell by more than max_usage_drop_percent = {percent} allows: {self._drop}"
        return [f"{fell}; if that is as it should be, say so: {command}"]

    def write_down(self) -> None:
        """Note what holds for all repositories: the measure of the tripwire, or what waits for confirmation."""
        scan = self.summary.scan
        if self.history is not None and scan is not None and self.survey is not None:
            drop_id = self._drop.id if self._drop else None
            self.history.save(self.survey.names, None if scan.failures else usage_drop.counts(scan), drop_id)

    def has_old_images(self, repository: Repository) -> bool:
        """Whether anything in a repository could go."""
        found = registry_images.images(self.clients, repository.name)
        return rules.depends_on_indexes(found, repository.retention, self.now)

    def judge(self, repository: Repository) -> RepositoryPlan:
        """Read a repository and decide over each of its images.

        Raises:
            AwsError: Reading failed.
            CleanerError: The history of the repository failed, or an answer was not whole.
        """
        self._judged_by[repository.name] = self._scans
        images = tuple(registry_images.images(self.clients, repository.name))
        known = self._remembered(repository, images)  # before anything else can fail: no day may be missing
        gone = known.gone if known else {}
        self.watch.look(repository.name, images, gone)  # likewise: whoever fails holds back every repository
        contents = RepositorySnapshot(images)
        read = rules.depends_on_indexes(images, repository.retention, self.now)
        if read:
            indexes = [image for image in images if image.is_index]
            children, unread = registry_images.children(self.clients, repository.name, indexes, self.readings)
            contents = model.with_lists(RepositorySnapshot(images, children, unread), known)
        self.checks.repository(repository, contents, self.now, gone, read=read)
        # What began to be used after its source was asked shows as a pull here, and as a change from here on.
        begun = model.pulled_since(images, self.summary.scan.started_at) if self.summary.scan else {}
        recent = model.recent(known, self._usages, self.now, self.settings.keep_recently_used_days) if known else {}
        plan = rules.evaluate(repository, contents, self._usages, self.now, {**begun, **recent})
        if self.gate is not None:
            self.gate.look(plan)
        if self.journal is not None:
            self.journal.knows(plan, known.images if known else {})
        if self.archives and self.history is not None and self._seen is not None:
            lists = model.new_lists(contents, known, [v.image.digest for v in plan.removals])
            # Nobody can read them any more once they are archived.
            if lists:
                self.history.remember(model.learn(self._seen, lists))
        return plan

    def _remembered(self, repository: Repository, images: tuple[Image, ...]) -> model.History | None:
        """What is known of a repository; what is in use now is written down on the way. None without a history."""
        if self.history is None or self.summary.scan is None:
            return None
        used = graph.resolve(graph.build(RepositorySnapshot(images)), repository.name, self._usages)
        scan = self.summary.scan
        believed = not scan.failures and self._drop is None
        self._seen = model.observe(repository.name, images, used, scan.started_at, complete=believed)
        return self.history.remember(self._seen)
