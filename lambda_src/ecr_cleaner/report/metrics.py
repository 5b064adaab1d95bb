"""The run as CloudWatch metrics: one line in CloudWatch's embedded metric format (EMF).

The rules are those of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
CloudWatch Logs makes the metrics of the line; the function needs no permission for it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ecr_cleaner.model.account_results import AccountStatus
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import SourceStatus
from ecr_cleaner.report.invocation import InvocationResult

DIMENSION: Final = "FunctionName"

_TOTALS: Final = {
    "ImagesScanned": "images",
    "ImagesInUse": "in_use",
    "ImagesRemovable": "removable",
    "ImagesInGrace": "in_grace",
    "ImagesRemoved": "removed",
    "ImagesArchived": "archived",
    "ImagesFailed": "failed",
    "BytesScanned": "bytes_total",
    "BytesInUse": "bytes_in_use",
    "BytesRemovable": "bytes_removable",
    "BytesRemoved": "bytes_removed",
    "BytesArchived": "bytes_archived",
}
_ACCOUNTS: Final = {f"Accounts{status.value.title()}": status for status in AccountStatus}
"""``AccountsComplete``, ``AccountsFailed`` and ``AccountsExcepted``: of the other accounts."""

_SOURCES: Final = {f"Sources{status.value.title().replace('_', '')}": status for status in SourceStatus}
"""``SourcesComplete``, ``SourcesNotOffered`` and so on."""

METRICS: Final = {
    **dict.fromkeys(("Failures", "Refused", "TripwireTripped"), "Count"),
    **{name: "Bytes" if name.startswith("Bytes") else "Count" for name in _TOTALS},
    "Duration": "Seconds",
    **dict.fromkeys(("Calls", "ThrottledCalls", "FactsUsed"), "Count"),
    **dict.fromkeys((*_SOURCES, "Findings", "ConsumersBroken"), "Count"),
}
"""Every metric with its unit. A run that ended before it had a summary has the first three alone."""

OF_OTHER_ACCOUNTS: Final = dict.fromkeys(("Degraded", *_ACCOUNTS), "Count")
"""What a run that looked at other accounts has besides. Where no run does, nobody pays for them."""


def document(ending: InvocationResult, namespace: str, now: datetime, level: str) -> dict[str, Any]:
    """The line as a document.

    Args:
        ending: The result of the invocation.
        namespace: Of the metrics.
        now: In UTC; the time of every value.
        level: The least severe level that Lambda keeps. Of a line without one it takes INFO, and above INFO it would
            drop the metrics, and with them the alarm
            (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).
    """
    values, units = _values(ending), METRICS | OF_OTHER_ACCOUNTS
    return {
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "message": "Run metrics",
        "requestId": ending.run_id,
        "status": ending.status.value,
        "dry_run": ending.dry_run,
        DIMENSION: ending.function,
        **values,
        # No metrics, which cost by their number: for queries in CloudWatch Logs Insights.
        "calls": ending.calls.as_json(),
        "slowest_sources": list(ending.summary["slowest_sources"]) if ending.summary else [],
        "_aws": {
            "Timestamp": int(now.timestamp() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": namespace,
                    "Dimensions": [[DIMENSION]],
                    "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items() if name in values],
                }
            ],
        },
    }


def _values(ending: InvocationResult) -> dict[str, float]:
    values: dict[str, float] = {
        "Failures": len(ending.causes),
        "Refused": int(ending.status is RunStatus.REFUSED),
        "TripwireTripped": int(ending.tripwire_tripped),
    }
    return values | _of_run(ending, ending.summary) if ending.summary else values


def _of_run(ending: InvocationResult, summary: Mapping[str, Any]) -> dict[str, float]:
    findings = len(summary["findings"]) + sum(summary["findings_left_out"].values())
    return {
        **{name: summary["totals"][key] for name, key in _TOTALS.items()},
        "Duration": summary["duration_seconds"],
        "Calls": ending.calls.calls,
        "ThrottledCalls": ending.calls.throttled,
        "FactsUsed": summary["source_totals"]["facts"],
        **{name: summary["source_outcomes"][status.value] for name, status in _SOURCES.items()},
        "Findings": findings,
        "ConsumersBroken": summary["consumers_broken"],
        **_of_other_accounts(summary["other_accounts"]),
    }


def _of_other_accounts(others: Mapping[str, Any] | None) -> dict[str, float]:
    """Whether some could not be looked at completely, whatever else went wrong; nothing if none was looked at."""
    if others is None:
        return {}
    is_degraded = bool(others["failed"] or others["organization_problem"])
    return {"Degraded": int(is_degraded), **{name: others[status.value] for name, status in _ACCOUNTS.items()}}
