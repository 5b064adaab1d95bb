"""All sources together, as the tests of them script and ask them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import catalog
from ecr_cleaner.usage.scanner import LocalScanner
from ecr_cleaner.usage.source import INDISPENSABLE, Source
from tests.builders import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.usage.source import RequiredField, SourceContext
    from tests.aws_calls.script import Script

NAMES: Final = ("apprunner", "ecs", "eks", "eventbridge", "lambda", "scheduler")
SOURCES: Final = tuple(source for source in catalog.SOURCES if source.name in NAMES)
"""Enough to tell one from another; what holds for them holds for all."""
TITLES: Final = {source.name: source.title for source in SOURCES}

FIRST_CALLS: Final[dict[str, tuple[str, str, str, dict[str, Any]]]] = {
    "ecs": ("ecs", "list_clusters", "clusterArns", {"maxResults": 100}),
    "lambda": ("lambda", "list_functions", "Functions", {"FunctionVersion": "ALL", "MaxItems": 50}),
    "apprunner": ("apprunner", "list_services", "ServiceSummaryList", {"MaxResults": 20}),
    "eventbridge": ("events", "list_event_buses", "EventBuses", {"Limit": 100}),
    "scheduler": ("scheduler", "list_schedules", "Schedules", {"MaxResults": 100}),
    "eks": ("eks", "list_clusters", "clusters", {"maxResults": 100, "include": ["all"]}),
}
"""Of each source: service, method, where the items stand, and what is asked."""


def quiet(script: Script, *but: str) -> None:
    """Every source answers that there is nothing, except some."""
    for name, (service, method, result, asked) in FIRST_CALLS.items():
        if name not in but:
            script.answer(service, method, {result: []}, **asked)


def excluding(*names: str) -> Settings:
    """Settings that take sources out."""
    gaps = {source.gap: "known" for source in SOURCES if source.name in names}
    return Settings.model_validate({"accepted_gaps": gaps})


def collected(script: Script, *excluded: str) -> UsageScan:
    """Ask the sources that are not excluded."""
    return scanned(script.aws, excluding(*excluded), SOURCES)


def scanned(clients: AwsClients, settings: Settings, sources: Sequence[Source] = catalog.SOURCES) -> UsageScan:
    """What a run would know of its account and region."""
    return LocalScanner(clients, settings, "run-1", lambda: NOW, sources, helpers=0).scan(NOW)


def alone(
    script: Script, collect: Callable[[SourceContext], Iterator[Usage]], *fields: RequiredField, service: str = "ecs"
) -> UsageScan:
    """Ask one source that is made up."""
    made_up = Source("made-up", "things made up", "nothing", service, (), fields, collect)
    return scanned(script.aws, Settings(), (made_up,))


def outcome(scan: UsageScan, name: str) -> SourceOutcome:
    """How one source ended; every other one that was asked is complete."""
    found = {ended.source: ended for ended in scan.outcomes}
    assert sorted(found) == sorted(NAMES)
    assert {o.status for o in found.values() if o.source != name} <= {SourceStatus.COMPLETE, SourceStatus.DISABLED}
    return found[name]


def mend(name: str, title: str = "") -> str:
    """How a person excludes a source; nothing proposes that for what almost every account uses."""
    if name in INDISPENSABLE:
        return ""
    start = "; or exclude this source at your own risk, and images that only these use are not protected: "
    return f'{start}{title or TITLES[name]}: accepted_gaps = {{ "source:{name}" = "<reason>" }}'
