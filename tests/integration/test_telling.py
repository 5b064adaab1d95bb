"""Whole runs and those who were not there: who is told what, and what it comes to if they cannot be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.builders import ACCOUNT, REGION
from tests.fake_aws import Fault
from tests.integration import cells
from tests.integration.runner import Context
from tests.unit.report.test_metrics import violations

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.fake_aws.faults import Kind
    from tests.integration.past import Past
    from tests.integration.runner import Runner

TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:runs"
TOLD: Final[dict[str, Any]] = {
    "event_bus_name": "default",
    "notifications": {"topic_arn": TOPIC, "on": "always"},
}


@pytest.fixture(autouse=True)
def account(run: Runner, sandbox: Sandbox) -> Sandbox:
    """One repository with something to remove, and a topic."""
    run.opted_in("shop/api")
    sandbox.push("shop/api", id="old", tags=["v1"], pushed="90d")
    sandbox.push("shop/api", id="young", tags=["v2"], pushed="1d")
    sandbox.client("sns").create_topic(Name="runs")
    return sandbox


def mails(sandbox: Sandbox) -> list[dict[str, Any]]:
    """What was published."""
    return [call.parameters for call in sandbox.calls if call.operation == "Publish" and call.error is None]


def events(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The details of the events that were put."""
    calls = [call for call in sandbox.calls if call.operation == "PutEvents" and call.error is None]
    return [json.loads(entry["Detail"]) for call in calls for entry in call.parameters["Entries"]]


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of metrics, each found to keep the rules of the format."""
    lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [violations(line) for line in lines] == [[]] * len(lines)
    return [json.loads(line) for line in lines]


def order(sandbox: Sandbox) -> list[str]:
    """The last calls of a run."""
    return [call.operation for call in sandbox.calls][-3:]


def test_after_its_work_a_run_tells_everybody(
    run: Runner, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line of metrics, then an event, then a mail, of what really went."""
    outcome = run(**TOLD)
    assert (outcome.status, outcome.gone) == ("completed", {"shop/api": run.ids("old")})
    (line,) = metrics(capsys)
    assert (line["ImagesRemoved"], line["ImagesScanned"], line["Failures"]) == (1, 2, 0)
    assert order(sandbox)[-2:] == ["PutEvents", "Publish"]
    (event,) = events(sandbox)
    assert (event["run_id"], event["status"], event["totals"]) == ("run-1", "completed", outcome.told["totals"])
    (mail,) = mails(sandbox)
    assert mail["Subject"].startswith("ecr-cleaner us-east-1: 1 image (at most ")
    assert "shop/api  1 of 2 images" in mail["Message"]


@pytest.mark.parametrize(
    ("mode", "on", "sent"),
    [("dry", "removals", 1), ("dry", "problems", 0), ("real", "removals", 1), ("real", "problems", 0)],
)
def test_people_are_told_on_the_occasions_that_they_chose(
    run: Runner,
    sandbox: Sandbox,
    mode: str,
    on: str,
    sent: int,
) -> None:
    """The night after, when nothing is left to go, is none."""
    document: dict[str, Any] = {"notifications": {"topic_arn": TOPIC, "on": on}}
    run(dry_run=mode == "dry", **document)
    assert len(mails(sandbox)) == sent
    if mode == "real":
        run(**document)
        assert len(mails(sandbox)) == sent


def test_a_refused_run_tells_why_and_what_to_do(
    run: Runner, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cause with its mend stands in the mail."""
    sandbox.inject(Fault(service="apprunner", kind="access_denied"))
    outcome = run(**TOLD)
    assert (outcome.status, outcome.gone) == ("refused", {})
    (mail,) = mails(sandbox)
    assert mail["Subject"] == "ecr-cleaner us-east-1: REFUSED: nothing was removed"
    assert f"  - {outcome.causes}\n" in mail["Message"]
    assert "apprunner:ListServices (source apprunner)" in mail["Message"]
    (event,) = events(sandbox)
    source = {"account_id": ACCOUNT, "region": REGION, "source": "apprunner", "cluster": None}
    assert (event["status"], event["sources_failed"], event["causes"]) == ("refused", [source], [outcome.causes])
    (line,) = metrics(capsys)
    assert (line["Refused"], line["SourcesFailed"], line["Failures"], line["TripwireTripped"]) == (1, 1, 1, 0)


def test_a_lost_history_is_told(run: Runner, sandbox: Sandbox, past: Past) -> None:
    """Nothing is removed, and somebody hears of it."""
    sandbox.client("s3").delete_object(Bucket=past.place["bucket"], Key=f"{past.place['prefix']}marker.json")
    outcome = run(storage=past.place | {"history": True}, **TOLD)
    assert (outcome.status, outcome.gone) == ("refused", {})
    (mail,) = mails(sandbox)
    assert "the history is lost" in mail["Message"]


def test_a_run_that_may_not_begin_is_told(run: Runner, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Here there is no lock table: no summary, and yet event, mail and metrics."""
    outcome = run(lock_table="no-such-table", **TOLD)
    assert (outcome.status, outcome.summary, outcome.gone) == ("failed", None, {})
    (event,) = events(sandbox)
    assert (event["status"], event["totals"]) == ("failed", None)
    (mail,) = mails(sandbox)
    assert mail["Subject"] == "ecr-cleaner us-east-1: FAILED: the run ended early"
    (line,) = metrics(capsys)
    assert (line["Failures"], "ImagesScanned" in line) == (1, False)


def test_settings_that_cannot_be_read_tell_nobody(run: Runner, sandbox: Sandbox) -> None:
    """Whom would they name? The failed invocation has to do."""
    outcome = run(keep_days="90d", **TOLD)
    assert outcome.status == "failed"
    assert (mails(sandbox), events(sandbox)) == ([], [])


def test_a_bus_that_does_not_exist_fails_the_run_after_its_work(run: Runner, sandbox: Sandbox) -> None:
    """And the mail says so."""
    outcome = run(**TOLD | {"event_bus_name": "nobody"})
    assert (outcome.status, outcome.told["status"]) == ("failed", "completed")
    assert outcome.gone == {"shop/api": run.ids("old")}
    assert outcome.causes.startswith("the event of the run could not be put on the event bus nobody: PutEvents failed")
    (mail,) = mails(sandbox)
    assert mail["Subject"].startswith("ecr-cleaner us-east-1: FAILED: 1 image (at most ")
    assert f"  - {outcome.causes}\n" in mail["Message"]


def test_a_topic_that_is_gone_fails_the_run_after_its_work(run: Runner, sandbox: Sandbox) -> None:
    """It is the run that would have gone unnoticed."""
    sandbox.client("sns").delete_topic(TopicArn=TOPIC)
    outcome = run(**TOLD)
    assert (outcome.status, outcome.told["status"]) == ("failed", "completed")
    assert outcome.gone == {"shop/api": run.ids("old")}
    assert outcome.causes.startswith(f"the notification could not be sent to {TOPIC}: Publish failed with NotFound")
    assert len(events(sandbox)) == 1


@pytest.mark.parametrize("kind", cells.HARD)
@pytest.mark.parametrize(("service", "told"), [("events", "the event of the run "), ("sns", "the notification ")])
def test_what_cannot_be_told_hides_no_other_cause(  # noqa: PLR0917 - what differs, and three fixtures
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: Kind, service: str, told: str
) -> None:
    """Whatever goes wrong with it, the run's own cause comes first, its report is whole, and its work is done."""
    monkeypatch.setattr("ecr_cleaner.aws.client.MAX_ATTEMPTS", 1)
    run.opted_in("bad", BoxCleanerKeepDays="90d")
    sandbox.inject(Fault(service=service, kind=kind, operation=_OPERATIONS[service]))
    outcome = run(**TOLD)
    assert (outcome.status, outcome.gone) == ("failed", {"shop/api": run.ids("old")})
    own, untold = outcome.causes.split(" | ")
    assert own.startswith("repository bad: tag BoxCleanerKeepDays")
    assert untold.startswith(told)
    assert outcome.told["causes"] == [own]


_OPERATIONS: Final = {"events": "PutEvents", "sns": "Publish"}


def test_a_run_cut_off_by_the_clock_is_told(run: Runner, sandbox: Sandbox) -> None:
    """What is kept back for the report is enough for that."""
    outcome = run(context=Context(seconds=80), **TOLD)
    assert outcome.status == "incomplete"
    (mail,) = mails(sandbox)
    assert mail["Subject"] == "ecr-cleaner us-east-1: INCOMPLETE: nothing was removed"
    assert len(events(sandbox)) == 1
