"""An image: one manifest in a repository, as ``ecr:DescribeImages`` describes it.

Times are timezone-aware UTC, sizes are bytes, ages are days of 24 hours.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime

from ecr_cleaner.printable import minute
from ecr_cleaner.schema import Text, stored

INDEX_MEDIA_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""Media types of a manifest that lists other manifests (multi-architecture images)."""

CONTAINER_CONFIG_MEDIA_TYPES = (
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.config.v1+json",
)
"""What ECR gives as ``artifactMediaType`` of something that a container runtime can run."""

CONTAINER_MANIFEST_MEDIA_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
"""Media types of a manifest of one platform's image, or of an artifact."""

LEGACY_MEDIA_TYPES = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
"""Media types of Docker's first manifests, which are images and have no config to be told apart by."""

LONGEST_READING = timedelta(seconds=60)
"""How long reading manifests may take: somebody else's pull at the same time cannot be told from it."""


@dataclass(frozen=True, slots=True)
class Image:
    """One manifest in a repository, as ``ecr:DescribeImages`` tells it.

    Attributes:
        repository: Name of the repository, without host.
        digest: ``sha256:`` and 64 hexadecimal digits.
        tags: Sorted; empty for an untagged image.
        pushed_at: When the manifest was pushed, or restored from the archive if that is later.
        uploaded_at: When it was pushed, whatever came later; None: the same as `pushed_at`.
        size_bytes: Compressed size. Of an index, ECR gives the largest of its manifests, not a sum.
        media_type: Media type of the manifest, or None where ECR gives none.
        artifact_type: Media type of the config, e.g. a Helm chart's; None for an index.
        subject: Digest of the manifest that this one refers to (signature, SBOM), or None.
        last_pulled_at: Refreshed about once in 24 hours; None if never pulled.
        active: False for archived images, which nothing can pull.
        activating: Being restored from the archive just now; not `active` yet.
        archived_at: When it was archived; None unless it is.
    """

    repository: str
    digest: str
    pushed_at: datetime
    tags: tuple[str, ...] = ()
    size_bytes: int = 0
    media_type: str | None = None
    artifact_type: str | None = None
    subject: str | None = None
    last_pulled_at: datetime | None = None
    active: bool = True
    uploaded_at: datetime | None = None
    activating: bool = False
    archived_at: datetime | None = None

    @property
    def is_archived(self) -> bool:
        """Whether nothing can pull it, and nothing is on the way to change that."""
        return not self.active and not self.activating

    @property
    def storage_class(self) -> Literal["standard", "archive"]:
        """Where its layers lie; what is being restored lies in the archive until that is done."""
        return "standard" if self.active else "archive"

    @property
    def is_index(self) -> bool:
        """Whether the manifest lists other manifests."""
        return self.media_type in INDEX_MEDIA_TYPES

    @property
    def name(self) -> str:
        """The image as a person writes it: by its first tag, else by its digest."""
        return f"{self.repository}:{self.tags[0]}" if self.tags else f"{self.repository}@{self.digest}"


@stored
@dataclass(frozen=True, slots=True)
class RemovedImage:
    """What a run was about to delete or to archive.

    Attributes:
        tags: Those it had; without those that another image has had since.
        at: When, UTC.
        run_id: Of the run.
        action: What the run was about to do.
    """

    tags: tuple[Text, ...]
    at: AwareDatetime
    run_id: Text
    action: Literal["delete", "archive"]

    def __str__(self) -> str:
        """For people, as the rest of a sentence on the image."""
        return f"run {self.run_id} was about to {self.action} it {minute(self.at)}"
