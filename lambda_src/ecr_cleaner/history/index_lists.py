"""Pure: what a repository's past says of the manifests that its indexes list."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ecr_cleaner.history.model import History


def learned(known: History, children: Mapping[str, tuple[str, ...]]) -> History:
    """The history with the digests that some of its indexes list."""
    found = {digest: listed for digest, listed in children.items() if digest in known.images}
    more = {digest: replace(known.images[digest], children=listed) for digest, listed in found.items()}
    return replace(known, images={**known.images, **more})


def lists(known: History | None, indexes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The digests that some indexes list, of those whose list is known."""
    past = known.images if known else {}
    return {digest: past[digest].children for digest in indexes if digest in past and past[digest].children}
