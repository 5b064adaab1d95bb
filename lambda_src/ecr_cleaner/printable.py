"""Text from outside as people may be shown it: without characters that move a cursor, end a line or hide others.

Names of objects in S3, of consumers and in Kubernetes, tags' values and AWS's messages may contain any character. What
leaves the function or the command line for people goes through `printable`: in the log by the logger's filter, in
metrics, event, mail and result by `InvocationResult`, in the report by its document, and in the output of commands.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

_T = TypeVar("_T")


def printable(value: _T) -> _T:
    """A value of strings, lists and mappings, at any depth, with every string printable.

    Each character that Unicode does not count as printable (controls, line ends, overrides of the direction, lone
    surrogates) is replaced by one other: blanks of any kind by a space, all others by a question mark, which every
    terminal can show. Lengths stay the same.
    """
    return _printable(value)  # type: ignore[no-any-return]


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isprintable() else "".join(map(_character, value))
    if isinstance(value, Mapping):
        return {_printable(key): _printable(member) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(map(_printable, value))
    return value


def _character(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "?"


def printable_lines(text: str) -> str:
    """A text of several lines that are our own, with each line printable."""
    return "\n".join(map(printable, text.split("\n")))


def minute(moment: datetime) -> str:
    """A moment in UTC, e.g. ``2026-11-30 04:05 UTC``."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
