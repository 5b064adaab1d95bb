"""S3 objects are read whole or not at all, and replaced only if they are what was read."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    FlexibleChecksumError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.response import StreamingBody

from ecr_cleaner.aws import s3
from ecr_cleaner.aws.s3 import Stored
from ecr_cleaner.errors import AbsentError, HistoryError, ReplacedError

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

WHERE = {"Bucket": "shared", "Key": "a/b.json"}
WRITTEN = WHERE | {"Body": b"{}", "ContentType": "application/json"}


class Torn:
    """A body whose stream breaks."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self) -> bytes:
        """Break."""
        raise self._error


def answer(body: bytes, length: int | None = None, **more: Any) -> dict[str, Any]:
    """What GetObject answers."""
    streamed = StreamingBody(BytesIO(body), len(body))
    return {"Body": streamed, "ContentLength": len(body) if length is None else length, "ETag": '"e1"', **more}


def test_an_object_is_read_with_what_names_it(script: Script) -> None:
    """A later write has to say what it replaces."""
    script.answer("s3", "get_object", answer(b"{}"), **WHERE)
    assert s3.read(script.aws, "shared", "a/b.json") == Stored(b"{}", '"e1"')


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_absent_and_denied_are_one(script: Script, code: str) -> None:
    """S3 calls what is not there denied, to whoever may not list."""
    script.refuse("s3", "get_object", code, **WHERE)
    with pytest.raises(AbsentError, match=f"s3://shared/a/b.json does not exist or may not be read .*{code}"):
        s3.read(script.aws, "shared", "a/b.json")


@pytest.mark.parametrize(
    "code", ["NoSuchBucket", "SlowDown", "InternalError", "InvalidObjectState", "KMS.DisabledException"]
)
def test_an_object_that_cannot_be_read_is_not_absent(script: Script, code: str) -> None:
    """Nothing is known of it."""
    script.refuse("s3", "get_object", code, **WHERE)
    with pytest.raises(HistoryError, match=code) as raised:
        s3.read(script.aws, "shared", "a/b.json")
    assert not isinstance(raised.value, AbsentError)


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://s3"),
        ResponseStreamingError(error="reset"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
        FlexibleChecksumError(error_msg="no match"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_body_that_breaks_off_is_not_read(script: Script, error: Exception) -> None:
    """The answer began well."""
    script.cut_short("s3", "get_object", {"Body": Torn(error), "ContentLength": 2, "ETag": '"e1"'}, **WHERE)
    with pytest.raises(HistoryError, match=type(error).__name__):
        s3.read(script.aws, "shared", "a/b.json")


@pytest.mark.parametrize("length", [1, 3])
def test_a_body_of_another_length_is_not_read(script: Script, length: int) -> None:
    """However it came about."""
    script.answer("s3", "get_object", answer(b"{}", length), **WHERE)
    with pytest.raises(HistoryError, match=f"cut short: 2 of {length} bytes"):
        s3.read(script.aws, "shared", "a/b.json")


@pytest.mark.parametrize("missing", ["Body", "ContentLength", "ETag"])
def test_an_answer_without_a_member_is_not_read(script: Script, missing: str) -> None:
    """Each of them is needed."""
    script.cut_short("s3", "get_object", {k: v for k, v in answer(b"{}").items() if k != missing}, **WHERE)
    with pytest.raises(HistoryError, match=missing):
        s3.read(script.aws, "shared", "a/b.json")


@pytest.mark.parametrize(("etag", "condition"), [(None, {"IfNoneMatch": "*"}), ('"e1"', {"IfMatch": '"e1"'})])
def test_a_write_names_what_it_replaces(script: Script, etag: str | None, condition: dict[str, str]) -> None:
    """Or that there is nothing to replace."""
    script.answer("s3", "put_object", {"ETag": '"e2"'}, **WRITTEN, **condition)
    assert s3.write(script.aws, "shared", "a/b.json", b"{}", etag) == '"e2"'


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_an_object_that_somebody_else_wrote_is_told_apart(script: Script, code: str) -> None:
    """Now, or since it was read."""
    script.refuse("s3", "put_object", code, **WRITTEN, IfMatch='"e1"')
    with pytest.raises(ReplacedError):
        s3.write(script.aws, "shared", "a/b.json", b"{}", '"e1"')


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "NoSuchKey", "SlowDown"])
def test_a_write_that_fails_is_a_failure(script: Script, code: str) -> None:
    """Also if what it was to replace is gone."""
    script.refuse("s3", "put_object", code, **WRITTEN, IfMatch='"e1"')
    with pytest.raises(HistoryError, match=code) as raised:
        s3.write(script.aws, "shared", "a/b.json", b"{}", '"e1"')
    assert not isinstance(raised.value, ReplacedError)


def test_a_write_without_an_answer_is_a_failure(script: Script) -> None:
    """Nobody knows whether it was written."""
    script.break_off("s3", "PutObject", ConnectionClosedError(endpoint_url="https://s3"))
    with pytest.raises(HistoryError, match="ConnectionClosedError"):
        s3.write(script.aws, "shared", "a/b.json", b"{}", None)


def test_a_write_whose_answer_names_nothing_is_a_failure(script: Script) -> None:
    """The next write could not name what it replaces."""
    script.answer("s3", "put_object", {}, **WRITTEN, IfNoneMatch="*")
    with pytest.raises(HistoryError, match="ETag"):
        s3.write(script.aws, "shared", "a/b.json", b"{}", None)


def test_a_file_is_written_whole_whatever_is_there(script: Script) -> None:
    """From its beginning, wherever it was read to; what nothing depends on needs no condition."""
    file = BytesIO(b"<html>")
    file.read()
    script.answer("s3", "put_object", {"ETag": '"e1"'}, **WHERE, Body=file, ContentType="text/html")
    s3.put(script.aws, "shared", "a/b.json", file, "text/html")
    assert file.tell() == 0


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "SlowDown"])
def test_a_file_that_cannot_be_written_is_a_failure(script: Script, code: str) -> None:
    """With the place and the cause."""
    file = BytesIO(b"<html>")
    script.refuse("s3", "put_object", code, **WHERE, Body=file, ContentType="text/html")
    with pytest.raises(HistoryError, match=f"s3://shared/a/b.json cannot be written: PutObject failed with {code}"):
        s3.put(script.aws, "shared", "a/b.json", file, "text/html")


def test_a_file_whose_writing_nobody_confirms_is_a_failure(script: Script) -> None:
    """An answer that was cut short."""
    file = BytesIO(b"<html>")
    script.answer("s3", "put_object", {}, **WHERE, Body=file, ContentType="text/html")
    with pytest.raises(HistoryError, match="ETag"):
        s3.put(script.aws, "shared", "a/b.json", file, "text/html")
