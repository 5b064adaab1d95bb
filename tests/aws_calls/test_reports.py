"""What is asked of S3 to keep a report: one document, its page, both again as the latest, and the trend."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY

from ecr_cleaner.model.account_results import AccountResult, AccountStatus, OtherAccountsResult
from ecr_cleaner.model.report import Changes, StoredReport
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.publish.report_store import TREND_RUNS, ReportStore, store
from tests.builders import ACCOUNT, NOW, REGION
from tests.report_page.made import recorder

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

BUCKET: Final = "shared"
PLACE: Final = "a/reports/"
TREND: Final = {"Bucket": BUCKET, "Key": f"{PLACE}trend.json"}
RUN: Final = f"{PLACE}2026/03/01/run-1"
KINDS: Final = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
POINT: Final[dict[str, Any]] = {
    "run_id": "run-1",
    "started_at": "2026-03-01T12:00:00+00:00",
    "status": "completed",
    "dry_run": True,
    "images": 0,
    "removable": 0,
    "removed": 0,
    "bytes_total": 0,
    "bytes_removable": 0,
    "bytes_removed": 0,
}


def trend(*runs: str, **more: Any) -> bytes:
    """What lies there after some runs."""
    told = {"schema_version": 1, "runs": [{**POINT, "run_id": run} for run in runs], **more}
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def stored(body: bytes) -> dict[str, Any]:
    """What GetObject answers."""
    return {"Body": StreamingBody(BytesIO(body), len(body)), "ContentLength": len(body), "ETag": '"e1"'}


def expect_reports(script: Script) -> None:
    """Document and page, by their run and as the latest."""
    for name in (RUN, f"{PLACE}latest"):
        for ending, kind in KINDS.items():
            script.answer(
                "s3",
                "put_object",
                {"ETag": '"e2"'},
                Bucket=BUCKET,
                Key=f"{name}.{ending}",
                Body=ANY,
                ContentType=kind,
            )


def last(run: str = "run-0") -> dict[str, str]:
    """The parameters with which the last report is read."""
    return {"Bucket": BUCKET, "Key": f"{PLACE}2026/03/01/{run}.json"}


def report_of(run: str = "run-0") -> bytes:
    """What an earlier run wrote."""
    target = BytesIO()
    recorder().write(target, RunResult(run, dry_run=True, region=REGION, account_id=ACCOUNT))
    return target.getvalue()


def written(body: bytes, **condition: str) -> dict[str, Any]:
    """The parameters with which the trend is written."""
    return {**TREND, "Body": body, "ContentType": "application/json", **condition}


def keep(script: Script, **more: Any) -> StoredReport:
    """A run that saw nothing has its report kept."""
    ended = RunResult("run-1", dry_run=True, region=REGION, account_id=ACCOUNT, **more)
    return store(ReportStore(script.aws, BUCKET, "a/"), recorder(), ended)


def test_the_first_report_begins_a_trend(script: Script) -> None:
    """S3 says of what is not there that it is denied; that it is not there is the condition of the write."""
    script.refuse("s3", "get_object", "AccessDenied", **TREND)
    expect_reports(script)
    script.answer("s3", "put_object", {"ETag": '"e3"'}, **written(trend("run-1"), IfNoneMatch="*"))
    kept = keep(script)
    assert (kept.location, kept.notes, kept.problems) == (f"s3://{BUCKET}/{RUN}.html", (), ())
    unknown = "there is no earlier report of a run that was not refused"
    assert kept.changes == Changes(unknown=unknown, accounts_due=False)


def test_a_report_carries_the_trend_on(script: Script) -> None:
    """A run that Lambda started twice counts once."""
    script.answer("s3", "get_object", stored(trend("run-0", "run-1")), **TREND)
    script.answer("s3", "get_object", stored(report_of()), **last())
    expect_reports(script)
    script.answer("s3", "put_object", {"ETag": '"e3"'}, **written(trend("run-0", "run-1"), IfMatch='"e1"'))
    assert keep(script).notes == ()


def test_the_trend_stays_short(script: Script) -> None:
    """The oldest run makes room."""
    runs = [f"run-{number}" for number in range(100, 100 + TREND_RUNS)]
    script.answer("s3", "get_object", stored(trend(*runs)), **TREND)
    script.answer("s3", "get_object", stored(report_of(runs[-1])), **last(runs[-1]))
    expect_reports(script)
    script.answer("s3", "put_object", {"ETag": '"e3"'}, **written(trend(*runs[1:], "run-1"), IfMatch='"e1"'))
    keep(script)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"schema_version": 2, "runs": []}', trend("run-0")[:-9]])
def test_a_trend_that_is_not_understood_begins_anew(script: Script, body: bytes) -> None:
    """Nothing depends on it, and a person is told."""
    script.answer("s3", "get_object", stored(body), **TREND)
    expect_reports(script)
    script.answer("s3", "put_object", {"ETag": '"e3"'}, **written(trend("run-1"), IfMatch='"e1"'))
    (note,) = keep(script).notes
    assert note.endswith(f"not understood and begin anew: s3://{BUCKET}/{PLACE}trend.json")


FAILED: Final = OtherAccountsResult((AccountResult("222233334444", AccountStatus.FAILED),), ("no such role",))


@pytest.mark.parametrize(
    ("before", "after", "is_due"),
    [
        (None, "2026-03-01T12:00:00Z", True),
        ({"failed": ["222233334444"], "notified_at": "2026-02-25T12:00:00Z"}, "2026-02-25T12:00:00Z", False),
        ({"failed": ["222233334444"], "notified_at": "2026-02-22T12:00:00Z"}, "2026-03-01T12:00:00Z", True),
    ],
)
def test_when_people_were_told_of_accounts_is_remembered(
    script: Script, before: dict[str, Any] | None, after: str, *, is_due: bool
) -> None:
    """Beside the trend, and not in it: only the last run counts."""
    lies = trend("run-0", **({"accounts_notification": before} if before else {}))
    script.answer("s3", "get_object", stored(lies), **TREND)
    script.answer("s3", "get_object", stored(report_of()), **last())
    expect_reports(script)
    left = trend("run-0", "run-1", accounts_notification={"failed": ["222233334444"], "notified_at": after})
    head, _, tail = left.rpartition(b'"completed"')
    script.answer("s3", "put_object", {"ETag": '"e3"'}, **written(head + b'"degraded"' + tail, IfMatch='"e1"'))
    changes = keep(script, other_accounts=FAILED).changes
    assert changes
    assert changes.accounts_due is is_due


@pytest.mark.parametrize("other_accounts", [None, OtherAccountsResult()])
def test_what_nobody_looked_at_is_not_forgotten(script: Script, other_accounts: OtherAccountsResult | None) -> None:
    """A run that looked at no account leaves what it found; one that looked at all there are has the last word."""
    before = {"failed": ["222233334444"], "notified_at": "2026-02-28T12:00:00Z"}
    script.answer("s3", "get_object", stored(trend("run-0", accounts_notification=before)), **TREND)
    script.answer("s3", "get_object", stored(report_of()), **last())
    expect_reports(script)
    after = before if other_accounts is None else {**before, "failed": []}
    body = trend("run-0", "run-1", accounts_notification=after)
    script.answer("s3", "put_object", {"ETag": '"e3"'}, **written(body, IfMatch='"e1"'))
    assert keep(script, other_accounts=other_accounts).problems == ()


def test_a_trend_that_may_not_be_read_is_not_overwritten(script: Script) -> None:
    """It is there after all: the report is written, and the run says what is wrong."""
    script.refuse("s3", "get_object", "AccessDenied", **TREND)
    expect_reports(script)
    script.refuse("s3", "put_object", "PreconditionFailed", **written(trend("run-1"), IfNoneMatch="*"))
    script.refuse("s3", "get_object", "AccessDenied", **TREND)
    kept = keep(script)
    assert kept.location == f"s3://{BUCKET}/{RUN}.html"
    (problem,) = kept.problems
    assert "may not be read" in problem


def test_a_trend_whose_first_write_took_effect_is_written(script: Script) -> None:
    """Its answer got lost, and the second try met the first one's work."""
    script.refuse("s3", "get_object", "AccessDenied", **TREND)
    expect_reports(script)
    script.refuse("s3", "put_object", "PreconditionFailed", **written(trend("run-1"), IfNoneMatch="*"))
    script.answer("s3", "get_object", stored(trend("run-1")), **TREND)
    keep(script)


def test_a_trend_that_somebody_else_wrote_stays(script: Script) -> None:
    """The lock keeps two runs apart; whoever else writes there is not undone."""
    script.answer("s3", "get_object", stored(trend("run-0")), **TREND)
    script.answer("s3", "get_object", stored(report_of()), **last())
    expect_reports(script)
    script.refuse("s3", "put_object", "PreconditionFailed", **written(trend("run-0", "run-1"), IfMatch='"e1"'))
    script.answer("s3", "get_object", stored(trend("run-9")), **TREND)
    (problem,) = keep(script).problems
    assert "somebody else" in problem


@pytest.mark.parametrize("code", ["SlowDown", "NoSuchBucket", "InternalError"])
def test_nothing_is_written_where_nothing_can_be_read(script: Script, code: str) -> None:
    """The cause is that of the first call."""
    script.refuse("s3", "get_object", code, **TREND)
    kept = keep(script)
    assert kept.location is None
    (problem,) = kept.problems
    assert code in problem


def test_a_page_that_is_not_there_is_not_named(script: Script) -> None:
    """The summary names what can be opened."""
    script.refuse("s3", "get_object", "AccessDenied", **TREND)
    where = {"Bucket": BUCKET, "Key": f"{RUN}.json", "Body": ANY, "ContentType": "application/json"}
    script.refuse("s3", "put_object", "AccessDenied", **where)
    kept = keep(script)
    assert kept.location is None
    (problem,) = kept.problems
    assert f"s3://{BUCKET}/{RUN}.json cannot be written" in problem


def test_the_last_run_that_was_not_refused_is_compared(script: Script) -> None:
    """A refused one does not know what is in use."""
    runs = json.loads(trend("run-0", "run-9"))
    runs["runs"][1]["status"] = RunStatus.REFUSED.value
    body = json.dumps(runs, separators=(",", ":")).encode() + b"\n"
    script.answer("s3", "get_object", stored(body), **TREND)
    script.answer("s3", "get_object", stored(report_of()), **last())
    expect_reports(script)
    script.answer(
        "s3", "put_object", {"ETag": '"e3"'}, **{**TREND, "Body": ANY, "ContentType": KINDS["json"]}, IfMatch='"e1"'
    )
    changes = keep(script).changes
    assert changes
    assert (changes.since, changes.unknown) == (NOW.isoformat(), "")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (None, "could not be read: "),
        (report_of()[:-3], "was not understood: "),
        (b"", "was not understood: "),
        (b"{}\n", "was not understood: "),
        (b'{"schema_version":1,"usages":[\n],"images":[\n]}\n', "was not understood: "),
        (b'{"schema_version":2,"usages":[\n],"images":[\n]}\n', "was not understood: "),
        (b'[],"usages":[\n],"images":[\n]}\n', "was not understood: "),
    ],
)
def test_a_last_report_that_is_unusable_fails_nothing(script: Script, body: bytes | None, told: str) -> None:
    """Nothing depends on it."""
    script.answer("s3", "get_object", stored(trend("run-0")), **TREND)
    if body is None:
        script.refuse("s3", "get_object", "AccessDenied", **last())
    else:
        script.answer("s3", "get_object", stored(body), **last())
    expect_reports(script)
    script.answer("s3", "put_object", {"ETag": '"e3"'}, **written(trend("run-0", "run-1"), IfMatch='"e1"'))
    kept = keep(script)
    assert kept.problems == ()
    assert kept.changes
    assert told in kept.changes.unknown
    assert f"s3://{BUCKET}/{PLACE}2026/03/01/run-0.json" in kept.changes.unknown


def test_a_last_report_that_was_cut_short_is_not_compared(script: Script) -> None:
    """Fewer bytes than S3 announced."""
    script.answer("s3", "get_object", stored(trend("run-0")), **TREND)
    whole = report_of()
    answer = {**stored(whole), "Body": StreamingBody(BytesIO(whole[:-9]), None), "ContentLength": len(whole)}
    script.answer("s3", "get_object", answer, **last())
    expect_reports(script)
    script.answer("s3", "put_object", {"ETag": '"e3"'}, **written(trend("run-0", "run-1"), IfMatch='"e1"'))
    changes = keep(script).changes
    assert changes
    assert "was cut short" in changes.unknown
