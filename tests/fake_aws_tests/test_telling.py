"""The sandbox's SNS and EventBridge refuse what AWS refuses, and deliver what they take."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws import Fault, Sandbox
from tests.fake_aws.telling import size

TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:runs"
ENTRY: Final = {"Source": "mine", "DetailType": "Run", "Detail": "{}"}


@pytest.fixture
def account(running: Sandbox) -> Sandbox:
    """An account with one topic."""
    running.reset()
    running.client("sns").create_topic(Name="runs")
    return running


def refusal(client: Any, operation: str, **parameters: Any) -> str:
    """The code of the error that a call is answered with."""
    with pytest.raises(ClientError) as raised:
        getattr(client, operation)(**parameters)
    return str(raised.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Subject": "x" * 101}, "InvalidParameter"),
        ({"Subject": "two\nlines"}, "InvalidParameter"),
        ({"Subject": "Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n"}, "InvalidParameter"),
        ({"Subject": " blank first"}, "InvalidParameter"),
        ({"Message": ""}, "InvalidParameter"),
        ({"Message": "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * (128 * 1024 + 1)}, "InvalidParameter"),
        ({"TopicArn": TOPIC + "2"}, "NotFound"),
    ],
)
def test_a_message_has_to_be_one_that_sns_takes(account: Sandbox, change: dict[str, str], code: str) -> None:
    """The rules of its API reference."""
    told = {"TopicArn": TOPIC, "Subject": "s" * 100, "Message": "m" * 256 * 1024}
    assert account.client("sns").publish(**told)["MessageId"]
    assert refusal(account.client("sns"), "publish", **(told | change)) == code


def test_a_message_reaches_who_subscribed(account: Sandbox) -> None:
    """Here a queue; and the call is recorded on its topic."""
    sqs = account.client("sqs")
    queue = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    account.client("sns").subscribe(
        TopicArn=TOPIC, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:mailbox"
    )
    account.clear_calls()
    account.client("sns").publish(TopicArn=TOPIC, Subject="how it ended", Message="well")
    (call,) = account.calls
    assert (call.action, call.resources, call.error) == ("sns:Publish", (TOPIC,), None)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    body = json.loads(message["Body"])
    assert (body["Subject"], body["Message"]) == ("how it ended", "well")


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([ENTRY] * 11, "ValidationException"),
        ([ENTRY | {"Detail": json.dumps({"x": "y" * 256 * 1024})}], "ValidationException"),
        ([ENTRY | {"EventBusName": "nobody"}], "ResourceNotFoundException"),
    ],
)
def test_a_request_has_to_be_one_that_eventbridge_takes(
    account: Sandbox, entries: list[dict[str, str]], code: str
) -> None:
    """As a whole: how many, how large, and for a bus that there is."""
    assert refusal(account.client("events"), "put_events", Entries=entries) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Source": "aws.ecr"}, "NotAuthorizedForSourceException"),
        ({"Detail": "["}, "MalformedDetail"),
        ({"Detail": "[]"}, "MalformedDetail"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"DetailType": "x" * 129}, "InvalidArgument"),
    ],
)
def test_an_entry_fails_inside_of_a_successful_answer(account: Sandbox, change: dict[str, str], code: str) -> None:
    """The other one of the request is taken."""
    answer = account.client("events").put_events(Entries=[ENTRY, ENTRY | change])
    assert answer["FailedEntryCount"] == 1
    taken, failed = answer["Entries"]
    assert "EventId" in taken
    assert failed["ErrorCode"] == code


def test_an_event_reaches_the_target_of_a_rule(account: Sandbox) -> None:
    """On the bus that it names; and the call is recorded on that bus."""
    events, sqs = account.client("events"), account.client("sqs")
    queue = sqs.create_queue(QueueName="after-runs")["QueueUrl"]
    events.create_event_bus(Name="platform")
    events.put_rule(Name="runs", EventBusName="platform", EventPattern='{"source": ["mine"]}')
    target = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:123456789012:after-runs"}
    events.put_targets(Rule="runs", EventBusName="platform", Targets=[target])
    account.clear_calls()
    answer = events.put_events(Entries=[ENTRY | {"EventBusName": "platform", "Detail": '{"a": 1}'}])
    assert (answer["FailedEntryCount"], len(answer["Entries"])) == (0, 1)
    (call,) = account.calls
    assert (call.action, call.resources) == (
        "events:PutEvents",
        ("arn:aws:events:us-east-1:123456789012:event-bus/platform",),
    )
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["detail"] == {"a": 1}


def test_a_rule_that_starts_a_task_stands_in_nobodys_way(account: Sandbox) -> None:
    """Nothing is started, and the event is put all the same."""
    target = {"task_definition": "report:1"}
    account.seed(
        {
            "ecs": {"task_definitions": {"report:1": {"image": "{registry}/app:v1"}}},
            "events": {"rules": {"nightly": {"schedule": "rate(1 day)", "targets": [target]}}},
        }
    )
    assert account.client("events").put_events(Entries=[ENTRY])["FailedEntryCount"] == 0


def test_the_size_of_an_entry_is_that_of_its_bytes() -> None:
    """Not of its characters; a time counts fourteen."""
    umlaut = "\N{LATIN SMALL LETTER U WITH DIAERESIS}"
    assert size({"Source": "ab", "DetailType": "c", "Detail": umlaut}) == 5
    assert size({"Source": "ab", "Time": 0, "Resources": ["xyz"]}) == 19


@pytest.mark.parametrize(("service", "operation"), [("sns", "Publish"), ("events", "PutEvents")])
def test_a_denied_call_is_told_in_the_words_of_its_service(account: Sandbox, service: str, operation: str) -> None:
    """SNS has a code of its own."""
    account.inject(Fault(service=service, operation=operation, kind="access_denied"))
    parameters = {"Entries": [ENTRY]} if service == "events" else {"TopicArn": TOPIC, "Message": "m"}
    method = {"Publish": "publish", "PutEvents": "put_events"}[operation]
    expected = {"sns": "AuthorizationError", "events": "AccessDeniedException"}[service]
    assert refusal(account.client(service), method, **parameters) == expected
