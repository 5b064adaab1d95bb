"""How a repository and a run ended, and what was found beside the verdicts.

Times are timezone-aware UTC, sizes are bytes, ages are days of 24 hours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from ecr_cleaner.model.account_results import OtherAccountsResult
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.plan import REMOVING_REASONS, PlanSummary, Reason, Removal, RemovalStatus, RepositoryPlan
from ecr_cleaner.model.report import Changes
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import UsageScan
from ecr_cleaner.model.slowest import slowest_words


class RepositoryStatus(StrEnum):
    """How a run ended for one repository that opted in. Stable names: they stand in logs and reports."""

    EVALUATED = "evaluated"  # each of its images has a verdict
    SKIPPED = "skipped"  # left alone although it is in order, see `SkipReason`
    GONE = "gone"  # deleted meanwhile
    DEFERRED = "deferred"  # time ran out before it was done
    MISCONFIGURED = "misconfigured"  # its tags cannot be understood
    FAILED = "failed"  # it, or what is known of its past, could not be read
    OVER_LIMIT = "over_limit"  # more would go than a limit allows


SOUND: Final = frozenset({RepositoryStatus.EVALUATED, RepositoryStatus.SKIPPED, RepositoryStatus.GONE})
"""How repositories end that are in order."""


@dataclass(frozen=True, slots=True)
class RepositoryOutcome:
    """How a run ended for one repository that opted in.

    Attributes:
        status: The word for it.
        detail: Why, where the word does not say it all.
        setting: The key of ``accepted_gaps`` that would include a skipped repository.
    """

    status: RepositoryStatus
    detail: str = ""
    setting: str = ""


FAILING_REMOVALS: Final = frozenset({RemovalStatus.FAILED, RemovalStatus.NOT_JOURNALLED, RemovalStatus.PARTLY_UNTAGGED})
"""Whether a run has failed because the removal of an image ended so."""

NotifyOn = Literal["always", "removals", "problems"]
"""When somebody is told: of every run; of one that removes or would, or has problems; of one with problems."""


_IN_USE: Final = frozenset({Reason.IN_USE, Reason.PART_OF_IMAGE_IN_USE})

_MOST_FINDINGS: Final = 10  # enough to know that something is wrong, and with what; the findings have all of them


@dataclass(frozen=True, slots=True)
class RepositoryResult:
    """What happened to one opted-in repository.

    Attributes:
        name: Of the repository.
        status: How the run ended for it.
        detail: Why, where the status needs it.
        setting: The key of ``accepted_gaps`` that would include a skipped repository.
        keep_days: The age limit that held for images that no rule selects.
        rules: Numbers of the rules that name it, from 0; None: it was not evaluated.
        images: Images seen.
        reasons: Verdicts by reason.
        bytes_total: Of all images, indexes not counted: an upper bound, for layers are shared.
        bytes_in_use: Likewise, of those that a usage protects now.
        bytes_in_archive: Likewise, of those in ECR's archive, where a GB costs the same.
        bytes_removable: Likewise, of the removable ones, those in grace included.
        bytes_removable_from_archive: Likewise, of those among them that are archived already and are to be deleted.
        removals: Endings by status.
        bytes_removed: Of what was deleted.
        bytes_archived: Of what was moved into the archive.
        failure_codes: ECR's codes, counted by image.
        savings_tag: Value of its tag by which savings are summed; None without it.
    """

    name: str
    status: RepositoryStatus = RepositoryStatus.EVALUATED
    detail: str = ""
    setting: str = ""
    keep_days: int | None = None
    rules: tuple[int, ...] | None = None
    images: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    bytes_total: int = 0
    bytes_in_use: int = 0
    bytes_in_archive: int = 0
    bytes_removable: int = 0
    bytes_removable_from_archive: int = 0
    removals: Counter[str] = field(default_factory=Counter)
    bytes_removed: int = 0
    bytes_archived: int = 0
    failure_codes: Counter[str] = field(default_factory=Counter)
    savings_tag: str | None = None

    def with_plan(self, plan: RepositoryPlan) -> RepositoryResult:
        """The same with the verdicts counted."""
        retention = plan.repository.retention
        # ECR gives an index the size of its largest manifest, which is counted itself already.
        sized = [verdict for verdict in plan.verdicts if not verdict.image.is_index]
        return replace(
            self,
            keep_days=retention.keep_days,
            rules=tuple(held.number for held in retention.rules),
            savings_tag=plan.repository.savings_tag,
            images=len(plan.verdicts),
            reasons=Counter(verdict.reason.value for verdict in plan.verdicts),
            bytes_total=sum(verdict.image.size_bytes for verdict in sized),
            bytes_in_use=sum(verdict.image.size_bytes for verdict in sized if verdict.reason in _IN_USE),
            bytes_in_archive=sum(verdict.image.size_bytes for verdict in sized if not verdict.image.active),
            bytes_removable=sum(verdict.image.size_bytes for verdict in sized if verdict.unneeded),
            bytes_removable_from_archive=sum(
                verdict.image.size_bytes for verdict in sized if verdict.unneeded and not verdict.image.active
            ),
        )

    def with_removal(self, removal: Removal) -> RepositoryResult:
        """The same with the end of one removal counted."""
        image, status = removal.verdict.image, removal.status
        size = 0 if image.is_index else image.size_bytes
        return replace(
            self,
            removals=self.removals + Counter([status.value]),
            failure_codes=self.failure_codes + Counter(removal.codes),
            bytes_removed=self.bytes_removed + (size if status is RemovalStatus.REMOVED else 0),
            bytes_archived=self.bytes_archived + (size if status is RemovalStatus.ARCHIVED else 0),
        )

    def with_outcome(self, outcome: RepositoryOutcome) -> RepositoryResult:
        """The same, ended otherwise."""
        return replace(self, status=outcome.status, detail=outcome.detail, setting=outcome.setting)

    def timed_out(self) -> RepositoryResult:
        """The same, with all that is left of it left for the next run."""
        removals = Counter(self.removals)
        removals[RemovalStatus.DEFERRED.value] += max(0, self.due - self.removals.total())
        return replace(self, status=RepositoryStatus.DEFERRED, removals=removals)

    @property
    def is_unread(self) -> bool:
        """Whether time ran out before its images were read."""
        return self.status is RepositoryStatus.DEFERRED and self.keep_days is None

    @property
    def in_use(self) -> int:
        """Images that a usage protects now, those included that hang together with one."""
        return sum(self.reasons[reason.value] for reason in _IN_USE)

    @property
    def due(self) -> int:
        """Images that are to go in this run."""
        return sum(self.reasons[reason.value] for reason in REMOVING_REASONS)

    @property
    def in_grace(self) -> int:
        """Images that are to go once their grace is over."""
        return self.reasons[Reason.IN_GRACE.value]

    @property
    def removable(self) -> int:
        """Images that are to go, now or later."""
        return self.due + self.in_grace

    @property
    def is_left(self) -> bool:
        """Whether time ran out before everything was done."""
        return self.status is RepositoryStatus.DEFERRED or bool(self.removals[RemovalStatus.DEFERRED.value])

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the run fails because of this repository; empty if it does not."""
        # One that is deferred makes the run incomplete, and the next one goes on.
        if self.status not in SOUND | {RepositoryStatus.DEFERRED}:
            return (f"repository {self.name}: {self.detail}",)
        failing = sum(self.removals[status.value] for status in FAILING_REMOVALS)
        if not failing:
            return ()
        codes = ", ".join(f"{code} x{count}" for code, count in sorted(self.failure_codes.items()))
        partly = self.removals[RemovalStatus.PARTLY_UNTAGGED.value]
        untagged = f", {partly} of them lost some of their tags" if partly else ""
        return (f"repository {self.name}: {failing} images could not be removed{untagged} ({codes})",)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What happened in one run.

    Attributes:
        run_id: Lambda's request id, or one made up.
        dry_run: Whether nothing was to be removed.
        region: Where.
        account_id: Whose registry; None if the registry did not answer.
        accepted_gaps: What a person left unprotected beside whole sources; one sentence each.
        scan: The usages' sources; None if the run ended before.
        other_accounts: How the look at other accounts ended; None: none was looked at.
        repositories: The opted-in ones, by name.
        refusals: Why the run removed nothing.
        tripwire_tripped: Whether that is, among others, a fall of usages that nobody has confirmed.
        problems: Why the run failed, beside the repositories' own.
        notes: What a person should know and nothing depends on.
        deferred: Repositories that are left to the next run, because time ran out.
        findings: What a person should look at and no verdict depends on; the gravest first.
        timed_out: What there was no time for, if that was not one repository but all of them.
        seconds: How long it took.
        report: Where its page lies; None: nowhere.
        plan: The saved plan that the run wrote or carried out, if it did.
        began_at: When the run began; UTC.
        price: US dollars for a GB and month of storage; None: not known.
        changes: What is otherwise than in the last run; None: nothing remembers one.
        is_unsure_for_time: Whether it refused for no other reason than that collecting the usages took too long.
        is_continued: Whether another invocation of the same night goes on with what is left.
    """

    run_id: str
    dry_run: bool
    region: str
    account_id: str | None = None
    accepted_gaps: tuple[str, ...] = ()
    scan: UsageScan | None = None
    other_accounts: OtherAccountsResult | None = None
    repositories: Mapping[str, RepositoryResult] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    tripwire_tripped: bool = False
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    deferred: tuple[str, ...] = ()
    timed_out: str = ""
    seconds: float = 0.0
    report: str | None = None
    plan: PlanSummary | None = None
    began_at: datetime | None = None
    price: float | None = None
    changes: Changes | None = None
    is_unsure_for_time: bool = False
    is_continued: bool = False

    @property
    def is_left(self) -> bool:
        """Whether more time would do more."""
        return self.is_unsure_for_time or (bool(self.deferred or self.timed_out) and not self.refusals)

    @property
    def causes(self) -> tuple[str, ...]:
        """Everything that kept the run from doing all it should; of one that is continued the last invocation tells."""
        if self.is_continued:
            return ()
        late = [f"time ran out: {len(self.deferred)} repositories left"] if self.deferred else []
        late += [self.timed_out] if self.timed_out else []
        late[-1:] = [f"{last}{slowest_words(self.scan.outcomes if self.scan else ())}" for last in late[-1:]]
        elsewhere = self.other_accounts.causes if self.other_accounts else ()
        return (*self.refusals, *self.failures, *late, *elsewhere)

    @property
    def consumers_broken(self) -> int:
        """Images that consumers name and cannot get, because they were archived or removed by an earlier run."""
        return sum(finding.fails_run for finding in self.findings)

    @property
    def wide_usages(self) -> int:
        """Consumers that use more than an image, nothing that a person lists on purpose among them."""
        kind = FindingKind.WIDE_USAGE
        return sum(finding.kind is kind and finding.severity is not Severity.INFO for finding in self.findings)

    @property
    def failures(self) -> tuple[str, ...]:
        """What went wrong beside time and other accounts; one sentence each."""
        own = (problem for repository in self.repositories.values() for problem in repository.problems)
        told = [f"{finding.subject}: {finding.detail}" for finding in self.findings if finding.fails_run]
        more = len(told) - _MOST_FINDINGS
        rest = [f"and {more} more findings of this kind"] if more > 0 else []
        return (*self.problems, *own, *told[:_MOST_FINDINGS], *rest)

    @property
    def status(self) -> RunStatus:
        """How the run ended; the gravest word wins. Time that ran out is never hidden by what lasts for weeks."""
        if self.is_continued:
            return RunStatus.CONTINUED
        if self.refusals:
            return RunStatus.REFUSED
        if self.failures:
            return RunStatus.FAILED
        if self.deferred or self.timed_out:
            return RunStatus.INCOMPLETE
        return RunStatus.DEGRADED if self.causes else RunStatus.COMPLETED
