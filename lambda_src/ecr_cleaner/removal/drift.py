"""What happened to images since they were evaluated: a changed image is kept."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ecr_cleaner.model.image import Image

Explained = Callable[[Image, datetime | None], bool]
"""Whether a pull time comes from a call of this run."""


def parts(image: Image, dependents: Mapping[str, Sequence[Image]]) -> list[Image]:
    """The images whose pull times show that an image was pulled: itself and its dependents.

    A runtime that pulls an index pulls one of its manifests too, unless its node has that already. So the pull times
    of both count, also for indexes that list indexes.
    """
    watched = {image.digest: image}
    queue = [image]
    while queue:
        part = queue.pop()
        if part is image or part.is_index:
            new = [i for i in dependents.get(part.digest, ()) if i.digest not in watched]
            watched |= {i.digest: i for i in new}
            queue += new
    return list(watched.values())


def change(image: Image, present: Mapping[str, Image], watched: Sequence[Image], explained: Explained) -> str:
    """What happened to an image since it was evaluated; empty if nothing.

    Args:
        image: As it was evaluated.
        present: The existing images by digest.
        watched: Its `parts`.
        explained: Called with a pull time that changed.
    """
    now = present.get(image.digest)
    if now is None:
        return "it is gone already"
    if now.tags != image.tags:
        return f"its tags changed from {list(image.tags)} to {list(now.tags)}"
    if (now.pushed_at, now.active, now.archived_at) != (image.pushed_at, image.active, image.archived_at):
        return "it was pushed, archived or restored"
    for part in watched:
        pulled_at = present[part.digest].last_pulled_at if part.digest in present else part.last_pulled_at
        if pulled_at != part.last_pulled_at and not explained(part, pulled_at):
            return f"{part.name} was pulled"
    return ""
