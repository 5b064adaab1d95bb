"""The summary of a run: one JSON document, the function's result."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from itertools import groupby
from typing import Any, Final

from ecr_cleaner.model.account_results import AccountStatus, OtherAccountsResult
from ecr_cleaner.model.finding import Finding
from ecr_cleaner.model.plan import PlanSummary, RemovalStatus
from ecr_cleaner.model.report import Changes
from ecr_cleaner.model.result import FAILING_REMOVALS, RepositoryResult, RunResult
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus
from ecr_cleaner.model.slowest import by_time, slowest
from ecr_cleaner.report.headline import headline

MAX_FINDINGS_PER_KIND: Final = 100
"""Lambda's result may have 6 MB, and one line of the log a few hundred KB."""

MAX_SOURCES: Final = 1000
"""Likewise: an organization has tens of thousands, one in each region of each account."""

MAX_ACCOUNTS: Final = 100
"""Likewise."""


def shown(findings: Iterable[Finding]) -> tuple[list[Finding], dict[str, int]]:
    """The first findings of each kind, and by kind how many more there are."""
    seen: Counter[str] = Counter()
    first = []
    for finding in findings:
        seen[finding.kind.value] += 1
        if seen[finding.kind.value] <= MAX_FINDINGS_PER_KIND:
            first.append(finding)
    limit = MAX_FINDINGS_PER_KIND
    return first, {kind: count - limit for kind, count in sorted(seen.items()) if count > limit}


SCHEMA_VERSION: Final = 1


def repository_json(repository: RepositoryResult) -> dict[str, Any]:
    """The repository as JSON-native values."""
    values = {field.name: getattr(repository, field.name) for field in fields(repository)}
    counted = {name: dict(sorted(value.items())) for name, value in values.items() if isinstance(value, Counter)}
    return {
        **values,
        **counted,
        "rules": None if repository.rules is None else list(repository.rules),
        "kept": repository.images - repository.removable,
        "in_use": repository.in_use,
        "removable": repository.removable,
        "in_grace": repository.in_grace,
        "removed": repository.removals[RemovalStatus.REMOVED.value],
        "archived": repository.removals[RemovalStatus.ARCHIVED.value],
        "deferred": repository.removals[RemovalStatus.DEFERRED.value],
        "limited": repository.removals[RemovalStatus.LIMITED.value],
        "failed": sum(repository.removals[status.value] for status in FAILING_REMOVALS),
        "partly_untagged": repository.removals[RemovalStatus.PARTLY_UNTAGGED.value],
    }


def run_json(result: RunResult, *, everything: bool = False) -> dict[str, Any]:
    """The run as JSON-native values.

    Args:
        result: Of the run.
        everything: Also findings, sources and accounts beyond the limits that keep the function's result and log line
            short.
    """
    findings, left_out = (result.findings, {}) if everything else shown(result.findings)
    repositories = [repository_json(result.repositories[name]) for name in sorted(result.repositories)]
    outcomes = sorted(result.scan.outcomes, key=lambda outcome: outcome.key) if result.scan else []
    counted_outcomes = Counter(outcome.status for outcome in outcomes)
    counted = (
        "images",
        "kept",
        "in_use",
        "removable",
        "in_grace",
        "removed",
        "archived",
        "deferred",
        "limited",
        "failed",
    )
    stored = ("bytes_total", "bytes_in_use", "bytes_in_archive", "bytes_removable", "bytes_removable_from_archive")
    totals = (*counted, "partly_untagged", *stored, "bytes_removed", "bytes_archived")
    summary: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "run_id": result.run_id,
        "status": result.status.value,
        "dry_run": result.dry_run,
        "region": result.region,
        "account_id": result.account_id,
        "causes": list(result.causes),
        "tripwire_tripped": result.tripwire_tripped,
        "consumers_broken": result.consumers_broken,
        "wide_usages": result.wide_usages,
        "sources": [
            {
                **outcome.key.as_json(),
                "outcome": outcome.status.value,
                "usages": outcome.usages,
                "detail": outcome.detail,
                **_took(outcome),
            }
            for outcome in (outcomes if everything else _first_sources(outcomes, result.account_id))
        ],
        "source_totals": {name: sum(getattr(one, name) for one in outcomes) for name in _COUNTED},
        "slowest_sources": slowest_json(outcomes),
        "source_outcomes": {status.value: counted_outcomes[status] for status in SourceStatus},
        "other_accounts": other_accounts_json(result.other_accounts, everything=everything),
        "unprotected": [
            *(f"{o.key}: {o.detail}" for o in (result.scan.unprotected if result.scan else ())),
            *result.accepted_gaps,
        ],
        "notes": [*result.notes, *(note for outcome in outcomes for note in outcome.notes)],
        "findings": [asdict(finding) for finding in findings],
        "findings_left_out": left_out,
        "repositories": repositories,
        "totals": {key: sum(repository[key] for repository in repositories) for key in totals},
        "deferred": sorted(result.deferred),
        "plan": plan_json(result.plan) if result.plan else None,
        "duration_seconds": round(result.seconds, 3),
        "report": result.report,
        "started_at": result.began_at.isoformat() if result.began_at else None,
        "storage_price_per_gb_month": result.price,
        "changes": changes_json(result.changes) if result.changes else None,
    }
    sentence = headline(summary)
    return {**summary, "headline": f"{sentence[0].upper()}{sentence[1:]}."}


_COUNTED: Final = ("calls", "throttled", "facts")
"""What is counted of a source besides its usages, see `SourceOutcome`."""


def _took(outcome: SourceOutcome) -> dict[str, float]:
    """Its time, and what it was needed for."""
    counts = {name: getattr(outcome, name) for name in _COUNTED}
    return {"seconds": round(outcome.seconds, 3), **counts}


def slowest_json(outcomes: Iterable[SourceOutcome]) -> list[dict[str, Any]]:
    """The sources that took longest as JSON-native values."""
    return [{**outcome.key.as_json(), **_took(outcome)} for outcome in slowest(outcomes)]


def sources_json(outcomes: Iterable[SourceOutcome]) -> Iterator[dict[str, Any]]:
    """Each source that was called, in all accounts and regions together, as JSON-native values."""
    for name, group in groupby(sorted(by_time(outcomes), key=lambda one: one.source), key=lambda one: one.source):
        of_source = list(group)
        longest = of_source[0]
        counts = {count: sum(getattr(one, count) for one in of_source) for count in _COUNTED}
        took = {"seconds": round(longest.seconds, 3), "slowest_in": str(longest.target), **counts}
        yield {"source": name, "targets": len(of_source), **took}


def _first_sources(outcomes: Iterable[SourceOutcome], own_account: str | None) -> list[SourceOutcome]:
    """As many as are shown: those of the own account, then those elsewhere that say more than that all is well."""

    def rank(outcome: SourceOutcome) -> tuple[bool, bool]:
        return outcome.target.account_id != own_account, outcome.status is SourceStatus.COMPLETE

    first = sorted(outcomes, key=rank)[:MAX_SOURCES]
    return sorted(first, key=lambda outcome: outcome.key)


def other_accounts_json(result: OtherAccountsResult | None, *, everything: bool) -> dict[str, Any] | None:
    """How the look at other accounts ended, those first that could not be looked at; None: none was looked at."""
    if result is None:
        return None
    order = [AccountStatus.FAILED, AccountStatus.EXCEPTED, AccountStatus.COMPLETE]
    accounts = sorted(result.accounts, key=lambda one: (order.index(one.status), one.account_id))
    return {
        **{status.value: len(result.ids(status)) for status in AccountStatus},
        "organization_problem": result.organization_problem,
        "accounts": [
            {**asdict(one), "regions": list(one.regions), "missing": list(one.missing)}
            for one in (accounts if everything else accounts[:MAX_ACCOUNTS])
        ],
    }


def changes_json(changes: Changes) -> dict[str, Any]:
    """What changed as JSON-native values."""
    return {
        name: value | {"first": list(value["first"])} if isinstance(value, dict) else value
        for name, value in asdict(changes).items()
    }


SHOWN: Final = 100
"""Kept images of a plan in a result; the log has all of them."""


def plan_json(plan: PlanSummary) -> dict[str, Any]:
    """The plan as JSON-native values."""
    values = asdict(plan)
    stays = [values["stays"][key] for key in sorted(plan.stays)]
    return {
        **values,
        "expires_at": plan.expires_at.isoformat(),
        "stays": dict(sorted(Counter(stay["reason"] for stay in stays).items())),
        "stays_shown": [stay | {"tags": list(stay["tags"])} for stay in stays[:SHOWN]],
    }
