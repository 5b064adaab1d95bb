"""Pure: where the items of responses name images, and what they name there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ecr_cleaner.aws.response_paths import values


@dataclass(frozen=True, slots=True)
class Images:
    """Where an item names an image.

    Attributes:
        image: Path to the reference.
        at: Path to the structure that holds reference and digest side by side; empty: the item itself.
        digest: Path, from that structure, to the digest that the service resolved; empty: the service returns none.
    """

    image: str
    at: str = ""
    digest: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Both, as paths from the item."""
        return tuple(".".join(filter(None, (self.at, path))) for path in (self.image, self.digest) if path)


def named_images(item: Any, places: Iterable[Images]) -> Iterator[tuple[str, str | None]]:
    """Every reference that an item names, with the digest that the service resolved it to.

    Args:
        item: Of a response.
        places: Where it names images.

    Raises:
        TypeError: Something on the way to a place is not what its path says.
    """
    for place in places:
        for holder in values(item, place.at):
            digest = next(values(holder, place.digest), None) if place.digest else None
            for text in filter(None, values(holder, place.image)):
                # Some services write digests in capitals; ECR uses lower case only.
                yield str(text), str(digest).lower() if digest else None
