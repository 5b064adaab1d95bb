"""Lets time pass for a history: everything that it remembers happened so much earlier.

Nothing of the product can do that. The demo and tests do it to show more than one night.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import Any, Final

_MOMENT: Final = re.compile(r'"(\d{4}-\d\d-\d\dT[0-9:.]+)Z"')


def aged(body: bytes, by: timedelta) -> bytes:
    """A document of the history that is so much older; if it has a checksum, that fits."""

    def earlier(match: re.Match[str]) -> str:
        return f'"{(datetime.fromisoformat(match[1]) - by).isoformat()}Z"'

    text = _MOMENT.sub(earlier, body.decode())
    document = json.loads(text)
    if "sha256" not in document:
        return text.encode()
    canonical = json.dumps(document["content"], sort_keys=True, separators=(",", ":"))
    document["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def age_bucket(s3: Any, bucket: str, by: timedelta, prefix: str = "") -> None:
    """Let time pass for every history in a bucket.

    Args:
        s3: A client.
        bucket: Its name.
        by: How much.
        prefix: Of the keys.
    """
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    for key in (one["Key"] for one in listed):
        # When what never changes was made is AWS's to say.
        if "/history/" in key or key.endswith("/marker.json"):
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            s3.put_object(Bucket=bucket, Key=key, Body=aged(body, by))
