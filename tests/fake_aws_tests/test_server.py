"""The sandbox's own machinery: what it records, how it fails on demand, how it starts and stops."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ReadTimeoutError

from tests.fake_aws import Fault, Sandbox
from tests.fake_aws.dispatch import Dispatcher, Http
from tests.fake_aws.faults import Bucket
from tests.fake_aws.push import moment, size

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "tests/fake_aws/scenarios"
REPOSITORY = "shop/api"
ARN = f"arn:aws:ecr:us-east-1:123456789012:repository/{REPOSITORY}"


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """An account with one repository of three images."""
    running.reset()
    running.repository(REPOSITORY, tags={"BoxCleanerEnabled": "true"})
    for tag in ("v1", "v2", "v3"):
        running.push(REPOSITORY, tags=[tag])
    return running


def describe(sandbox: Sandbox, **options: Any) -> dict[str, Any]:
    """DescribeImages on the repository."""
    answer: dict[str, Any] = sandbox.client("ecr").describe_images(repositoryName=REPOSITORY, **options)
    return answer


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("access_denied", "AccessDeniedException", 400),
        ("bad_request", "InvalidParameterException", 400),
        ("throttled", "ThrottlingException", 400),
        ("internal_error", "ServerException", 500),
        ("unavailable", "ServiceUnavailableException", 503),
        ("expired_token", "ExpiredTokenException", 400),
    ],
)
def test_faults_that_are_answers(sandbox: Sandbox, kind: Any, code: str, status: int) -> None:
    """Each has the code and the status of AWS, and is recorded."""
    sandbox.inject(Fault(service="ecr", operation="DescribeImages", kind=kind))
    with pytest.raises(ClientError) as error:
        describe(sandbox)
    answer = error.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert sandbox.calls[-1].error == code


def test_rest_services_fail_in_their_own_way(sandbox: Sandbox) -> None:
    """The code is in a header, the status 403 or 429."""
    for kind, code in (("access_denied", "AccessDeniedException"), ("throttled", "TooManyRequestsException")):
        sandbox.clear_faults()
        sandbox.inject(Fault(service="lambda", kind=kind))  # type: ignore[arg-type]
        with pytest.raises(ClientError) as error:
            sandbox.client("lambda").list_functions()
        assert error.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("kind", ["malformed", "cut_short", "missing_member"])
def test_faults_that_look_like_an_empty_answer(sandbox: Sandbox, kind: Any) -> None:
    """Botocore raises nothing and lacks the member: the trap that callers must see."""
    sandbox.inject(Fault(service="ecr", operation="DescribeImages", kind=kind))
    assert "imageDetails" not in describe(sandbox)
    assert sandbox.calls[-1].error == kind


def test_a_reset_leaves_no_answer_and_no_effect(sandbox: Sandbox) -> None:
    """The connection is torn before the call is served."""
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind="reset"))
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        sandbox.client("ecr").batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])
    assert len(sandbox.images(REPOSITORY)) == 3


def test_a_lost_answer_had_its_effect(sandbox: Sandbox) -> None:
    """The SDK's second try meets what the first one did."""
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind="lost_answer", times=1))
    client = sandbox.client("ecr", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))
    answer = client.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])
    client.close()
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageNotFound"]
    assert len(sandbox.images(REPOSITORY)) == 2


def test_a_timeout_says_nothing(sandbox: Sandbox) -> None:
    """Until its seconds are over, or the caller's patience is."""
    sandbox.inject(Fault(service="ecr", kind="timeout", seconds=0.4))
    client = sandbox.client("ecr", config=Config(read_timeout=0.1, retries={"total_max_attempts": 1}))
    with pytest.raises(ReadTimeoutError):
        client.describe_images(repositoryName=REPOSITORY)
    client.close()


def test_short_and_empty_pages_still_lead_to_everything(sandbox: Sandbox) -> None:
    """AWS may answer with fewer items than asked, or none, and a token."""
    sandbox.inject(Fault(service="ecr", kind="empty_page_with_token", times=1))
    sandbox.inject(Fault(service="ecr", kind="short_page", after=1, times=1))
    pages = list(sandbox.client("ecr").get_paginator("describe_images").paginate(repositoryName=REPOSITORY))
    assert [len(page["imageDetails"]) for page in pages] == [0, 1, 2]


def test_a_fault_waits_counts_and_chooses(sandbox: Sandbox) -> None:
    """`after`, `times` and `where` decide which calls meet it."""
    where = {"repositoryName": REPOSITORY}
    sandbox.inject(Fault(service="ecr", kind="throttled", after=1, times=1, where=where))
    describe(sandbox)
    sandbox.repository("other")
    sandbox.client("ecr").describe_images(repositoryName="other")
    with pytest.raises(ClientError):
        describe(sandbox)
    describe(sandbox)


def test_an_unknown_fault_is_refused() -> None:
    """At once, with the kinds there are."""
    with pytest.raises(ValueError, match="lost_answer"):
        Fault(kind="explode")  # type: ignore[arg-type]


def test_calls_are_recorded_with_what_iam_would_see(sandbox: Sandbox) -> None:
    """Parameters, ARNs and the repository's tags, whatever the protocol."""
    describe(sandbox, maxResults=1)
    sandbox.client("lambda").list_functions(FunctionVersion="ALL", MaxItems=7)
    sandbox.client("iam").list_roles(MaxItems=3)
    sandbox.client("scheduler").list_schedules(NamePrefix="x")
    with pytest.raises(ClientError):
        sandbox.client("lambda").get_function(FunctionName="none", Qualifier="3")
    shown = [(call.action, call.parameters, call.resources, call.tags, call.error) for call in sandbox.calls]
    tags = {"BoxCleanerEnabled": "true"}
    function = "arn:aws:lambda:us-east-1:123456789012:function:none"
    named = {"FunctionName": "none", "Qualifier": "3"}
    assert shown == [
        ("ecr:DescribeImages", {"repositoryName": REPOSITORY, "maxResults": 1}, (ARN,), tags, None),
        ("lambda:ListFunctions", {"FunctionVersion": "ALL", "MaxItems": 7}, ("*",), {}, None),
        ("iam:ListRoles", {"MaxItems": 3}, ("*",), {}, None),
        ("scheduler:ListSchedules", {"NamePrefix": "x"}, ("*",), {}, None),
        ("lambda:GetFunction", named, (function,), {}, "ResourceNotFoundException"),
    ]


def test_a_call_is_understood_whatever_clients_did_before(sandbox: Sandbox) -> None:
    """A client of S3 takes the bucket out of the paths of its own model."""
    sandbox.client("s3").create_bucket(Bucket="made")
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/s3/aws4_request"}
    assert Dispatcher().parse(Http("PUT", "/made", "", signed, b"")).operation == "CreateBucket"


def test_things_happen_in_the_middle_of_a_run(sandbox: Sandbox) -> None:
    """A callback runs once, before or after its call, and sees the call."""
    seen: list[str] = []
    sandbox.before("ecr", "BatchDeleteImage", lambda call: seen.append(f"before {call.operation}"))
    sandbox.before("ecr", "BatchDeleteImage", lambda _: sandbox.untag(REPOSITORY, "v1"))
    sandbox.after("ecr", "*", lambda call: seen.append(f"after {call.operation}"))
    client = sandbox.client("ecr")
    answer = client.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])
    client.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v2"}])
    assert answer["failures"][0]["failureCode"] == "ImageNotFound"
    assert seen == ["before BatchDeleteImage", "after BatchDeleteImage"]


def test_things_can_happen_at_every_call(sandbox: Sandbox) -> None:
    """Until they are forgotten."""
    seen: list[str] = []
    sandbox.before("ecr", "DescribeImages", lambda _: seen.append("before"), lasting=True)
    sandbox.after("ecr", "*", lambda _: seen.append("after"), lasting=True)
    for _ in range(2):
        describe(sandbox)
    assert seen == ["before", "after"] * 2
    sandbox.clear_callbacks()
    describe(sandbox)
    assert len(seen) == 4


def test_a_bucket_throttles_beyond_its_burst(sandbox: Sandbox) -> None:
    """Operations of one bucket share its tokens."""
    sandbox.throttle("ecr", ["DescribeImages", "ListImages"], burst=2, refill=0)
    describe(sandbox)
    sandbox.client("ecr").list_images(repositoryName=REPOSITORY)
    with pytest.raises(ClientError) as error:
        describe(sandbox)
    assert error.value.response["Error"]["Code"] == "ThrottlingException"


def test_tokens_come_back_with_time() -> None:
    """As many a second as it says, and never more than the burst."""
    now = [100.0]
    bucket = Bucket("ecr", ["*"], burst=2, refill=1, clock=lambda: now[0])
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now[0] += 1
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] += 60
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_latency_is_added_to_every_call(sandbox: Sandbox) -> None:
    """In seconds."""
    sandbox.latency = 0.05
    started = time.monotonic()
    describe(sandbox)
    assert time.monotonic() - started >= 0.05


def test_no_acknowledgement_is_waited_for(sandbox: Sandbox) -> None:
    """A delayed one costs every call 40 ms; on a busy machine the quickest of many calls shows that there is none."""
    describe(sandbox)
    quickest = float("inf")
    for _ in range(50):
        started = time.monotonic()
        describe(sandbox)
        quickest = min(quickest, time.monotonic() - started)
    assert quickest < 0.04


def test_one_sandbox_at_a_time(running: Sandbox) -> None:
    """Moto's state belongs to the process: a second one would share it unnoticed."""
    assert running.endpoint
    with pytest.raises(RuntimeError, match="already"):
        Sandbox().start()


def post(url: str, content: object) -> Any:
    """POST JSON, get JSON."""
    with urlopen(Request(url, json.dumps(content).encode())) as response:  # noqa: S310 - our own address
        return json.load(response)


def get(url: str) -> Any:
    """GET JSON."""
    with urlopen(url) as response:  # noqa: S310 - our own address
        return json.load(response)


def test_another_process_controls_it_over_http(sandbox: Sandbox) -> None:
    """Seed, disturb, ask and reset under /_sandbox/."""
    base = f"{sandbox.endpoint}/_sandbox"
    post(f"{base}/seed", {"repositories": {"web": {"images": [{"id": "w", "tags": ["v1"], "pushed": "3d"}]}}})
    digest = get(f"{base}/digest?id=w")["digest"]
    assert [image["digest"] for image in get(f"{base}/images?repository=web")] == [digest]
    pushed = post(f"{base}/push", {"repository": "web", "tags": ["v2"]})["digest"]
    post(f"{base}/tag", {"repository": "web", "digest": pushed, "tag": "v1"})
    assert [image["tags"] for image in get(f"{base}/images?repository=web")] == [[], ["v2", "v1"]]
    post(f"{base}/settings", {"pair_deletes": "image", "latency": 0.001})
    assert sandbox.pair_deletes == "image"
    post(f"{base}/inject", {"service": "ecr", "operation": "*", "kind": "throttled"})
    with pytest.raises(ClientError):
        describe(sandbox)
    (call,) = get(f"{base}/calls")
    assert (call["operation"], call["error"]) == ("DescribeImages", "ThrottlingException")
    post(f"{base}/reset", {})
    assert get(f"{base}/images?repository=web") == []


@pytest.mark.parametrize(
    "scenario",
    [
        {"repositorys": {}},
        {"repositories": {"a": {"image": []}}},
        {"repositories": {"a": {"images": [{"colour": "red"}]}}},
        {"repositories": {"a": {"images": [{"pushed": "40 days"}]}}},
        {"repositories": {"a": {"images": [{"kind": "signature", "subject": "none"}]}}},
        {"ecs": {"clusters": {"c": {"services": {"s": {"task_definition": "none:1"}}}}}},
        {"apprunner": {"services": {"s": {"image": "{none}"}}}},
    ],
)
def test_a_scenario_that_means_nothing_is_refused(sandbox: Sandbox, scenario: dict[str, Any]) -> None:
    """A typo must not become an account that lacks what a test relies on."""
    with pytest.raises((LookupError, TypeError, ValueError)):
        sandbox.seed(scenario)


def test_ages_and_sizes() -> None:
    """``30d+1s`` is a second older than 30 days; ``1.5GB`` is in decimal bytes."""
    present = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    older, younger = moment("30d+1s", present), moment("30d-1s", present)
    assert older is not None
    assert younger is not None
    assert (younger - older).total_seconds() == 2
    assert (size("1.5GB"), size("120MB"), size(7)) == (1_500_000_000, 120_000_000, 7)


@pytest.mark.parametrize("name", ["company", "bad-tag"])
def test_the_scenario_files_load(sandbox: Sandbox, name: str) -> None:
    """Every file in scenarios/, into an empty account."""
    sandbox.reset()
    sandbox.seed(SCENARIOS / f"{name}.yaml")
    assert sandbox.client("ecr").describe_repositories()["repositories"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_by_hand_it_says_where_and_ends_cleanly(number: signal.Signals) -> None:
    """One JSON line when it is ready; status 0 after a signal."""
    command = [sys.executable, "-m", "tests.fake_aws", "--scenario", str(SCENARIOS / "bad-tag.yaml")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        endpoint = json.loads(process.stdout.readline())["endpoint"]
        assert get(f"{endpoint}/_sandbox/images?repository=shop/bad")
        process.send_signal(number)
        assert process.wait(timeout=10) == 0


def test_it_ends_with_its_parent() -> None:
    """--parent-pid: nobody is left behind when a demo is killed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent:
        command = [sys.executable, "-m", "tests.fake_aws", "--parent-pid", str(parent.pid)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline()
            parent.kill()
            parent.wait()
            assert process.wait(timeout=10) == 0
