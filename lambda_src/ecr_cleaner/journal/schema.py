"""The journal's objects: what is stored of images before their removal, as JSON with a checksum.

It is enough to push their manifests again. An object says what a run was about to do; only the registry says whether
the run did it.
"""

import gzip
import hashlib
import zlib
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from ecr_cleaner import schema
from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.model.image import LEGACY_MEDIA_TYPES
from ecr_cleaner.schema import Digest, Strict, Text

Action = Literal["delete", "archive"]
"""What a run was about to do to the images of a page."""


class JournalEntry(Strict):
    """One image.

    Attributes:
        digest: Digest of the manifest.
        manifest: Byte for byte, in UTF-8; None for an image that was archived already, which ECR does not return.
        media_type: Of the manifest; None if ECR reports none.
        tags: Tags at that time.
        subject: Digest of the image that it refers to.
        size_bytes: As ECR reports it.
        pushed_at: Time of the push, or of the last restore from the archive if that is later.
        last_pulled_at: Before the function read the manifest.
        reason: Why it is removed, as in the reports.
        last_in_use: When a run last found it in use; None if none did, or without a history.
        by: Its consumers then.
        lost_tags: Former tags, each with the time of the first observation without it.
    """

    digest: Digest
    manifest: str | None = None
    media_type: str | None = None
    tags: list[Text] = Field(default_factory=list)
    subject: str | None = None
    size_bytes: int = 0
    pushed_at: AwareDatetime
    last_pulled_at: AwareDatetime | None = None
    reason: Text
    last_in_use: AwareDatetime | None = None
    by: list[Text] = Field(default_factory=list)
    lost_tags: dict[str, AwareDatetime] = Field(default_factory=dict)


class Page(Strict):
    """One object of the journal: images of one repository that are removed together.

    Attributes:
        account: Id of the registry's account.
        region: Region of the registry.
        repository: Name of the repository.
        run_id: The run that was about to remove them.
        written_at: When the page was written.
        action: What the run was about to do.
        images: In the order of their removal.
    """

    account: Text
    region: Text
    repository: Text
    run_id: Text
    written_at: AwareDatetime
    action: Action
    images: list[JournalEntry]


NO_MANIFEST: Final = "ECR returned no manifest"


def wrong_manifest(digest: str, media_type: str | None, manifest: str) -> str:
    """Why a text is not the manifest with this digest; empty if it is."""
    # The digest of a schema 1 manifest does not cover its signatures; ECR refuses a wrong manifest at the push.
    if media_type in LEGACY_MEDIA_TYPES:
        return ""
    actual = f"sha256:{hashlib.sha256(manifest.encode(errors='surrogatepass')).hexdigest()}"
    return "" if actual == digest else f"the manifest that ECR returned has the digest {actual}"


def write_page(page: Page) -> bytes:
    """A page as the body of an object; equal pages have equal bytes."""
    return gzip.compress(schema.seal(page), mtime=0)


def read_page(body: bytes, place: str) -> Page:
    """A page from its object.

    Raises:
        NotWholeError: It is not a page, or differs from what was written.
    """
    try:
        plain = gzip.decompress(body)
    except (EOFError, OSError, zlib.error):
        message = f"{place} is not a page of the journal (possibly truncated)"
        raise NotWholeError(message) from None
    page = schema.unseal(Page, plain, place)
    for entry in page.images:
        wrong = wrong_manifest(entry.digest, entry.media_type, entry.manifest) if entry.manifest is not None else ""
        if wrong:
            message = f"{place} is inconsistent: {wrong}, not {entry.digest}"
            raise NotWholeError(message)
    return page
