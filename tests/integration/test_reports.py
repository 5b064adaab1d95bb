"""Every run leaves a report where somebody wants one, and never lacks anything because of it."""

from __future__ import annotations

import json
import logging
from typing import IO, TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.report import html_page
from tests.fake_aws import Fault
from tests.integration.past import Past
from tests.integration.runner import Context
from tests.unit.report.test_document import VALIDATOR
from tests.unit.report.test_html_page import Parser, carried

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Outcome, Runner

PLACE: Final = {"bucket": "reports", "prefix": "a/b/"}


@pytest.fixture
def bucket(sandbox: Sandbox) -> Past:
    """A bucket of the reports' own."""
    return Past(sandbox, PLACE)


@pytest.fixture
def registry(run: Runner, sandbox: Sandbox) -> Sandbox:
    """Two images, of which one is in use."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    sandbox.push("app", id="used", tags=["v2"], pushed="80d")
    sandbox.seed(
        {
            "ecs": {
                "task_definitions": {"app:1": {"image": "{registry}/app:v2"}},
                "clusters": {"prod": {"services": {"app": {"task_definition": "app:1"}}}},
            }
        }
    )
    return sandbox


def reports(bucket: Past) -> dict[str, bytes]:
    """What lies there, without the day."""
    found = ((key, body) for key, body in bucket.objects().items() if key.startswith("reports/"))
    return {key.rsplit("/", 1)[-1]: body for key, body in found}


def document(bucket: Past, run_id: str = "run-1") -> dict[str, Any]:
    """The document of a run, as the schema says."""
    told: dict[str, Any] = json.loads(reports(bucket)[f"{run_id}.json"])
    VALIDATOR.validate(told)
    return told


@pytest.mark.usefixtures("registry")
def test_a_run_leaves_its_report(run: Runner, bucket: Past, sandbox: Sandbox) -> None:
    """Document and page, under the day and as the latest; the result says where."""
    outcome = run(storage=PLACE | {"reports": True})
    assert outcome.status == "completed"
    found = reports(bucket)
    kinds = ("json", "html", "csv")
    assert set(found) == {f"{name}.{kind}" for name in ("run-1", "latest") for kind in kinds} | {"trend.json"}
    assert (found["run-1.json"], found["run-1.html"]) == (found["latest.json"], found["latest.html"])
    told = document(bucket)
    assert outcome.result
    assert outcome.result["report"] == outcome.told["report"]
    day = told["run"]["started_at"][:10].replace("-", "/")
    assert outcome.result["report"] == f"s3://reports/a/b/reports/{day}/run-1.html"
    images = {one["digest"]: one for one in told["images"]}
    assert images[sandbox.digest("old")]["removal"]["status"] == "removed"
    assert "ecs service prod/app" in images[sandbox.digest("used")]["evidence"][0]
    assert "ecs service prod/app" in " ".join(one["consumer"] for one in told["usages"])
    parser = Parser()
    parser.feed(found["run-1.html"].decode())
    assert carried(parser) == found["run-1.json"]


@pytest.mark.usefixtures("registry")
def test_a_run_says_what_changed_since_the_last_one(run: Runner, bucket: Past, sandbox: Sandbox) -> None:
    """Result and document say the same; a first run has nothing to compare with."""
    first = run(storage=PLACE | {"reports": True}, dry_run=True, context=Context("run-0"))
    assert first.told["changes"]["since"] is None
    assert "no earlier report" in first.told["changes"]["unknown"]
    sandbox.push("app", id="older", tags=["v0"], pushed="95d")
    second = run(storage=PLACE | {"reports": True}, dry_run=True)
    changes = second.told["changes"]
    assert changes == document(bucket)["changes"]
    assert (changes["since"], changes["unknown"]) == (document(bucket, "run-0")["run"]["started_at"], "")
    assert changes["removable"] == {"count": 1, "first": ["app:v0"]}
    assert changes["in_use"] == {"count": 0, "first": []}
    assert second.told["headline"].startswith("Dry run on ")


@pytest.mark.usefixtures("registry")
def test_savings_are_told_by_the_tag_that_somebody_chose(run: Runner, bucket: Past, sandbox: Sandbox) -> None:
    """In the document, and for a spreadsheet."""
    ecr = sandbox.client("ecr")
    arn = ecr.describe_repositories(repositoryNames=["app"])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "=blue"}])
    run(storage=PLACE | {"reports": True}, savings_tag_key="team")
    by_tag = document(bucket)["savings"]["by_tag"]
    assert (by_tag["key"], [(one["tag"], one["removed"]) for one in by_tag["values"]]) == ("team", [("=blue", 1)])
    table = reports(bucket)["run-1.csv"].decode().splitlines()
    assert table[0].startswith('"repository","tag team",')
    assert table[1].startswith('"app","\'=blue",2,1,1,0,')


@pytest.mark.usefixtures("registry")
def test_the_trend_grows_with_each_run(run: Runner, bucket: Past) -> None:
    """A dry run first, then a real one."""
    run(storage=PLACE | {"reports": True}, dry_run=True)
    first = document(bucket)
    assert [point["run_id"] for point in first["trend"]] == ["run-1"]
    # The same id: Lambda tried again.
    run(storage=PLACE | {"reports": True})
    (point,) = document(bucket)["trend"]
    assert (point["dry_run"], point["removed"], point["removable"]) == (False, 1, 1)


def test_a_run_that_is_refused_leaves_its_report(run: Runner, registry: Sandbox, bucket: Past) -> None:
    """Then somebody wants to know why."""
    registry.inject(Fault(kind="access_denied", service="ecs", operation="ListClusters"))
    outcome = run(storage=PLACE | {"reports": True})
    assert (outcome.status, outcome.gone) == ("refused", {})
    told = document(bucket)
    assert told["run"]["status"] == "refused"
    assert told["causes"] == outcome.causes.split(" | ")
    assert [one["outcome"] for one in told["sources"] if one["source"] == "ecs"] == ["failed"]


def _denied(sandbox: Sandbox, operation: str) -> None:
    sandbox.inject(Fault(kind="access_denied", service="s3", operation=operation, where={"Bucket": "reports"}))


@pytest.mark.usefixtures("bucket")
def test_a_report_that_cannot_be_written_fails_a_run_that_did_its_work(run: Runner, registry: Sandbox) -> None:
    """What was removed stays removed, and the log has the summary with the cause."""
    _denied(registry, "PutObject")
    outcome = run(storage=PLACE | {"reports": True})
    assert (outcome.status, outcome.gone) == ("failed", {"app": {registry.digest("old")}})
    assert "the report could not be written: s3://reports/a/b/reports/" in outcome.causes
    assert "PutObject failed with AccessDenied" in outcome.causes
    assert outcome.told["report"] is None
    assert _summary_line(outcome).levelno == logging.ERROR


@pytest.mark.usefixtures("bucket")
def test_a_report_that_cannot_be_written_hides_no_cause(run: Runner, registry: Sandbox) -> None:
    """The graver one comes first."""
    _denied(registry, "PutObject")
    registry.inject(Fault(kind="access_denied", service="ecs", operation="ListClusters"))
    outcome = run(storage=PLACE | {"reports": True})
    assert outcome.status == "refused"
    first, *_, last = outcome.causes.split(" | ")
    assert first.startswith("permissions are missing: ")
    assert last.startswith("the report could not be written: ")


def test_a_bug_in_a_page_is_none_of_the_history(run: Runner, registry: Sandbox, past: Past, bucket: Past) -> None:
    """History and reports share nothing but a bucket."""
    del bucket
    _denied(registry, "PutObject")
    run(storage=past.place | {"history": True, "reports": True})
    assert "state.json" in past.objects()


@pytest.mark.usefixtures("registry")
def test_without_a_place_there_is_no_report(run: Runner, sandbox: Sandbox) -> None:
    """Nobody asked for one, and S3 is left alone."""
    sandbox.clear_calls()
    outcome = run()
    assert (outcome.status, outcome.told["report"]) == ("completed", None)
    assert not run.asked("s3")


def test_the_page_is_made_once(run: Runner, registry: Sandbox, bucket: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be large."""
    del registry, bucket
    made: list[object] = []
    write = html_page.write

    def once(document: IO[bytes], target: IO[bytes]) -> None:
        made.append(document)
        write(document, target)

    monkeypatch.setattr(html_page, "write", once)
    run(storage=PLACE | {"reports": True})
    assert len(made) == 1


def _summary_line(outcome: Outcome) -> logging.LogRecord:
    (line,) = (line for line in outcome.lines if line.getMessage() == "Run summary")
    return line
