"""Pure: consumers that cannot work any more, because of what was archived or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecr_cleaner import graph as graphs
from ecr_cleaner.model import Breadth, Contents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_cleaner.model import Image, Usage

MOST: Final = 10
"""Sentences for a repository: enough to know that something is wrong, and with what."""


def restore_command(image: str, function: str, region: str) -> str:
    """Ready to paste: what brings an image back."""
    return f"ecr-cleaner restore --region {region} --function {function} {image}"


def archived_in_use(
    repository: str, images: Iterable[Image], usages: Iterable[Usage], function: str, region: str
) -> tuple[str, ...]:
    """Who names an image that lies in the archive, where nothing can pull it; one sentence for each image.

    A text with placeholders covers images without naming any, so it says nothing of one of them.
    """
    named = [usage for usage in usages if usage.reference.breadth is Breadth.IMAGE]
    archived = Contents(tuple(images))
    found = graphs.resolve(graphs.build(archived), repository, named)
    sentences = [
        f"{image.name} is archived, so nothing can pull it, and {_consumers(found[image.digest])} names it: "
        + restore_command(f"{repository}@{image.digest}", function, region)
        for image in archived.images
        if image.is_archived and image.digest in found
    ]
    more = len(sentences) - MOST
    return (*sentences[:MOST], f"and {more} more archived images are in use") if more > 0 else tuple(sentences)


def _consumers(usages: Iterable[Usage]) -> str:
    first, *others = sorted({usage.consumer for usage in usages})
    return f"{first} and {len(others)} more" if others else first
