"""Pure: globs on whole names of repositories, tags and types of artifacts."""

import re
from functools import lru_cache
from typing import Final

_CLASS: Final = re.compile(r"\[(?P<not>!?)(?P<members>[^\]]+)\]")

_STAR: Final = object()
_ANY: Final = object()

_Piece = object | str | tuple[bool, tuple[tuple[str, str], ...]]
"""``*``, ``?``, a character, or a class: whether it is negated, and its ranges."""


def matches(glob: str, name: str) -> bool:
    """Whether a glob matches a whole name; case counts.

    ``*`` matches any number of characters, ``/`` included; ``?`` matches one; a class such as ``[0-9]``, ``[abc]`` or
    ``[!a-z]`` one of its characters, or one that is none of them. Everything else, a ``[`` that is not closed too,
    matches itself. Not a regular expression: with many ``*`` its matching may take hours.
    """
    pieces = _pieces(glob)
    at = read = 0  # what of the glob and of the name fits so far
    star, covered = -1, 0  # the last * met, and up to where it reaches
    while read < len(name):
        if at < len(pieces) and pieces[at] is _STAR:
            star, covered = at, read
            at += 1
        elif at < len(pieces) and _fits(pieces[at], name[read]):
            at += 1
            read += 1
        elif star >= 0:
            covered += 1
            at, read = star + 1, covered
        else:
            return False
    return all(piece is _STAR for piece in pieces[at:])


def _fits(piece: _Piece, character: str) -> bool:
    if isinstance(piece, tuple):
        negated, ranges = piece
        return any(first <= character <= last for first, last in ranges) is not negated
    return piece is _ANY or piece == character


@lru_cache(maxsize=1024)
def _pieces(glob: str) -> tuple[_Piece, ...]:
    pieces: list[_Piece] = []
    at = 0
    while at < len(glob):
        if found := _CLASS.match(glob, at):
            pieces.append((bool(found["not"]), _ranges(found["members"])))
            at = found.end()
        else:
            pieces.append({"*": _STAR, "?": _ANY}.get(glob[at], glob[at]))
            at += 1
    return tuple(pieces)


def _ranges(members: str) -> tuple[tuple[str, str], ...]:
    """First and last character of each range; a ``-`` at the begin or end is itself."""
    found = re.findall(r"(.)-(.)|(.)", members, re.DOTALL)
    return tuple((first, last) if first else (single, single) for first, last, single in found)
