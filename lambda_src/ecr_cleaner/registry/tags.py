"""Pure: which tags of a repository look like the cleaner's and are not understood as such."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OTHER: Final = re.compile(r"[^a-z0-9]")


_ALIKE: Final = 0.85
"""Share of letters in common from which on somebody surely meant the other name: a letter or two are missing."""


_BEGINNING: Final = len("box")


_NO: Final = frozenset({"false", "no", "off", "0", "disabled"})


def misspelled(tags: Mapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
    """What is wrong with tags whose names are almost ours.

    Args:
        tags: Of a repository.
        names: The names as they have to be.

    Returns:
        One sentence for each such tag, in the order of the tags. Case alone is left to `inventory.variants`.
    """
    names = tuple(names)
    found = []
    for key, value in tags.items():
        meant = next((name for name in names if _alike(key, name)), None)
        if meant is not None and key.lower() not in {name.lower() for name in names} and not is_no(value):
            found.append(f"tag {key!r} = {value!r} has no effect: its name has to be {meant}")
    return tuple(found)


def is_no(value: str) -> bool:
    """Whether a value says that the repository is not to be cleaned, in whichever words."""
    return value.strip().lower() in _NO


def _alike(key: str, name: str) -> bool:
    bare = _OTHER.sub("", key.lower())
    # Other cleaners have tags of their own: CleanerEnabled is none of ours.
    return (
        bare[:_BEGINNING] == name.lower()[:_BEGINNING] and SequenceMatcher(None, bare, name.lower()).ratio() >= _ALIKE
    )
