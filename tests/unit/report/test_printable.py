"""Whatever text a run holds: nothing that leaves the function contains a character that cannot be printed."""

from __future__ import annotations

import json
import logging
import pkgutil
import sys
from collections import Counter
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecr_cleaner.report
from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.errors import CleanerError, RunFailedError
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.plan import PlanSummary, Removal, RemovalStatus, RepositoryPlan, RetainedImage
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus, RunResult
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.report import console, mail, metrics, run_event
from ecr_cleaner.report.invocation import InvocationResult
from ecr_cleaner.report.log import LOGGER, LogReporter
from ecr_cleaner.report.reporter import CollectingReporter, Fanout
from ecr_cleaner.report.summary import run_json
from ecr_cleaner.report.terminal import PrintableConsole
from tests.builders import ACCOUNT, NOW, REGION, TARGET, image, repository, usage
from tests.report_page.made import recorder
from tests.unit.test_printable import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.report.document import DocumentReporter

HOSTILE: Final = "\x1b[2J\x1b]0;owned\x07\r\nEverything is in order.\n\u2028\u202e\x9b\x7f\ud800"

RETAINED: Final = RetainedImage("app", "sha256:1", ("v1",), "gone", "it is gone")


class Run:
    """A run with something in every place, of which every string ends with some more.

    Attributes:
        plan: The verdicts of its repository.
        removals: How removals ended.
        result: Its result.
    """

    def __init__(self, more: str) -> None:
        images = RepositorySnapshot((image("used", tags=["v2"]), image("old", tags=["v1"]), image("bare")))
        used = (replace(usage(tag="v2", consumer="ecs service prod/api"), failure="CannotPull"),)
        plan = evaluate(repository("app"), images, used, NOW)
        outcomes = (
            SourceOutcome(TARGET, "ecs", SourceStatus.FAILED, 1, "denied", ("a note",)),
            SourceOutcome(TARGET, "eks", SourceStatus.DISABLED, detail="excluded"),
        )
        findings = [
            Finding(kind, severity, "app", "a detail", 1)
            for kind in (FindingKind.DANGLING_REFERENCE, FindingKind.ARCHIVED_IN_USE)
            for severity in Severity
        ]
        others = (
            RepositoryResult(f"{status.value}", status, "why", "pull_through_cache:x") for status in RepositoryStatus
        )
        judged = RepositoryResult("app", failure_codes=Counter({"KmsError": 1})).with_plan(plan)
        removals = [Removal(plan.removals[0], status, ("KmsError",), "a detail") for status in RemovalStatus]
        for removal in removals:
            judged = judged.with_removal(removal)
        result = RunResult(
            "run-1",
            dry_run=False,
            region=REGION,
            account_id=ACCOUNT,
            accepted_gaps=("a gap",),
            scan=UsageScan(used, outcomes, NOW),
            repositories={one.name: one for one in (judged, *others)},
            problems=("a problem",),
            notes=("a note",),
            findings=tuple(findings),
            deferred=("later",),
            timed_out="time ran out",
            report="s3://bucket/report.html",
            plan=PlanSummary("awaits_approval", "id", NOW, 1, 1, "a command", {("app", "sha256:1"): RETAINED}),
        )
        self.plan: RepositoryPlan = planted(plan, more)
        self.removals: list[Removal] = planted(removals, more)
        self.result: RunResult = planted(result, more)

    def report_to(self, reporter: Any) -> None:
        """Everything that a reporter may be told."""
        for refused in (False, True):
            reporter.evaluated(self.plan, dry_run=True, refused=refused)
            reporter.withheld(self.plan, refused=refused)
        for removal in self.removals:
            reporter.removal(removal)
        for result in self.result.repositories.values():
            reporter.repository(result)
        reporter.run(self.result)

    def ending(self, more: str) -> InvocationResult:
        """The invocation."""
        return InvocationResult(
            f"run-1{more}",
            f"ecr-cleaner{more}",
            f"/aws/lambda/ecr-cleaner{more}",
            f"{REGION}{more}",
            self.result.dry_run,
            self.result.status,
            self.result.causes,
            run_json(self.result),
        ).with_problems([f"another problem{more}"])


def planted(value: Any, more: str) -> Any:
    """A value with more text behind every string in it, at any depth."""
    if isinstance(value, str):
        return value if isinstance(value, Enum) else value + more
    if isinstance(value, dict):
        return type(value)({planted(key, more): planted(member, more) for key, member in value.items()})
    if isinstance(value, list | tuple | frozenset):
        return type(value)(planted(part, more) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        ours = {"state", "reasons", "removals"}  # names that this package gives
        told = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **{name: planted(part, more) for name, part in told.items() if name not in ours})
    return value


def log(run: Run, more: str) -> Iterator[str]:
    """What a formatter for people and what Lambda's formatter for programs make of each line."""
    lines: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = lines.append  # type: ignore[method-assign, assignment]
    LOGGER.addHandler(handler)
    level = LOGGER.level
    LOGGER.setLevel(logging.DEBUG)
    try:
        run.report_to(LogReporter())
        error = CleanerError(f"a cause{more}")
        LOGGER.error("An error: %s", error, extra={"cause": str(error)}, exc_info=error)
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
    for line in lines:
        yield line.getMessage()
        if line.exc_info:
            yield from logging.Formatter().formatException(line.exc_info).split("\n")
        yield from leaves({name: value for name, value in vars(line).items() if name != "exc_info"})


def report(run: Run, _more: str) -> Iterator[str]:
    """The document, of which the page shows what it holds."""
    made: DocumentReporter = recorder()
    run.report_to(Fanout((made,)))
    target = BytesIO()
    made.write(target, run.result, [])
    yield from leaves(json.loads(target.getvalue()))
    yield from target.getvalue().decode().split("\n")


def terminal(run: Run, _more: str) -> Iterator[str]:
    """The tables and lines of commands; so wide that no line is folded."""
    collected = CollectingReporter()
    run.report_to(collected)
    out = StringIO()
    wide = PrintableConsole(file=out, width=20_000)
    console.print_plan(collected, wide, run.result.region, everything=True)
    for verdict in run.plan.verdicts:
        console.print_verdict(verdict, run.plan.repository.retention, wide)
    yield from out.getvalue().split("\n")


def notification(run: Run, more: str) -> Iterator[str]:
    """Subject and text."""
    ending = run.ending(more)
    yield mail.subject(ending)
    yield from mail.text(ending).split("\n")


def for_programs(run: Run, more: str) -> Iterator[str]:
    """Metrics, event and result: a program may show what it reads."""
    ending = run.ending(more)
    yield from leaves(metrics.document(ending, "ecr-cleaner", NOW, "INFO"))
    yield from leaves(json.loads(run_event.entry(ending, "bus", NOW)["Detail"]))
    yield from leaves(ending.summary)
    yield from leaves(json.loads(str(RunFailedError("run-1", ending.status, ending.causes))))


OUTPUTS: Final = (log, report, terminal, notification, for_programs)


@pytest.mark.parametrize("output", OUTPUTS)
@given(more=st.text(st.characters(exclude_categories=[]), min_size=1, max_size=8) | st.just(HOSTILE))
@settings(max_examples=15, deadline=None)
def test_every_string_of_every_output_is_one_printable_line(output: Any, more: str) -> None:
    """And there are no more of them than without the text."""
    plain, found = list(output(Run("+"), "+")), list(output(Run(more), more))
    assert all(line.isprintable() for line in found)
    assert len(found) == len(plain)


def test_every_module_that_renders_is_among_the_outputs() -> None:
    """A new one is not forgotten."""
    used = {name for name in vars(sys.modules[__name__]) if not name.startswith("_")}
    named = {one.name for one in pkgutil.iter_modules(ecr_cleaner.report.__path__)}
    by_others = {
        "changes": "report",
        "document": "report",
        "headline": "run_json",
        "html_page": "report",  # the document itself, in another form
        "invocation": "ending",
        "log": "LogReporter",
        "next_step": "report",
        "remedies": "report",
        "reporter": "CollectingReporter",
        "summary": "run_json",
        "savings": "report",
        "terminal": "PrintableConsole",
        "units": "terminal",
    }
    assert named == (named & used) | by_others.keys()
