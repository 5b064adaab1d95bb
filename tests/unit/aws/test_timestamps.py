"""Times in responses: what a number says, in UTC wherever the machine is; all else as botocore reads it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from ecr_cleaner.aws.client import AwsClients

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows another time than UTC."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000.125", datetime(2023, 11, 14, 22, 13, 20, 125000, tzinfo=UTC)),
        ('"2023-11-14T22:13:20Z"', datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("-1", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_moment(written: str, moment: datetime) -> None:
    """What people are shown says that it is UTC."""

    def answer(request: Any, **_unused: object) -> AWSResponse:
        body = f'{{"imageDetails": [{{"imagePushedAt": {written}}}]}}'.encode()
        return AWSResponse(request.url, 200, {}, _Raw(body))

    session = boto3.Session("key", "secret", region_name="us-east-1")
    session.events.register("before-send", answer)
    (image,) = AwsClients(session).client("ecr").describe_images(repositoryName="app")["imageDetails"]
    assert (image["imagePushedAt"], image["imagePushedAt"].utcoffset()) == (moment, timedelta(0))
