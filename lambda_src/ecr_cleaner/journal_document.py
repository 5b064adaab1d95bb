"""What is written of images before they go, as JSON with a checksum: enough to push their manifests again.

A document tells what is about to happen. Whether it did, the registry itself says.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from ecr_cleaner import documents
from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.model import LEGACY_MEDIA_TYPES
from ecr_cleaner.strict import Strict

Action = Literal["delete", "archive"]
"""What is about to happen to the images of a document."""

_Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
_Text = Annotated[str, Field(min_length=1)]


class Entry(Strict):
    """One image.

    Attributes:
        digest: Of its manifest.
        manifest: Byte for byte, in UTF-8; None of an image that was archived already, which ECR does not hand out.
        media_type: Of the manifest; None where ECR gives none.
        tags: Those it had.
        subject: Digest of what it refers to.
        size_bytes: As ECR gives it.
        pushed_at: Or restored from the archive, if that is later.
        last_pulled_at: As it was before this module read the manifest.
        reason: Why it goes, as in the reports.
        last_in_use: When a run last found it in use; None if none did, or without a history.
        by: Who used it then.
        lost_tags: Tags it had once, each with the first look without it.
    """

    digest: _Digest
    manifest: str | None = None
    media_type: str | None = None
    tags: list[_Text] = Field(default_factory=list)
    subject: str | None = None
    size_bytes: int = 0
    pushed_at: AwareDatetime
    last_pulled_at: AwareDatetime | None = None
    reason: _Text
    last_in_use: AwareDatetime | None = None
    by: list[_Text] = Field(default_factory=list)
    lost_tags: dict[str, AwareDatetime] = Field(default_factory=dict)


class Page(Strict):
    """One object of the journal: images of one repository that go together.

    Attributes:
        account: Whose registry.
        region: Where.
        repository: Its name.
        run_id: Which run was about to remove them.
        written_at: When.
        action: What was about to happen.
        images: In the order in which they go.
    """

    account: _Text
    region: _Text
    repository: _Text
    run_id: _Text
    written_at: AwareDatetime
    action: Action
    images: list[Entry]


NO_MANIFEST: Final = "ECR gave no manifest"


def wrong_manifest(digest: str, media_type: str | None, manifest: str) -> str:
    """Why a text is not the manifest with this digest; empty if it is."""
    # The digest of Docker's first manifests leaves their signatures out; ECR itself refuses a wrong one at a push.
    if media_type in LEGACY_MEDIA_TYPES:
        return ""
    found = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    return "" if found == digest else f"the manifest that ECR gave has the digest {found}"


def write_page(page: Page) -> bytes:
    """A page as an object: the same content makes the same bytes."""
    return gzip.compress(documents.seal(page), mtime=0)


def read_page(body: bytes, place: str) -> Page:
    """A page from its object.

    Raises:
        NotWholeError: It is no such object, or not what was written.
    """
    try:
        plain = gzip.decompress(body)
    except (EOFError, OSError, zlib.error):
        message = f"{place} is no page of a journal: it may have been cut short"
        raise NotWholeError(message) from None
    page = documents.unseal(Page, plain, place)
    for entry in page.images:
        wrong = wrong_manifest(entry.digest, entry.media_type, entry.manifest) if entry.manifest is not None else ""
        if wrong:
            message = f"{place} cannot be trusted: {wrong}, not {entry.digest}"
            raise NotWholeError(message)
    return page
