"""What people and machines read of a run."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from ecr_cleaner.decision import grace
from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.plan import Reason, Removal, RemovalStatus, Verdict
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus, RunResult
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.report.console import held, print_plan, print_verdict
from ecr_cleaner.report.log import LOGGER, LogReporter
from ecr_cleaner.report.reporter import CollectingReporter, verdict_json
from ecr_cleaner.report.summary import MAX_FINDINGS_PER_KIND, repository_json, run_json
from ecr_cleaner.report.units import human_bytes
from tests.builders import ACCOUNT, NOW, REGION, TARGET, digest, image, repository, usage

if TYPE_CHECKING:
    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.plan import RepositoryPlan
    from ecr_cleaner.model.usage import Usage

REFUSED = RunResult("run-1", dry_run=False, region=REGION, refusals=("source ecs: denied",))


def plan(*images: Image, usages: tuple[Usage, ...] = ()) -> RepositoryPlan:
    """A plan for the repository app."""
    return evaluate(repository(), RepositorySnapshot(images), usages, NOW)


def verdict(**more: Any) -> Verdict:
    """The verdict on an old, unused image of 40 days."""
    return plan(image(**more)).verdicts[0]


def summary(**more: Any) -> RunResult:
    """The result of a run."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in more.items()}
    return RunResult("run-1", dry_run=False, region=REGION, **values)


def judged(*plans: RepositoryPlan, **more: Any) -> RunResult:
    """The summary of a run that judged some plans."""
    repositories = {one.repository.name: RepositoryResult(one.repository.name).with_plan(one) for one in plans}
    return summary(account_id=ACCOUNT, repositories=repositories, **more)


# The summary


def test_the_summary_has_a_fixed_set_of_keys() -> None:
    """Dashboards and alarms read them: a change here is a change of schema_version."""
    outcomes = (SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE, usages=3, notes=("a note",)),)
    found = run_json(judged(plan(image()), scan=UsageScan((), outcomes, NOW)))
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {
        "schema_version",
        "run_id",
        "status",
        "dry_run",
        "region",
        "account_id",
        "causes",
        "tripwire_tripped",
        "consumers_broken",
        "wide_usages",
        "sources",
        "source_totals",
        "slowest_sources",
        "source_outcomes",
        "other_accounts",
        "unprotected",
        "notes",
        "findings",
        "findings_left_out",
        "repositories",
        "totals",
        "deferred",
        "plan",
        "duration_seconds",
        "report",
        "started_at",
        "storage_price_per_gb_month",
        "changes",
        "headline",
    }
    assert found["schema_version"] == 1
    assert set(found["repositories"][0]) == {
        "name",
        "status",
        "detail",
        "setting",
        "keep_days",
        "rules",
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
        "partly_untagged",
        "reasons",
        "removals",
        "failure_codes",
        "savings_tag",
        "bytes_total",
        "bytes_in_use",
        "bytes_in_archive",
        "bytes_removable",
        "bytes_removable_from_archive",
        "bytes_removed",
        "bytes_archived",
    }
    assert set(found["totals"]) == {
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
        "partly_untagged",
        "bytes_total",
        "bytes_in_use",
        "bytes_in_archive",
        "bytes_removable",
        "bytes_removable_from_archive",
        "bytes_removed",
        "bytes_archived",
    }
    where = {"account_id": ACCOUNT, "region": REGION, "source": "ecs", "cluster": None}
    took = {"seconds": 0.0, "calls": 0, "throttled": 0, "facts": 0}
    assert found["sources"] == [{**where, "outcome": "complete", "usages": 3, "detail": "", **took}]
    assert found["notes"] == ["a note"]


def test_a_run_that_never_began_has_the_same_keys() -> None:
    """Null, empty and zero, but there."""
    found = run_json(summary())
    assert set(found) == set(run_json(judged(plan(image()))))
    assert (found["account_id"], found["sources"], found["repositories"], found["report"]) == (None, [], [], None)
    assert set(found["totals"].values()) == {0}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, RunStatus.COMPLETED),
        ({"deferred": ["app"]}, RunStatus.INCOMPLETE),
        ({"problems": ["p"], "deferred": ["app"]}, RunStatus.FAILED),
        ({"refusals": ["r"], "problems": ["p"], "deferred": ["app"]}, RunStatus.REFUSED),
        ({"notes": ["n"]}, RunStatus.COMPLETED),
    ],
)
def test_the_gravest_word_wins(more: dict[str, Any], status: RunStatus) -> None:
    """Refused before failed before incomplete."""
    assert summary(**more).status is status
    assert run_json(summary(**more))["status"] == status.value


def test_causes_name_everything() -> None:
    """In the order of their weight."""
    bad = RepositoryResult("app", status=RepositoryStatus.MISCONFIGURED, detail="bad tag")
    made = summary(refusals=["r"], problems=["p"], deferred=["a", "b"], repositories={"app": bad})
    assert made.causes == ("r", "p", "repository app: bad tag", "time ran out: 2 repositories left")


def test_the_slowest_sources_are_told() -> None:
    """In the summary however short their time was, without those nobody called; in a cause if they took long."""
    took = {"batch": (1.0, 5), "ecs": (61.0, 900), "eks": (0.0, 0), "lambda": (60.5, 40), "pipes": (2.0, 1)}
    outcomes = tuple(
        SourceOutcome(TARGET, name, SourceStatus.COMPLETE, seconds=seconds, calls=calls)
        for name, (seconds, calls) in took.items()
    )
    made = summary(scan=UsageScan((), outcomes, NOW), deferred=["a"], timed_out="time ran out before PutObject")
    where = {"account_id": ACCOUNT, "region": REGION, "cluster": None}
    assert run_json(made)["slowest_sources"] == [
        {**where, "source": name, "seconds": took[name][0], "calls": took[name][1], "throttled": 0, "facts": 0}
        for name in ("ecs", "lambda", "pipes")
    ]
    slow = f"; the slowest sources: ecs in {TARGET} (61 s, 900 calls); lambda in {TARGET} (60 s, 40 calls)"
    assert made.causes == ("time ran out: 1 repositories left", f"time ran out before PutObject{slow}")


FAILING = {"failed", "misconfigured", "over_limit"}
"""What is in order does not fail a run, and what nobody could look at does."""


@pytest.mark.parametrize("status", RepositoryStatus)
def test_a_repository_is_a_problem_if_it_could_not_be_handled(status: RepositoryStatus) -> None:
    """Its detail says why; skipped, gone, or left for the next run is none."""
    problems = ("repository app: why",) if status.value in FAILING else ()
    assert RepositoryResult("app", status=status, detail="why").problems == problems


def test_verdicts_are_counted() -> None:
    """By reason; the size of an index is that of its largest manifest, which is counted itself."""
    made = RepositoryResult("app")
    images = [image("a", size=10), image("b", size=5, pushed="1d"), image("index", kind="index", size=10)]
    made = made.with_plan(plan(*images))
    assert (made.images, made.removable, made.keep_days) == (3, 2, 30)
    assert made.reasons == {"old_and_unused": 2, "too_young": 1}
    assert (made.bytes_total, made.bytes_removable) == (15, 10)
    assert repository_json(made)["kept"] == 1


def test_each_repository_says_which_rules_name_it() -> None:
    """By their numbers, as Terraform counts; before it was judged, nobody knows."""
    made = RepositoryResult("app")
    assert repository_json(made)["rules"] is None
    some: list[dict[str, Any]] = [{"keep_newest": 1}, {"keep": True, "tags": ("v*",)}]
    for rules in ([], some):
        judged_by = made.with_plan(evaluate(repository(rules=rules), RepositorySnapshot(()), (), NOW))
        assert repository_json(judged_by)["rules"] == list(range(len(rules)))


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ((), ""),
        (({"keep_days": 90},), "; retention_rules[0] keeps images: 90 days"),
        (
            (
                {"tags": ("v*", "r*"), "except_tags": ("*-rc", "*-x"), "keep_newest": 10},
                {"except_tags": ("v*",), "keep_pulled_within_days": 14},
                {"tags": ("x",), "untagged": True, "artifact_types": ("a/*", "b/c"), "keep": True},
                {"untagged": True, "keep_days": 7},
                {"artifact_types": ("*",), "keep_days": 7},
            ),
            (
                "; retention_rules[0] keeps v* r* but *-rc *-x: 30 days, the newest 10"
                "; retention_rules[1] keeps tagged but v*: 30 days, what was pulled within 14 days"
                "; retention_rules[2] keeps x and untagged artifacts a/* b/c: for ever"
                "; retention_rules[3] keeps untagged: 7 days"
                "; retention_rules[4] keeps artifacts *: 7 days"
            ),
        ),
    ],
)
def test_the_rules_in_words(rules: Any, told: str) -> None:
    """Only what they say; and the age, which each of them has."""
    assert held(repository(rules=rules).retention) == f"default: keeps 30 days{told}"


def test_endings_are_counted() -> None:
    """By status and by code; failures make a problem that says how many and why."""
    made = RepositoryResult("app")
    removed = verdict(size=7)
    made = made.with_removal(Removal(removed, RemovalStatus.REMOVED))
    made = made.with_removal(Removal(verdict(name="index", kind="index", size=9), RemovalStatus.REMOVED))
    made = made.with_removal(Removal(removed, RemovalStatus.CHANGED))
    assert not made.problems
    made = made.with_removal(Removal(removed, RemovalStatus.FAILED, ("KmsError",)))
    made = made.with_removal(Removal(removed, RemovalStatus.FAILED, ("ImageReferencedByManifestList", "KmsError")))
    assert made.problems == (
        "repository app: 2 images could not be removed (ImageReferencedByManifestList x1, KmsError x2)",
    )
    made = made.with_removal(Removal(removed, RemovalStatus.PARTLY_UNTAGGED, ("KmsError",)))
    assert "3 images could not be removed, 1 of them lost some of their tags (" in made.problems[0]
    found = repository_json(made)
    assert (found["removed"], found["failed"], found["partly_untagged"], found["bytes_removed"]) == (2, 3, 1, 7)
    assert found["removals"] == {"changed": 1, "failed": 2, "partly_untagged": 1, "removed": 2}
    assert found["failure_codes"] == {"ImageReferencedByManifestList": 1, "KmsError": 3}


def test_what_is_excluded_is_said_in_every_run() -> None:
    """A person's choice of last year is still news today."""
    excluded = SourceOutcome(TARGET, "ecs", SourceStatus.DISABLED, detail="excluded by accepted_gaps (retired)")
    found = run_json(summary(scan=UsageScan((), (excluded,), NOW)))
    assert found["unprotected"] == ["ecs in 123456789012/us-east-1: excluded by accepted_gaps (retired)"]
    assert found["status"] == "completed"


# The log


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every line of the package."""
    caplog.set_level(logging.DEBUG, logger="ecr_cleaner")
    return caplog


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What a line carries beside its text: under Lambda's JSON logging the members of the line."""
    plain = logging.makeLogRecord({}).__dict__
    return {name: value for name, value in vars(record).items() if name not in plain and name != "message"}


def test_the_log_is_the_packages_own() -> None:
    """Its name is what filters are set on."""
    assert LOGGER.name == "ecr_cleaner"


def test_a_dry_run_names_what_would_go(log: pytest.LogCaptureFixture) -> None:
    """The text and the fields are a contract: people count these lines."""
    LogReporter().evaluated(plan(image(tags=["v1", "v2"], size=123)), dry_run=True, refused=False)
    (line,) = log.records
    assert (line.levelname, line.getMessage()) == ("INFO", "Found unused image, should be removed")
    assert fields(line) == {
        "repository": "app",
        "tags": ["v1", "v2"],
        "digest": digest("app"),
        "age_days": 40,
        "bytes": 123,
    }
    json.dumps(fields(line))


def graced(*images: Image) -> RepositoryPlan:
    """A plan of which everything is in grace since now."""
    found = plan(*images)
    return grace.apply(found, grace.unneeded_since(found, {}, NOW), NOW, 1)


def test_a_dry_run_names_what_is_in_grace_too(log: pytest.LogCaptureFixture) -> None:
    """With the time from which on a run removes it."""
    LogReporter().evaluated(graced(image(tags=["v1"])), dry_run=True, refused=False)
    (line,) = log.records
    assert (line.levelname, line.getMessage()) == ("INFO", "Found unused image, should be removed")
    assert fields(line) == {
        "repository": "app",
        "tags": ["v1"],
        "digest": digest("app"),
        "age_days": 40,
        "bytes": 1000,
        "goes_after": "2026-03-02T10:00:00+00:00",
    }


@pytest.mark.parametrize(("dry_run", "refused"), [(False, False), (False, True), (True, True)])
def test_what_is_in_grace_is_kept_by_every_other_run(
    log: pytest.LogCaptureFixture, *, dry_run: bool, refused: bool
) -> None:
    """A refused one does not count, so nobody knows when the image goes."""
    LogReporter().evaluated(graced(image()), dry_run=dry_run, refused=refused)
    (line,) = log.records
    assert (line.levelname, line.getMessage()) == ("DEBUG", "Kept image")
    assert (fields(line)["reason"], len(fields(line)["evidence"])) == ("in_grace", 2)


def test_what_is_in_grace_is_counted_by_itself_and_among_what_is_removable() -> None:
    """Not among what a run leaves undone."""
    result = RepositoryResult("app").with_plan(graced(image("a"), image("b", pushed="1d"), image("c", kind="index")))
    told = repository_json(result)
    assert (told["images"], told["removable"], told["in_grace"], told["kept"]) == (3, 2, 2, 1)
    assert (told["bytes_removable"], told["bytes_removable_from_archive"], told["reasons"]["in_grace"]) == (1000, 0, 2)
    assert (result.due, repository_json(result.timed_out())["deferred"]) == (0, 0)
    there = image("old", active=False)
    archived = Verdict(there, Reason.IN_GRACE)
    found = RepositoryResult("app").with_plan(replace(plan(), verdicts=(archived,)))
    assert (found.bytes_removable, found.bytes_removable_from_archive) == (1000, 1000)


def test_what_is_in_grace_stands_after_what_goes() -> None:
    """With since when and until when; the explanation has all of it."""
    due, waiting = plan(image("goes", tags=["v1"])), graced(image("waits", tags=["v2"], pushed="90d"))
    young = plan(image("young", tags=["v3"], pushed="1d"))
    made = replace(due, verdicts=(*young.verdicts, *waiting.verdicts, *due.verdicts))
    reporter = collected(made)
    told = printed(reporter)
    assert told.index(" remove ") < told.index(" in grace ") < told.index(" keep ")
    assert "3 images, 2 removable (at most 2.0 KiB: layers may be shared), 1 of them in grace, 1 kept." in told
    told = explained(reporter, "v2")
    assert "IN GRACE  app:v2" in told
    assert "goes     in the first run after " in told
    assert "reason   in_grace\n           found unneeded since 2026-03-01 12:00 UTC\n" in told
    assert (
        "           it goes with the first run from 2026-03-02 10:00 UTC on, unless something needs it by then\n"
        in told
    )
    (line,) = [one for one in reporter.as_json()["images"] if one["reason"] == "in_grace"]
    assert (line["verdict"], line["goes_after"]) == ("keep", "2026-03-02T10:00:00+00:00")


def test_a_run_that_removes_says_so_only_when_it_has_happened(log: pytest.LogCaptureFixture) -> None:
    """A line that says "should be removed" would be one too many."""
    LogReporter().evaluated(plan(image()), dry_run=False, refused=False)
    assert log.records == []


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_refused_run_recommends_nothing(log: pytest.LogCaptureFixture, *, dry_run: bool) -> None:
    """Its verdicts rest on usages that are not complete, and nobody may remove by hand what it names."""
    LogReporter().evaluated(plan(image()), dry_run=dry_run, refused=True)
    (line,) = log.records
    assert line.levelname == "WARNING"
    assert line.getMessage() == "Found image without known use, but the run is refused"
    assert fields(line)["digest"] == digest("app")


def test_what_a_limit_keeps_is_named(log: pytest.LogCaptureFixture) -> None:
    """Only what would have gone."""
    LogReporter().withheld(plan(image(tags=["v1"]), image("young", pushed="1d")))
    (line,) = log.records
    assert (line.levelname, line.getMessage()) == ("WARNING", "Kept unused image because a limit is exceeded")
    assert fields(line)["digest"] == digest("app")


def test_what_a_late_refusal_keeps_is_named_as_what_an_early_one_keeps(log: pytest.LogCaptureFixture) -> None:
    """The log of a refused run has one word for it."""
    LogReporter().withheld(plan(image(tags=["v1"])), refused=True)
    (line,) = log.records
    assert (line.levelname, line.getMessage()) == ("WARNING", "Found image without known use, but the run is refused")


def test_what_keeps_an_image_stands_in_the_debug_lines(log: pytest.LogCaptureFixture) -> None:
    """With reason and evidence, in every kind of run."""
    kept = plan(image(tags=["v1"]), usages=(usage(tag="v1"),))
    LogReporter().evaluated(kept, dry_run=False, refused=False)
    LogReporter().evaluated(kept, dry_run=True, refused=True)
    assert {(r.levelname, r.getMessage()) for r in log.records} == {("DEBUG", "Kept image")}
    found = fields(log.records[0])
    assert (found["reason"], found["evidence"]) == ("in_use", ["ecs service prod/app"])


@pytest.mark.parametrize("status", list(RemovalStatus))
def test_every_ending_has_its_line(log: pytest.LogCaptureFixture, status: RemovalStatus) -> None:
    """One line an image; what failed is an error."""
    LogReporter().removal(Removal(verdict(tags=["v1"]), status, ("KmsError",), "some detail"))
    (line,) = log.records
    found = fields(line)
    assert (found["removal"], found["codes"], found["detail"]) == (status.value, ["KmsError"], "some detail")
    assert (found["repository"], found["tags"], found["age_days"]) == ("app", ["v1"], 40)
    failing = status in {RemovalStatus.FAILED, RemovalStatus.NOT_JOURNALLED, RemovalStatus.PARTLY_UNTAGGED}
    assert (line.levelname == "ERROR") is failing
    assert (line.getMessage() == "Removed unused image") is (status is RemovalStatus.REMOVED)


def test_each_repository_has_one_summary_line(log: pytest.LogCaptureFixture) -> None:
    """An error if the run fails because of it."""
    LogReporter().repository(RepositoryResult("good"))
    LogReporter().repository(RepositoryResult("bad", status=RepositoryStatus.FAILED, detail="why"))
    assert [(r.levelname, r.getMessage(), fields(r)["repository"]) for r in log.records] == [
        ("INFO", "Repository summary", "good"),
        ("ERROR", "Repository summary", "bad"),
    ]
    assert fields(log.records[1])["summary"] == repository_json(
        RepositoryResult("bad", status=RepositoryStatus.FAILED, detail="why")
    )


def test_each_source_that_was_called_has_one_line(log: pytest.LogCaptureFixture) -> None:
    """However many accounts and regions it looked at: the time of the slowest, and the sums of what it counted."""
    elsewhere = ScanTarget(ACCOUNT, "eu-west-1")
    outcomes = (
        SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE, seconds=1.5, calls=3, throttled=1, facts=2),
        SourceOutcome(TARGET, "batch", SourceStatus.COMPLETE, calls=1),
        SourceOutcome(TARGET, "eks", SourceStatus.DISABLED),
        SourceOutcome(elsewhere, "ecs", SourceStatus.FAILED, seconds=2.0004, calls=4),
    )
    made = summary(scan=UsageScan((), outcomes, NOW))
    LogReporter().run(made)
    (batch, ecs), last = map(fields, log.records[:2]), log.records[2]
    assert (batch["source"], batch["calls"]) == ("batch", 1)
    assert ecs == {
        "source": "ecs",
        "targets": 2,
        "seconds": 2.0,
        "slowest_in": str(elsewhere),
        "calls": 7,
        "throttled": 1,
        "facts": 2,
    }
    assert (log.records[0].getMessage(), last.getMessage()) == ("Source summary", "Run summary")
    assert run_json(made)["source_totals"] == {"calls": 8, "throttled": 1, "facts": 2}


@pytest.mark.parametrize(
    ("made", "level"), [(summary(), "INFO"), (REFUSED, "ERROR"), (summary(deferred=["a"]), "ERROR")]
)
def test_the_run_has_one_summary_line(log: pytest.LogCaptureFixture, made: RunResult, level: str) -> None:
    """The same document that the function returns."""
    LogReporter().run(made)
    (line,) = log.records
    assert (line.levelname, line.getMessage()) == (level, "Run summary")
    assert fields(line) == {"summary": run_json(made)}


# The terminal


def collected(*plans: RepositoryPlan, end: RunResult | None = None) -> CollectingReporter:
    """A reporter that was told of a whole run."""
    reporter = CollectingReporter()
    for one in plans:
        reporter.evaluated(one, dry_run=True, refused=False)
    made = end or judged(*plans)
    for found in made.repositories.values():
        reporter.repository(found)
    reporter.removal(Removal(verdict(), RemovalStatus.REMOVED))
    reporter.run(made)
    return reporter


def printed(reporter: CollectingReporter) -> str:
    """The plan as a person sees it."""
    out = StringIO()
    print_plan(reporter, Console(file=out, width=200), "a copy", everything=True)
    return out.getvalue()


def test_a_whole_plan_names_the_slowest_sources() -> None:
    """Whoever looks at every image may want to know what took so long."""
    outcome = SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE, seconds=3.14, calls=1200, facts=40)
    end = replace(judged(plan(image())), scan=UsageScan((), (outcome,), NOW))
    text = printed(collected(plan(image()), end=end))
    assert f"\nslowest: ecs in {TARGET}: 3.1 s, 1,200 calls, 0 throttled, 40 facts\n" in text


def explained(reporter: CollectingReporter, tag: str | None) -> str:
    """One image as a person sees it."""
    out = StringIO()
    judged_plan = reporter.plans["app"]
    (verdict,) = (one for one in judged_plan.verdicts if tag in (one.image.tags or (None,)))
    print_verdict(verdict, judged_plan.repository.retention, Console(file=out, width=200))
    return out.getvalue()


def test_a_run_that_has_not_ended_has_no_summary() -> None:
    """Whoever asks too early made a mistake."""
    with pytest.raises(AttributeError, match="result"):
        _ = CollectingReporter().result


def test_every_image_stands_in_the_json() -> None:
    """With verdict, reason and evidence; times in ISO 8601 with their zone."""
    kept = image("kept", tags=["v2"], pulled="2d", size=5)
    reporter = collected(plan(image("goes"), kept, usages=(usage(tag="v2"),)))
    found = json.loads(json.dumps(reporter.as_json()))
    assert set(found) == {*run_json(judged()), "images"}
    goes, stays = found["images"]
    assert (goes["verdict"], goes["reason"], goes["evidence"]) == ("remove", "old_and_unused", [])
    assert (goes["last_pulled_at"], goes["tags"]) == (None, [])
    assert stays == {
        "repository": "app",
        "digest": digest("kept"),
        "tags": ["v2"],
        "verdict": "keep",
        "reason": "in_use",
        "evidence": ["ecs service prod/app"],
        "rules": [],
        "goes_after": None,
        "age_days": 40,
        "bytes": 5,
        "pushed_at": "2026-01-20T12:00:00+00:00",
        "last_pulled_at": "2026-02-27T12:00:00+00:00",
    }


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_says_keep_or_remove(reason: Reason) -> None:
    """Only those of what is unused remove."""
    found = verdict_json(Verdict(image(), reason))
    removes = reason in {Reason.OLD_AND_UNUSED, Reason.ARCHIVED_AND_UNUSED}
    assert found["verdict"] == ("remove" if removes else "keep")


def test_the_plan_is_a_table_for_each_repository() -> None:
    """What would go comes first; then the totals."""
    images = [image("kept", tags=["v2", "prod"], size=2048), image("goes", tags=["v1"], size=5 * 1024**2)]
    text = printed(collected(plan(*images, usages=(usage(tag="v2"),))))
    lines = text.splitlines()
    assert "app  (default: keeps 30 days)" in lines[0]
    goes = next(n for n, line in enumerate(lines) if "remove" in line)
    stays = next(n for n, line in enumerate(lines) if "keep " in line)
    assert goes < stays
    for part in ("v1", "40 d", "5.0 MiB", "old and unused"):
        assert part in lines[goes]
    for part in ("app:prod app:v2 ", "2.0 KiB", "in use: ecs service prod/app"):
        assert part in lines[stays]
    assert "2 images, 1 removable (at most 5.0 MiB: layers may be shared), 1 kept." in text
    assert lines[-1] == "status: completed"


def test_an_untagged_image_is_shown_by_its_short_digest() -> None:
    """As every command accepts it."""
    assert f" app@{digest('app')[:19]} " in printed(collected(plan(image())))


def test_the_end_of_a_plan_says_what_is_not_covered() -> None:
    """Skipped repositories with their setting, notes, excluded sources, and every cause."""
    outcomes = (SourceOutcome(TARGET, "ecs", SourceStatus.DISABLED, detail="excluded"),)
    cache = RepositoryResult(
        "cache", status=RepositoryStatus.SKIPPED, detail="a cache", setting="pull_through_cache:cache"
    )
    bad = RepositoryResult("bad", status=RepositoryStatus.MISCONFIGURED, detail="bad tag")
    end = summary(
        notes=["look here"],
        refusals=["source lambda: denied"],
        scan=UsageScan((), outcomes, NOW),
        repositories={"cache": cache, "bad": bad},
    )
    text = printed(collected(plan(image()), end=end))
    for line in (
        'cache: skipped: a cache (accepted_gaps = { "pull_through_cache:cache" = "<reason>" } includes it)',
        "bad: misconfigured: bad tag\n",
        "note: look here",
        "unprotected: ecs in 123456789012/us-east-1: excluded",
        "source lambda: denied",
        "repository bad: bad tag",
        "A run would be refused: it would remove nothing.",
        "status: refused",
    ):
        assert line in text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2, "1.0 MiB"),
        (1024**3, "1.0 GiB"),
        (5000 * 1024**3, "4.9 TiB"),
        (5000 * 1024**4, "5000.0 TiB"),
    ],
)
def test_sizes_for_people(size: int, text: str) -> None:
    """In powers of 1024."""
    assert human_bytes(size) == text


def test_text_in_brackets_is_no_markup() -> None:
    """A name from AWS is printed as it is."""
    brackets = usage(tag="v1", consumer="ecs service [bold]prod[/bold]")
    reporter = collected(plan(image(tags=["v1"]), usages=(brackets,)))
    assert "ecs service [bold]prod[/bold]" in printed(reporter)
    assert "ecs service [bold]prod[/bold]" in explained(reporter, "v1")


def test_an_explanation_tells_all_of_one_image() -> None:
    """Verdict, names, age, last pull, reason and every consumer."""
    images = [image("kept", tags=["v2", "prod"], pulled="2d", size=2048), image("other")]
    users = (usage(tag="v2"), usage(of="kept", consumer="lambda function f"))
    text = explained(collected(plan(*images, usages=users)), "prod")
    for line in (
        "KEEP  app:prod",
        f"digest   {digest('kept')}",
        "tags     prod, v2",
        "pushed   2026-01-20 12:00 UTC, 40 days ago",
        "pulled   2026-02-27",
        "size     2.0 KiB",
        "rule     default: keeps 30 days",
        "reason   in_use",
        "ecs service prod/app",
        "lambda function f",
    ):
        assert line in text
    assert digest("other") not in text


def test_an_explanation_names_the_rules_of_the_image_and_the_one_that_keeps_it() -> None:
    """Not those of other images; the report has their numbers."""
    rules: list[dict[str, Any]] = [
        {"tags": ("pr-*",), "keep_days": 3},
        {"tags": ("v*",), "keep_newest": 10},
        {"keep_days": 7},
    ]
    judged_by = evaluate(repository(rules=rules), RepositorySnapshot((image(tags=["v1"]),)), (), NOW)
    text = explained(collected(judged_by), "v1")
    assert [line.strip() for line in text.splitlines()[6:]] == [
        "rule     retention_rules[1] keeps v*: 30 days, the newest 10",
        "rule     retention_rules[2] keeps images: 7 days",
        "reason   among_newest",
        "retention_rules[1] keeps the 10 newest of v*: number 1",
    ]
    assert collected(judged_by).as_json()["images"][0]["rules"] == [1, 2]


def test_an_image_without_tags_is_explained() -> None:
    """By its digest."""
    text = explained(collected(plan(image())), None)
    for line in (f"REMOVE  app@{digest('app')}", "tags     (none)", "pulled   never", "reason   old_and_unused"):
        assert line in text


# Findings


def findings(count: int, kind: FindingKind = FindingKind.DANGLING_REFERENCE) -> list[Finding]:
    """Some of one kind."""
    return [Finding(kind, Severity.WARNING, f"app:{number}", "gone") for number in range(count)]


def test_findings_do_not_fill_the_result() -> None:
    """The first of each kind, and how many more there are; a report has all of them."""
    found = findings(MAX_FINDINGS_PER_KIND + 2) + findings(1, FindingKind.ARCHIVED_IN_USE)
    told = run_json(summary(findings=found))
    assert len(told["findings"]) == MAX_FINDINGS_PER_KIND + 1
    assert told["findings_left_out"] == {"dangling_reference": 2}
    assert told["findings"][0] == {
        "kind": "dangling_reference",
        "severity": "warning",
        "subject": "app:0",
        "detail": "gone",
        "bytes": None,
    }
    whole = run_json(summary(findings=found), everything=True)
    assert (len(whole["findings"]), whole["findings_left_out"]) == (len(found), {})
    collected = CollectingReporter()
    collected.run(summary(findings=found))
    assert len(collected.as_json()["findings"]) == len(found)


@pytest.mark.parametrize(
    ("kind", "severity", "level"),
    [
        (FindingKind.DANGLING_REFERENCE, Severity.PROBLEM, "WARNING"),
        (FindingKind.ARCHIVED_IN_USE, Severity.PROBLEM, "ERROR"),
        (FindingKind.REMOVED_IN_USE, Severity.PROBLEM, "ERROR"),
        (FindingKind.ARCHIVED_IN_USE, Severity.WARNING, "WARNING"),
        (FindingKind.DANGLING_REFERENCE, Severity.INFO, "INFO"),
    ],
)
def test_each_finding_is_a_line(
    log: pytest.LogCaptureFixture, kind: FindingKind, severity: Severity, level: str
) -> None:
    """Before the line that ends the run; an error only where the run fails because of it."""
    found = Finding(kind, severity, "app:v1", "archived", 7)
    LogReporter().run(summary(findings=[found]))
    first, last = log.records
    assert (first.getMessage(), first.levelname, last.getMessage()) == ("Finding", level, "Run summary")
    assert vars(first)["finding"] == {
        "kind": kind.value,
        "severity": severity.value,
        "subject": "app:v1",
        "detail": "archived",
        "bytes": 7,
    }


@pytest.mark.parametrize("kind", list(FindingKind))
@pytest.mark.parametrize("severity", list(Severity))
def test_only_a_consumer_without_its_image_fails_a_run(kind: FindingKind, severity: Severity) -> None:
    """Of archived and of removed images; no other problem does, however grave."""
    found = Finding(kind, severity, "app:v1", "bad")
    told = summary(findings=[found])
    rings = found.fails_run
    assert (told.status is RunStatus.FAILED) is rings
    assert (told.causes, told.consumers_broken) == ((("app:v1: bad",), 1) if rings else ((), 0))


def test_of_many_consumers_without_their_images_the_first_are_causes() -> None:
    """The findings have all of them."""
    found = [Finding(FindingKind.REMOVED_IN_USE, Severity.PROBLEM, f"app:{n}", "gone") for n in range(12)]
    told = summary(findings=found)
    assert (len(told.causes), told.causes[-1], told.consumers_broken) == (11, "and 2 more findings of this kind", 12)


@pytest.mark.parametrize(
    ("kind", "severity", "shown"),
    [
        (FindingKind.DANGLING_REFERENCE, Severity.PROBLEM, True),
        (FindingKind.LIFECYCLE_EXPIRES_IN_USE, Severity.WARNING, True),
        (FindingKind.ORPHANED_ARTIFACTS, Severity.INFO, False),
        (FindingKind.MISCONFIGURED_TAG, Severity.PROBLEM, False),
        (FindingKind.REMOVED_IN_USE, Severity.WARNING, True),
        (FindingKind.REMOVED_IN_USE, Severity.PROBLEM, False),
        (FindingKind.OPEN_TO_OTHER_ACCOUNTS, Severity.WARNING, False),
    ],
)
def test_a_plan_shows_what_is_broken(kind: FindingKind, severity: Severity, *, shown: bool) -> None:
    """Or soon will be; what the plan says anyway is not said twice."""
    collected, out = CollectingReporter(), StringIO()
    collected.run(summary(findings=[Finding(kind, severity, "app:v1", "look at it")]))
    print_plan(collected, Console(file=out, width=200), "a copy")
    assert (f"{severity.value}: app:v1: look at it" in out.getvalue()) is shown
