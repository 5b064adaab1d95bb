"""Scan targets, how each usage source ended there, and the usages of a run.

Times are timezone-aware UTC, sizes are bytes, ages are days of 24 hours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from ecr_cleaner.model.finding import Finding
from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.usage import ScanTarget, SeenCluster, Usage
from ecr_cleaner.schema import NotNegative, Sha256, Text, stored


class SourceStatus(StrEnum):
    """What one source can say of its part of the world."""

    COMPLETE = "complete"
    NOT_OFFERED = "not_offered"  # the region does not offer it, or a part of it; all else was read
    FAILED = "failed"
    DISABLED = "disabled"
    CLOSED = "closed"  # a region in which nobody may look: closed by the organization, or not the account's any more


class PolicyType(StrEnum):
    """The type of the policy that denies a call, in the words of AWS's error messages."""

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    SERVICE_CONTROL = "service control policy"
    RESOURCE_CONTROL = "resource control policy"
    RESOURCE = "resource-based policy"
    VPC_ENDPOINT = "VPC endpoint policy"
    UNKNOWN = "unknown"  # AWS does not say


@stored
@dataclass(frozen=True, slots=True)
class Denial:
    """What a source was denied.

    Attributes:
        permission: The IAM action, e.g. ``apprunner:ListServices``.
        principal: ARN of whom it was denied to, without the name of a session; empty if AWS does not say.
        policy: Type of the policy that decided.
        is_explicit: Whether that policy denies the action; else it does not allow it.
        policy_arn: ARN of that policy, if AWS gives it.
        gap: The entry of ``accepted_gaps`` that excludes the source; empty if no message may propose one.
        unprotected: What the entry would leave unprotected.
        remedy: What mends it, where that is not said of the policy's type alone.
    """

    permission: Text
    principal: str = ""
    policy: PolicyType = PolicyType.UNKNOWN
    is_explicit: bool = False
    policy_arn: str = ""
    gap: str = ""
    unprotected: str = ""
    remedy: str = ""


ALL_SOURCES = "*"
"""The source of an outcome that is about a whole scan target."""

REGIONS = "regions"
"""The source of the outcome of a list of regions that failed."""

ACCOUNTS = "accounts"
"""The source of the outcome of an account for which there are no credentials, and of the list of accounts."""


@dataclass(frozen=True, slots=True)
class SourceKey:
    """What one outcome, or one count, is about: everything that counts or names outcomes goes by it.

    Attributes:
        target: Where was looked.
        source: Name of the source, or `ALL_SOURCES`.
        cluster: The one cluster, if the source has an outcome for each one.
        part: The one consumer that is counted by itself, of `SourceOutcome.parts`; None: all of the outcome.
    """

    target: ScanTarget
    source: str
    cluster: str | None = None
    part: str | None = None

    def __lt__(self, other: SourceKey) -> bool:
        """By target, then by source, then by cluster, then by part."""
        return self._order < other._order

    def __str__(self) -> str:
        where = f" cluster {self.cluster}" if self.cluster is not None else ""
        what = f", {self.part}" if self.part is not None else ""
        source = "every source" if self.source == ALL_SOURCES else self.source
        return f"{source} in {self.target}{where}{what}"

    @property
    def whole(self) -> SourceKey:
        """What it is a part of."""
        return replace(self, part=None)

    @property
    def _order(self) -> tuple[ScanTarget, str, bool, str, bool, str]:
        cluster, part = self.cluster, self.part
        return self.target, self.source, cluster is not None, cluster or "", part is not None, part or ""

    def as_json(self) -> dict[str, str | None]:
        """As JSON-native values."""
        return {**asdict(self.target), "source": self.source, "cluster": self.cluster}


def counts_json(counts: Mapping[SourceKey, int]) -> list[dict[str, str | int | None]]:
    """Counts by source as JSON-native values, in their order."""
    return [{**key.as_json(), "part": key.part, "usages": counts[key]} for key in sorted(counts)]


@stored
@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """How one source ended in one scan target.

    Attributes:
        target: Where it looked.
        source: Its name, or `ALL_SOURCES`.
        status: ``failed`` allows no removal; ``disabled`` is the operator's choice.
        usages: Number of usages it returned.
        detail: The cause of a failure with its remedy, or what is unprotected.
        notes: Things an operator should know that protect nothing (a schedule that names a dead revision).
        cluster: The one cluster it is about; None: all that the source looks at.
        parts: Consumers of which each is compared with earlier runs by itself too, with or without a usage.
        is_input: Whether the usages are an input of the run; then they are not compared with earlier runs.
        denial: What it was denied, if that is why it failed.
        accepted: The entries of ``accepted_gaps`` by which it left something out.
        ignored: Those among them that took usages out, each with their number.
        not_offered: What the region does not offer: listings as ``<endpoint prefix>:<operation>``; without an
            operation, the whole service.
        clusters_seen: Where it saw images of this registry run, whether or not anybody looked there.
        seconds: How long it took, beside others.
        calls: Tries of API calls that it made; of a listing that several need, those of the one that made it. The
            outcome of a cluster has none: they are its source's.
        throttled: Those among them that AWS throttled.
        is_out_of_time: Whether it failed because time ran out.
        facts: How often it took what it needed from what earlier runs read, each time instead of a call or several.
    """

    target: ScanTarget
    source: Text
    status: SourceStatus
    usages: NotNegative = 0
    detail: str = ""
    notes: tuple[str, ...] = ()
    cluster: str | None = None
    parts: tuple[str, ...] = ()
    is_input: bool = False
    denial: Denial | None = None
    accepted: tuple[str, ...] = ()
    ignored: tuple[tuple[str, NotNegative], ...] = ()
    not_offered: tuple[str, ...] = ()
    clusters_seen: tuple[SeenCluster, ...] = ()
    seconds: float = field(default=0.0, compare=False)
    calls: NotNegative = field(default=0, compare=False)
    throttled: NotNegative = field(default=0, compare=False)
    is_out_of_time: bool = False
    facts: NotNegative = field(default=0, compare=False)

    @property
    def key(self) -> SourceKey:
        """What it is about."""
        return SourceKey(self.target, self.source, self.cluster)


@stored
@dataclass(frozen=True, slots=True)
class TargetScan:
    """What one scan of one target returned: the unit of work, of serialisation and of failure.

    `schema.seal` makes a document of it, and `schema.unseal` reads that.

    Attributes:
        target: Where was looked.
        run_id: The run that asked for it.
        settings_sha256: Of the settings that it was made by.
        catalog_sha256: Of the names of the sources that it was made with.
        usages: Every usage, as often as a source returned it.
        outcomes: One for every source, the disabled ones included.
        findings: What the scan itself found that an operator should know.
        calls: Tries of API calls that it took.
        started_at: Before the first call.
        finished_at: After the last one.
        answered: Reading operations that were answered, as ``<endpoint prefix>:<operation>``.
    """

    target: ScanTarget
    run_id: Text
    settings_sha256: Sha256
    catalog_sha256: Sha256
    usages: tuple[Usage, ...]
    outcomes: tuple[SourceOutcome, ...]
    findings: tuple[Finding, ...]
    calls: NotNegative
    started_at: AwareDatetime
    finished_at: AwareDatetime
    answered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UsageScan:
    """Every usage that the scans of a run saw, and how each source ended.

    Attributes:
        usages: In no particular order, without doubles.
        outcomes: One for every source in every target, the disabled ones included.
        started_at: Before the first call of the first scan: what was deployed later may be missing.
        findings: What the scans themselves found that an operator should know.
        calls: Tries of API calls that they took.
        answered: By target, the reading operations that were answered.
        account_id: Of the registry; empty if nobody said, and then every failure is one of the own account.
        others: The other accounts that were to be looked at.
    """

    usages: tuple[Usage, ...]
    outcomes: tuple[SourceOutcome, ...]
    started_at: datetime
    findings: tuple[Finding, ...] = ()
    calls: int = 0
    answered: Mapping[ScanTarget, frozenset[str]] = field(default_factory=dict, compare=False)
    account_id: str = ""
    others: OtherAccounts = field(default_factory=OtherAccounts)

    @property
    def failures(self) -> tuple[SourceOutcome, ...]:
        """Of whichever account."""
        return tuple(o for o in self.outcomes if o.status is SourceStatus.FAILED)

    @property
    def own_failures(self) -> tuple[SourceOutcome, ...]:
        """Those that make the run read-only."""
        return tuple(o for o in self.failures if self.account_id in {"", o.target.account_id})

    @property
    def ignored(self) -> Counter[str]:
        """How many usages each entry of ``accepted_gaps`` took out."""
        counts: Counter[str] = Counter()
        for outcome in self.outcomes:
            counts.update(dict(outcome.ignored))
        return counts

    @property
    def unprotected(self) -> tuple[SourceOutcome, ...]:
        """The sources and regions that the operator excluded, and the regions that are closed."""
        return tuple(o for o in self.outcomes if o.status in {SourceStatus.DISABLED, SourceStatus.CLOSED})
