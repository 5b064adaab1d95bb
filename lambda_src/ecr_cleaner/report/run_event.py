"""The run as an event for EventBridge; docs/run-event.schema.json says what is in it."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from ecr_cleaner.model.account_results import AccountStatus
from ecr_cleaner.model.scan import SourceStatus
from ecr_cleaner.report.invocation import InvocationResult

SCHEMA_VERSION: Final = 1
SOURCE: Final = "ecr-cleaner"
DETAIL_TYPE: Final = "ECR Cleaner Run"

# Together less than the 256 KiB that a request may have,
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html.
_CAUSES_BYTES: Final = 64 * 1024
_REPOSITORIES_BYTES: Final = 160 * 1024
_SOURCES_BYTES: Final = 12 * 1024
_ACCOUNTS_BYTES: Final = 2 * 1024
_TEXT_CHARACTERS: Final = 2000
_REPOSITORY: Final = (
    "name",
    "status",
    "images",
    "in_use",
    "removable",
    "in_grace",
    "removed",
    "archived",
    "deferred",
    "failed",
    "bytes_total",
    "bytes_removable",
    "bytes_removed",
    "bytes_archived",
)

_SOURCE: Final = ("account_id", "region", "source", "cluster")
"""What identifies one of them."""


def entry(ending: InvocationResult, bus: str, now: datetime) -> dict[str, str]:
    """The entry of PutEvents; cut to the largest size that EventBridge accepts."""
    detail = json.dumps(_detail(ending, now), separators=(",", ":"))
    return {"EventBusName": bus, "Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": detail}


def _detail(ending: InvocationResult, now: datetime) -> dict[str, Any]:
    summary = ending.summary or {}
    causes = [cause[:_TEXT_CHARACTERS] for cause in ending.causes]
    shown_causes = _fitting(causes, _CAUSES_BYTES)
    repositories = [{key: one[key] for key in _REPOSITORY} for one in ending.repositories]
    shown = _fitting(repositories, _REPOSITORIES_BYTES)
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": ending.run_id,
        "function_name": ending.function,
        "account_id": summary.get("account_id"),
        "region": ending.region,
        "ended_at": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "duration_seconds": summary.get("duration_seconds"),
        "status": ending.status.value,
        "dry_run": ending.dry_run,
        "tripwire_tripped": ending.tripwire_tripped,
        "consumers_broken": summary.get("consumers_broken", 0),
        "wide_usages": summary.get("wide_usages", 0),
        "causes": shown_causes,
        "causes_omitted": len(causes) - len(shown_causes),
        "totals": dict(ending.totals) if ending.summary else None,
        "sources": dict(ending.outcomes),
        "sources_failed": _fitting(_named(ending.sources, SourceStatus.FAILED), _SOURCES_BYTES),
        "sources_disabled": _fitting(_named(ending.sources, SourceStatus.DISABLED), _SOURCES_BYTES),
        "other_accounts": _other_accounts(ending.other_accounts),
        "repositories": shown,
        "repositories_omitted": len(repositories) - len(shown),
    }


def _other_accounts(others: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if others is None:
        return None
    failed = [one["account_id"] for one in others["accounts"] if one["status"] == AccountStatus.FAILED]
    counts = {status.value: others[status.value] for status in AccountStatus}
    organization = {"organization_problem": others["organization_problem"][:_TEXT_CHARACTERS]}
    return {**counts, **organization, "failed_ids": _fitting(failed, _ACCOUNTS_BYTES)}


def _named(sources: Iterable[Mapping[str, Any]], status: SourceStatus) -> list[dict[str, Any]]:
    return [{name: source[name] for name in _SOURCE} for source in sources if source["outcome"] == status.value]


def _fitting(items: Iterable[Any], max_bytes: int) -> list[Any]:
    """The first items that fit into so many bytes of JSON."""
    fitting = []
    for item in items:
        max_bytes -= len(json.dumps(item, separators=(",", ":"))) + 1
        if max_bytes < 0:
            break
        fitting.append(item)
    return fitting
