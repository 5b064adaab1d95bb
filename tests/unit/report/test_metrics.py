"""The metrics of a run, held against the specification of CloudWatch's embedded metric format."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.model.calls import HeldBack, RunCalls, ServiceCalls
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.report import metrics
from ecr_cleaner.report.summary import run_json
from tests.builders import NOW
from tests.endings import RUN_ID, ending, outcome, repository, summary

_SIZES: Final = [prefix + unit for unit in ("bytes", "bits") for prefix in ("", "kilo", "mega", "giga", "tera")]
_COUNTED: Final = {"Percent", "Count", *map(str.capitalize, _SIZES)}
UNITS: Final = {"None", "Seconds", "Milliseconds", "Microseconds", *_COUNTED} | {
    f"{unit}/Second" for unit in _COUNTED - {"Percent"}
}
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html."""


def violations(line: str) -> list[str]:
    """What a line breaks of the specification's rules.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
    """
    found = []
    told: Any = json.loads(line)
    if not isinstance(told, dict) or "\n" in line or len(line.encode()) > 256 * 1024:
        return ["a document is one JSON object of at most 256 KB, with nothing around it"]
    meta = told.get("_aws", {})
    if set(meta) != {"CloudWatchMetrics", "Timestamp"}:
        found.append("metadata are CloudWatchMetrics and Timestamp, and nothing else")
    if type(meta.get("Timestamp")) is not int or not 10**12 < meta["Timestamp"] < 10**13:
        found.append("the timestamp counts milliseconds since 1970")
    for directive in meta.get("CloudWatchMetrics", []):
        if set(directive) != {"Namespace", "Dimensions", "Metrics"}:
            found.append("a directive is Namespace, Dimensions and Metrics")
        if not 1 <= len(directive["Namespace"]) <= 1024:
            found.append("a namespace has 1 to 1,024 characters")
        found += [rule for one in directive["Dimensions"] for rule in _of_dimensions(one, told)]
        if not 1 <= len(directive["Metrics"]) <= 100:
            found.append("there are at most 100 metrics")
        found += [rule for one in directive["Metrics"] for rule in _of_metric(one, told)]
    return found


def _of_dimensions(names: list[str], told: dict[str, Any]) -> list[str]:
    found = [] if len(names) <= 30 else ["a set has at most 30 dimensions"]
    return found + [
        f"{name} must be a text of 1 to 1,024 characters of the root"
        for name in names
        if not isinstance(told.get(name), str) or not 1 <= len(told[name]) <= 1024
    ]


def _of_metric(metric: dict[str, Any], told: dict[str, Any]) -> list[str]:
    name = metric["Name"]
    value = told.get(name)
    found = [] if set(metric) <= {"Name", "Unit", "StorageResolution"} else [f"{name} has unknown members"]
    found += [] if 1 <= len(name) <= 1024 else [f"{name} must have 1 to 1,024 characters"]
    found += [] if metric.get("Unit", "None") in UNITS else [f"{metric['Unit']} is no unit"]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return found + ([] if number else [f"{name} must be a number of the root, got {value!r}"])


def line(of: Any, level: str = "INFO") -> dict[str, Any]:
    """The document of an ending, after it was found to keep every rule."""
    made = metrics.document(of, "ECRCleaner", NOW, level)
    assert violations(json.dumps(made)) == []
    return made


def declared(made: dict[str, Any]) -> set[str]:
    """The metrics that CloudWatch takes from a line."""
    (directive,) = made["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["FunctionName"]]
    assert directive["Namespace"] == "ECRCleaner"
    return {metric["Name"] for metric in directive["Metrics"]}


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (lambda told: told["_aws"].update(Timestamp=NOW.timestamp()), "milliseconds"),
        (lambda told: told["_aws"]["CloudWatchMetrics"][0]["Metrics"][0].update(Unit="Days"), "no unit"),
        (lambda told: told.pop("Failures"), "Failures must be a number"),
        (lambda told: told.update(Refused=True), "Refused must be a number"),
        (lambda told: told.pop("FunctionName"), "FunctionName must be a text"),
        (
            lambda told: told["_aws"]["CloudWatchMetrics"][0]["Metrics"].extend([{"Name": "Refused"}] * 100),
            "at most 100",
        ),
    ],
)
def test_the_rules_are_rules(change: Any, broken: str) -> None:
    """A line that breaks one is found out."""
    told = metrics.document(ending(), "ECRCleaner", NOW, "INFO")
    change(told)
    assert any(broken in rule for rule in violations(json.dumps(told)))


def test_a_run_has_every_metric() -> None:
    """Under the names that alarm and dashboard use."""
    outcomes = [
        outcome("ecs"),
        outcome("eks", "failed", "no"),
        outcome("lambda", "disabled"),
        outcome("omics", "not_offered"),
        outcome("*", "closed"),
    ]
    batch = replace(outcome("batch"), seconds=2.0, calls=7, throttled=1, facts=4)
    of = summary(repository("a", removed=2), repository("b", removable=1), outcomes=[*outcomes, batch])
    calls = RunCalls(
        (ServiceCalls("batch", 7, 1), ServiceCalls("ecr", 5, 1)), (HeldBack("batch", ("DescribeJobs",), 1.52),)
    )
    made = line(ending(of, calls=calls))
    assert declared(made) == set(metrics.METRICS)
    size = 1024 * 1024
    assert {name: made[name] for name in declared(made)} == {
        "Failures": 0,
        "Refused": 0,
        "TripwireTripped": 0,
        "ImagesScanned": 10,
        "ImagesInUse": 2,
        "ImagesRemovable": 3,
        "ImagesInGrace": 0,
        "ImagesRemoved": 2,
        "ImagesArchived": 0,
        "ImagesFailed": 0,
        "BytesScanned": 10 * size,
        "BytesInUse": 2 * size,
        "BytesRemovable": 3 * size,
        "BytesRemoved": 2 * size,
        "BytesArchived": 0,
        "Duration": 12.4,
        "Calls": 12,
        "ThrottledCalls": 2,
        "FactsUsed": 4,
        "SourcesComplete": 2,
        "SourcesNotOffered": 1,
        "SourcesFailed": 1,
        "SourcesDisabled": 1,
        "SourcesClosed": 1,
        "Findings": 0,
        "ConsumersBroken": 0,
    }
    by_service = {"batch": {"calls": 7, "throttled": 1}, "ecr": {"calls": 5, "throttled": 1}}
    held_back = [{"service": "batch", "operations": ["DescribeJobs"], "seconds": 1.5}]
    assert made["calls"] == {"made": 12, "throttled": 2, "by_service": by_service, "held_back": held_back}
    assert [(one["source"], one["calls"]) for one in made["slowest_sources"]] == [("batch", 7)]
    assert made["FunctionName"] == "ecr-cleaner"
    assert made["_aws"]["Timestamp"] == int(NOW.timestamp()) * 1000


def test_all_findings_are_counted() -> None:
    """Those that the summary has no room for, too."""
    more = {"findings": [{}, {}], "findings_left_out": {"dangling_reference": 5, "orphaned_artifacts": 1}}
    made = line(ending(summary(), summary=run_json(summary()) | more))
    assert (declared(made), made["Findings"]) == (set(metrics.METRICS), 8)


@pytest.mark.parametrize(("status", "refused"), [(RunStatus.REFUSED, 1), (RunStatus.FAILED, 0)])
def test_what_ended_before_a_run_has_counts_of_what_went_wrong(status: RunStatus, refused: int) -> None:
    """And no zeros, which would look like an empty registry."""
    made = line(ending(status=status, causes=("a", "b")))
    assert declared(made) == {"Failures", "Refused", "TripwireTripped"}
    assert (made["Failures"], made["Refused"], made["TripwireTripped"]) == (2, refused, 0)


def test_a_tripwire_that_tripped_is_a_metric_of_its_own() -> None:
    """The alarm reads it."""
    made = line(ending(summary(refusals=["fell"], tripwire_tripped=True)))
    assert (made["TripwireTripped"], made["Refused"], made["Failures"]) == (1, 1, 1)


@pytest.mark.parametrize("level", ["INFO", "FATAL"])
def test_the_line_passes_the_filter_of_levels(level: str) -> None:
    """Lambda takes a line without level or time for INFO, and drops it where less is kept."""
    made = line(ending(), level)
    assert made["level"] == level
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["timestamp"])
    assert (made["message"], made["requestId"], made["status"]) == ("Run metrics", RUN_ID, "failed")


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=5), st.text(min_size=1, max_size=64))
def test_every_run_makes_a_line_that_keeps_the_rules(counts: list[tuple[int, int]], function: str) -> None:
    """Whatever the numbers are."""
    repositories = [repository(f"r{n}", images=a, removable=b) for n, (a, b) in enumerate(counts)]
    made = metrics.document(ending(summary(*repositories), function=function), "N", NOW, "INFO")
    assert violations(json.dumps(made)) == []
