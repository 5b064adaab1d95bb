"""What a run says of itself at its end: one JSON document, the function's result."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.model.plan import REMOVING_REASONS, Reason, RemovalStatus
from ecr_cleaner.model.result import FAILING_REMOVALS, FAILS_RUN, RepositoryStatus, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_cleaner.model.plan import Removal, RepositoryPlan
    from ecr_cleaner.model.result import Finding, PlanSummary
    from ecr_cleaner.model.scan import UsageScan

MAX_FINDINGS_PER_KIND: Final = 100
"""Lambda's answer may have 6 MB, and one line of the log a few hundred KB."""


def shown(found: Iterable[Finding]) -> tuple[list[Finding], dict[str, int]]:
    """The first findings of each kind, and by kind how many more there are."""
    seen: Counter[str] = Counter()
    first = []
    for finding in found:
        seen[finding.kind.value] += 1
        if seen[finding.kind.value] <= MAX_FINDINGS_PER_KIND:
            first.append(finding)
    more = {kind: count - MAX_FINDINGS_PER_KIND for kind, count in sorted(seen.items())}
    return first, {kind: count for kind, count in more.items() if count > 0}


def finding_json(finding: Finding) -> dict[str, Any]:
    """One finding as JSON-native values."""
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "subject": finding.subject,
        "detail": finding.detail,
        "bytes": finding.bytes,
    }


SCHEMA_VERSION: Final = 1


_IN_USE: Final = frozenset({Reason.IN_USE, Reason.PART_OF_IMAGE_IN_USE})


_MOST_RINGING: Final = 10  # enough to know that something is wrong, and with what; the findings have all of them


_WENT: Final = ("bytes_removed", "bytes_archived")


@dataclass(slots=True)
class RepositorySummary:
    """What happened to one opted-in repository.

    Attributes:
        name: Of the repository.
        status: How the run ended for it.
        detail: Why, where the status needs it.
        setting: The key of ``accepted_gaps`` that would include a skipped repository.
        keep_days: The age limit that held, of tagged images.
        rule: Number of the rule that held, from 0, or ``default``.
        images: Images seen.
        reasons: Verdicts by reason.
        bytes_total: Of all images, indexes not counted: an upper bound, for layers are shared.
        bytes_in_use: Likewise, of those that a usage protects now.
        bytes_in_archive: Likewise, of those in ECR's archive, where a GB costs the same.
        bytes_removable: Likewise, of the removable ones.
        bytes_removable_from_archive: Likewise, of those among them that are archived already and are to be deleted.
        removals: Endings by status.
        bytes_removed: Of what was deleted.
        bytes_archived: Of what was moved into the archive.
        failure_codes: ECR's codes, counted by image.
    """

    name: str
    status: RepositoryStatus = RepositoryStatus.JUDGED
    detail: str = ""
    setting: str = ""
    keep_days: int | None = None
    rule: int | str | None = None
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

    def judge(self, plan: RepositoryPlan) -> None:
        """Count the verdicts."""
        self.keep_days = plan.repository.keep_days
        rule = plan.repository.retention.rule
        self.rule = "default" if rule is None else rule
        self.images = len(plan.verdicts)
        self.reasons = Counter(verdict.reason.value for verdict in plan.verdicts)
        # ECR gives an index the size of its largest manifest, which is counted itself already.
        sized = [verdict for verdict in plan.verdicts if not verdict.image.is_index]
        self.bytes_total = sum(verdict.image.size_bytes for verdict in sized)
        self.bytes_in_use = sum(verdict.image.size_bytes for verdict in sized if verdict.reason in _IN_USE)
        self.bytes_in_archive = sum(verdict.image.size_bytes for verdict in sized if not verdict.image.active)
        self.bytes_removable = sum(verdict.image.size_bytes for verdict in sized if verdict.removes)
        self.bytes_removable_from_archive = sum(
            verdict.image.size_bytes for verdict in sized if verdict.reason is Reason.ARCHIVED_AND_UNUSED
        )

    def note(self, removal: Removal) -> None:
        """Count how one removal ended."""
        self.removals[removal.status.value] += 1
        self.failure_codes.update(removal.codes)
        if removal.verdict.image.is_index:
            return
        if removal.status is RemovalStatus.REMOVED:
            self.bytes_removed += removal.verdict.image.size_bytes
        elif removal.status is RemovalStatus.ARCHIVED:
            self.bytes_archived += removal.verdict.image.size_bytes

    @property
    def in_use(self) -> int:
        """Images that a usage protects now, those included that hang together with one."""
        return sum(self.reasons[reason.value] for reason in _IN_USE)

    @property
    def removable(self) -> int:
        """Images that are to go."""
        return sum(self.reasons[reason.value] for reason in REMOVING_REASONS)

    @property
    def is_left(self) -> bool:
        """Whether time ran out before everything was done."""
        return self.status is RepositoryStatus.LEFT or bool(self.removals[RemovalStatus.LEFT.value])

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the run fails because of this repository; empty if it does not."""
        if FAILS_RUN[self.status]:
            return (f"repository {self.name}: {self.detail}",)
        failing = sum(self.removals[status.value] for status in FAILING_REMOVALS)
        if not failing:
            return ()
        codes = ", ".join(f"{code} x{count}" for code, count in sorted(self.failure_codes.items()))
        partly = self.removals[RemovalStatus.PARTLY_UNTAGGED.value]
        untagged = f", {partly} of them lost some of their tags" if partly else ""
        return (f"repository {self.name}: {failing} images could not be removed{untagged} ({codes})",)

    def as_json(self) -> dict[str, Any]:
        """The repository as JSON-native values."""
        return {
            "name": self.name,
            "status": self.status.value,
            "detail": self.detail,
            "setting": self.setting,
            "keep_days": self.keep_days,
            "rule": self.rule,
            "images": self.images,
            "kept": self.images - self.removable,
            "in_use": self.in_use,
            "removable": self.removable,
            "removed": self.removals[RemovalStatus.REMOVED.value],
            "archived": self.removals[RemovalStatus.ARCHIVED.value],
            "left": self.removals[RemovalStatus.LEFT.value],
            "failed": sum(self.removals[status.value] for status in FAILING_REMOVALS),
            "partly_untagged": self.removals[RemovalStatus.PARTLY_UNTAGGED.value],
            "reasons": dict(sorted(self.reasons.items())),
            "removals": dict(sorted(self.removals.items())),
            "failure_codes": dict(sorted(self.failure_codes.items())),
            "bytes_total": self.bytes_total,
            "bytes_in_use": self.bytes_in_use,
            "bytes_in_archive": self.bytes_in_archive,
            "bytes_removable": self.bytes_removable,
            "bytes_removable_from_archive": self.bytes_removable_from_archive,
            "bytes_removed": self.bytes_removed,
            "bytes_archived": self.bytes_archived,
        }


@dataclass(slots=True)
class RunSummary:
    """What happened in one run.

    Attributes:
        run_id: Lambda's request id, or one made up.
        dry_run: Whether nothing was to be removed.
        region: Where.
        account_id: Whose registry; None if the registry did not answer.
        accepted_gaps: What a person left unprotected beside whole sources; one sentence each.
        scan: The usages' sources; None if the run ended before.
        repositories: The opted-in ones, by name.
        refusals: Why the run removed nothing.
        tripwire_tripped: Whether that is, among others, a fall of usages that nobody has confirmed.
        problems: Why the run failed, beside the repositories' own.
        notes: What a person should know and nothing depends on.
        left: Repositories that the deadline cut off.
        findings: What a person should look at and no verdict depends on; the gravest first once the run has ended.
        cut_short: What there was no time for, if that was not one repository but all of them.
        seconds: How long it took.
        report: Where its page lies; None: nowhere.
        plan: The saved plan that the run wrote or carried out, if it did.
    """

    run_id: str
    dry_run: bool
    region: str
    account_id: str | None = None
    accepted_gaps: tuple[str, ...] = ()
    scan: UsageScan | None = None
    repositories: dict[str, RepositorySummary] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    tripwire_tripped: bool = False
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    cut_short: str = ""
    seconds: float = 0.0
    report: str | None = None
    plan: PlanSummary | None = None

    @property
    def causes(self) -> tuple[str, ...]:
        """Everything that kept the run from doing all it should."""
        own = (problem for repository in self.repositories.values() for problem in repository.problems)
        out_of_time = [f"time ran out: {len(self.left)} repositories left"] if self.left else []
        out_of_time += [self.cut_short] if self.cut_short else []
        return (*self.refusals, *self.problems, *own, *self._ringing, *out_of_time)

    @property
    def consumers_broken(self) -> int:
        """Images that consumers name and cannot get, because they were archived or removed by an earlier run."""
        return sum(finding.rings for finding in self.findings)

    @property
    def _ringing(self) -> tuple[str, ...]:
        told = [f"{finding.subject}: {finding.detail}" for finding in self.findings if finding.rings]
        more = len(told) - _MOST_RINGING
        return (*told[:_MOST_RINGING], f"and {more} more findings of this kind") if more > 0 else tuple(told)

    @property
    def status(self) -> RunStatus:
        """How the run ended; the gravest word wins."""
        if self.refusals:
            return RunStatus.REFUSED
        if self.problems or self._ringing or any(repository.problems for repository in self.repositories.values()):
            return RunStatus.FAILED
        return RunStatus.INCOMPLETE if self.left or self.cut_short else RunStatus.COMPLETED

    def as_json(self, *, all_findings: bool = False) -> dict[str, Any]:
        """The run as JSON-native values.

        Args:
            all_findings: Also those beyond the limit that keeps the function's result and log line short.
        """
        findings, left_out = (self.findings, {}) if all_findings else shown(self.findings)
        repositories = [self.repositories[name].as_json() for name in sorted(self.repositories)]
        outcomes = sorted(self.scan.outcomes, key=lambda outcome: outcome.key) if self.scan else []
        counted = ("images", "kept", "in_use", "removable", "removed", "archived", "left", "failed", "partly_untagged")
        sized = ("bytes_total", "bytes_in_use", "bytes_in_archive", "bytes_removable", "bytes_removable_from_archive")
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.run_id,
            "status": self.status.value,
            "dry_run": self.dry_run,
            "region": self.region,
            "account_id": self.account_id,
            "causes": list(self.causes),
            "tripwire_tripped": self.tripwire_tripped,
            "consumers_broken": self.consumers_broken,
            "sources": [
                {
                    **outcome.key.as_json(),
                    "outcome": outcome.status.value,
                    "usages": outcome.usages,
                    "detail": outcome.detail,
                }
                for outcome in outcomes
            ],
            "unprotected": [
                *(f"{o.key}: {o.detail}" for o in (self.scan.unprotected if self.scan else ())),
                *self.accepted_gaps,
            ],
            "notes": [*self.notes, *(note for outcome in outcomes for note in outcome.notes)],
            "findings": [finding_json(finding) for finding in findings],
            "findings_left_out": left_out,
            "repositories": repositories,
            "totals": {key: sum(repository[key] for repository in repositories) for key in (*counted, *sized, *_WENT)},
            "left": sorted(self.left),
            "plan": self.plan.as_json() if self.plan else None,
            "duration_seconds": round(self.seconds, 3),
            "report": self.report,
        }
