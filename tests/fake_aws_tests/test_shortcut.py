"""The way to the sandbox without a socket: the same answers, and nothing that a socket would have made of a fault."""

from __future__ import annotations

import io
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from tests.fake_aws import Fault, Sandbox
from tests.fake_aws.server import Server

BUCKET = "bucket-of-somebody"
KEY = "some folder/ä+b.json"
MISSING = {"Bucket": BUCKET, "Key": "none"}
SCHEDULES = "arn:aws:scheduler:us-east-1:123456789012:schedule-group/default"


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """An account with a repository and a bucket."""
    running.reset()
    running.repository("shop/api", tags={"BoxCleanerEnabled": "true"})
    running.push("shop/api", tags=["v1"])
    running.client("s3").create_bucket(Bucket=BUCKET)
    return running


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What came through the socket: the path of every request."""
    seen: list[str] = []
    gateway: Any = Server.gateway
    told = gateway.get_environ

    def tell(self: Any) -> dict[str, Any]:
        environ: dict[str, Any] = told(self)
        seen.append(environ["PATH_INFO"])
        return environ

    monkeypatch.setattr(gateway, "get_environ", tell)
    return seen


def plain(sandbox: Sandbox, service: str, endpoint: str = "") -> Any:
    """A client as anybody makes one."""
    keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    return boto3.client(service, region_name="us-east-1", endpoint_url=endpoint or sandbox.endpoint, **keys)


def answers(s3: Any, ecr: Any, scheduler: Any) -> list[Any]:
    """Bodies and labels of every form; an error; a listing."""
    found = [s3.put_object(Bucket=BUCKET, Key=KEY, Body=io.BytesIO(b'["a"]'))["ETag"]]
    found.append(s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())
    found.append(s3.head_object(Bucket=BUCKET, Key=KEY)["ResponseMetadata"]["HTTPStatusCode"])
    found += [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix="some folder/")["Contents"]]
    found.append(ecr.describe_images(repositoryName="shop/api")["imageDetails"][0]["imageDigest"])
    found.append(scheduler.list_tags_for_resource(ResourceArn=SCHEDULES)["Tags"])
    for service, call, key in ((ecr, "describe_images", {"repositoryName": "none"}), (s3, "get_object", MISSING)):
        with pytest.raises(ClientError) as failed:
            getattr(service, call)(**key)
        found.append(failed.value.response["Error"]["Code"])
    return found


def test_it_answers_what_the_socket_answers(sandbox: Sandbox, connections: list[str]) -> None:
    """To the word, with names that have to be encoded; and the calls are recorded alike."""
    sandbox.clear_calls()
    near = answers(*(sandbox.client(name) for name in ("s3", "ecr", "scheduler")))
    assert connections == []
    calls = [(call.service, call.operation, call.parameters, call.error) for call in sandbox.calls]
    sandbox.clear_calls()
    far = answers(*(plain(sandbox, name) for name in ("s3", "ecr", "scheduler")))
    assert len(connections) == len(calls)
    assert near == far
    assert [(call.service, call.operation, call.parameters, call.error) for call in sandbox.calls] == calls


def test_what_spoils_a_connection_takes_the_socket(sandbox: Sandbox, connections: list[str]) -> None:
    """All calls like it, so that they are counted in one place."""
    sandbox.inject(Fault(service="ecr", operation="DescribeImages", kind="reset", after=1))
    sandbox.client("ecr").describe_images(repositoryName="shop/api")
    with pytest.raises(ConnectionClosedError):
        sandbox.client("ecr").describe_images(repositoryName="shop/api")
    assert len(connections) == 2
    sandbox.client("ecr").describe_repositories()
    assert len(connections) == 2


def test_a_fault_that_comes_with_the_call_tears_it(sandbox: Sandbox, connections: list[str]) -> None:
    """Although there is no socket to tear: botocore is told what it would have said of one."""
    torn = Fault(service="ecr", operation="DescribeImages", kind="reset")
    sandbox.before("ecr", "DescribeImages", lambda _: sandbox.inject(torn))
    with pytest.raises(ConnectionClosedError):
        sandbox.client("ecr").describe_images(repositoryName="shop/api")
    assert connections == []
    assert [call.error for call in sandbox.calls if call.operation == "DescribeImages"] == ["reset"]


def test_a_time_out_is_waited_for_only_if_a_fault_says_how_long(sandbox: Sandbox, connections: list[str]) -> None:
    """Else it is over at once, as botocore ends it, and counted as every fault is."""
    sandbox.inject(Fault(service="ecr", operation="DescribeImages", kind="timeout", after=1))
    sandbox.client("ecr").describe_images(repositoryName="shop/api")
    with pytest.raises(ReadTimeoutError, match=f'Read timeout on endpoint URL: "{sandbox.endpoint}/"'):
        sandbox.client("ecr").describe_images(repositoryName="shop/api")
    assert connections == []
    assert [call.error for call in sandbox.calls if call.operation == "DescribeImages"] == [None, "timeout"]
    sandbox.clear_faults()
    sandbox.inject(Fault(service="ecr", operation="DescribeImages", kind="timeout", seconds=0))
    with pytest.raises(ConnectionClosedError):
        sandbox.client("ecr").describe_images(repositoryName="shop/api")
    assert len(connections) == 1


def test_another_place_is_left_to_botocore(sandbox: Sandbox) -> None:
    """Whoever asks elsewhere must not be answered from here."""
    client = plain(sandbox, "ecr", "http://127.0.0.1:9")
    sandbox.shorten(client)
    with pytest.raises(EndpointConnectionError):
        client.describe_repositories()
    assert not [call for call in sandbox.calls if call.operation == "DescribeRepositories"]
