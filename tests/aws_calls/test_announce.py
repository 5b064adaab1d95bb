"""Telling others how a run ended: what SNS and EventBridge are asked, in which order, and what a failure comes to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.stub import ANY

from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.publish import announce
from ecr_cleaner.report import mail as report_mail
from ecr_cleaner.settings.loader import Settings
from tests.endings import RUN_ID, ending, repository, summary
from tests.unit.report.test_metrics import violations

if TYPE_CHECKING:
    from ecr_cleaner.model.result import NotifyOn
    from ecr_cleaner.report.invocation import InvocationResult
    from tests.aws_calls.script import Script

TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:runs"
REMOVED: Final = ending(summary(repository(removed=2)))


def told(
    *, bus: str | None = None, topic: str | None = None, on: NotifyOn = "always", metrics: str | None = None
) -> Settings:
    """Settings that say who is told."""
    notifications: Any = {"topic_arn": topic, "on": on} if topic else None
    document = {"event_bus_name": bus, "notifications": notifications, "metrics_namespace": metrics}
    return Settings.model_validate(document)


def tell(
    script: Script, settings: Settings, of: InvocationResult = REMOVED, seconds: float = 100.0
) -> InvocationResult:
    """Tell, with so many seconds left."""
    return announce.announce(script.aws, settings, of, lambda: seconds)


def test_nobody_is_told_unless_the_settings_say_so(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    """No call, no line."""
    with script:
        assert tell(script, told()) == REMOVED
    assert capsys.readouterr().out == ""


def test_the_metrics_are_one_line_of_their_own(
    script: Script, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard output, not in the log, where Lambda would wrap it; at the level that Lambda keeps."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "ERROR")
    with script:
        tell(script, told(metrics="Platform"))
    out = capsys.readouterr().out
    assert out.endswith("\n")
    assert violations(out.removesuffix("\n")) == []
    line = json.loads(out)
    assert (line["_aws"]["CloudWatchMetrics"][0]["Namespace"], line["ImagesRemoved"]) == ("Platform", 2)
    assert line["level"] == "ERROR"


def test_without_clients_the_metrics_are_written_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """They need nobody; without a region there is nobody to ask."""
    of = ending(causes=("no AWS region is configured",))
    assert announce.announce(None, told(bus="default", topic=TOPIC, metrics="N"), of, lambda: 100.0) == of
    assert json.loads(capsys.readouterr().out)["Failures"] == 1


def test_the_event_comes_before_the_notification(script: Script) -> None:
    """Each in one call."""
    entry = {"EventBusName": "platform", "Source": "ecr-cleaner", "DetailType": "ECR Cleaner Run", "Detail": ANY}
    with script:
        script.answer(
            "events", "put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}, Entries=[_Like(entry)]
        )
        script.answer(
            "sns",
            "publish",
            {"MessageId": "1"},
            TopicArn=TOPIC,
            Subject=report_mail.subject(REMOVED),
            Message=report_mail.text(REMOVED),
        )
        assert tell(script, told(bus="platform", topic=TOPIC)) == REMOVED


class _Like(dict[str, Any]):
    """Equal to an entry whose detail names the run."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict) and dict(self) == other and json.loads(other["Detail"])["run_id"] == RUN_ID

    __hash__ = None


@pytest.mark.parametrize(("on", "calls"), [("always", 1), ("removals", 0), ("problems", 0)])
def test_a_notification_is_sent_on_its_occasions(script: Script, on: NotifyOn, calls: int) -> None:
    """A quiet night disturbs only those who want to hear of it."""
    with script:
        for _ in range(calls):
            script.answer("sns", "publish", {"MessageId": "1"}, TopicArn=ANY, Subject=ANY, Message=ANY)
        quiet = ending(summary())
        assert tell(script, told(topic=TOPIC, on=on), quiet) == quiet


def test_an_entry_that_failed_in_a_successful_answer_is_a_failure(script: Script) -> None:
    """EventBridge says so inside of a 200; its code and its words stand in the cause."""
    entry = {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}
    with script:
        script.answer("events", "put_events", {"FailedEntryCount": 1, "Entries": [entry]}, Entries=ANY)
        found = tell(script, told(bus="default"))
    assert (found.status, found.causes) == (
        RunStatus.FAILED,
        ("the event of the run could not be put on the event bus default: InternalFailure: try again",),
    )


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"FailedEntryCount": 0},
        {"Entries": [{"EventId": "1"}]},
        {"FailedEntryCount": 0, "Entries": []},
        {"FailedEntryCount": 0, "Entries": [{}]},
        {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}]},
    ],
)
def test_an_answer_that_does_not_say_it_was_put_is_a_failure(script: Script, answer: dict[str, Any]) -> None:
    """Nobody knows whether it was."""
    with script:
        script.cut_short("events", "put_events", answer, Entries=ANY)
        found = tell(script, told(bus="default"))
    assert found.status is RunStatus.FAILED
    assert found.causes[0].startswith("the event of the run could not be put on the event bus default: ")


def test_an_answer_without_an_id_is_no_notification(script: Script) -> None:
    """Likewise."""
    with script:
        script.cut_short("sns", "publish", {}, TopicArn=ANY, Subject=ANY, Message=ANY)
        found = tell(script, told(topic=TOPIC))
    (cause,) = found.causes
    assert cause.startswith(
        f"the notification could not be sent to {TOPIC}: Incomplete response from Publish: field 'MessageId' is missing"
    )


def test_what_is_denied_says_what_is_missing(script: Script, caplog: pytest.LogCaptureFixture) -> None:
    """Both of them, and the first does not keep the second from being tried; the mail tells of the event."""
    with script:
        script.refuse("events", "put_events", "AccessDeniedException")
        script.refuse("sns", "publish", "AuthorizationError")
        found = tell(script, told(bus="default", topic=TOPIC), ending(summary(problems=["its own"])))
    assert found.status is RunStatus.FAILED
    own, event, mail = found.causes
    assert own == "its own"
    assert event.startswith("the event of the run could not be put on the event bus default: PutEvents failed with ")
    assert event.endswith("; the caller needs the permission events:PutEvents")
    assert mail.startswith(f"the notification could not be sent to {TOPIC}: Publish failed with AuthorizationError")
    assert mail.endswith("; the caller needs the permission sns:Publish")
    assert [(line.getMessage(), vars(line)["cause"]) for line in caplog.records] == [
        ("The run could not be announced", event),
        ("The run could not be announced", mail),
    ]


def test_a_quiet_night_whose_event_failed_is_a_problem(script: Script) -> None:
    """Those who hear of problems alone hear of it."""
    with script:
        script.refuse("events", "put_events", "InternalException")
        worse = "FAILED: nothing was removed, because no repository opted in"
        subject = f"ecr-cleaner us-east-1: {worse}"
        script.answer("sns", "publish", {"MessageId": "1"}, TopicArn=TOPIC, Subject=subject, Message=ANY)
        found = tell(script, told(bus="default", topic=TOPIC, on="problems"), ending(summary()))
    assert found.status is RunStatus.FAILED


@pytest.mark.parametrize("service", ["events", "sns"])
def test_no_answer_at_all_is_a_failure(script: Script, service: str) -> None:
    """Also if it was put, or sent, before the connection broke."""
    operation = {"events": "PutEvents", "sns": "Publish"}[service]
    with script:
        script.break_off(service, operation, ConnectionClosedError(endpoint_url="https://x"))
        found = tell(script, told(bus="default") if service == "events" else told(topic=TOPIC))
    assert found.status is RunStatus.FAILED


def test_a_refused_run_stays_one(script: Script) -> None:
    """What could not be told does not make it look better or worse."""
    with script:
        script.refuse("sns", "publish", "InternalError")
        found = tell(script, told(topic=TOPIC), ending(summary(refusals=["source ecs: denied"])))
    assert (found.status, found.causes[0], len(found.causes)) == (RunStatus.REFUSED, "source ecs: denied", 2)


def test_with_no_time_left_nothing_is_tried(script: Script) -> None:
    """A call that hangs would let Lambda end the invocation, and nobody would be told its causes."""
    script.aws.client("events")
    with script:
        found = tell(script, told(bus="default", topic=TOPIC), seconds=announce.LAST_SECONDS - 1)
    assert found.causes == (
        "the event of the run could not be put on the event bus default: time ran out before PutEvents",
        f"the notification could not be sent to {TOPIC}: time ran out before Publish",
    )
    assert script.aws.deadline_exceeded is None
