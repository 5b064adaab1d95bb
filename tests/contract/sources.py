"""All sources together, as the tests of them script and ask them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner import usage
from ecr_cleaner.model import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.settings import Settings
from tests.builders import NOW

if TYPE_CHECKING:
    from tests.contract.script import Script

NAMES: Final = ("ecs", "lambda", "apprunner", "eventbridge", "scheduler", "eks")
FIRST_CALLS: Final[dict[str, tuple[str, str, str, dict[str, Any]]]] = {
    "ecs": ("ecs", "list_clusters", "clusterArns", {"maxResults": 100}),
    "lambda": ("lambda", "list_functions", "Functions", {"FunctionVersion": "ALL", "MaxItems": 50}),
    "apprunner": ("apprunner", "list_services", "ServiceSummaryList", {"MaxResults": 20}),
    "eventbridge": ("events", "list_event_buses", "EventBuses", {"Limit": 100}),
    "scheduler": ("scheduler", "list_schedules", "Schedules", {"MaxResults": 100}),
    "eks": ("eks", "list_clusters", "clusters", {"maxResults": 100}),
}
"""Of each source: service, method, where the items stand, and what is asked."""


def quiet(script: Script, *but: str) -> None:
    """Every source answers that there is nothing, except some."""
    for name, (service, method, result, asked) in FIRST_CALLS.items():
        if name not in but:
            script.answer(service, method, {result: []}, **asked)


def excluding(*names: str) -> Settings:
    """Settings that take sources out."""
    unscanned = frozenset({"eks"} & set(names))
    return Settings.model_validate(
        {"disabled_usage_sources": frozenset(names) - unscanned, "acknowledged_unscanned": unscanned}
    )


def collected(script: Script, *excluded: str) -> UsageScan:
    """Ask the sources that are not excluded."""
    return usage.collect(script.aws, excluding(*excluded), NOW)


def outcome(scan: UsageScan, name: str) -> SourceOutcome:
    """How one source ended; every other one that was asked is complete."""
    found = {ended.source: ended for ended in scan.outcomes}
    assert sorted(found) == sorted(NAMES)
    assert {o.status for o in found.values() if o.source != name} <= {SourceStatus.COMPLETE, SourceStatus.DISABLED}
    return found[name]


def mend(name: str, title: str, setting: str = "disabled_usage_sources") -> str:
    """How a person excludes a source."""
    return f'{setting} = ["{name}"] excludes {title} from the run, at your own risk'
