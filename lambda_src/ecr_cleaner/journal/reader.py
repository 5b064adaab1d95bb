"""Reads the journal for an operator: which images were removed, when, why, and what is needed to push them again.

Unlike the function, the reader needs the permission to list the bucket.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ecr_cleaner.aws import s3
from ecr_cleaner.errors import HistoryError, NotWholeError
from ecr_cleaner.journal.schema import JournalEntry, Page, read_page
from ecr_cleaner.journal.writer import FOLDER

_NAME: Final = re.compile(
    FOLDER + r"(?P<day>\d{4}-\d\d-\d\d)/(?P<run>[^/]+)/(?P<repository>.+)/(?P<time>\d{6})-[0-9a-f]{12}\.json\.gz"
)


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """What the journal holds of one image.

    Attributes:
        entry: The latest entry, with the manifest of an earlier entry if it has none itself.
        page: The page of the latest entry.
    """

    entry: JournalEntry
    page: Page


@dataclass(slots=True)
class JournalReader(s3.Folder):
    """The journal of one instance of the module.

    Attributes:
        problems: Pages that could not be read, one sentence each.
    """

    problems: list[str] = field(default_factory=list)

    def pages(self, repository: str) -> Iterator[Page]:
        """All pages of a repository, the latest first; a page that cannot be read is skipped and named in `problems`.

        Raises:
            AwsError: The bucket cannot be listed.
        """
        for name in self._names(repository):
            try:
                page = read_page(self.get_object(name).body, self.uri(name))
                if page.repository != repository:
                    message = f"{self.uri(name)} belongs to {page.repository!r}"
                    raise NotWholeError(message)
            except HistoryError as error:
                self.problems.append(str(error))
                continue
            yield page

    def _names(self, repository: str) -> list[str]:
        names = []
        for listed in s3.under(self.clients.client("s3"), Bucket=self.bucket, Prefix=f"{self.prefix}{FOLDER}"):
            match = _NAME.fullmatch(listed.key.removeprefix(self.prefix))
            if match and match["repository"] == repository:
                names.append((match["day"], match["time"], match.string))
        return [name for _, _, name in sorted(names, reverse=True)]


def by_digest(pages: Iterable[Page]) -> dict[str, JournalRecord]:
    """The latest record of each image, by digest.

    Args:
        pages: Of one repository, the latest first.
    """
    records: dict[str, JournalRecord] = {}
    for page in pages:
        for entry in page.images:
            latest = records.get(entry.digest)
            if latest is None:
                records[entry.digest] = JournalRecord(entry, page)
            elif latest.entry.manifest is None and entry.manifest is not None:
                complete = latest.entry.model_copy(update={"manifest": entry.manifest, "media_type": entry.media_type})
                records[entry.digest] = JournalRecord(complete, latest.page)
    return records
