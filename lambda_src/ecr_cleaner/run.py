"""One execution from settings to report: the only place that orders I/O.

Inventory comes before usage, so that what is deployed while the run reads is seen by the later scan. Images are
read, repository by repository, when they are judged: only one repository lies in memory, besides what is to be
removed. With a history every run asks who uses what, so that no day is missing in it; without one, nobody is asked
where nothing is old. Nothing is removed before what was seen is written down.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from ecr_cleaner import aws, broken, findings, graph, guard, inventory, memory, removal, resolution, rules, usage
from ecr_cleaner.checks import Checks
from ecr_cleaner.errors import ApprovalError, CleanerError, OutOfTimeError
from ecr_cleaner.going import Gone
from ecr_cleaner.model import Contents, Removal, RemovalStatus, RepositoryPlan, Usage, UsageScan
from ecr_cleaner.report.summary import RunSummary
from ecr_cleaner.survey import GONE, GONE_DETAIL, survey
from ecr_cleaner.walls import Walls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ecr_cleaner.approval import Gate
    from ecr_cleaner.aws import Aws
    from ecr_cleaner.history import HistoryStore
    from ecr_cleaner.journal import Journal
    from ecr_cleaner.model import Image, Repository, Verdict
    from ecr_cleaner.report import Reporter
    from ecr_cleaner.report.summary import RepositorySummary
    from ecr_cleaner.settings import Settings
    from ecr_cleaner.survey import Survey

_T = TypeVar("_T")

RESERVE_SECONDS: Final = 90.0
"""What must be left of the time to start on anything more: enough for one call with all its retries to be cut
short and for the report to be written."""

HISTORY_IS_OFF: Final = "the history is off: what was in use until yesterday is not protected, only what is now"
JOURNAL_IS_OFF: Final = (
    "there is no bucket, so no journal: nothing that goes can be pushed again from what is known here"
)
LIMITS_ARE_OFF: Final = "no limit is set to what one run may remove: see max_removals_per_run and its siblings"


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
        history: What is known of the past; None: nothing is.
        function_name: Of the function, in the command that confirms a fall of usages.
        only: Look at these repositories alone; None means all of them.
        seconds_left: Until the run is cut off.
        clock: Now, in UTC.
        gate: What has to be passed before anything goes; None: nothing.
        journal: Where what goes is written down first; None: nowhere.
    """

    clients: Aws
    settings: Settings
    reporter: Reporter
    run_id: str
    history: HistoryStore | None = None
    function_name: str = "ecr-cleaner"
    only: frozenset[str] | None = None
    seconds_left: Callable[[], float] = _for_ever
    clock: Callable[[], datetime] = _utc_now
    gate: Gate | None = None
    journal: Journal | None = None
    summary: RunSummary = field(init=False)
    _usages: tuple[Usage, ...] = field(init=False, default=())
    _now: datetime = field(init=False)
    _scan_seconds: float = field(init=False, default=0.0)
    _scans: int = field(init=False, default=0)
    _judged_by: dict[str, int] = field(init=False, default_factory=dict)  # repository to the number of the scan
    _survey: Survey | None = field(init=False, default=None)
    _drop: guard.Drop | None = field(init=False, default=None)
    _walls: Walls = field(init=False)
    _seen: memory.History | None = field(init=False, default=None)
    _watch: broken.Watch = field(init=False)
    _checks: Checks = field(init=False)
    _restore: str = field(init=False)

    def __post_init__(self) -> None:
        self.summary = RunSummary(self.run_id, self.settings.dry_run, self.clients.region)
        self._now = self.clock()
        self._walls = Walls(self.settings.limits)
        self._restore = broken.restore_command("{}", self.function_name, self.clients.region)
        self._watch = broken.Watch((), self._restore)
        self._checks = Checks(self.clients, self.settings, self.summary, self.seconds_left, self._restore)

    def execute(self) -> RunSummary:
        """Do it all.

        Returns:
            What happened. Nothing that AWS answers raises; a bug does.
        """
        started = time.monotonic()
        # Until something is removed, a call that is too late is not made: what is known by then is reported.
        self.clients.too_late = self._too_late
        try:
            self._stages()
        except OutOfTimeError as error:
            self._cut_off_all(str(error))
        except (CleanerError, *aws.AwsError) as error:
            self.summary.refusals.append(aws.sentence(error))
        finally:
            self.clients.too_late = None
        self.summary.findings[:] = findings.ordered(self.summary.findings)
        for name in sorted(self.summary.repositories):
            self.reporter.repository(self.summary.repositories[name])
        self.summary.seconds = time.monotonic() - started
        self.reporter.run(self.summary)
        return self.summary

    def _stages(self) -> None:
        if self.history is not None:
            self.history.open(self._now)
        self._note_what_is_off()
        self._survey = survey(self.clients, self.settings, self.only, self.summary)
        self._checks.surveyed(self._survey)
        repositories = self._survey.repositories
        if self.gate is not None:
            self.gate.begin(self.summary, self._now)
        if self.history is not None:
            asked = True
        else:
            asked = bool([r for r in repositories if self._guarded(r, self._has_old_images)])
        self._scan() if asked else self._scan_nothing()
        plans = [plan for r in repositories if (plan := self._judged(r)) is not None]
        self._write_down()
        self._hold_while_somebody_fails(plans)
        self._hold_to_run_limits(plans)
        # What nobody asked the sources about may not go, whatever a second listing shows.
        plans = plans if asked else []
        if self.gate is not None and not self.summary.refusals:
            self.gate.ask(plans)
        self.clients.too_late = None
        for plan in plans:
            self._remove(self._permitted(plan))
        if self.gate is not None:
            self.gate.end()
        # Nothing is left that needs the time.
        self.clients.too_late = self._too_late
        self._checks.end(self._survey, self._now, self.only)

    def _note_what_is_off(self) -> None:
        if self.history is None:
            self.summary.notes.append(HISTORY_IS_OFF)
        elif self._now - self.history.started_at < timedelta(days=self.settings.rollback_days):
            began = f"{self.history.started_at:%Y-%m-%d %H:%M} UTC"
            self.summary.notes.append(f"the history began {began}: what was in use before is not known")
        if not self.settings.dry_run and self.journal is None:
            self.summary.notes.append(JOURNAL_IS_OFF)
        if not self.settings.dry_run and self.settings.limits.are_off:
            self.summary.notes.append(LIMITS_ARE_OFF)

    def _guarded(self, repository: Repository, work: Callable[[Repository], _T]) -> _T | None:
        """Do something for one repository, so that its failure stops no other one."""
        summary = self.summary.repositories[repository.name]
        if summary.status != "judged":
            return None
        if self._too_late():
            self._cut_off(summary)
            return None
        try:
            return work(repository)
        except OutOfTimeError:
            self._cut_off(summary)
            return None
        except (CleanerError, *aws.AwsError) as error:
            gone = aws.code_of(error) == GONE
            summary.status = "gone" if gone else "failed"
            summary.detail = GONE_DETAIL if gone else aws.sentence(error)
            return None

    @property
    def _archives(self) -> bool:
        """Whether what is to go is moved into the archive."""
        return self.settings.removal == "archive" and not self.settings.dry_run

    def _too_late(self) -> bool:
        return self.seconds_left() < RESERVE_SECONDS

    def _cut_off(self, summary: RepositorySummary, plan: RepositoryPlan | None = None) -> None:
        """Time ran out before a repository was done; name what its plan leaves for the next run."""
        summary.status = "left"
        ended = sum(summary.removals.values())
        summary.removals[RemovalStatus.LEFT.value] += max(0, summary.removable - ended)
        self.summary.left.append(summary.name)
        for verdict in plan.removals if plan else ():
            self.reporter.removal(Removal(verdict, RemovalStatus.LEFT))

    def _cut_off_all(self, cause: str) -> None:
        self.summary.cut_short = cause
        for summary in self.summary.repositories.values():
            waits = not self.settings.dry_run and summary.removable > sum(summary.removals.values())
            if summary.status == "judged" and (summary.keep_days is None or waits):
                self._cut_off(summary)

    def _has_old_images(self, repository: Repository) -> bool:
        found = inventory.images(self.clients, repository.name)
        return rules.depends_on_indexes(found, repository.retention, self._now)

    def _scan(self) -> None:
        scan = usage.collect(self.clients, self.settings, self.clock())
        self.summary.scan = scan
        self._scans += 1
        self._scan_seconds = (self.clock() - scan.started_at).total_seconds()
        self.summary.refusals[:] = [*guard.refusals(scan), *self._tripped(scan)]
        if self._stale():
            self.summary.refusals.append(
                f"collecting the usages took {self._scan_seconds / 60:.0f} minutes: by now they are out of date"
            )
        account = self._survey.facts.account if self._survey else None
        self._usages = tuple(resolution.of_registry(scan.usages, account, self.clients.region))
        self._checks.scanned(self._usages)
        self._watch = broken.Watch(self._usages, self._restore)

    def _tripped(self, scan: UsageScan) -> list[str]:
        """What a person has to look at before more is removed: far fewer usages than before."""
        if self.history is None or scan.failures:
            return []
        percent = self.settings.max_usage_drop_percent
        self._drop = guard.drop(self.history.usages, guard.counts(scan), percent)
        self.summary.tripwire_tripped = self._drop is not None
        if self._drop is None:
            return []
        command = guard.confirm_command(self._drop, self.function_name, self.clients.region)
        fell = f"the images in use fell by more than max_usage_drop_percent = {percent} allows: {self._drop}"
        return [f"{fell}; if that is as it should be, say so: {command}"]

    def _write_down(self) -> None:
        """Note what holds for all repositories: the measure of the tripwire, or what waits for confirmation."""
        scan = self.summary.scan
        if self.history is not None and scan is not None and self._survey is not None:
            self.history.save(self._survey.names, None if scan.failures else guard.counts(scan), self._drop)

    def _scan_nothing(self) -> None:
        outcomes = usage.disabled(self.settings)
        self.summary.scan = UsageScan((), outcomes, self.clock())

    def _judged(self, repository: Repository) -> RepositoryPlan | None:
        plan = self._guarded(repository, self._judge)
        if plan is None:
            return None
        self.summary.repositories[repository.name].judge(plan)
        self.reporter.judged(plan, dry_run=self.settings.dry_run, refused=bool(self.summary.refusals))
        if self._is_over_limit(plan):
            return None
        removals = plan.removals
        # Only what goes is remembered until it goes.
        return RepositoryPlan(repository, removals, plan.holders) if removals else None

    def _judge(self, repository: Repository) -> RepositoryPlan:
        self._judged_by[repository.name] = self._scans
        images = tuple(inventory.images(self.clients, repository.name))
        known = self._remembered(repository, images)  # before anything else can fail: no day may be missing
        contents = Contents(images)
        read = rules.depends_on_indexes(images, repository.retention, self._now)
        if read:
            indexes = [image for image in images if image.is_index]
            children, unread = inventory.children(self.clients, repository.name, indexes)
            contents = memory.with_lists(Contents(images, children, unread), known)
        gone = known.gone if known else {}
        self._watch.look(repository.name, images, gone)
        self._checks.repository(repository, contents, self._now, gone, read=read)
        # What began to be used after its source was asked shows as a pull here, and as a change from here on.
        begun = memory.pulled_since(images, self.summary.scan.started_at) if self.summary.scan else {}
        recent = memory.recent(known, self._usages, self._now, self.settings.rollback_days) if known else {}
        plan = rules.judge(repository, contents, self._usages, self._now, {**begun, **recent})
        if self.gate is not None:
            self.gate.look(plan)
        if self.journal is not None:
            self.journal.knows(plan, known.images if known else {})
        if self._archives and self.history is not None and self._seen is not None:
            lists = memory.new_lists(contents, known, [v.image.digest for v in plan.removals])
            # Nobody can read them any more once they are archived.
            if lists:
                self.history.remember(memory.learn(self._seen, lists))
        return plan

    def _remembered(self, repository: Repository, images: tuple[Image, ...]) -> memory.History | None:
        """What is known of a repository; what is in use now is written down on the way. None without a history."""
        if self.history is None or self.summary.scan is None:
            return None
        used = graph.resolve(graph.build(Contents(images)), repository.name, self._usages)
        scan = self.summary.scan
        believed = not scan.failures and self._drop is None
        self._seen = memory.observe(repository.name, images, used, scan.started_at, complete=believed)
        return self.history.remember(self._seen)

    def _is_over_limit(self, plan: RepositoryPlan) -> bool:
        """Whether a repository may remove nothing more; what went already counts."""
        if self.summary.refusals:
            return False  # nothing goes, and what would go rests on usages that are not complete
        exceeded = self._walls.exceeded_by(plan)
        if exceeded:
            summary = self.summary.repositories[plan.repository.name]
            summary.status, summary.detail = "over_limit", exceeded
            self._withhold([plan])
        return bool(exceeded)

    def _hold_while_somebody_fails(self, plans: Iterable[RepositoryPlan]) -> None:
        """Whoever fails because of a removal shows that one was wrong, and perhaps the next ones would be."""
        refusals = self._watch.refusals
        if refusals and not self.summary.refusals:
            self._withhold(plans, refused=True)
        self.summary.refusals += refusals

    def _hold_to_run_limits(self, plans: Iterable[RepositoryPlan]) -> None:
        if self.summary.refusals:
            return
        exceeded = self._walls.exceeded_by_run()
        if exceeded:
            self.summary.refusals.append(f"all repositories together: {exceeded}")
            self._withhold(plans)

    def _withhold(self, plans: Iterable[RepositoryPlan], *, refused: bool = False) -> None:
        for plan in () if self.settings.dry_run else plans:
            self.reporter.withheld(plan, refused=refused)

    def _permitted(self, plan: RepositoryPlan) -> RepositoryPlan:
        """What of a repository's plan may go now; how the rest ends is told."""
        if self.gate is None:
            if self.settings.approval == "required" and not self.settings.dry_run:
                message = 'approval is "required", and nobody was asked'
                raise ApprovalError(message)
            return plan
        if self.summary.refusals:
            return RepositoryPlan(plan.repository, ())
        plan, endings = self.gate.permit(plan)
        for ended in endings:
            self.summary.repositories[plan.repository.name].note(ended)
            self.reporter.removal(ended)
        return plan

    def _remove(self, plan: RepositoryPlan) -> None:
        """Remove what a repository's plan names, with usages that are never older than the limit."""
        while plan.removals and not (self.settings.dry_run or self.summary.refusals):
            if self._stale():
                if self.seconds_left() < RESERVE_SECONDS + self._scan_seconds:
                    self._cut_off(self.summary.repositories[plan.repository.name], plan)
                    return
                self._scan()
                if self._drop is not None:
                    self._write_down()
            # A scan that another repository needed makes this one's verdicts old as well.
            if self._judged_by[plan.repository.name] != self._scans:
                fresh = self._guarded(plan.repository, self._judge)
                if fresh is None or self.summary.refusals or self._is_over_limit(fresh):
                    return
                self._hold_while_somebody_fails([fresh])
                self._hold_to_run_limits([fresh])
                if self.summary.refusals:
                    return
                self._tell_kept(plan, fresh)
                plan = self._permitted(fresh)
            left = self._guarded(plan.repository, lambda _, plan=plan: self._remove_some(plan))  # type: ignore[misc]
            if not left:
                return
            plan = RepositoryPlan(plan.repository, left, plan.holders)
            if self._too_late():
                self._cut_off(self.summary.repositories[plan.repository.name], plan)
                return

    def _tell_kept(self, plan: RepositoryPlan, fresh: RepositoryPlan) -> None:
        """Tell of what was to go, and another judgement in the same run keeps."""
        still = {verdict.image.digest for verdict in fresh.removals}
        reasons = {verdict.image.digest: verdict.reason.value for verdict in fresh.verdicts}
        for verdict in plan.removals:
            digest = verdict.image.digest
            if digest not in still:
                detail = f"judged again, it is kept: {reasons.get(digest, 'it is gone')}"
                ended = Removal(verdict, RemovalStatus.CHANGED, detail=detail)
                self.summary.repositories[plan.repository.name].note(ended)
                self.reporter.removal(ended)

    def _remove_some(self, plan: RepositoryPlan) -> tuple[Verdict, ...]:
        """Remove until done, out of time, or out of date.

        Returns:
            What is left.
        """
        summary = self.summary.repositories[plan.repository.name]
        if self.history is not None:
            self.history.removing(plan.repository.name, self._going(plan))
        left = []
        for ended in removal.remove(self.clients, plan, self._may_go_on, self.journal, archive=self._archives):
            if ended.status is RemovalStatus.LEFT:
                left.append(ended.verdict)
                continue
            self._walls.note(ended)
            summary.note(ended)
            self.reporter.removal(ended)
        return tuple(left)

    def _going(self, plan: RepositoryPlan) -> dict[str, Gone]:
        """What later runs know of the removals; what stays after all they see for themselves."""
        now = self.clock()
        return {
            image.digest: Gone(image.tags, now, self.run_id, "archive" if self._archives and image.active else "delete")
            for image in (verdict.image for verdict in plan.removals)
        }

    def _may_go_on(self) -> bool:
        return not self._too_late() and not self._stale()

    def _stale(self) -> bool:
        return self.summary.scan is not None and guard.is_stale(self.summary.scan, self.clock())
