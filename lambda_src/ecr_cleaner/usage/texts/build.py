"""Pure: which images a build uses, by the lines of its commands: a build specification, a script, commands in a list.

A complete reference is a use, whatever is done with it, and account and region may be variables in it. Of another one
the whole repository may be used, unless `build_commands` knows that the command needs no image. What cannot be read
counts as used.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ecr_cleaner.model.usage import Reference
from ecr_cleaner.usage.texts.build_commands import ASSIGNMENT, Role
from ecr_cleaner.usage.texts.build_lines import UNKNOWN, Line, commands_of, lines_of, script_of
from ecr_cleaner.usage.texts.mentions import (
    EVERYTHING,
    Mention,
    complete,
    count_of,
    has_ended,
    mentions,
    widened,
    window,
)

_LONGEST_CHAIN: Final = 16
"""Variables that are set from each other."""
_MOST_VALUES: Final = 16
_LONGEST_WORD: Final = 8192
_MOST_MADE: Final = 1000

_VARIABLE: Final = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?P<operation>[^}]{0,200})\}|(?P<plain>[A-Za-z_]\w*))")
# What keeps a variable's value as it is: a default for it, or nothing.
_KEEPS: Final = re.compile(r"(?::?[-=?+].*)?", re.DOTALL)
_AFTER: Final = re.compile(r"\Z|[\s,;|)\]>&]")


# What a function, a loop or a group prints may go to a command or a file.
_GROUPS: Final = re.compile(
    r"\(\)\s*\{|\bfunction\s|^\s*[})]\s*[|>]|\b(?:done|fi|esac)\s*[|>]|\bexec\s+[0-9]?>", re.MULTILINE
)


def references(value: Any) -> Iterator[Reference]:
    """Every image that a build uses.

    Args:
        value: The text of a build specification in YAML or JSON, a script, or a structure of those.
    """
    script = script_of(value)
    for mention in mentions(script):
        yield from complete(mention)
    lines = list(lines_of(script))
    build = _Build.of(lines)
    is_output_used = _GROUPS.search(script) is not None
    for line in lines:
        yield from build.used(line, is_output_used=is_output_used)


@dataclass(slots=True)
class _Build:
    """What is known of a build's variables, and of the images that its commands have made so far.

    Attributes:
        values: Every value that a variable is given anywhere.
        hosts: The variables whose values name a registry, by themselves or through others.
        sets: How often a variable was given a value up to here.
        made: Host and path as written of what was made, to how often its variables had been given a value by then.
        blocks: How many blocks are open in which commands need not run.
    """

    values: Mapping[str, list[str]]
    hosts: frozenset[str]
    sets: Counter[str] = field(default_factory=Counter)
    made: dict[str, tuple[int, ...]] = field(default_factory=dict)
    blocks: int = 0

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "_Build":
        """A build at its beginning."""
        values: dict[str, list[str]] = {}
        for name, value in (assignment for line in lines for assignment in line.assignments()):
            values.setdefault(name, []).append(_own_default(name, value))
        return cls(values, _naming_hosts(values))

    def used(self, line: Line, *, is_output_used: bool) -> Iterator[Reference]:
        """What the commands of the next line use.

        Args:
            line: Each one in its turn.
            is_output_used: Whether the text has functions or groups, so that nobody knows what gets what it prints, and
                when it runs.
        """
        self.sets.update(name for name, _ in line.assignments())
        if line.is_too_long:
            yield from self._of_word(line.text, Role.NEEDED, is_certain=False)
            return
        if line.variable and not line.is_body:
            return
        for command in commands_of(line.text, is_output_used=is_output_used or line.is_body):
            self.blocks += command.blocks
            is_certain = command.is_certain and not (self.blocks or is_output_used or line.is_body)
            for word, role in zip(command.words, command.roles(), strict=True):
                body = line.is_body and ASSIGNMENT.fullmatch(word)
                yield from self._of_word(word, Role.LATER if body else role, is_certain=is_certain)

    def _of_word(self, word: str, role: Role, *, is_certain: bool) -> Iterator[Reference]:
        if not _may_name_image(word):
            return
        texts = _expanded(word, self.values, self.hosts)
        if texts is None and role in {Role.LATER, Role.NEEDED}:
            yield EVERYTHING
        for mention in (one for text in texts or () for one in mentions(text)):
            yield from self._of(mention, role, is_certain=is_certain)

    def _of(self, mention: Mention, role: Role, *, is_certain: bool) -> Iterator[Reference]:
        found = complete(mention)
        if found:
            yield from found
            return
        # A value in the text may be one of several that the build is started with.
        written = mention.text[mention.start : mention.end]
        for text in (_expanded(written, self.values, self.values.keys()) or ()) if "$" in written else ():
            yield from (one for known in mentions(text) for one in complete(known))
        ended = _AFTER.match(window(mention.text, mention.end, 1)) is not None or has_ended(mention)
        if role is Role.NOTHING or (ended and mention.is_whole_host):
            return
        now = tuple(self.sets[match["braced"] or match["plain"]] for match in _VARIABLE.finditer(mention.key))
        if role is Role.MADE:
            if is_certain and len(self.made) < _MOST_MADE:
                self.made[mention.key] = now
        elif role is Role.NEEDED or self.made.get(mention.key) != now:
            yield from widened(mention, ended=ended)


def _may_name_image(word: str) -> bool:
    return "$" in word or count_of(word) > 0


def _naming_hosts(values: Mapping[str, list[str]]) -> frozenset[str]:
    """The variables that name a registry; all, if they hang together in a longer chain than is followed."""
    hosts: frozenset[str] = frozenset()
    for _ in range(_LONGEST_CHAIN):
        known = hosts
        hosts |= {name for name, given in values.items() if any(_names_host(value, hosts) for value in given)}
        if hosts == known:
            return hosts
    return frozenset(values)


def _names_host(text: str, hosts: Collection[str]) -> bool:
    return count_of(text) > 0 or any((match["braced"] or match["plain"]) in hosts for match in _VARIABLE.finditer(text))


def _expanded(text: str, values: Mapping[str, list[str]], names: Collection[str]) -> list[str] | None:
    """A text with all values of some variables, and with defaults that name a registry; None: there are too many."""
    done: list[str] = []
    pending = [text]
    for _ in range(_LONGEST_CHAIN):
        following: list[str] = []
        for one in pending:
            match = next((match for match in _VARIABLE.finditer(one) if _is_read(match, names)), None)
            if match is None:
                done.append(one)
                continue
            following += [one[: match.start()] + value + one[match.end() :] for value in _values(match, values)]
        pending = list(dict.fromkeys(following))
        if len(pending) + len(done) > _MOST_VALUES or any(len(one) > _LONGEST_WORD for one in pending):
            return None
    return None if pending else done


def _own_default(name: str, value: str) -> str:
    """A value such as ``${NAME:-default}`` of the variable itself: the default."""
    match = _VARIABLE.fullmatch(value)
    default = (match["operation"] or "").lstrip(":") if match and match["braced"] == name else ""
    return default[1:] if default[:1] in {"-", "="} else value


def _is_read(match: re.Match[str], names: Collection[str]) -> bool:
    return (match["braced"] or match["plain"]) in names or count_of(match["operation"] or "") > 0


def _values(match: re.Match[str], values: Mapping[str, list[str]]) -> Iterator[str]:
    operation = match["operation"] or ""
    default = operation.lstrip(":")[1:]
    if count_of(default):
        yield default
    for value in values.get(match["braced"] or match["plain"], ()):
        yield value if _KEEPS.fullmatch(operation) else value + UNKNOWN
