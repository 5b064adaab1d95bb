"""Pure: which images a build uses, by the lines of its commands: a build specification, a script, commands in a list.

A complete reference is a use, whatever is done with it, and account and region may be variables in it. Of another one
the whole repository may be used, unless `build_commands` knows that the command needs no image. What cannot be read
counts as used.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ecr_cleaner.model.usage import Reference
from ecr_cleaner.usage.texts.build_commands import ASSIGNMENT, Command, Role
from ecr_cleaner.usage.texts.build_lines import Line, commands_of, lines_of, script_of
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
from ecr_cleaner.usage.texts.variables import Variables, is_of_windows, names_in, portable

_MOST_MADE: Final = 1000
_MOST_SPELLED: Final = 8

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
    written = script_of(value)
    if not count_of(written):
        return
    for mention in mentions(written):
        yield from complete(mention)
    script = portable(written)
    is_output_used = _GROUPS.search(script) is not None
    steps = [_Step.of(line, is_output_used=is_output_used) for line in lines_of(script)]
    build = _Build.of(steps, is_any_case=is_of_windows(written))
    for step in steps:
        yield from build.used(step, is_output_used=is_output_used)


@dataclass(frozen=True, slots=True)
class _Step:
    """A line with its commands; those of a line that is too long are not told apart."""

    line: Line
    commands: tuple[Command, ...] = ()

    @classmethod
    def of(cls, line: Line, *, is_output_used: bool) -> "_Step":
        """The commands of a line.

        Args:
            line: Of the build.
            is_output_used: Whether the text has functions or groups, so that nobody knows what gets what it prints.
        """
        if line.is_too_long or (line.variable and not line.is_body):
            return cls(line)
        return cls(line, tuple(commands_of(line.text, is_output_used=is_output_used or line.is_body)))

    def assignments(self) -> Iterator[tuple[str, str]]:
        """Every variable that it sets, with the value."""
        if self.line.variable:
            yield self.line.variable, self.line.text
        for command in self.commands:
            yield from command.assignments()

    def exports(self) -> Iterator[tuple[str, str]]:
        """Every variable that programs get from it, with the value."""
        if self.line.variable:
            yield self.line.variable, self.line.text
        for command in self.commands:
            yield from command.exports()

    def words(self) -> Iterator[tuple[str, Role]]:
        """Every word that may need what it names, or that makes it."""
        if self.line.is_too_long:
            yield self.line.text, Role.NEEDED
        for command in self.commands:
            yield from ((f"${{{name}}}", Role.NEEDED) for name in command.handed_over)
            for word, role in zip(command.words, command.roles(), strict=True):
                body = self.line.is_body and ASSIGNMENT.fullmatch(word)
                yield word, Role.LATER if body else role


@dataclass(slots=True)
class _Build:
    """What is known of a build's variables, and of the images that its commands have made so far.

    Attributes:
        variables: With every value that they are given anywhere.
        read: The variables that some command of the text does something with.
        sets: How often a variable was given a value up to here.
        made: Host and path as written of what was made, to how often its variables had been given a value by then.
        blocks: How many blocks are open in which commands need not run.
    """

    variables: Variables
    read: frozenset[str]
    sets: Counter[str] = field(default_factory=Counter)
    made: dict[str, tuple[int, ...]] = field(default_factory=dict)
    blocks: int = 0

    @classmethod
    def of(cls, steps: Sequence[_Step], *, is_any_case: bool) -> "_Build":
        """A build at its beginning.

        Args:
            steps: All of it.
            is_any_case: Whether names of variables in other letters may be the same.
        """
        assignments = [assignment for step in steps for assignment in step.assignments()]
        read = {name for variable, value in assignments for name in names_in(value) if name != variable}
        for word, role in (one for step in steps for one in step.words()):
            read.update(names_in(word) if role is not Role.NOTHING else ())
        if is_any_case:
            spelled: dict[str, list[str]] = {}
            for name in read:
                spelled.setdefault(name.lower(), []).append(name)
            assignments += [
                (other, value)
                for name, value in assignments
                for other in spelled.get(name.lower(), [])[:_MOST_SPELLED]
                if other != name
            ]
        return cls(Variables.of(assignments), frozenset(read))

    def used(self, step: _Step, *, is_output_used: bool) -> Iterator[Reference]:
        """What the commands of the next line use.

        Args:
            step: Each one in its turn.
            is_output_used: Whether the text has functions or groups, so that nobody knows when they run.
        """
        line = step.line
        self.sets.update(name for name, _ in step.assignments())
        if line.is_too_long:
            for mention in self._mentions(line.text, Role.NEEDED):
                yield from self._of(mention, Role.NEEDED)
        for command in step.commands:
            self.blocks += command.blocks
            is_certain = command.is_certain and not (self.blocks or is_output_used or line.is_body)
            for word, role in _Step(line, (command,)).words():
                for mention in self._mentions(word, role):
                    yield from self._of(mention, role, is_certain=is_certain, is_joined=command.is_joined)
        # What no command of the text reads is for a program that does, such as Docker Compose. A repository alone may
        # be what that pushes to.
        for _, value in (one for one in step.exports() if one[0] not in self.read):
            for mention in self._mentions(value, Role.NOTHING):
                if isinstance(mention, Mention) and re.search("[:@]", mention.path or ""):
                    yield from self._of(mention, Role.LATER)

    def _mentions(self, word: str, role: Role) -> Iterator[Mention | None]:
        """The mentions in a word with the values of its variables; None: it needs whatever these may name."""
        texts = self.variables.with_hosts(word) if "$" in word or count_of(word) else []
        if texts is None and role in {Role.LATER, Role.NEEDED}:
            yield None
        for text in texts or ():
            yield from mentions(text)

    def _of(
        self, mention: Mention | None, role: Role, *, is_certain: bool = False, is_joined: bool = False
    ) -> Iterator[Reference]:
        if mention is None:
            yield EVERYTHING
            return
        found = complete(mention)
        if found:
            yield from found
            return
        # A value in the text may be one of several that the build is started with.
        written = mention.text[mention.start : mention.end]
        for text in self.variables.complete(written) if "$" in written else ():
            yield from (one for known in mentions(text) for one in complete(known))
        ended = _AFTER.match(window(mention.text, mention.end, 1)) is not None or has_ended(mention)
        if role is Role.NOTHING or (ended and mention.is_whole_host and not is_joined):
            return
        now = tuple(self.sets[name] for name in names_in(mention.key))
        if role is Role.MADE:
            if is_certain and len(self.made) < _MOST_MADE:
                self.made[mention.key] = now
        elif role is Role.NEEDED or self.made.get(mention.key) != now:
            yield from widened(mention, ended=ended)
