"""What an invocation does around a run, and how it ends."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from ecr_cleaner import handler as entry
from ecr_cleaner.approval.policy import NoApproval, PlanApplication, PlanProposal
from ecr_cleaner.aws import lock, s3
from ecr_cleaner.aws.s3 import Stored
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import LockHeldError, RunFailedError
from ecr_cleaner.history.store import HistoryStore
from ecr_cleaner.model.account_results import OtherAccountsResult
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.publish import announce
from ecr_cleaner.report.document import DocumentReporter
from ecr_cleaner.report.invocation import InvocationResult
from ecr_cleaner.report.log import LogReporter
from ecr_cleaner.report.reporter import Fanout
from ecr_cleaner.report.summary import run_json
from ecr_cleaner.usage.scanner import LocalScanner
from tests.builders import ACCOUNT, REGION, counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_cleaner.approval.policy import ApprovalPolicy
    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.history.reader import HistoryReader
    from ecr_cleaner.journal.writer import Journal
    from ecr_cleaner.run.context import RunContext
    from ecr_cleaner.settings.loader import Settings

PLACE = {"bucket": "shared", "prefix": "ecr-cleaner/1/"}
CONFIRM = {"schema_version": 1, "action": "confirm_usage_drop", "id": "0123456789ab"}
LOCKED = '{"schema_version": 1, "lock_table": "cleaner-lock"}'


class Context:
    """Lambda's context."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        """Twelve and a half seconds."""
        return 12_500


@dataclass
class Calls:
    """What the handler did.

    Attributes:
        end: What the run gives back or raises.
        runs: Settings, run id and time left of each run.
        locks: Table and run id of each lock, and when it was given back.
        histories: What each run knows of the past.
        approvals: What selects what each run may carry out.
        journals: Where each run writes down what goes.
        function_names: What each run takes the function's name for.
        reporters: Who is told of each run.
        lock_error: What asking for the lock raises.
        release_error: What giving it back raises.
    """

    end: RunResult | Exception
    runs: list[tuple[Settings, str, float]] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)
    histories: list[HistoryReader | None] = field(default_factory=list)
    approvals: list[ApprovalPolicy | PlanApplication] = field(default_factory=list)
    journals: list[Journal | None] = field(default_factory=list)
    function_names: list[str] = field(default_factory=list)
    reporters: list[object] = field(default_factory=list)
    lock_error: Exception | None = None
    release_error: Exception | None = None

    def invoke(self, event: object, context: Context | None) -> dict[str, Any]:
        """What the function returns."""
        return entry.handler(event, context, execute=self.run)

    def run(self, ctx: RunContext) -> RunResult:
        """In the place of the pipeline."""
        assert ctx.clients.region == REGION
        assert ctx.clock is utc_now
        assert ctx.scanner == LocalScanner(ctx.clients, ctx.settings, ctx.run_id, utc_now, known=ctx.facts)
        assert (ctx.facts is not None) is (ctx.settings.storage is not None)
        self.reporters.append(ctx.reporter)
        self.histories.append(ctx.history)
        self.journals.append(ctx.journal)
        self.function_names.append(ctx.function_name)
        self.approvals.append(ctx.application or ctx.approval)
        self.runs.append((ctx.settings, ctx.run_id, ctx.seconds_left()))
        self.locks.append("run")
        if isinstance(self.end, Exception):
            raise self.end
        return self.end

    @contextmanager
    def held(self, _: AwsClients, table: str, run_id: str) -> Iterator[None]:
        """In the place of the lock."""
        if self.lock_error:
            raise self.lock_error
        self.locks.append(f"take {table} {run_id}")
        try:
            yield
        finally:
            self.locks.append("release")
            if self.release_error:
                raise self.release_error


@pytest.fixture
def summary() -> RunResult:
    """A run that did all that it should."""
    return RunResult("request-1", dry_run=True, region=REGION)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, summary: RunResult) -> Calls:
    """What happens instead of a run."""
    made = Calls(summary)
    monkeypatch.setattr(lock, "held", made.held)
    for name in ("DRY_RUN", "DEFAULT_KEEP_DAYS", "ECR_CLEANER_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    return made


def failed(calls: Calls, event: object = None) -> dict[str, Any]:
    """What the error of a failed invocation says."""
    with pytest.raises(RunFailedError) as raised:
        calls.invoke({} if event is None else event, Context())
    text = str(raised.value)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    assert set(found) == {"run_id", "status", "causes"}
    assert found["run_id"] == "request-1"
    return found


@pytest.mark.usefixtures("calls")
def test_a_completed_run_returns_its_summary(calls: Calls, summary: RunResult) -> None:
    """The result is the summary itself, as JSON."""
    result = calls.invoke({}, Context())
    assert result == run_json(summary)
    assert json.loads(json.dumps(result)) == result


def test_a_degraded_run_returns_its_summary(calls: Calls, summary: RunResult) -> None:
    """Lambda's errors stay for what went wrong in the own account: an alarm of its own tells this."""
    calls.end = replace(summary, other_accounts=OtherAccountsResult((), ("no such role",)))
    assert (result := calls.invoke({}, Context())) == run_json(calls.end)
    assert (result["status"], result["causes"]) == ("degraded", ["no such role"])


@pytest.mark.parametrize(
    ("change", "status", "causes"),
    [
        ({"refusals": ["source ecs: denied"]}, "refused", ["source ecs: denied"]),
        ({"problems": ["something"]}, "failed", ["something"]),
        ({"deferred": ["app"]}, "incomplete", ["time ran out: 1 repositories left"]),
    ],
)
def test_every_other_run_fails_the_invocation(
    calls: Calls, summary: RunResult, change: dict[str, list[str]], status: str, causes: list[str]
) -> None:
    """Or no alarm would ring; the error's message is one line of JSON."""
    changed: dict[str, Any] = {name: tuple(value) for name, value in change.items()}
    calls.end = replace(summary, **changed)
    assert failed(calls) == {"run_id": "request-1", "status": status, "causes": causes}
    assert len(calls.runs) == 1


def test_the_environment_and_the_event_reach_the_run(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the time that Lambda leaves, in seconds."""
    monkeypatch.setenv("DRY_RUN", "false")
    monkeypatch.setenv("DEFAULT_KEEP_DAYS", "45")
    calls.invoke({}, Context())
    calls.invoke({"schema_version": 1, "action": "run", "dry_run": True}, Context())
    (real, run_id, seconds), (dry, _, _) = calls.runs
    assert (real.dry_run, real.default_keep_days, run_id, seconds) == (False, 45, "request-1", 12.5)
    assert (dry.dry_run, dry.default_keep_days) == (True, 45)


def test_the_place_of_the_history_reaches_the_run(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the days that it protects, and the function's name for the command that confirms."""
    calls.invoke({}, Context())
    document = {"schema_version": 1, "storage": PLACE | {"history": True}, "keep_recently_used_days": 3}
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", json.dumps(document))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "registry-cleaner")
    calls.invoke({}, Context())
    without, store = calls.histories
    assert without is None
    assert store
    assert (store.bucket, store.prefix, store.keep_recently_used_days) == ("shared", "ecr-cleaner/1/", 3)
    assert calls.function_names == ["ecr-cleaner", "registry-cleaner"]


def test_the_place_of_the_reports_reaches_the_run(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is kept before the log tells where; without a place there is only the log."""
    calls.invoke({}, Context())
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", json.dumps({"schema_version": 1, "storage": PLACE | {"reports": True}}))
    calls.invoke({}, Context())
    without, both = calls.reporters
    assert isinstance(without, LogReporter)
    assert isinstance(both, Fanout)
    assert [type(one) for one in both.reporters] == [DocumentReporter, LogReporter]


REQUIRED = {"schema_version": 1, "require_approval": True, "storage": PLACE}
APPLY = {"schema_version": 1, "action": "apply", "plan": "0" * 64}


def test_what_requires_approval_is_proposed_or_carried_out(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night proposes, a plan's id is carried out, a dry run of the night removes nothing anyway."""
    monkeypatch.setenv("DRY_RUN", "false")
    calls.invoke({}, Context())
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", json.dumps(REQUIRED))
    calls.invoke({}, Context())
    calls.invoke({"schema_version": 1, "dry_run": True}, Context())
    calls.invoke(APPLY, Context())
    calls.invoke(APPLY | {"dry_run": True}, Context())
    none, proposal, dry, application, looked = calls.approvals
    assert isinstance(none, NoApproval)
    assert isinstance(dry, NoApproval)
    assert isinstance(proposal, PlanProposal)
    assert isinstance(application, PlanApplication)
    assert isinstance(looked, PlanApplication)
    assert (application.plan_id, application.run_id) == ("0" * 64, "request-1")
    assert (application.dry_run, looked.dry_run) == (False, True)
    assert set(calls.function_names) == {"ecr-cleaner"}
    assert (application.store.bucket, application.store.prefix) == ("shared", "ecr-cleaner/1/plans/")
    assert [settings.dry_run for settings, _, _ in calls.runs] == [False, False, True, False, True]


@pytest.mark.parametrize(
    ("dry_run", "document", "cause"),
    [
        ("true", REQUIRED, "dry_run is true: nothing is removed"),
        ("false", {"schema_version": 1}, "require_approval is false: no plan waits"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"dry_run": True}])
def test_no_plan_is_carried_out_where_none_can_wait(  # noqa: PLR0917 - what differs, and two fixtures
    calls: Calls, monkeypatch: pytest.MonkeyPatch, dry_run: str, document: object, cause: str, more: dict[str, bool]
) -> None:
    """The settings win over every event."""
    monkeypatch.setenv("DRY_RUN", dry_run)
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", json.dumps(document))
    found = failed(calls, APPLY | more)
    assert found["status"] == "failed"
    assert found["causes"][0].startswith(f"event: action: apply: {cause}")
    assert calls.runs == []


def test_the_place_of_the_journal_reaches_the_run(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the run that writes it; also where there is no history."""
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", json.dumps({"schema_version": 1, "storage": PLACE | {"journal": True}}))
    calls.invoke({}, Context())
    (journal,) = calls.journals
    assert journal
    assert (journal.bucket, journal.prefix, journal.run_id) == ("shared", "ecr-cleaner/1/", "request-1")
    assert calls.histories == [None]


def test_a_confirmation_is_no_run(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """It happens under the lock, and tells what counts from now on."""
    document = {"schema_version": 1, "storage": PLACE | {"history": True}, "lock_table": "cleaner-lock"}
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", json.dumps(document))
    monkeypatch.setattr(HistoryStore, "confirm", lambda _, drop_id: counts(ecs={"0123456789ab": 3}[drop_id]))
    result = calls.invoke(CONFIRM, Context())
    assert result == {
        "schema_version": 1,
        "run_id": "request-1",
        "status": "confirmed",
        "id": "0123456789ab",
        "usages": [
            {"account_id": ACCOUNT, "region": REGION, "source": "ecs", "cluster": None, "part": None, "usages": 3}
        ],
    }
    assert (calls.runs, calls.locks) == ([], ["take cleaner-lock request-1", "release"])


def test_without_a_history_there_is_nothing_to_confirm(calls: Calls) -> None:
    """Nothing was compared."""
    found = failed(calls, CONFIRM)
    assert found["status"] == "failed"
    assert "the history is off" in found["causes"][0]
    assert calls.runs == []


def test_settings_in_a_bucket_are_read_from_there(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, or nothing is done."""
    body = b'{"schema_version": 1, "keep_recently_used_days": 5}'
    pointer = {"bucket": "shared", "key": "settings.json", "sha256": hashlib.sha256(body).hexdigest()}
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", json.dumps({"schema_version": 1, "settings_object": pointer}))
    monkeypatch.setattr(
        s3, "read", lambda _, bucket, key: Stored({("shared", "settings.json"): body}[bucket, key], "e")
    )
    calls.invoke({}, Context())
    assert calls.runs[0][0].keep_recently_used_days == 5
    monkeypatch.setattr(s3, "read", lambda *_: Stored(body + b"\n", "e"))
    assert "is not what Terraform wrote" in failed(calls)["causes"][0]
    assert len(calls.runs) == 1


def test_by_hand_there_is_no_context(calls: Calls) -> None:
    """Then the run names itself, and nothing cuts it off."""
    calls.invoke({}, None)
    calls.invoke({}, None)
    (_, first, seconds), (_, second, _) = calls.runs
    assert first != second
    assert seconds == float("inf")


@pytest.mark.parametrize(
    ("environment", "event", "named"),
    [
        ({"DEFAULT_KEEP_DAYS": "90d"}, {}, "90d"),
        ({"ECR_CLEANER_SETTINGS": "{"}, {}, "ECR_CLEANER_SETTINGS"),
        ({"ECR_CLEANER_SETTINGS": LOCKED}, {"schema_version": 1, "dry_run": False}, "dry_run"),
        ({}, None, "event"),
        ({}, {"force": True}, "force"),
    ],
)
def test_what_is_not_understood_does_nothing(  # noqa: PLR0917 - what differs, and two fixtures
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    environment: dict[str, str],
    event: object,
    named: str,
) -> None:
    """No client, no lock, no run: one line in the log, and a failed invocation."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(entry, "AwsClients", lambda: pytest.fail("a client was made"))
    with pytest.raises(RunFailedError) as raised:
        calls.invoke(event, Context())
    assert json.loads(str(raised.value))["status"] == "failed"
    assert named in str(raised.value)
    assert (calls.runs, calls.locks) == ([], [])
    (line,) = caplog.records
    assert line.getMessage() == "Run not started: invalid settings or event"
    assert any(named in problem for problem in line.problems)  # type: ignore[attr-defined]


def test_the_run_happens_under_the_lock(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken before and given back after."""
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", LOCKED)
    calls.invoke({}, Context())
    assert calls.locks == ["take cleaner-lock request-1", "run", "release"]


def test_without_a_table_there_is_no_lock(calls: Calls) -> None:
    """Nobody set one up."""
    calls.invoke({}, Context())
    assert calls.locks == ["run"]


def test_a_held_lock_does_nothing_and_says_so(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The second of two invocations is refused."""
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", LOCKED)
    calls.lock_error = LockHeldError("another run is under way")
    assert failed(calls) == {"run_id": "request-1", "status": "refused", "causes": ["another run is under way"]}
    assert calls.runs == []
    (line,) = caplog.records
    assert line.getMessage() == "Run not started: another run is in progress"
    assert line.cause == "another run is under way"  # type: ignore[attr-defined]


def test_a_lock_that_cannot_be_asked_for_does_nothing(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Denied is not free."""
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", LOCKED)
    error = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    calls.lock_error = ClientError(error, "PutItem")
    found = failed(calls)
    assert found["status"] == "failed"
    assert "AccessDeniedException" in found["causes"][0]
    assert calls.runs == []


def test_a_lock_that_cannot_be_given_back_fails_the_invocation(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The run's report is written; that nothing was done is not claimed."""
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", LOCKED)
    error = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    calls.release_error = ClientError(error, "DeleteItem")
    assert failed(calls)["status"] == "failed"
    assert calls.locks == ["take cleaner-lock request-1", "run", "release"]
    assert "Run not started" not in caplog.text


def test_without_a_region_the_invocation_fails(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one line of JSON too."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    found = failed(calls)
    assert found["status"] == RunStatus.FAILED
    assert "no AWS region is configured" in found["causes"][0]
    assert calls.runs == []


def test_a_bug_is_not_dressed_up(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails the invocation with its own trace, and the lock is given back."""
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", LOCKED)
    calls.end = KeyError("imageDigest")
    with pytest.raises(KeyError):
        calls.invoke({}, Context())
    assert calls.locks[-1] == "release"


@pytest.fixture
def told(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> list[InvocationResult]:
    """What those who were not there would be told."""
    endings: list[InvocationResult] = []

    def tell(
        _: AwsClients | None, settings: Settings, ending: InvocationResult, seconds_left: Callable[[], float]
    ) -> InvocationResult:
        assert settings.metrics_namespace == "ECRCleaner"
        assert seconds_left() == 12.5
        endings.append(ending)
        calls.locks.append("told")
        return ending

    monkeypatch.setattr(announce, "announce", tell)
    return endings


def test_a_run_is_told_after_the_lock_is_given_back(
    calls: Calls, told: list[InvocationResult], summary: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With everything that those who were not there have to know."""
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", LOCKED)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "registry-cleaner")
    calls.invoke({}, Context())
    assert calls.locks == ["take cleaner-lock request-1", "run", "release", "told"]
    assert told == [
        InvocationResult(
            run_id="request-1",
            function="registry-cleaner",
            log_group="/aws/lambda/registry-cleaner",
            region=REGION,
            dry_run=True,
            status=RunStatus.COMPLETED,
            causes=(),
            summary=run_json(summary),
        )
    ]


def test_what_could_not_be_told_fails_the_invocation(
    calls: Calls, summary: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the causes that there were."""
    calls.end = replace(summary, refusals=("source ecs: denied",))
    monkeypatch.setattr(announce, "announce", lambda _clients, _told, ending, _left: ending.with_problems(["no mail"]))
    assert failed(calls) == {"run_id": "request-1", "status": "refused", "causes": ["source ecs: denied", "no mail"]}
    calls.end = summary
    assert failed(calls) == {"run_id": "request-1", "status": "failed", "causes": ["no mail"]}


@pytest.mark.parametrize(
    ("error", "status", "cause"),
    [
        (LockHeldError("another run is under way"), RunStatus.REFUSED, "another run is under way"),
        (ClientError({"Error": {"Code": "Denied", "Message": "no"}}, "PutItem"), RunStatus.FAILED, "Denied"),
        (KeyError("bug"), RunStatus.FAILED, "a bug: KeyError: 'bug'"),
    ],
)
def test_what_ended_before_a_run_is_told_too(  # noqa: PLR0917 - what differs, and three fixtures
    calls: Calls,
    told: list[InvocationResult],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: RunStatus,
    cause: str,
) -> None:
    """Or nobody would hear of it."""
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", LOCKED)
    calls.lock_error = error
    with pytest.raises((RunFailedError, KeyError)):
        calls.invoke({}, Context())
    (ending,) = told
    assert (ending.status, ending.summary, ending.region) == (status, None, REGION)
    assert cause in ending.causes[0]


def test_a_lock_that_cannot_be_given_back_hides_no_other_cause(
    calls: Calls, summary: RunResult, told: list[InvocationResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's own causes come first."""
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", LOCKED)
    calls.end = replace(summary, deferred=("app",))
    calls.release_error = ClientError({"Error": {"Code": "Denied", "Message": "no"}}, "DeleteItem")
    found = failed(calls)
    assert found["status"] == "failed"
    assert found["causes"][0] == "time ran out: 1 repositories left"
    assert "DeleteItem" in found["causes"][1]
    assert told[0].causes == tuple(found["causes"])


@pytest.mark.usefixtures("calls")
def test_without_a_region_it_is_told_to_whom_it_can_be(
    calls: Calls, told: list[InvocationResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody but CloudWatch."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    failed(calls)
    assert [ending.region for ending in told] == [""]


@pytest.mark.usefixtures("calls")
def test_whoever_confirms_something_is_told_by_the_answer(
    calls: Calls, told: list[InvocationResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Confirming is no run: neither its success nor its failure is told to others, nor a bug in it."""
    document = {"schema_version": 1, "storage": PLACE | {"history": True}}
    failed(calls, CONFIRM)
    monkeypatch.setenv("ECR_CLEANER_SETTINGS", json.dumps(document))
    monkeypatch.setattr(HistoryStore, "confirm", lambda *_: {})
    calls.invoke(CONFIRM, Context())
    monkeypatch.setattr(HistoryStore, "confirm", lambda *_: json.loads("{}")["bug"])
    with pytest.raises(KeyError):
        calls.invoke(CONFIRM, Context())
    assert told == []


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("name", ["boto3", "botocore", "urllib3"])
def test_the_libraries_debug_lines_stay_out(calls: Calls, name: str) -> None:
    """Lambda sets the level of the root logger, and theirs hold whole answers."""
    logging.getLogger(name).setLevel(logging.NOTSET)
    calls.invoke({}, Context())
    assert not logging.getLogger(f"{name}.endpoint").isEnabledFor(logging.DEBUG)
