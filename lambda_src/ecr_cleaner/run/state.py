"""What a run knows so far. Private to this package: what leaves it is the value that `RunState.result` makes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from math import inf
from typing import TypeVar

from ecr_cleaner.approval.plan import SavedPlan
from ecr_cleaner.approval.policy import proposed
from ecr_cleaner.approval.selection import Permitted
from ecr_cleaner.decision import coverage, matching, other_accounts
from ecr_cleaner.decision.limits import LimitTracker
from ecr_cleaner.decision.pull_failures import PullFailureMonitor
from ecr_cleaner.decision.stop import Stop, Tripwire, decide_stop, is_stale
from ecr_cleaner.decision.usage_index import UsageIndex
from ecr_cleaner.findings import rules as finding_rules
from ecr_cleaner.findings.collector import FindingsCollector
from ecr_cleaner.model.account_results import OtherAccountsResult
from ecr_cleaner.model.finding import Finding
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan
from ecr_cleaner.model.repository import Repository
from ecr_cleaner.model.result import RepositoryOutcome, RepositoryResult, RepositoryStatus, RunResult
from ecr_cleaner.model.scan import UsageScan
from ecr_cleaner.registry.repositories import RegistryListing
from ecr_cleaner.run.application import ApplicationState
from ecr_cleaner.run.context import RunContext, limits_of
from ecr_cleaner.run.evaluate import Basis, Evaluation, pull_failure_monitor
from ecr_cleaner.run.latest_scan import LatestScan, held_against_history
from ecr_cleaner.run.side_by_side import Attempt
from ecr_cleaner.run.verdicts import PendingVerdicts
from ecr_cleaner.usage import accepted

_T = TypeVar("_T")


@dataclass(slots=True)
class RunState:
    """What became of a run so far.

    Attributes:
        ctx: What the run was given.
        account_id: Whose registry; None until it answered.
        repositories: Those that opted in, by name.
        basis: What evaluations rest on; None before the first scan.
        stop: Why nothing more may be removed.
        errors: Why the run ended early; nothing more is removed then either.
        problems: Why the run failed, beside the repositories' own.
        notes: What an operator should know and nothing depends on.
        findings: What an operator should look at and no verdict depends on.
        timed_out: What there was no time for, if that was not one repository but all of them.
        application: What became of the approved plan; None: no operator sent one.
        proposed: The plan that waits from here on.
        scan_seconds: How long the latest scan took; for ever, if this run cannot scan again.
        listing: Which repositories there are; None before they were listed.
        left: Names of those that are left to the next run, because time ran out.
        verdicts: On unneeded images, as far as they are not written down.
        latest: The latest scan, held against earlier runs; None before the first one.
    """

    ctx: RunContext
    account_id: str | None = None
    repositories: dict[str, RepositoryResult] = field(default_factory=dict)
    basis: Basis | None = None
    stop: Stop = field(default_factory=Stop)
    errors: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    timed_out: str = ""
    application: ApplicationState | None = None
    proposed: SavedPlan | None = None
    scan_seconds: float = 0.0
    listing: RegistryListing | None = None
    left: list[str] = field(default_factory=list)
    verdicts: PendingVerdicts = field(default_factory=PendingVerdicts)
    latest: LatestScan | None = None
    _collector: FindingsCollector = field(init=False)
    _limits: LimitTracker = field(init=False)
    _scanned_at: datetime = field(init=False)
    _removed: dict[str, dict[str, RemovedImage]] = field(default_factory=dict)
    _not_permitted: set[tuple[str, str]] = field(default_factory=set)
    _other_accounts: OtherAccountsResult | None = None
    _is_doubtful: bool = False  # whether something was found since the last decision that may stop the run

    def __post_init__(self) -> None:
        ctx = self.ctx
        self._limits = LimitTracker(limits_of(ctx.settings), before=ctx.former_rounds)
        self._collector = FindingsCollector(
            ctx.clients, ctx.settings, ctx.seconds_left, ctx.restore_command, ctx.registry.images
        )

    def is_refused(self) -> bool:
        """Whether nothing more may be removed anywhere."""
        return bool(self.stop or self.errors)

    def is_stale(self) -> bool:
        """Whether the usages are too old."""
        return self.basis is not None and is_stale(self.basis.scan, self.ctx.clock())

    def add_listing(self, listing: RegistryListing) -> None:
        """Take over which repositories there are."""
        self.listing = listing
        self.repositories |= {one.name: RepositoryResult(one.name) for one in listing.repositories}
        self.repositories |= {name: RepositoryResult(name).with_outcome(one) for name, one in listing.left_alone}
        self.notes += listing.notes
        self.findings += self._collector.listed(listing)

    def add_scan(self, scan: UsageScan, *, is_scanned: bool = True) -> None:
        """Take over who uses what, which makes every earlier evaluation old.

        Args:
            scan: The latest one.
            is_scanned: Whether anybody was asked at all.
        """
        ctx = self.ctx
        self.latest = held_against_history(scan, ctx.history, ctx.settings, ctx.clients.region, ctx.function_name)
        scan = self.latest.compared.scan
        self.notes += [note for note in self.latest.notes if note not in self.notes]
        self._scanned_at = ctx.clock()
        self.scan_seconds = (self._scanned_at - scan.started_at).total_seconds() if ctx.scanner.scans_again else inf
        self.findings += [finding for finding in scan.findings if finding not in self.findings]
        usages = tuple(matching.of_registry(scan.usages, self.account_id, ctx.clients.region))
        if is_scanned:
            self._collector.scanned(usages, scan)
        listed = self.listing.repositories if self.listing and (is_scanned or not ctx.looks_elsewhere) else ()
        every = coverage.skipped(listed, scan, ctx.accepts_others)
        was = {name: self.repositories[name].status for name in every}
        skipped = {name: one for name, one in every.items() if was[name] is RepositoryStatus.EVALUATED}
        self._other_accounts = other_accounts.together(self._other_accounts, other_accounts.result(scan))
        # No later scan of this run brings any of them back.
        self.repositories |= {name: self.repositories[name].with_outcome(one) for name, one in skipped.items()}
        self.findings += [one for one in self._collector.uncovered(skipped, scan) if one not in self.findings]
        monitor = pull_failure_monitor(usages, ctx, self._removed)
        self.stop = self._decide(scan, monitor)
        approved = self.application.approved if self.application else None
        is_believed = not (scan.own_failures or self.stop.drop)
        self.basis = Basis(scan, UsageIndex(usages), is_believed, monitor, self._collector, approved)

    def take(self, evaluation: Evaluation) -> RepositoryPlan | None:
        """Take over what an evaluation by the latest usages found.

        Returns:
            Every verdict; None if there are none.
        """
        name = evaluation.repository.name
        plan = self.end(name, evaluation.plan)
        # Who fails because of a removal stops the run, and so may a repository that cannot be read.
        self._is_doubtful |= plan is None or bool(evaluation.failing)
        if evaluation.failing is not None and self.basis is not None:
            self.basis.pull_failures.note(name, evaluation.failing)
        self.findings += evaluation.findings
        self.verdicts.add(evaluation.repository, evaluation.unneeded)
        if self.application is not None:
            self.application.add_evaluation(name, evaluation.retained)
        return plan

    def exceeds_limit(self, plan: RepositoryPlan) -> bool:
        """Whether a repository may remove nothing more; what went already counts."""
        if self.is_refused():
            return False  # nothing goes, and what would go rests on usages that are not complete
        exceeded = self._limits.exceeded_by(plan)
        if exceeded:
            self._end(plan.repository.name, RepositoryOutcome(RepositoryStatus.OVER_LIMIT, exceeded))
            self._withhold([plan])
        return bool(exceeded)

    def hold(self, plans: Iterable[RepositoryPlan]) -> None:
        """Decide anew whether the run has to stop, and report what stays because of that.

        Whoever fails because of a removal shows that one was wrong, and perhaps the next ones would be.
        """
        if self.basis is None:
            return
        self._is_doubtful = False
        for name, result in self.repositories.items():
            if result.status is RepositoryStatus.FAILED or result.is_unread:
                self.basis.pull_failures.mark_unreadable(name, result.detail or "there was no time to read it")
        self.stop = self._decide(self.basis.scan, self.basis.pull_failures)
        if self.stop and not self.stop.uncertain:
            self._withhold(plans, refused=bool(self.stop.failing))

    def reconsider(self, plans: Iterable[RepositoryPlan]) -> None:
        """As `hold`, if anything was found since that may stop the run."""
        if self._is_doubtful or self.ctx.settings.max_removal_percent_per_run is not None:
            self.hold(plans)

    def limit(self, plans: Sequence[RepositoryPlan]) -> list[RepositoryPlan]:
        """Report what limits in images leave to later runs.

        Returns:
            What goes in this run, of each plan.
        """
        trimmed = self._limits.trim(plans)
        if not self.ctx.settings.dry_run:
            for removal in chain.from_iterable(one.waits for one in trimmed):
                self.add_removal(removal)
        return [one.plan for one in trimmed]

    def permit(self, permitted: Permitted) -> RepositoryPlan:
        """Report how ends what may not go.

        Returns:
            What may go.
        """
        name = permitted.plan.repository.name
        for removal in permitted.endings:
            key = name, removal.verdict.image.digest
            if key not in self._not_permitted:
                self._not_permitted.add(key)
                self.add_removal(removal)
        if self.application is not None:
            self.application.add_permitted(permitted.plan)
        return permitted.plan

    def add_removal(self, removal: Removal, removed: RemovedImage | None = None) -> None:
        """Count and report how one removal ended; what was removed is remembered for what a later scan finds."""
        name = removal.verdict.image.repository
        if removed is not None:
            self._removed.setdefault(name, {})[removal.verdict.image.digest] = removed
        self._limits.note(removal)
        self.repositories[name] = self.repositories[name].with_removal(removal)
        self.ctx.reporter.removal(removal)

    def may_go_on(self, repository: Repository) -> bool:
        """Whether nothing ended a repository so far."""
        return self.repositories[repository.name].status is RepositoryStatus.EVALUATED

    def end(self, name: str, attempt: Attempt[_T]) -> _T | None:
        """Take over how something ended that was done for a repository.

        Returns:
            What was done; None if it could not be.
        """
        if attempt.is_out_of_time:
            self.cut_off(name)
        if attempt.outcome is not None:
            self._end(name, attempt.outcome)
        return attempt.value

    def cut_off(self, name: str, plan: RepositoryPlan | None = None) -> None:
        """Time ran out before a repository was done; name what its plan leaves for the next run."""
        self.repositories[name] = self.repositories[name].timed_out()
        self.left.append(name)
        for verdict in plan.removals if plan else ():
            self.ctx.reporter.removal(Removal(verdict, RemovalStatus.DEFERRED))

    def cut_off_all(self, cause: str) -> None:
        """Time ran out for the run as a whole."""
        self.timed_out = cause
        for name, result in list(self.repositories.items()):
            waits = not self.ctx.settings.dry_run and result.due > sum(result.removals.values())
            if result.status is RepositoryStatus.EVALUATED and (result.keep_days is None or waits):
                self.cut_off(name)

    def add_final_findings(self) -> None:
        """Take over what can only be said when everything else is done."""
        if self.listing is not None:
            self.findings += self._collector.end(self.listing, self.ctx.now, self.ctx.only)

    def result(self) -> RunResult:
        """What leaves the run."""
        applied = self.application.summary() if self.application else None
        return RunResult(
            run_id=self.ctx.run_id,
            dry_run=self.ctx.settings.dry_run,
            region=self.ctx.clients.region,
            account_id=self.account_id,
            scan=self.basis.scan if self.basis else None,
            other_accounts=self._other_accounts,
            repositories=dict(self.repositories),
            refusals=(*self.stop.reasons, *self.errors),
            tripwire_tripped=self.stop.drop is not None,
            is_unsure_for_time=self.stop.is_for_time and not self.errors,
            problems=tuple(self.problems),
            notes=tuple(self.notes),
            findings=tuple(finding_rules.ordered([*self.findings, *finding_rules.limited(self._limits)])),
            deferred=tuple(self.left),
            timed_out=self.timed_out,
            accepted_gaps=accepted.beside_sources(self.ctx.settings, self.basis.scan if self.basis else None),
            plan=proposed(self.proposed) if self.proposed is not None else applied,
        )

    def _decide(self, scan: UsageScan, monitor: PullFailureMonitor) -> Stop:
        tripwire = self.latest.tripwire if self.latest else Tripwire(None, None, "", "")
        return decide_stop(scan, monitor.refusals, self._limits, tripwire, self._scanned_at)

    def _end(self, name: str, outcome: RepositoryOutcome) -> None:
        self.repositories[name] = self.repositories[name].with_outcome(outcome)

    def _withhold(self, plans: Iterable[RepositoryPlan], *, refused: bool = False) -> None:
        for plan in () if self.ctx.settings.dry_run else plans:
            self.ctx.reporter.withheld(plan, refused=refused)
