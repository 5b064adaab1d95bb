"""One execution from settings to report: the only place that orders I/O.

Inventory comes before usage, so that what is deployed while the run reads is seen by the later scan; and where
nothing is old, nothing is scanned. Images are read again, repository by repository, when they are judged: only
one repository lies in memory, besides what is to be removed.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from ecr_cleaner import aws, guard, inventory, removal, rules, usage
from ecr_cleaner.errors import CleanerError
from ecr_cleaner.model import Contents, RemovalStatus, Repository, RepositoryPlan, Skipped, Usage, UsageScan
from ecr_cleaner.report.summary import RepositorySummary, RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ecr_cleaner.access import RegistryFacts
    from ecr_cleaner.aws import Aws
    from ecr_cleaner.report import Reporter
    from ecr_cleaner.settings import Settings

_T = TypeVar("_T")

WORKERS: Final = 4
RESERVE_SECONDS: Final = 90.0
"""What must be left of the time to start on anything more: enough for one call with all its retries to be cut
short and for the report to be written."""

_REPOSITORY_GONE: Final = "RepositoryNotFoundException"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _for_ever() -> float:
    return float("inf")


@dataclass(slots=True)
class Run:
    """One run over one registry.

    Attributes:
        clients: Of the account and region.
        settings: What it is told.
        reporter: Told of everything as it happens.
        run_id: Names the run in logs and errors.
        only: Look at these repositories alone; None means all of them.
        seconds_left: Until the run is cut off.
        clock: Now, in UTC.
    """

    clients: Aws
    settings: Settings
    reporter: Reporter
    run_id: str
    only: frozenset[str] | None = None
    seconds_left: Callable[[], float] = _for_ever
    clock: Callable[[], datetime] = _utc_now
    summary: RunSummary = field(init=False)
    _facts: RegistryFacts | None = field(init=False, default=None)
    _usages: tuple[Usage, ...] = field(init=False, default=())
    _now: datetime = field(init=False)
    _scan_seconds: float = field(init=False, default=0.0)
    _scans: int = field(init=False, default=0)
    _judged_by: dict[str, int] = field(init=False, default_factory=dict)  # repository to the number of the scan

    def __post_init__(self) -> None:
        self.summary = RunSummary(self.run_id, self.settings.dry_run, self.clients.region)
        self._now = self.clock()

    def execute(self) -> RunSummary:
        """Do it all.

        Returns:
            What happened. Nothing that AWS answers raises; a bug does.
        """
        started = time.monotonic()
        try:
            self._stages()
        except (CleanerError, *aws.AwsError) as error:
            self.summary.refusals.append(_sentence(error))
        for name in sorted(self.summary.repositories):
            self.reporter.repository(self.summary.repositories[name])
        self.summary.seconds = time.monotonic() - started
        self.reporter.run(self.summary)
        return self.summary

    def _stages(self) -> None:
        repositories = self._inventory()
        candidates = [r for r in repositories if self._guarded(r, self._has_old_images)]
        self._scan() if candidates else self._scan_nothing()
        plans = [plan for r in repositories if (plan := self._judged(r)) is not None]
        # What nobody asked the sources about may not go, whatever a second listing shows.
        for plan in plans if candidates else ():
            self._remove(plan)

    def _inventory(self) -> list[Repository]:
        """The repositories that may be cleaned; the others are noted with their reason."""
        facts = inventory.registry_facts(self.clients)
        self._facts = facts
        self.summary.account_id = facts.account
        names = [
            (name, arn)
            for name, arn in inventory.repository_names(self.clients)
            if self.only is None or name in self.only
        ]

        def look(found: tuple[str, str]) -> object:
            try:
                return inventory.opted_in(self.clients, *found, self.settings, facts)
            except (CleanerError, *aws.AwsError) as error:
                return RepositorySummary(found[0], status="failed", detail=_sentence(error))

        with ThreadPoolExecutor(WORKERS) as pool:
            return [r for r in map(self._sorted_out, pool.map(look, names)) if r is not None]

    def _sorted_out(self, found: object) -> Repository | None:
        match found:
            case Repository():
                self.summary.repositories[found.name] = RepositorySummary(found.name)
                self.summary.notes += [f"repository {found.name}: {note}" for note in found.notes]
                return found
            case RepositorySummary():
                self.summary.repositories[found.name] = found
            case Skipped():
                self.summary.repositories[found.name] = RepositorySummary(
                    found.name, status="skipped", detail=found.evidence, setting=found.reason.value
                )
            case inventory.Misconfigured(opted_in=True):
                self.summary.repositories[found.name] = RepositorySummary(
                    found.name, status="misconfigured", detail=found.problem
                )
            case inventory.Misconfigured():
                self.summary.notes.append(f"repository {found.name}: {found.problem}")
        return None

    def _guarded(self, repository: Repository, work: Callable[[Repository], _T]) -> _T | None:
        """Do something for one repository, so that its failure stops no other one."""
        summary = self.summary.repositories[repository.name]
        if summary.status != "judged":
            return None
        if self.seconds_left() < RESERVE_SECONDS:
            self._cut_off(summary)
            return None
        try:
            return work(repository)
        except (CleanerError, *aws.AwsError) as error:
            gone = aws.code_of(error) == _REPOSITORY_GONE
            summary.status = "gone" if gone else "failed"
            summary.detail = "it was deleted meanwhile" if gone else _sentence(error)
            return None

    def _cut_off(self, summary: RepositorySummary) -> None:
        summary.status = "left"
        ended = sum(summary.removals.values())
        summary.removals[RemovalStatus.LEFT.value] += max(0, summary.removable - ended)
        self.summary.left.append(summary.name)

    def _has_old_images(self, repository: Repository) -> bool:
        found = inventory.images(self.clients, repository.name)
        return rules.depends_on_indexes(found, repository.retention, self._now)

    def _scan(self) -> None:
        scan = usage.collect(self.clients, self.settings, self.clock())
        self.summary.scan = scan
        self._scans += 1
        self._scan_seconds = (self.clock() - scan.started_at).total_seconds()
        self.summary.refusals[:] = guard.refusals(scan)
        if self._stale():
            self.summary.refusals.append(
                f"collecting the usages took {self._scan_seconds / 60:.0f} minutes: by now they are out of date"
            )
        self._usages = tuple(self._of_this_registry(scan.usages))

    def _scan_nothing(self) -> None:
        outcomes = usage.disabled(self.settings)
        self.summary.scan = UsageScan((), outcomes, self.clock())

    def _of_this_registry(self, usages: Iterable[Usage]) -> Iterable[Usage]:
        account = self._facts.account if self._facts else None
        for found in usages:
            reference = found.reference
            if reference.account is None or (reference.account == account and reference.region == self.clients.region):
                yield found

    def _judged(self, repository: Repository) -> RepositoryPlan | None:
        plan = self._guarded(repository, self._judge)
        if plan is None:
            return None
        self.summary.repositories[repository.name].judge(plan)
        self.reporter.judged(plan, dry_run=self.settings.dry_run, refused=bool(self.summary.refusals))
        removals = plan.removals
        # Only what goes is remembered until it goes.
        return RepositoryPlan(repository, removals, plan.holders) if removals else None

    def _judge(self, repository: Repository) -> RepositoryPlan:
        self._judged_by[repository.name] = self._scans
        images = tuple(inventory.images(self.clients, repository.name))
        contents = Contents(images)
        if rules.depends_on_indexes(images, repository.retention, self._now):
            indexes = [image for image in images if image.is_index]
            children, unread = inventory.children(self.clients, repository.name, indexes)
            contents = Contents(images, children, unread)
        return rules.judge(repository, contents, self._usages, self._now)

    def _remove(self, plan: RepositoryPlan) -> None:
        """Remove what a repository's plan names, with usages that are never older than the limit."""
        while not (self.settings.dry_run or self.summary.refusals):
            if self._stale():
                if self.seconds_left() < RESERVE_SECONDS + self._scan_seconds:
                    self._cut_off(self.summary.repositories[plan.repository.name])
                    return
                self._scan()
            # A scan that another repository needed makes this one's verdicts old as well.
            if self._judged_by[plan.repository.name] != self._scans:
                fresh = self._guarded(plan.repository, self._judge)
                if fresh is None or self.summary.refusals:
                    return
                plan = fresh
            left = self._guarded(plan.repository, lambda _, plan=plan: self._remove_some(plan))  # type: ignore[misc]
            if not left:
                return

    def _remove_some(self, plan: RepositoryPlan) -> int:
        """Remove until done, out of time, or out of date.

        Returns:
            How many images are left.
        """
        summary = self.summary.repositories[plan.repository.name]
        left = 0
        for ended in removal.remove(self.clients, plan, self._may_go_on):
            if ended.status is RemovalStatus.LEFT:
                left += 1
                continue
            summary.note(ended)
            self.reporter.removal(ended)
        return left

    def _may_go_on(self) -> bool:
        return self.seconds_left() >= RESERVE_SECONDS and not self._stale()

    def _stale(self) -> bool:
        return self.summary.scan is not None and guard.is_stale(self.summary.scan, self.clock())


def _sentence(error: Exception) -> str:
    operation = aws.operation_of(error)
    if isinstance(error, CleanerError) or operation is None:
        return str(error)
    return f"{operation} failed with {aws.code_of(error)}: {error}"
