"""Reads and writes whole S3 objects, or fails: nothing that a run depends on is overwritten unread.

Such a write names what it replaces (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html), so
of two writers at once the later one is refused instead of undoing the earlier one's work.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import AbsentError, HistoryError, IncompleteAnswerError, ReplacedError

_REPLACED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
"""Somebody else wrote the object since it was read, or is writing it right now (412 and 409)."""

_CHUNK: Final = 2**18

_LIST: Final = "ListObjectsV2"

_ABSENT: Final = frozenset({"NoSuchKey", "404", "AccessDenied", "403"})
"""Without ``s3:ListBucket``, which the role does not have, S3 says of what does not exist that it is denied."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it was read.

    Attributes:
        body: All of it.
        etag: What a write has to name in order to replace it.
    """

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing names it.

    Attributes:
        key: All of it, with the prefix.
        modified: When it was written, by S3's clock.
    """

    key: str
    modified: datetime


def read(clients: AwsClients, bucket: str, key: str, *, longest: int | None = None) -> Stored:
    """Read an object to its end.

    Args:
        clients: Of the run.
        bucket: Its name.
        key: Of the object.
        longest: Bytes that are read at most: of an object with more, nothing is. None: however many.

    Raises:
        AbsentError: There is none, or the role may not read it.
        HistoryError: It could not be read, or not all of it.
    """
    try:
        answer = clients.client("s3").get_object(Bucket=bucket, Key=key)
        length = responses.member(answer, "ContentLength", "GetObject")
        etag = str(responses.member(answer, "ETag", "GetObject"))
        if longest is not None and length > longest:
            return Stored(b"", etag)
        body: bytes = responses.member(answer, "Body", "GetObject").read()
    except (IncompleteAnswerError, *errors.AwsError) as error:
        raise _unread(error, bucket, key) from None
    if len(body) != length:
        message = f"s3://{bucket}/{key} was cut short: {len(body)} of {length} bytes arrived"
        raise HistoryError(message)
    return Stored(body, etag)


def fetch(clients: AwsClients, bucket: str, key: str, target: IO[bytes]) -> None:
    """Read an object to its end into a file, for what may be long.

    Raises:
        AbsentError: There is none, or the role may not read it.
        HistoryError: It could not be read, or not all of it.
    """
    arrived = 0
    try:
        answer = clients.client("s3").get_object(Bucket=bucket, Key=key)
        length = responses.member(answer, "ContentLength", "GetObject")
        for chunk in responses.member(answer, "Body", "GetObject").iter_chunks(_CHUNK):
            arrived += target.write(chunk)
    except (IncompleteAnswerError, *errors.AwsError) as error:
        raise _unread(error, bucket, key) from None
    if arrived != length:
        message = f"s3://{bucket}/{key} was cut short: {arrived} of {length} bytes arrived"
        raise HistoryError(message)


def _unread(error: Exception, bucket: str, key: str) -> HistoryError:
    code = errors.code_of(error)
    if code in _ABSENT:
        return AbsentError(f"s3://{bucket}/{key} does not exist or may not be read (GetObject failed with {code})")
    return HistoryError(f"s3://{bucket}/{key} cannot be read: GetObject failed with {code}: {error}")


def write(  # noqa: PLR0913 - an object has that many sides
    clients: AwsClients, bucket: str, key: str, body: bytes, etag: str | None, *, content_type: str = "application/json"
) -> str:
    """Write an object, if it still is what it was.

    Args:
        clients: Of the run.
        bucket: Its name.
        key: Of the object.
        body: All of it.
        etag: Of the object that it replaces; None if there must be none.
        content_type: Of the body.

    Returns:
        The new object's ETag.

    Raises:
        ReplacedError: Somebody else wrote it meanwhile. So does a second try of a write whose answer got lost.
        HistoryError: It could not be written, or nobody knows whether it was.
    """
    return _put(clients, bucket, key, body, content_type, {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag})


def put(clients: AwsClients, bucket: str, key: str, file: IO[bytes], content_type: str) -> None:
    """Write what lies in a file, whatever is there: for objects that nothing depends on.

    Args:
        clients: Of the run.
        bucket: Its name.
        key: Of the object.
        file: Seekable; all of it is written.
        content_type: Of the object.

    Raises:
        HistoryError: It could not be written, or nobody knows whether it was.
    """
    file.seek(0)
    _put(clients, bucket, key, file, content_type, {})


def _put(  # noqa: PLR0913, PLR0917 - as `write`
    clients: AwsClients, bucket: str, key: str, body: bytes | IO[bytes], content_type: str, condition: dict[str, str]
) -> str:
    try:
        answer = clients.client("s3").put_object(
            Bucket=bucket, Key=key, Body=body, ContentType=content_type, **condition
        )
        return str(responses.member(answer, "ETag", "PutObject"))
    except (IncompleteAnswerError, *errors.AwsError) as error:
        code = errors.code_of(error)
        if code in _REPLACED:
            message = f"s3://{bucket}/{key} was written by somebody else meanwhile"
            raise ReplacedError(message) from None
        message = f"s3://{bucket}/{key} cannot be written: PutObject failed with {code}: {error}"
        raise HistoryError(message) from None


def under(s3: Any, **asked: str) -> Iterator[ListedObject]:
    """Every object under a prefix: give ``Bucket`` and ``Prefix``.

    Raises:
        AwsError: A call failed.
        IncompleteAnswerError: A page is not whole.
    """
    # aws.paged would not do: S3 leaves the items out where a page has none, and counts them instead.
    seen: set[str] = set()
    while True:
        answer = s3.list_objects_v2(**asked)
        contents = answer.get("Contents", [])
        if len(contents) != responses.member(answer, "KeyCount", _LIST):
            raise IncompleteAnswerError(_LIST, "Contents")
        for one in contents:
            yield ListedObject(responses.member(one, "Key", _LIST), responses.member(one, "LastModified", _LIST))
        if not responses.member(answer, "IsTruncated", _LIST):
            return
        token = responses.member(answer, "NextContinuationToken", _LIST)
        if token in seen:
            raise IncompleteAnswerError(_LIST, "it repeats a page token")
        seen.add(token)
        asked["ContinuationToken"] = token


@dataclass(slots=True)
class Folder:
    """Objects under one prefix of a bucket; each is named without the prefix.

    Attributes:
        clients: AWS clients of the run or of the operator.
        bucket: Name of the bucket.
        prefix: Prefix of all keys; ends with a slash.
    """

    clients: AwsClients
    bucket: str
    prefix: str

    def uri(self, name: str) -> str:
        """URI of an object."""
        return f"s3://{self.bucket}/{self.prefix}{name}"

    def get_object(self, name: str) -> Stored:
        """As `read`."""
        return read(self.clients, self.bucket, f"{self.prefix}{name}")

    def put_object(self, name: str, body: bytes, etag: str | None, content_type: str = "application/json") -> str:
        """As `write`."""
        return write(self.clients, self.bucket, f"{self.prefix}{name}", body, etag, content_type=content_type)

    def ensure_object(self, name: str, body: bytes, etag: str | None, content_type: str = "application/json") -> None:
        """As `put_object`; equal bytes were written by the first attempt of this call, whose response got lost."""
        try:
            self.put_object(name, body, etag, content_type)
        except ReplacedError:
            if self.get_object(name).body != body:
                raise
