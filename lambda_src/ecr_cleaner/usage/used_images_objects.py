"""Lists the objects of used images once for all sources that need them.

An inventory is a JSON array of image references in S3, for consumers that no source scans.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ecr_cleaner.aws import s3
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.aws.s3 import ListedObject
from ecr_cleaner.errors import SourceError
from ecr_cleaner.settings.schema import UsedImagesLocation

SOURCE: Final = "used_images_objects"
"""Name of the source that reads them."""

SUFFIX: Final = ".json"


@dataclass(slots=True)
class Listing:
    """Lists the objects under the prefix once; thread-safe."""

    _stored: tuple[ListedObject, ...] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, clients: AwsClients, place: UsedImagesLocation) -> tuple[ListedObject, ...]:
        """Every object under the prefix, inventories and others.

        Raises:
            AwsError: A call failed.
            IncompleteAnswerError: A page is incomplete.
        """
        with self._lock:
            if self._stored is None:
                self._stored = tuple(s3.under(clients.home.client("s3"), Bucket=place.bucket, Prefix=place.prefix))
            return self._stored


def must_be_fresh(inventories: tuple[ListedObject, ...], place: UsedImagesLocation, now: datetime) -> None:
    """Reject inventories that may be out of date; one of exactly the maximum age is fresh.

    Raises:
        SourceError: With every one that was written too long ago.
    """
    limit = timedelta(hours=place.max_age_hours)
    stale = [
        f"{place.uri(one.key)} was written {(now - one.modified) / timedelta(hours=1):.1f} hours ago"
        for one in inventories
        if now - one.modified > limit
    ]
    if stale:
        message = (
            f"{', '.join(stale)}, and used_images_max_age_hours is {place.max_age_hours}: write it again, or delete it "
            "if its consumers are gone"
        )
        raise SourceError(message)
