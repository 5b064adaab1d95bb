"""Reads the journal, for people: what went, when, why, and what it takes to push it again.

Unlike the function, whoever reads it here may list the bucket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ecr_cleaner import objects
from ecr_cleaner.errors import HistoryError, NotWholeError
from ecr_cleaner.journal import FOLDER
from ecr_cleaner.journal_document import Entry, Page, read_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ecr_cleaner.aws import Aws

_KEY: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)/(?P<run>[^/]+)/(?P<repository>.+)/(?P<time>\d{6})-[0-9a-f]{12}\.json\.gz"
)


@dataclass(frozen=True, slots=True)
class Written:
    """What the journal has of one image.

    Attributes:
        entry: Its latest, with the manifest of an earlier one if it has none itself.
        page: On which the latest stands.
    """

    entry: Entry
    page: Page


@dataclass(slots=True)
class JournalReader:
    """The journal of one instance of the module.

    Attributes:
        clients: Of whoever reads.
        bucket: Where it lies.
        prefix: Of all keys of the instance; ends with a slash.
        problems: What could not be read, one sentence each.
    """

    clients: Aws
    bucket: str
    prefix: str
    problems: list[str] = field(default_factory=list)

    def pages(self, repository: str) -> Iterator[Page]:
        """Everything on a repository, the latest first; what is not whole is passed over and told in `problems`.

        Raises:
            AwsError: The bucket cannot be listed.
        """
        for key in self._keys(repository):
            place = f"s3://{self.bucket}/{key}"
            try:
                page = read_page(objects.read(self.clients, self.bucket, key).body, place)
                if page.repository != repository:
                    message = f"{place} tells of {page.repository!r}"
                    raise NotWholeError(message)
            except HistoryError as error:
                self.problems.append(str(error))
                continue
            yield page

    def _keys(self, repository: str) -> list[str]:
        root = f"{self.prefix}{FOLDER}"
        found = []
        for one in objects.under(self.clients.client("s3"), Bucket=self.bucket, Prefix=root):
            match = _KEY.fullmatch(one.key.removeprefix(root))
            if match and match["repository"] == repository:
                found.append((match["day"], match["time"], one.key))
        return [key for _, _, key in sorted(found, reverse=True)]


def by_digest(pages: Iterable[Page]) -> dict[str, Written]:
    """The latest that is known of each image.

    Args:
        pages: Of one repository, the latest first.
    """
    found: dict[str, Written] = {}
    for page in pages:
        for entry in page.images:
            latest = found.get(entry.digest)
            if latest is None:
                found[entry.digest] = Written(entry, page)
            elif latest.entry.manifest is None and entry.manifest is not None:
                whole = latest.entry.model_copy(update={"manifest": entry.manifest, "media_type": entry.media_type})
                found[entry.digest] = Written(whole, latest.page)
    return found
