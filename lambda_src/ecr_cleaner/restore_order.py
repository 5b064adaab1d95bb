"""Which image a person means, and in which order it comes back with all that belongs to it; no call is made here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ecr_cleaner.errors import RepositoryError
from ecr_cleaner.graph import subjects_of
from ecr_cleaner.model import INDEX_MEDIA_TYPES, Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_cleaner.journal_reader import Written


def find(written: Mapping[str, Written], present: Mapping[str, Image], tag: str | None, digest: str | None) -> str:
    """The digest that a person means: the one named, else the image that has the tag now, else the last that had it.

    Args:
        written: What the journal has, the latest first.
        present: What lies in the repository, archived or not.
        tag: As named.
        digest: As named.

    Raises:
        RepositoryError: Neither the repository nor the journal knows it.
    """
    if digest is not None:
        if digest in present or digest in written:
            return digest
        message = f"neither the repository nor the journal knows {digest}"
        raise RepositoryError(message)
    for image in present.values():
        if tag in image.tags:
            return image.digest
    for found, one in written.items():
        if tag in one.entry.tags:
            return found
    message = f"neither the repository nor the journal knows an image with the tag {tag}"
    raise RepositoryError(message)


def order(written: Mapping[str, Written], present: Mapping[str, Image], digest: str) -> list[str]:
    """Everything that comes back with an image: what it lists, then itself, then what refers to it, to any depth."""
    referrers: dict[str, set[str]] = {}
    for image in (*present.values(), *(_as_image(one) for one in written.values())):
        for subject in subjects_of(image):
            referrers.setdefault(subject, set()).add(image.digest)
    ordered: list[str] = []
    met: set[str] = set()

    def visit(one: str) -> None:
        if one in met or (one not in written and one not in present):
            return
        met.add(one)
        for child in children_of(written, one):
            visit(child)
        ordered.append(one)
        for referrer in sorted(referrers.get(one, ())):
            visit(referrer)

    visit(digest)
    return ordered


def children_of(written: Mapping[str, Written], digest: str) -> list[str]:
    """What an index lists, as far as the journal knows its manifest."""
    one = written.get(digest)
    if one is None or one.entry.manifest is None or one.entry.media_type not in INDEX_MEDIA_TYPES:
        return []
    return [listed["digest"] for listed in json.loads(one.entry.manifest).get("manifests", ())]


def layers(manifest: str) -> list[str]:
    """The digests of everything that an image's manifest needs to be there, its config included."""
    content = json.loads(manifest)
    blobs = [content.get("config") or {}, *(content.get("layers") or ()), *(content.get("fsLayers") or ())]
    digests = (blob.get("digest") or blob.get("blobSum") for blob in blobs)
    return list(dict.fromkeys(digest for digest in digests if digest))


def _as_image(written: Written) -> Image:
    entry = written.entry
    return Image(written.page.repository, entry.digest, entry.pushed_at, tuple(entry.tags), subject=entry.subject)
