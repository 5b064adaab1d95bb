"""The document of a run: whole, as its schema says, and written without holding the run in memory."""

from __future__ import annotations

import json
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.errors import HistoryError
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.plan import Reason, Removal, RemovalStatus, RepositoryPlan, Verdict
from ecr_cleaner.model.report import StoredReport
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.result import RepositoryResult, RunResult
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import SourceStatus, UsageScan
from ecr_cleaner.printable import printable
from ecr_cleaner.publish.report_store import store
from ecr_cleaner.report import document as report_document
from ecr_cleaner.report.document import TrendPoint
from ecr_cleaner.report.reporter import Fanout, Reporter
from ecr_cleaner.report.savings import per_month, savings
from ecr_cleaner.report.summary import MAX_FINDINGS_PER_KIND, run_json
from tests.builders import ACCOUNT, NOW, REGION, digest, image, repository, usage
from tests.report_page.made import HOSTILE, Night, document, recorder

if TYPE_CHECKING:
    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.report.document import DocumentReporter

SCHEMA: Final = json.loads((Path(__file__).parents[3] / "docs" / "report.schema.json").read_text())


def closed(schema: Any) -> Any:
    """The schema of documents that say nothing but what it describes; later versions may say more."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: closed(value) for name, value in schema.items()} | (
        {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else {}
    )


VALIDATOR: Final = jsonschema.Draft202012Validator(closed(SCHEMA))


def plan(*images: Image, usages: tuple[Usage, ...] = ()) -> RepositoryPlan:
    """A plan for the repository app."""
    return evaluate(repository(), RepositorySnapshot(images), usages, NOW)


def summary(**more: Any) -> RunResult:
    """The summary of a real run."""
    return RunResult("run-1", dry_run=False, region=REGION, account_id=ACCOUNT, **more)


def told(
    made: DocumentReporter | None = None, ended: RunResult | None = None, former: Any = (), **settings: Any
) -> dict[str, Any]:
    """What a recorder writes, once it was found to be as the schema says."""
    found = document(made or recorder(**settings), ended or summary(), former)
    VALIDATOR.validate(found)
    return found


def test_the_schema_is_one() -> None:
    """What people check documents with has to be right itself, and lets a later version say more."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert "additionalProperties" in json.dumps(closed(SCHEMA))
    assert not [line for line in json.dumps(SCHEMA, indent=1).splitlines() if '"additionalProperties": false' in line]


def test_a_run_that_saw_nothing_has_a_document() -> None:
    """A registry that did not answer is reported too."""
    found = told(ended=RunResult("run-1", dry_run=True, region=REGION, refusals=("denied",)))
    assert found["run"]["account_id"] is None
    assert (found["run"]["status"], found["causes"]) == ("refused", ["denied"])
    assert (found["images"], found["usages"], found["sources"], found["repositories"]) == ([], [], [], [])


def test_the_header_says_which_run_it_was() -> None:
    """When, where, how it ended, and with which settings."""
    found = told(dry_run=False, default_keep_days=45, protected_images=frozenset({"b:1", "a:1"}))
    run = found["run"]
    assert (run["id"], run["account_id"], run["region"], run["dry_run"]) == ("run-1", ACCOUNT, REGION, False)
    assert run["started_at"] == run["ended_at"] == NOW.isoformat()
    assert (run["settings"]["default_keep_days"], run["settings"]["protected_images"]) == (45, ["a:1", "b:1"])


def test_every_image_is_told_with_its_verdict() -> None:
    """Kept or not, with who keeps it."""
    made = recorder()
    images = [image("old", size=5), image("used", tags=["v1"], pulled="1d"), image("both", kind="index", active=False)]
    judged = plan(*images, usages=(usage(tag="v1", consumer="ecs service prod/app"),))
    made.evaluated(judged, dry_run=False, refused=False)
    found = {one["digest"]: one for one in told(made)["images"]}
    assert len(found) == 3
    used = found[digest("used")]
    assert (used["verdict"], used["reason"], used["evidence"]) == (
        "keep",
        Reason.IN_USE.value,
        list(judged.verdicts[1].evidence),
    )
    assert "ecs service prod/app" in used["evidence"][0]
    assert (found[digest("old")]["verdict"], found[digest("old")]["bytes"]) == ("remove", 5)
    assert (found[digest("both")]["index"], found[digest("both")]["active"]) == (True, False)
    assert {one["removal"] for one in found.values()} == {None}


@pytest.mark.parametrize("status", list(RemovalStatus))
def test_every_removal_is_told_with_its_end(status: RemovalStatus) -> None:
    """It comes long after the verdict, and belongs to one image of one repository."""
    made = recorder()
    judged = plan(image("a"), image("b"))
    made.evaluated(judged, dry_run=False, refused=False)
    made.removal(Removal(judged.verdicts[1], status, ("KmsError",), "the key is disabled"))
    one, other = told(made)["images"]
    assert one["removal"] is None
    assert other["removal"] == {"status": status.value, "codes": ["KmsError"], "detail": "the key is disabled"}


def test_what_a_limit_keeps_is_told() -> None:
    """It was to go, and did not."""
    made = recorder()
    judged = plan(image("old"), image("young", pushed="1d"))
    made.evaluated(judged, dry_run=False, refused=False)
    made.withheld(judged)
    assert [one["removal"] and one["removal"]["status"] for one in told(made)["images"]] == ["withheld", None]


def test_the_last_word_on_an_image_holds() -> None:
    """A run that looked again says more than its plan."""
    made = recorder()
    judged = plan(image("old"))
    made.evaluated(judged, dry_run=False, refused=False)
    made.withheld(judged)
    made.removal(Removal(judged.verdicts[0], RemovalStatus.REMOVED))
    assert told(made)["images"][0]["removal"]["status"] == "removed"


def test_who_uses_what_is_told() -> None:
    """The consumer, the source, how it was seen, and the image as it was written."""
    used = usage(tag="v1", of="app", consumer="lambda function f")
    scan = UsageScan((used,), (), NOW)
    (found,) = told(ended=summary(scan=scan))["usages"]
    assert (found["consumer"], found["source"], found["evidence"]) == ("lambda function f", "ecs", "configured")
    assert (found["reference"], found["tag"], found["digest"]) == ("app:v1", "v1", digest("app"))


def test_every_status_of_a_source_is_in_the_schema() -> None:
    """And of a run."""
    outcomes = SCHEMA["properties"]["sources"]["items"]["properties"]["outcome"]["enum"]
    assert set(outcomes) == {status.value for status in SourceStatus}
    assert set(SCHEMA["properties"]["run"]["properties"]["status"]["enum"]) == {status.value for status in RunStatus}


def test_all_findings_are_told() -> None:
    """Those that the function's result has no room for, too."""
    findings = tuple(
        Finding(FindingKind.ORPHANED_ARTIFACTS, Severity.INFO, f"app-{number}", "signatures of nothing", 7)
        for number in range(MAX_FINDINGS_PER_KIND + 1)
    )
    found = told(ended=summary(findings=findings))["findings"]
    assert found == [asdict(one) for one in findings]
    assert found[-1] == {
        "kind": "orphaned_artifacts",
        "severity": "info",
        "subject": f"app-{MAX_FINDINGS_PER_KIND}",
        "detail": "signatures of nothing",
        "bytes": 7,
    }


def test_what_the_summary_says_beyond_the_schema_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What programs read of it changes only together with the schema."""

    def more(result: RunResult, *, everything: bool = False) -> dict[str, Any]:
        return run_json(result, everything=everything) | {"more": 2}

    monkeypatch.setattr(report_document, "run_json", more)
    told(ended=summary())


@pytest.mark.parametrize("of", ["totals", "repositories"])
def test_what_the_summary_counts_beyond_the_schema_is_noticed(monkeypatch: pytest.MonkeyPatch, of: str) -> None:
    """What programs read of it changes only together with the schema."""

    def more(result: RunResult, *, everything: bool = False) -> dict[str, Any]:
        counted = run_json(result, everything=everything)
        (counted["totals"] if of == "totals" else counted["repositories"][0])["more"] = 1
        return counted

    monkeypatch.setattr(report_document, "run_json", more)
    with pytest.raises(jsonschema.ValidationError, match="'more' was unexpected"):
        told(ended=summary(repositories={"app": RepositoryResult("app")}))


def test_the_trend_ends_with_this_run() -> None:
    """What is remembered of a run is what the next one shows of it."""
    night = Night(40)
    former = night.former(3)
    found = told(night.recorder, night.summary, former)["trend"]
    assert found == [point.model_dump() for point in (*former, night.recorder.trend_of(night.summary))]
    assert found[3]["bytes_total"] == run_json(night.summary)["totals"]["bytes_total"]
    assert [TrendPoint.model_validate_json(json.dumps(point)).model_dump() for point in found] == found


def test_a_whole_night_is_as_the_schema_says() -> None:
    """With everything in it."""
    night = Night(120, word=HOSTILE)
    target = BytesIO()
    night.write(target)
    found = json.loads(target.getvalue())
    VALIDATOR.validate(found)
    assert len(found["images"]) == 120
    assert found["findings"]


text = st.text(st.characters(exclude_categories=[]), max_size=20)


@given(text, text, text, st.lists(text, max_size=3))
def test_any_name_survives(name: str, consumer: str, cause: str, tags: list[str]) -> None:
    """Whatever somebody calls a thing: markup, other scripts; characters that cannot be printed are replaced."""
    made = recorder()
    images = RepositorySnapshot((image("old", repository=name, tags=tags),))
    used = (usage(of="old", repository=name, consumer=consumer),)
    plan = evaluate(repository(name), images, used, NOW)
    made.evaluated(plan, dry_run=False, refused=False)
    made.removal(Removal(plan.verdicts[0], RemovalStatus.FAILED, ("Code",), cause))
    found = told(made, summary(problems=(cause,), scan=UsageScan(used, (), NOW)))
    assert found["images"][0]["removal"] == {"status": "failed", "codes": ["Code"], "detail": printable(cause)}
    assert (found["images"][0]["repository"], found["images"][0]["tags"]) == printable((name, sorted(tags)))
    assert (found["usages"][0]["consumer"], found["causes"]) == printable((consumer, [cause]))


# What cannot be written


class Keeper:
    """Keeps what it is given, or raises.

    Attributes:
        kept: Documents, and the results that they are of.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self.kept: list[tuple[DocumentReporter, RunResult]] = []
        self._error = error

    def keep(self, document: DocumentReporter, result: RunResult) -> StoredReport:
        """As a store has it."""
        if self._error:
            raise self._error
        self.kept.append((document, result))
        return StoredReport("s3://b/k")


def test_a_report_that_cannot_be_kept_is_a_problem() -> None:
    """The run says so, beside its other causes."""
    stored = store(Keeper(HistoryError("s3://b/k cannot be written")), recorder(), summary())
    assert stored == StoredReport(problems=("the report could not be written: s3://b/k cannot be written",))


def test_a_full_disk_where_the_report_is_kept_is_a_problem() -> None:
    """And no error."""
    (problem,) = store(Keeper(OSError(28, "No space left on device")), recorder(), summary()).problems
    assert "No space left on device" in problem


def test_a_full_disk_stops_nothing_but_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on, and is told at its end; what would be half a document is not kept."""

    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            """Nothing to close."""

    monkeypatch.setattr(report_document.tempfile, "TemporaryFile", Full)
    keeper, made = Keeper(), recorder()
    for _ in range(2):
        made.evaluated(plan(image()), dry_run=False, refused=False)
    stored = store(keeper, made, summary())
    assert not keeper.kept
    assert stored.problems == ("the report could not be written: [Errno 28] No space left on device",)


def test_a_report_that_is_kept_is_no_problem() -> None:
    """And its keeper has all of it."""
    keeper, made, ended = Keeper(), recorder(), summary()
    assert store(keeper, made, ended) == StoredReport("s3://b/k")
    assert keeper.kept == [(made, ended)]


def test_everybody_is_told_everything_in_order() -> None:
    """Each hears the same."""
    heard: list[tuple[str, str]] = []

    class Listener(Reporter):
        def __init__(self, name: str) -> None:
            self.name = name

        def evaluated(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:
            assert (plan, dry_run, refused) == (one, True, False)
            heard.append((self.name, "evaluated"))

        def withheld(self, plan: RepositoryPlan, *, refused: bool = False) -> None:
            assert (plan, refused) == (one, True)
            heard.append((self.name, "withheld"))

        def removal(self, removal: Removal) -> None:
            assert removal is gone
            heard.append((self.name, "removal"))

        def repository(self, result: RepositoryResult) -> None:
            assert result is of_one
            heard.append((self.name, "repository"))

        def run(self, result: RunResult) -> None:
            assert result is ended
            heard.append((self.name, "run"))

    one, of_one, ended = plan(image()), RepositoryResult("app"), summary()
    gone = Removal(one.verdicts[0], RemovalStatus.REMOVED)
    told_to = Fanout((Listener("a"), Listener("b")))
    told_to.evaluated(one, dry_run=True, refused=False)
    told_to.withheld(one, refused=True)
    told_to.removal(gone)
    told_to.repository(of_one)
    told_to.run(ended)
    words = ["evaluated", "withheld", "removal", "repository", "run"]
    assert heard == [(name, word) for word in words for name in ("a", "b")]


# Money


@pytest.mark.parametrize(
    ("size", "price", "dollars"),
    [(0, 0.1, 0.0), (1, 0.1, 0.01), (10**9, 0.1, 0.1), (10**9 + 1, 0.1, 0.11), (10**12, 0.119, 119.0), (5, 0.0, 0.0)],
)
def test_money_is_never_too_little(size: int, price: float, dollars: float) -> None:
    """Rounded up to the cent, with the smaller of the two GB."""
    assert per_month(size, price) == dollars


def test_savings_are_told_as_upper_bounds() -> None:
    """An index adds nothing to what it lists."""
    made = RepositoryResult("app").with_plan(
        plan(image("a", size=10**9), image("index", kind="index", size=10**9), image("b", pushed="1d", size=10**9))
    )
    totals = run_json(summary(repositories={"app": made}))["totals"]
    found = savings(totals, 0.2, "delete")
    assert found["total"] == {"bytes_at_most": 2 * 10**9, "usd_per_month_at_most": 0.4}
    assert found["removable"] == {"bytes_at_most": 10**9, "usd_per_month_at_most": 0.2}
    assert found["removed"] == {"bytes_at_most": 0, "usd_per_month_at_most": 0.0}


def test_what_is_archived_is_not_free() -> None:
    """A GB costs the same there: moving saves nothing, what lies there is part of the total, deletion saves."""
    old, attic = image("old", size=10**9), image("attic", size=3 * 10**9, active=False)
    made = RepositoryResult("app").with_plan(
        RepositoryPlan(
            repository(),
            (Verdict(old, Reason.OLD_AND_UNUSED), Verdict(attic, Reason.ARCHIVED_AND_UNUSED)),
        )
    )
    for gone, status in ((old, RemovalStatus.ARCHIVED), (attic, RemovalStatus.REMOVED)):
        made = made.with_removal(Removal(Verdict(gone, Reason.OLD_AND_UNUSED), status))
    totals = run_json(summary(repositories={"app": made}))["totals"]
    assert (totals["removed"], totals["archived"], totals["bytes_archived"]) == (1, 1, 10**9)
    found = {
        name: one["usd_per_month_at_most"]
        for name, one in savings(totals, 0.1, "archive").items()
        if "_" not in name and isinstance(one, dict)
    }
    assert found == {"total": 0.4, "removable": 0.3, "removed": 0.3, "archivable": 0.1, "archived": 0.1}
    assert savings(totals, 0.1, "archive")["in_archive"]["bytes_at_most"] == 3 * 10**9
    assert savings(totals, 0.1, "delete")["archivable"]["bytes_at_most"] == 0


def test_the_price_is_a_setting() -> None:
    """Regions differ."""
    assert told(storage_price_per_gb_month=0.119)["savings"]["price_per_gb_month"] == 0.119
