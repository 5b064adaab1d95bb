"""Pure: the texts in a value of any shape: a response's structure, a definition, JSON in a string.

Nothing here calls itself, so that no depth of nesting ends a run.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ecr_cleaner.schema import read_json

LONGEST: Final = 1024 * 1024
"""Characters of one item that are searched. No definition, input or environment of AWS has more."""
_LEVELS: Final = 4
"""How often JSON in a string is read that is itself in a string of JSON."""
_NAMES: Final = frozenset({"name", "key", "parametername", "parameterkey"})
_VALUES: Final = frozenset({"value", "parametervalue", "stringvalue"})
_LINE: Final = re.compile(
    r"""[ \t-]*+(?:(?:export|ENV|ARG)[ \t]++)?["']?(?P<name>[\w.-]++)["']?[ \t]*+[:=]""", re.ASCII
)
"""How a line of YAML, of an environment file or of settings begins that gives something its value."""


def strings_in(value: Any) -> Iterator[str]:
    """Every text in a value: keys and members, bytes, and beside a text that is JSON the texts in that.

    Args:
        value: Of strings, bytes, numbers, times, lists and mappings, nested to any depth.

    Yields:
        In the order of the value; members of a mapping in the order of their names.
    """
    for part in _parts(value):
        if isinstance(part, str):
            yield part


def siblings_in(value: Any) -> Iterator[dict[str, list[str]]]:
    """Texts that have names beside each other, such as the variables of one container: name to its values.

    Names and values are the members of one mapping, a list of structures with a name and a value, arguments such as
    ``NAME=value``, ``--name=value`` and ``--name value``, and lines of a text such as ``name: value``.
    """
    for part in _parts(value):
        named: dict[str, list[str]] = {}
        for name, text in _pairs(part):
            named.setdefault(name, []).append(text)
        if named:
            yield named


def size_of(value: Any) -> int:
    """How many characters all texts of a value have; more than `LONGEST` may be counted only in part."""
    total = 0
    for part in _parts(value, levels=0):
        if isinstance(part, str):
            total += len(part)
            if total > LONGEST:
                break
    return total


def as_text(value: Any) -> str:
    """A value as one text in the way of JSON, so that what stands before and behind each text can be seen."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray):
        return decoded(value)
    out: list[str] = []
    # What is still to be written, the next one last: a value, or text that is written as it is.
    pending: list[tuple[Any, bool]] = [(value, False)]
    while pending:
        part, written = pending.pop()
        if written:
            out.append(part)
        elif isinstance(part, Mapping):
            members = sorted(part.items(), key=lambda member: str(member[0]))
            pending.append(("}", True))
            for number, (key, member) in reversed(list(enumerate(members))):
                pending += [(member, False), (f"{', ' if number else ''}{json.dumps(str(key))}: ", True)]
            pending.append(("{", True))
        elif is_list(part):
            pending.append(("]", True))
            for number, item in reversed(list(enumerate(items_of(part)))):
                pending += [(item, False), (", " if number else "", True)]
            pending.append(("[", True))
        else:
            out.append(json.dumps(decoded(part) if isinstance(part, bytes | bytearray) else part, default=str))
    return "".join(out)


def unpacked(text: str) -> Any:
    """The list or mapping that a text is in JSON; the text itself if it is none."""
    if text.lstrip()[:1] not in {"{", "["}:
        return text
    try:
        return read_json(text)
    except ValueError:
        return text


def _parts(value: Any, levels: int = _LEVELS) -> Iterator[Any]:
    """Every part, the whole first; what a text is in JSON behind it, so many texts deep."""
    pending: list[tuple[Any, int]] = [(value, levels)]
    while pending:
        part, left = pending.pop()
        if isinstance(part, bytes | bytearray):
            part = decoded(part)
        yield part
        if isinstance(part, str):
            inner = unpacked(part) if left else part
            if inner is not part:
                pending.append((inner, left - 1))
        elif isinstance(part, Mapping):
            for key, member in sorted(part.items(), key=lambda item: str(item[0]), reverse=True):
                pending += [(member, left), (str(key), left)]
        elif is_list(part):
            pending += [(item, left) for item in reversed(items_of(part))]


def _pairs(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, Mapping):
        for name, member in sorted(part.items(), key=lambda item: str(item[0])):
            if isinstance(member, str | int | float):
                yield str(name), str(member)
    elif is_list(part):
        yield from _listed_pairs(items_of(part))
    elif isinstance(part, str) and "\n" in part:
        for line in part.splitlines():
            if match := _LINE.match(line):
                yield match["name"], line[match.end() :].strip(" \t,").strip("\"'")


def _listed_pairs(items: Iterable[Any]) -> Iterator[tuple[str, str]]:
    before = ""
    for item in items:
        if isinstance(item, Mapping):
            yield from named_value(item)
        elif isinstance(item, str):
            name, equals, text = item.partition("=")
            if equals:
                yield name, text
            elif before.startswith("-") and "=" not in before:
                yield before, item
        before = item if isinstance(item, str) else ""


def named_value(item: Mapping[Any, Any]) -> Iterable[tuple[str, str]]:
    """The one name and the one value of a structure such as ``{"name": "TAG", "value": "v1"}``."""
    lower = {str(key).lower(): member for key, member in item.items()}
    names = [lower[key] for key in sorted(_NAMES & lower.keys())]
    values = [lower[key] for key in sorted(_VALUES & lower.keys())]
    return [(str(names[0]), str(values[0]))] if names and values else []


def is_list(part: Any) -> bool:
    """Whether it has items."""
    return isinstance(part, list | tuple | set | frozenset)


def items_of(part: Any) -> list[Any]:
    """Its items, always in the same order."""
    return sorted(part, key=str) if isinstance(part, set | frozenset) else list(part)


def decoded(part: bytes | bytearray) -> str:
    """Bytes as text; those that are not UTF-8 cannot be part of a host name."""
    return part.decode(errors="replace")
