"""The sandbox's S3 pages and fails as AWS does, in XML."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from ecr_cleaner.aws import errors
from tests.fake_aws import Fault, Sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """An account with a bucket of two objects."""
    running.reset()
    running.seed({"s3": {"lists": {"in/a.json": {"json": ["a"], "modified": "3h"}, "out/b.json": {"text": "b"}}}})
    return running


def listed(sandbox: Sandbox, **options: Any) -> dict[str, Any]:
    """The objects under ``in/``."""
    answer: dict[str, Any] = sandbox.client("s3").list_objects_v2(Bucket="lists", Prefix="in/", **options)
    return answer


def test_objects_have_their_age_and_their_content(sandbox: Sandbox) -> None:
    """As the scenario tells it, and as a client puts it; listing and object agree."""
    (found,) = listed(sandbox)["Contents"]
    age = dt.datetime.now(dt.UTC) - found["LastModified"]
    assert dt.timedelta(hours=3) <= age < dt.timedelta(hours=3, minutes=1)
    told = sandbox.client("s3").get_object(Bucket="lists", Key="in/a.json")
    assert (told["LastModified"], json.loads(told["Body"].read())) == (found["LastModified"], ["a"])
    sandbox.client("s3").put_object(Bucket="lists", Key="in/c.json", Body=b"[]")
    assert [one["Key"] for one in listed(sandbox)["Contents"]] == ["in/a.json", "in/c.json"]


def test_an_empty_listing_has_no_contents(sandbox: Sandbox) -> None:
    """Only their number; a bucket that does not exist is an error."""
    answer = sandbox.client("s3").list_objects_v2(Bucket="lists", Prefix="nowhere/")
    assert (answer["KeyCount"], answer["IsTruncated"], "Contents" in answer) == (0, False, False)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        sandbox.client("s3").list_objects_v2(Bucket="nowhere")
    with pytest.raises(ClientError, match="NoSuchKey"):
        sandbox.client("s3").get_object(Bucket="lists", Key="in/none.json")


def test_objects_come_a_thousand_a_page(sandbox: Sandbox) -> None:
    """With a token for the rest."""
    sandbox.seed({"s3": {"lists": {f"in/{number:04}.json": {"json": []} for number in range(1000)}}})
    first = listed(sandbox)
    assert (first["KeyCount"], first["IsTruncated"]) == (1000, True)
    second = listed(sandbox, ContinuationToken=first["NextContinuationToken"])
    assert [one["Key"] for one in second["Contents"]] == ["in/a.json"]
    assert [(call.operation, call.action) for call in sandbox.calls] == [("ListObjectsV2", "s3:ListBucket")] * 2
    assert {call.resources for call in sandbox.calls} == {("arn:aws:s3:::lists",)}


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("access_denied", "AccessDenied", 403),
        ("bad_request", "InvalidArgument", 400),
        ("throttled", "SlowDown", 503),
        ("internal_error", "InternalError", 500),
        ("unavailable", "ServiceUnavailable", 503),
        ("expired_token", "ExpiredToken", 400),
    ],
)
def test_errors_have_the_codes_of_s3(sandbox: Sandbox, kind: Any, code: str, status: int) -> None:
    """In its own XML."""
    sandbox.inject(Fault(service="s3", kind=kind))
    with pytest.raises(ClientError) as error:
        listed(sandbox)
    answer = error.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


@pytest.mark.parametrize("kind", ["malformed", "missing_member"])
def test_an_answer_that_says_nothing_has_no_members(sandbox: Sandbox, kind: Any) -> None:
    """It is XML, only not S3's."""
    sandbox.inject(Fault(service="s3", kind=kind))
    assert "KeyCount" not in listed(sandbox)


def test_a_listing_that_is_cut_short_is_an_error_of_the_server(sandbox: Sandbox) -> None:
    """So botocore takes XML that ends early from S3; from others it raises an error that is none of its family."""
    sandbox.inject(Fault(kind="cut_short"))
    with pytest.raises(ClientError) as error:
        listed(sandbox)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    with pytest.raises(ResponseParserError):
        sandbox.client("sns").list_topics()
    assert issubclass(ResponseParserError, errors.AwsError)


def test_operations_are_told_apart_by_the_query(sandbox: Sandbox) -> None:
    """They share their paths."""
    client = sandbox.client("s3")
    client.get_bucket_location(Bucket="lists")
    client.list_objects(Bucket="lists")
    client.head_object(Bucket="lists", Key="in/a.json")
    client.get_object(Bucket="lists", Key="in/a.json")
    client.list_buckets()
    assert [call.operation for call in sandbox.calls] == [
        "GetBucketLocation",
        "ListObjects",
        "HeadObject",
        "GetObject",
        "ListBuckets",
    ]


def test_connected_clusters_are_listed_if_all_are_asked_for(sandbox: Sandbox) -> None:
    """Otherwise only those that EKS runs."""
    sandbox.seed({"eks": {"clusters": ["shop"], "connected": ["on-premises"]}})
    client = sandbox.client("eks")
    assert client.list_clusters()["clusters"] == ["shop"]
    assert client.list_clusters(include=["all"])["clusters"] == ["on-premises", "shop"]
