"""Reads what runs remember of a repository, for people: nothing is begun, written or repaired here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_cleaner import documents, objects
from ecr_cleaner.documents import Marker, New
from ecr_cleaner.errors import AbsentError

if TYPE_CHECKING:
    from ecr_cleaner.aws import Aws
    from ecr_cleaner.memory import History


def read(clients: Aws, bucket: str, prefix: str, repository: str) -> History | None:
    """What is remembered of a repository; None if there is nothing, or no history.

    Raises:
        HistoryError: It cannot be read, or is not whole.
    """
    place = f"s3://{bucket}/{prefix}"
    try:
        body = objects.read(clients, bucket, f"{prefix}marker.json").body
        marker = documents.understood(Marker, body, f"{place}marker.json").root
        if isinstance(marker, New):
            return None
        key = f"history/{marker.history_id}/repositories/{repository}.json"
        return documents.read_history(objects.read(clients, bucket, f"{prefix}{key}").body, f"{place}{key}", repository)
    except AbsentError:
        return None
