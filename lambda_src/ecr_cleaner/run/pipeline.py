"""One execution from settings to report: the order of everything; what is known and decided lies in `judging`.

Inventory comes before usage, so that what is deployed while the run reads is seen by the later scan. Images are
read, repository by repository, when they are judged: only one repository lies in memory, besides what is to be
removed. With a history every run asks who uses what, so that no day is missing in it; without one, nobody is asked
where nothing is old. Nothing is removed before what was seen is written down.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from ecr_cleaner.aws import errors
from ecr_cleaner.clock import utc_now
from ecr_cleaner.decision import pull_failures
from ecr_cleaner.decision.limits import Limits, LimitTracker
from ecr_cleaner.errors import ApprovalError, CleanerError, OutOfTimeError
from ecr_cleaner.findings import rules
from ecr_cleaner.findings.collector import FindingsCollector
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan
from ecr_cleaner.model.result import RepositoryOutcome, RepositoryStatus
from ecr_cleaner.registry import config
from ecr_cleaner.registry.repositories import list_repositories, unread
from ecr_cleaner.removal import remover
from ecr_cleaner.report.summary import RepositorySummary, RunSummary
from ecr_cleaner.run.evaluate import Judging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from ecr_cleaner.approval.policy import ApprovalPolicy
    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.history.store import HistoryReader
    from ecr_cleaner.journal.writer import Journal
    from ecr_cleaner.model.plan import Verdict
    from ecr_cleaner.model.repository import Repository
    from ecr_cleaner.report.reporter import Reporter
    from ecr_cleaner.settings.loader import Settings
    from ecr_cleaner.usage.scanner import Scanner

_T = TypeVar("_T")


RESERVE_SECONDS: Final = 90.0
"""What must be left of the time to start on anything more: enough for one call with all its retries to be cut
short and for the report to be written."""


HISTORY_IS_OFF: Final = "the history is off: what was in use until yesterday is not protected, only what is now"


JOURNAL_IS_OFF: Final = (
    "there is no bucket, so no journal: nothing that goes can be pushed again from what is known here"
)


LIMITS_ARE_OFF: Final = "no limit is set to what one run may remove: see max_removals_per_run and its siblings"


def limits_of(settings: Settings) -> Limits:
    """How much may go."""
    return Limits(
        removals_per_repository=settings.max_removals_per_repository,
        percent_per_repository=settings.max_removal_percent_per_repository,
        removals_per_run=settings.max_removals_per_run,
        percent_per_run=settings.max_removal_percent_per_run,
    )


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
        scanner: Finds out which images are in use.
        history: What is known of the past; None: nothing is.
        function_name: Of the function, in the command that confirms a fall of usages.
        only: Look at these repositories alone; None means all of them.
        seconds_left: Until the run is cut off.
        clock: Now, in UTC.
        gate: What has to be passed before anything goes; None: nothing.
        journal: Where what goes is written down first; None: nowhere.
    """

    clients: AwsClients
    settings: Settings
    reporter: Reporter
    run_id: str
    scanner: Scanner
    history: HistoryReader | None = None
    function_name: str = "ecr-cleaner"
    only: frozenset[str] | None = None
    seconds_left: Callable[[], float] = _for_ever
    clock: Callable[[], datetime] = utc_now
    gate: ApprovalPolicy | None = None
    journal: Journal | None = None
    summary: RunSummary = field(init=False)
    _now: datetime = field(init=False)
    _walls: LimitTracker = field(init=False)
    _checks: FindingsCollector = field(init=False)
    _judging: Judging = field(init=False)

    def __post_init__(self) -> None:
        self.summary = RunSummary(
            self.run_id, self.settings.dry_run, self.clients.region, accepted_gaps=self.settings.gaps_beside_sources
        )
        self._now = self.clock()
        self._walls = LimitTracker(limits_of(self.settings))
        restore = pull_failures.restore_command("{}", self.function_name, self.clients.region)
        self._checks = FindingsCollector(self.clients, self.settings, self.seconds_left, restore)
        self._judging = Judging(
            clients=self.clients,
            settings=self.settings,
            summary=self.summary,
            checks=self._checks,
            scanner=self.scanner,
            history=self.history,
            journal=self.journal,
            gate=self.gate,
            function_name=self.function_name,
            restore=restore,
            clock=self.clock,
            now=self._now,
        )

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
        except (CleanerError, *errors.AwsError) as error:
            self.summary.refusals.append(errors.sentence(error))
        finally:
            self.clients.too_late = None
        self.summary.findings = rules.ordered(self._checks.findings)
        for name in sorted(self.summary.repositories):
            self.reporter.repository(self.summary.repositories[name])
        self.summary.seconds = time.monotonic() - started
        self.reporter.run(self.summary)
        return self.summary

    def _stages(self) -> None:
        if self.history is not None:
            self.history.open(self._now)
        self._note_what_is_off()
        facts = config.registry_facts(self.clients)
        self.summary.account_id = facts.account
        surveyed = list_repositories(self.clients, self.settings, facts, self.only)
        self.summary.repositories |= {one.name: RepositorySummary(one.name) for one in surveyed.repositories}
        self.summary.repositories |= {
            name: RepositorySummary(name, one.status, one.detail, one.setting) for name, one in surveyed.left_alone
        }
        self.summary.notes += surveyed.notes
        self._judging.survey = surveyed
        self._checks.surveyed(surveyed)
        repositories = surveyed.repositories
        if self.gate is not None:
            self.summary.plan = self.gate.begin(facts.account, self.clients.region, self._now)
        if self.history is not None:
            asked = True
        else:
            asked = bool([r for r in repositories if self._guarded(r, self._judging.has_old_images)])
        self._judging.scan() if asked else self._judging.scan_nothing()
        plans = [plan for r in repositories if (plan := self._judged(r)) is not None]
        self._judging.write_down()
        self._hold_while_somebody_fails(plans)
        self._hold_to_run_limits(plans)
        # What nobody asked the sources about may not go, whatever a second listing shows.
        plans = plans if asked else []
        if self.gate is not None and not self.summary.refusals:
            self.summary.plan = self.gate.ask(plans) or self.summary.plan
        self.clients.too_late = None
        for plan in plans:
            self._remove(self._permitted(plan))
        if self.gate is not None:
            self.summary.problems += self.gate.end(
                {name: RepositoryOutcome(one.status, one.detail) for name, one in self.summary.repositories.items()},
                [name for name, one in self.summary.repositories.items() if one.problems or one.is_left],
                stopped=bool(self.summary.refusals or self.summary.cut_short),
            )
        # Nothing is left that needs the time.
        self.clients.too_late = self._too_late
        self._checks.end(surveyed, self._now, self.only)

    def _note_what_is_off(self) -> None:
        if self.history is None:
            self.summary.notes.append(HISTORY_IS_OFF)
        elif self._now - self.history.started_at < timedelta(days=self.settings.keep_recently_used_days):
            began = f"{self.history.started_at:%Y-%m-%d %H:%M} UTC"
            self.summary.notes.append(f"the history began {began}: what was in use before is not known")
        if not self.settings.dry_run and self.journal is None:
            self.summary.notes.append(JOURNAL_IS_OFF)
        if not self.settings.dry_run and limits_of(self.settings).are_off:
            self.summary.notes.append(LIMITS_ARE_OFF)

    def _guarded(self, repository: Repository, work: Callable[[Repository], _T]) -> _T | None:
        """Do something for one repository, so that its failure stops no other one."""
        summary = self.summary.repositories[repository.name]
        if summary.status is not RepositoryStatus.JUDGED:
            return None
        if self._too_late():
            self._cut_off(summary)
            return None
        try:
            return work(repository)
        except OutOfTimeError:
            self._cut_off(summary)
            return None
        except (CleanerError, *errors.AwsError) as error:
            outcome = unread(error)
            summary.status, summary.detail = outcome.status, outcome.detail
            return None

    def _too_late(self) -> bool:
        return self.seconds_left() < RESERVE_SECONDS

    def _cut_off(self, summary: RepositorySummary, plan: RepositoryPlan | None = None) -> None:
        """Time ran out before a repository was done; name what its plan leaves for the next run."""
        summary.status = RepositoryStatus.LEFT
        ended = sum(summary.removals.values())
        summary.removals[RemovalStatus.LEFT.value] += max(0, summary.removable - ended)
        self.summary.left.append(summary.name)
        for verdict in plan.removals if plan else ():
            self.reporter.removal(Removal(verdict, RemovalStatus.LEFT))

    def _cut_off_all(self, cause: str) -> None:
        self.summary.cut_short = cause
        for summary in self.summary.repositories.values():
            waits = not self.settings.dry_run and summary.removable > sum(summary.removals.values())
            if summary.status is RepositoryStatus.JUDGED and (summary.keep_days is None or waits):
                self._cut_off(summary)

    def _judged(self, repository: Repository) -> RepositoryPlan | None:
        plan = self._guarded(repository, self._judging.judge)
        if plan is None:
            return None
        self.summary.repositories[repository.name].judge(plan)
        self.reporter.judged(plan, dry_run=self.settings.dry_run, refused=bool(self.summary.refusals))
        if self._is_over_limit(plan):
            return None
        removals = plan.removals
        # Only what goes is remembered until it goes.
        return replace(plan, verdicts=removals) if removals else None

    def _is_over_limit(self, plan: RepositoryPlan) -> bool:
        """Whether a repository may remove nothing more; what went already counts."""
        if self.summary.refusals:
            return False  # nothing goes, and what would go rests on usages that are not complete
        exceeded = self._walls.exceeded_by(plan)
        if exceeded:
            summary = self.summary.repositories[plan.repository.name]
            summary.status, summary.detail = RepositoryStatus.OVER_LIMIT, exceeded
            self._withhold([plan])
        return bool(exceeded)

    def _hold_while_somebody_fails(self, plans: Iterable[RepositoryPlan]) -> None:
        """Whoever fails because of a removal shows that one was wrong, and perhaps the next ones would be."""
        for name, told in self.summary.repositories.items():
            if told.status is RepositoryStatus.FAILED:
                self._judging.watch.overlook(name, told.detail)
        refusals = self._judging.watch.refusals
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
            if self.settings.require_approval and not self.settings.dry_run:
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
            if self._judging.is_stale():
                if self.seconds_left() < RESERVE_SECONDS + self._judging.scan_seconds:
                    self._cut_off(self.summary.repositories[plan.repository.name], plan)
                    return
                self._judging.scan()
                if self._judging.has_tripped:
                    self._judging.write_down()
                self._hold_while_somebody_fails([plan])
            # A scan that another repository needed makes this one's verdicts old as well.
            if not self._judging.is_of_the_latest_scan(plan.repository):
                fresh = self._guarded(plan.repository, self._judging.judge)
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
            plan = replace(plan, verdicts=left)
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
        going = self._going(plan)
        if self.history is not None:
            self.history.removing(plan.repository.name, going)
        left = []
        archive = self._judging.archives
        for ended in remover.remove(
            self.clients,
            plan,
            self._may_go_on,
            self.journal,
            readings=self._judging.readings,
            archive=archive,
            clock=self.clock,
        ):
            if ended.status is RemovalStatus.LEFT:
                left.append(ended.verdict)
                continue
            self._walls.note(ended)
            digest = ended.verdict.image.digest
            if ended.status in {RemovalStatus.REMOVED, RemovalStatus.ARCHIVED}:
                self._judging.note_removed(plan.repository.name, {digest: going[digest]})
            summary.note(ended)
            self.reporter.removal(ended)
        return tuple(left)

    def _going(self, plan: RepositoryPlan) -> dict[str, RemovedImage]:
        """What later runs know of the removals; what stays after all they see for themselves."""
        now, archives = self.clock(), self._judging.archives
        return {
            image.digest: RemovedImage(
                image.tags, now, self.run_id, "archive" if archives and image.active else "delete"
            )
            for image in (verdict.image for verdict in plan.removals)
        }

    def _may_go_on(self) -> bool:
        return not self._too_late() and not self._judging.is_stale()
