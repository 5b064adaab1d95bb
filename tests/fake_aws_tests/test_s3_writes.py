"""The sandbox's S3 refuses what AWS refuses, and is recorded by the names that IAM knows."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws import Fault, Sandbox

BUCKET = "history"


@pytest.fixture
def s3(running: Sandbox) -> Any:
    """A client of an account with one bucket."""
    running.reset()
    client = running.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def put(s3: Any, body: bytes = b"{}", **condition: str) -> str:
    """Write an object; returns its ETag, or the code and status of the refusal."""
    try:
        return str(s3.put_object(Bucket=BUCKET, Key="a/b.json", Body=body, **condition)["ETag"])
    except ClientError as error:
        return f"{error.response['Error']['Code']} {error.response['ResponseMetadata']['HTTPStatusCode']}"


def test_a_write_may_demand_that_nothing_is_there(s3: Any) -> None:
    """If-None-Match: * is refused with 412 otherwise."""
    assert put(s3, IfNoneMatch="*").startswith('"')
    assert put(s3, IfNoneMatch="*") == "PreconditionFailed 412"


def test_a_write_may_demand_what_it_replaces(s3: Any) -> None:
    """If-Match is refused with 412 if it is something else, with 404 if there is nothing."""
    assert put(s3, IfMatch='"0123"') == "NoSuchKey 404"
    etag = put(s3)
    assert put(s3, b"[]", IfMatch=etag).startswith('"')
    assert put(s3, b"{}", IfMatch=etag) == "PreconditionFailed 412"


def test_of_many_writes_at_once_one_wins(s3: Any) -> None:
    """Whoever compares first may not write later."""
    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(lambda number: put(s3, str(number).encode(), IfNoneMatch="*"), range(24)))
    assert sum(one.startswith('"') for one in ended) == 1


def test_calls_are_recorded_by_the_names_that_iam_knows(running: Sandbox, s3: Any) -> None:
    """Several operations share a path and differ by the query or a header."""
    running.clear_calls()
    put(s3, IfNoneMatch="*")
    s3.get_object(Bucket=BUCKET, Key="a/b.json")
    s3.copy_object(Bucket=BUCKET, Key="c", CopySource={"Bucket": BUCKET, "Key": "a/b.json"})
    s3.get_bucket_versioning(Bucket=BUCKET)
    s3.get_object_tagging(Bucket=BUCKET, Key="c")
    assert [(call.action, call.resources) for call in running.calls] == [
        ("s3:PutObject", ("arn:aws:s3:::history/a/b.json",)),
        ("s3:GetObject", ("arn:aws:s3:::history/a/b.json",)),
        ("s3:CopyObject", ("arn:aws:s3:::history/c",)),
        ("s3:GetBucketVersioning", ("arn:aws:s3:::history",)),
        ("s3:GetObjectTagging", ("arn:aws:s3:::history/c",)),
    ]
    assert running.calls[0].parameters["IfNoneMatch"] == "*"


def test_a_bucket_that_demands_tls_is_not_closed(s3: Any) -> None:
    """There is none on loopback, and nobody listens."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:*"],
                "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    assert put(s3).startswith('"')
    assert s3.get_object(Bucket=BUCKET, Key="a/b.json")["ContentLength"] == 2
    assert json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"]) == policy


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("access_denied", "AccessDenied", 403),
        ("throttled", "SlowDown", 503),
        ("internal_error", "InternalError", 500),
        ("unavailable", "ServiceUnavailable", 503),
        ("expired_token", "ExpiredToken", 400),
        ("bad_request", "InvalidArgument", 400),
    ],
)
def test_s3_fails_in_its_own_words(running: Sandbox, s3: Any, kind: Any, code: str, status: int) -> None:
    """Its errors are XML without a wrapping."""
    running.inject(Fault(service="s3", operation="PutObject", kind=kind))
    assert put(s3) == f"{code} {status}"
