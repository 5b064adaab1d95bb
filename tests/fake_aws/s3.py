"""S3: moto keeps the objects; here they are listed in pages, and of two conditional writes at once one wins.

One thing is left out: moto reads bucket policies without their conditions, so that "deny without TLS" would deny
everything. The sandbox decides over no permissions; what it records is held against policies elsewhere.

A scenario's ``s3`` section::

    lists:                                             # a bucket
      inventories/nomad.json: {json: ["{registry}/shop/api:v1"], modified: 3h}
      inventories/broken.json: {text: "[", modified: 2d}
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, FakeDeleteMarker

from .aws import Answer, AwsError, invalid
from .paging import page
from .push import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

PAGE_SIZE = 1000


def _undecided(*_: object, **__: object) -> PermissionResult:
    return PermissionResult.NEUTRAL


FakeBucket.get_permission = _undecided


class S3Api:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = threading.Lock()

    def handlers(self) -> dict[str, Callable[[Request], Answer]]:
        """The listing, and the operations that change an object."""
        changing = dict.fromkeys(("CopyObject", "DeleteObject", "PutObject"), self.one_at_a_time)
        return {"ListObjectsV2": self.list_objects, **changing}

    def one_at_a_time(self, request: Request) -> Answer:
        """Serve with moto, which compares first and writes later."""
        with self._lock:
            return request.forward()

    @property
    def _moto(self) -> Any:
        # Moto keeps buckets by partition: their names are global.
        return self._account.moto("s3", "aws")

    def load(self, region: str, told: Mapping[str, Any], now: dt.datetime) -> None:
        """Add buckets and objects; an object told again is replaced."""
        for bucket, objects in told.items():
            if bucket not in self._moto.buckets:
                self._moto.create_bucket(bucket, region)
            for key, content in objects.items():
                if unknown := sorted(set(content) - {"json", "text", "modified"}):
                    raise ValueError(f"an object has no {', '.join(unknown)}")
                text = content["text"] if "text" in content else json.dumps(content["json"])
                made = self._moto.put_object(bucket, key, text.encode())
                modified = moment(content.get("modified", "0s"), now) or now
                # Moto's moments are UTC without saying so.
                made.last_modified = modified.astimezone(dt.UTC).replace(tzinfo=None)

    def list_objects(self, request: Request) -> Answer:
        """1,000 a page; a page without objects has no Contents, only their number."""
        name, prefix = str(request.get("Bucket")), str(request.get("Prefix", ""))
        if name not in self._moto.buckets:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        if request.get("Delimiter"):
            raise invalid(request, "The sandbox knows no delimiters.")
        # Of a key that was deleted from a versioned bucket a marker is left, which this listing leaves out.
        found = [
            key
            for key in self._moto.buckets[name].keys.values()
            if key.name.startswith(prefix) and not isinstance(key, FakeDeleteMarker)
        ]
        shown, token = page(
            request, found, lambda key: key.name, size=PAGE_SIZE, token="ContinuationToken", limit="MaxKeys"
        )
        members = [("Name", name), ("Prefix", prefix), ("MaxKeys", PAGE_SIZE), ("KeyCount", len(shown))]
        members += [("IsTruncated", "true" if token else "false")]
        members += [("NextContinuationToken", token)] if token else []
        listed = "".join(f"<Contents>{_xml(_object(key))}</Contents>" for key in shown)
        body = f"<?xml version='1.0'?><ListBucketResult>{_xml(members)}{listed}</ListBucketResult>"
        return Answer(200, {"content-type": "application/xml"}, body.encode())


def _object(key: Any) -> list[tuple[str, Any]]:
    modified = key.last_modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return [("Key", key.name), ("LastModified", modified), ("ETag", key.etag), ("Size", key.size)]


def _xml(members: list[tuple[str, Any]]) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in members)
