"""Pure: which tags of a repository are probably misspelled tags of the cleaner."""

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Final

_OTHER: Final = re.compile(r"[^a-z0-9]")

_ALIKE: Final = 0.85
"""Similarity from which on a name counts as misspelled: one or two letters are missing."""

_BEGINNING: Final = len("box")

_NO: Final = frozenset({"false", "no", "off", "0", "disabled"})


def misspelled(tags: Mapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
    """What is wrong with tags whose names are almost those of the cleaner.

    Args:
        tags: Of a repository.
        names: The names as they have to be.

    Returns:
        One sentence for each such tag, in the order of the tags. `opt_in.variants` handles tags that differ in case
        only.
    """
    names = tuple(names)
    sentences = []
    for key, value in tags.items():
        meant = next((name for name in names if _alike(key, name)), None)
        if meant is not None and key.lower() not in {name.lower() for name in names} and not is_no(value):
            sentences.append(f"tag {key!r} = {value!r} has no effect: its name has to be {meant}")
    return tuple(sentences)


def is_no(value: str) -> bool:
    """Whether a value says that the repository is not to be cleaned."""
    return value.strip().lower() in _NO


def _alike(key: str, name: str) -> bool:
    bare = _OTHER.sub("", key.lower())
    # Other cleaners have tags of their own, e.g. CleanerEnabled.
    return (
        bare[:_BEGINNING] == name.lower()[:_BEGINNING] and SequenceMatcher(None, bare, name.lower()).ratio() >= _ALIKE
    )
