"""What history and journal know of the images of a repository, and if they know nothing, which option would help."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ecr_cleaner import compose
from ecr_cleaner.aws import errors
from ecr_cleaner.cli.image_timeline import ImageTimeline, journal_of, timelines_of
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.sentences import sentence
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import CleanerError
from ecr_cleaner.journal.reader import JournalRecord
from ecr_cleaner.model.image import Image
from ecr_cleaner.printable import minute
from ecr_cleaner.registry import images
from ecr_cleaner.registry.repositories import REPOSITORY_GONE

NO_PLACE = (
    "--function NAME or --settings FILE names the bucket of history and journal; to read it takes s3:GetObject and"
    " s3:ListBucket there"
)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the images of one repository.

    Attributes:
        timelines: One for each image, those in the repository first.
        looked_at: Where was looked.
        unknown: What could not be known, and what would help; one sentence each.
        problems: Pages of the journal that could not be read; one sentence each.
    """

    timelines: Sequence[ImageTimeline]
    looked_at: Sequence[str] = ()
    unknown: Sequence[str] = ()
    problems: Sequence[str] = ()


def past_of(connection: Connection, known: KnownSettings, repository: str, present: Iterable[Image]) -> Past:
    """Read history and journal of one repository, as far as they can be read."""
    clients, settings = connection.clients, known.value
    looked_at: list[str] = []
    unknown: list[str] = []
    history = None
    records: Mapping[str, JournalRecord] = {}
    problems: Sequence[str] = ()
    if known.source == "options":
        return Past(timelines_of(present, None, {}), unknown=[f"what was there before: {NO_PLACE}"])
    if settings.history is None:
        unknown.append(f"{known.name} keeps no history (history_enabled): who used it last is not known")
    if settings.journal is None:
        unknown.append(f"{known.name} keeps no journal: what was removed is not known")
    try:
        reader = compose.history_reader(clients, settings)
        if reader is not None:
            reader.open(utc_now())
            history = reader.known(repository)
            looked_at.append(f"history since {minute(reader.started_at)}")
    except (CleanerError, *errors.AwsError) as error:
        unknown.append(f"the history could not be read: {sentence(error)}")
    try:
        if settings.journal is not None:
            records, problems = journal_of(clients, settings, repository)
            looked_at.append(f"journal under s3://{settings.journal.bucket}/{settings.journal.prefix}")
    except (CleanerError, *errors.AwsError) as error:
        unknown.append(f"the journal could not be read: {sentence(error)}")
    return Past(timelines_of(present, history, records), looked_at, unknown, problems)


def digests_of(connection: Connection, known: KnownSettings) -> dict[str, set[str]]:
    """Digests that the history knows, by repository; none if it cannot be read."""
    reader = compose.history_reader(connection.clients, known.value)
    try:
        if reader is None:
            return {}
        reader.open(utc_now())
        histories = {name: reader.known(name) for name in reader.repositories}
    except CleanerError:
        return {}
    return {name: {*one.images, *one.removed} for name, one in histories.items() if one}


def present_in(connection: Connection, repository: str) -> list[Image]:
    """The images of a repository; none if it does not exist.

    Raises:
        AwsError: They cannot be listed.
    """
    try:
        return list(images.images(connection.clients, repository))
    except errors.AwsError as error:
        if errors.code_of(error) != REPOSITORY_GONE:
            raise
        return []
