"""The bucket of the history as a test handles it: made, looked into, aged, spoiled."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tools.aged import age_bucket

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.fake_aws import Sandbox

BUCKET: Final = "history"
PREFIX: Final = "ecr-cleaner/123456789012/us-east-1/ecr-cleaner/"
MARKER: Final = f"{PREFIX}marker.json"
NEW: Final = b'{"schema_version":1,"state":"new"}'


def by_source(counts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Counts of one account and region, those of whole sources."""
    listed = [one for one in counts if one.get("part") is None]
    named = {one["source"]: one["usages"] for one in listed}
    assert len(named) == len(listed)
    return named


class Past:
    """A bucket as Terraform makes it, with a marker that says that no history has begun.

    Attributes:
        place: What the settings say of it.
    """

    def __init__(self, sandbox: Sandbox, place: dict[str, str] | None = None) -> None:
        self.place = place or {"bucket": BUCKET, "prefix": PREFIX}
        self._bucket, self._prefix = self.place["bucket"], self.place["prefix"]
        self._s3 = sandbox.client("s3")
        self._s3.create_bucket(Bucket=self._bucket)
        self._s3.put_bucket_versioning(Bucket=self._bucket, VersioningConfiguration={"Status": "Enabled"})
        self.write(f"{self._prefix}marker.json", NEW)

    def objects(self) -> dict[str, bytes]:
        """All objects, by their keys without the prefix and the history's id."""
        return {re.sub(r"^history/[^/]+/", "", key.removeprefix(self._prefix)): self.read(key) for key in self._keys()}

    def key(self, ending: str) -> str:
        """The whole key of the one object that ends so."""
        (found,) = [key for key in self._keys() if key.endswith(ending)]
        return found

    def read(self, key: str) -> bytes:
        """An object."""
        body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body

    def write(self, key: str, body: bytes) -> None:
        """Put an object, whatever is there."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)

    def delete(self, key: str) -> None:
        """Take an object away, as its owner may."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    @property
    def counts(self) -> dict[str, int]:
        """Images in use by source, as the next run compares them."""
        return by_source(self.content("state.json")["usages"])

    @property
    def counts_of_parts(self) -> dict[str, int]:
        """Images in use by consumer, of those that are compared one by one."""
        return {one["part"]: one["usages"] for one in self.content("state.json")["usages"] if "part" in one}

    def content(self, ending: str) -> dict[str, Any]:
        """What a document says."""
        found: dict[str, Any] = json.loads(self.read(self.key(ending)))
        content: dict[str, Any] = found.get("content", found)
        return content

    def passes(self, **time: int) -> None:
        """Let time pass: everything that is remembered happened so much earlier."""
        age_bucket(self._s3, self._bucket, timedelta(**time), self._prefix)

    def _keys(self) -> list[str]:
        listed = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix)
        return [one["Key"] for one in listed.get("Contents", [])]


def forget_facts(sandbox: Sandbox) -> None:
    """Let the next run ask for everything again, as it need not do of what an earlier run read that never changes."""
    s3 = sandbox.client("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}facts/")
    for one in listed.get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=one["Key"])
