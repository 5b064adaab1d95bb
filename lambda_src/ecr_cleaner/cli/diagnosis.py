"""What works and what does not: every source is asked once, read-only, and nothing is judged."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ecr_cleaner import compose
from ecr_cleaner.aws import errors
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.registry_look import RegistryLook
from ecr_cleaner.cli.sentences import sentence
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.clock import utc_now
from ecr_cleaner.decision import coverage, denials, other_accounts
from ecr_cleaner.decision.limits import LimitTracker
from ecr_cleaner.decision.stop import decide_stop
from ecr_cleaner.errors import CleanerError
from ecr_cleaner.model.gaps import entries
from ecr_cleaner.model.repository import SkipReason
from ecr_cleaner.model.result import SOUND
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import PolicyType, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.registry import config
from ecr_cleaner.registry.images import accepting
from ecr_cleaner.run.context import HISTORY_IS_OFF, limits_of
from ecr_cleaner.run.latest_scan import held_against_history
from ecr_cleaner.settings.loader import refuse_own_account
from ecr_cleaner.usage import accepted


@dataclass(slots=True)
class Diagnosis:
    """What a run would meet, under the names of the JSON document.

    Attributes:
        account_id: Of the registry.
        region: Of the registry.
        repositories: How many there are.
        opted_in: How many opted in.
        refusals: Why a run would remove nothing anywhere; one sentence each.
        problems: Why a run would fail all the same; one sentence each.
        other_accounts: What of other accounts could not be looked at; one sentence for each cause.
        left_alone: Repositories that opted in and are left alone, with the reason and the entry that includes them.
        notes: What else an operator should know.
        unprotected: What the settings leave unprotected.
        sources: How each source ended.
        denied: Permissions that are missing, each with whose they are, and the sources that need them.
        acceptable: What may be accepted of it at one's own risk: an entry, and what it leaves unprotected.
    """

    account_id: str
    region: str
    repositories: int = 0
    opted_in: int = 0
    refusals: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    other_accounts: list[str] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unprotected: list[str] = field(default_factory=list)
    sources: list[SourceOutcome] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    acceptable: list[str] = field(default_factory=list)

    @property
    def status(self) -> RunStatus:
        """As a run would end, as far as it does not depend on its verdicts."""
        if self.refusals:
            return RunStatus.REFUSED
        if self.problems:
            return RunStatus.FAILED
        return RunStatus.DEGRADED if self.other_accounts else RunStatus.COMPLETED

    def as_json(self) -> dict[str, Any]:
        """As JSON-native values."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        sources = [
            {**one.key.as_json(), "outcome": one.status.value, "usages": one.usages, "detail": one.detail}
            for one in self.sources
        ]
        return {"schema_version": 1, "status": self.status.value, **told, "sources": sources}


def diagnose(connection: Connection, known: KnownSettings) -> Diagnosis:
    """Look at the registry, open the history, and ask every source.

    Raises:
        AwsError: The registry could not be read.
        CleanerError: Likewise.
    """
    clients, settings, now = connection.clients, known.value, utc_now()
    with connection.progress():
        facts = config.registry_facts(clients)
        refuse_own_account(settings, facts.account)
        look = RegistryLook()
        told = Diagnosis(facts.account, clients.region)
        listing = look.list_repositories(clients, settings, facts, None)
        history = compose.history_reader(clients, settings)
        try:
            if history is not None:
                history.open(now)
            else:
                told.notes.append(HISTORY_IS_OFF)
        except (CleanerError, *errors.AwsError) as error:
            told.refusals.append(sentence(error))
            history = None
        scanner = compose.usage_scanner(clients, settings, str(uuid.uuid4()), utc_now, read_only=True)
        scan = scanner.scan(now)
    name = known.name if known.source == "function" and known.name else "ecr-cleaner"
    latest = held_against_history(scan, history, settings, clients.region, name)
    scan = latest.compared.scan
    stop = decide_stop(scan, (), LimitTracker(limits_of(settings)), latest.tripwire, utc_now())
    told.repositories, told.opted_in = len(look.names), len(listing.opted_in)
    told.refusals += stop.reasons
    accepts = partial(accepting, settings, SkipReason.OTHER_ACCOUNTS)
    uncovered = coverage.skipped(listing.repositories, scan, accepts)
    for repository, outcome in [*listing.left_alone, *uncovered.items()]:
        include = (
            f'; accepted_gaps = {{ "{outcome.setting}" = "<reason>" }} would include it' if outcome.setting else ""
        )
        told.left_alone.append(f"{repository}: {outcome.status}: {outcome.detail}{include}")
        if outcome.status not in SOUND:
            told.problems.append(f"repository {repository}: {outcome.detail}")
    if (others := other_accounts.result(scan)) is not None:
        told.other_accounts += others.causes
    told.notes += [*settings.notes, *listing.notes, *(note for one in scan.outcomes for note in one.notes)]
    told.unprotected += (f"{one.key}: {one.detail}" for one in scan.unprotected)
    told.unprotected += accepted.beside_sources(settings, scan)
    told.sources = sorted(scan.outcomes, key=lambda one: one.key)
    told.denied += _denied(scan)
    told.acceptable += _acceptable(scan)
    return told


def _denied(scan: UsageScan) -> Iterator[str]:
    """Each permission once, with whose it is; the remedy is in the refusal."""
    needed: dict[tuple[str, str, str], list[str]] = {}
    for outcome in sorted(scan.failures, key=lambda one: one.key):
        if (denial := outcome.denial) is not None:
            whose = denials.who(denial)
            needed.setdefault((denial.permission, _where(scan, outcome.target), whose), []).append(outcome.source)
    for (permission, where, who), sources in sorted(needed.items()):
        yield f"{permission} in {where}: {who}; sources {', '.join(sources)}"


def _where(scan: UsageScan, target: ScanTarget) -> str:
    return target.region if target.account_id == scan.account_id else str(target)


def _acceptable(scan: UsageScan) -> Iterator[str]:
    """What no permission mends: service control policies of an organization, as in the messages of a run."""
    for outcome in sorted(scan.failures, key=lambda one: one.key):
        denial = outcome.denial
        if denial is not None and denial.policy is PolicyType.SERVICE_CONTROL and denial.gap:
            yield f"{entries([denial.gap])} leaves unprotected: {denial.unprotected}"


def by_status(told: Diagnosis) -> Iterator[tuple[str, int]]:
    """How many sources ended in which way."""
    for status in SourceStatus:
        if number := len({one.source for one in told.sources if one.status is status}):
            yield status.value.replace("_", " "), number
