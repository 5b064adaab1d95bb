"""The images of one region: what a registry holds, apart from how ECR's API shows it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .aws import now

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from .manifests import Manifest

Status = Literal["ACTIVE", "ARCHIVED", "ACTIVATING"]


@dataclass(slots=True)
class Image:
    """One image of a repository; times are UTC.

    Attributes:
        manifest: Its bytes, media types, children and subject.
        tags: In the order they were put.
        pushed_at: When it was pushed.
        pulled_at: When its last pull was recorded; None if never.
        status: Storage status.
        archived_at: When it was last archived.
        activated_at: When it was last restored from the archive.
        size: Bytes as ECR shows them.
        looks_left: While it is being restored, how often it may still be described before it is active; None: for ever.
    """

    manifest: Manifest
    pushed_at: dt.datetime
    tags: list[str] = field(default_factory=list)
    pulled_at: dt.datetime | None = None
    status: Status = "ACTIVE"
    archived_at: dt.datetime | None = None
    activated_at: dt.datetime | None = None
    size: int = 0
    looks_left: int | None = None

    @property
    def digest(self) -> str:
        """``sha256:<hex>``."""
        return self.manifest.digest

    @property
    def children(self) -> tuple[str, ...]:
        """Digests this image lists, if it is an index."""
        return self.manifest.children

    @property
    def subject(self) -> str | None:
        """Digest of the image this one refers to."""
        return self.manifest.subject

    @property
    def media_type(self) -> str:
        """Of the manifest."""
        return self.manifest.media_type

    @property
    def artifact_type(self) -> str | None:
        """ECR's ``artifactMediaType``."""
        return self.manifest.artifact_type


class Images:
    """Images by repository and digest. Every method is safe to call from any thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._repositories: dict[str, dict[str, Image]] = {}
        # Digest by repository and tag: what makes a repository of 100,000 images quick.
        self._tags: dict[str, dict[str, str]] = {}

    def of(self, repository: str) -> dict[str, Image]:
        """The images of a repository by digest: a copy of the dictionary, the images themselves."""
        with self.lock:
            return dict(self._repositories.get(repository, {}))

    def find(self, repository: str, digest: str | None, tag: str | None) -> Image | None:
        """The image that has this digest, this tag, or both."""
        with self.lock:
            if digest is None:
                digest = self._tags.get(repository, {}).get(str(tag))
            image = self._repositories.get(repository, {}).get(str(digest))
            return image if image and (tag is None or tag in image.tags) else None

    def put(self, repository: str, image: Image) -> Image:
        """Add an image, or its tags to the same image that is there; its tags leave the images that had them."""
        with self.lock:
            images = self._repositories.setdefault(repository, {})
            kept = images.setdefault(image.digest, image)
            wanted = list(image.tags)
            if kept is image:
                image.tags.clear()
            for tag in wanted:
                self.tag(repository, kept.digest, tag)
            if not kept.size:
                sizes = [images[child].size for child in kept.children if child in images]
                kept.size = max(sizes, default=kept.manifest.size)
            return kept

    def tag(self, repository: str, digest: str, tag: str) -> None:
        """Put a tag on an image; it leaves the image that had it, which may become untagged.

        Raises:
            KeyError: There is no such image.
        """
        with self.lock:
            image = self._repositories[repository][digest]
            self.untag(repository, tag)
            image.tags.append(tag)
            self._tags.setdefault(repository, {})[tag] = digest

    def untag(self, repository: str, tag: str) -> None:
        """Take a tag away; the image stays."""
        with self.lock:
            digest = self._tags.get(repository, {}).pop(tag, None)
            if digest:
                self._repositories[repository][digest].tags.remove(tag)

    def remove(self, repository: str, digest: str) -> None:
        """Remove an image with all its tags; its children and referrers stay."""
        with self.lock:
            image = self._repositories.get(repository, {}).pop(digest, None)
            for tag in image.tags if image else ():
                del self._tags[repository][tag]

    def drop(self, repository: str) -> None:
        """Remove all images of a repository."""
        with self.lock:
            self._repositories.pop(repository, None)
            self._tags.pop(repository, None)

    def pulled(self, repository: str, digest: str) -> None:
        """Record a pull."""
        with self.lock:
            self._repositories[repository][digest].pulled_at = now()

    def __iter__(self) -> Iterator[str]:
        with self.lock:
            return iter(list(self._repositories))
