"""Pure: what each word of a command that builds or deploys images has to do with the image that it names.

Only what is known here needs nothing: signing in, pushing, naming what is built. All other words may use their image.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

ASSIGNMENT: Final = re.compile(r"(?P<name>[A-Za-z_]\w*)\+?=(?P<value>.*)", re.DOTALL)
"""A word that gives a variable its value."""


class Role(Enum):
    """What a word has to do with the image that it names, where that has no tag or digest.

    Attributes:
        NOTHING: It needs no image: a host that is signed in to, a variable's value, what is printed.
        MADE: It names what the command makes.
        LATER: It needs the image, unless an earlier command of the same text has made that very one.
        NEEDED: It needs an image of the registry.
    """

    NOTHING = auto()
    MADE = auto()
    LATER = auto()
    NEEDED = auto()


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a shell.

    Attributes:
        words: Without quotes; at least one.
        is_output_used: Whether another command, a file or a variable gets what it prints.
        is_certain: Whether it runs whenever its line does.
        is_substituted: Whether what it prints becomes a part of another command.
    """

    words: tuple[str, ...]
    is_output_used: bool = False
    is_certain: bool = True
    is_substituted: bool = False

    @property
    def tool(self) -> int:
        """The index of the program's name, behind variables and words such as ``if``."""
        at = 0
        while at < len(self.words) - 1 and self._stands_before(at):
            at += 1
        return at

    def _stands_before(self, at: int) -> bool:
        word = self.words[at]
        is_option = at > 0 and word.startswith("-") and self.words[at - 1] in {"sudo", "env"}
        return word in _BEFORE or is_option or ASSIGNMENT.fullmatch(word) is not None

    @property
    def decides(self) -> bool:
        """Whether it may fail as a question does, so that what follows ``&&`` is not certain."""
        name = _name(self.words[self.tool])
        return not (name in _ENGINES | _COPIES | _PRINTS | _SETS | {"cd"} or ASSIGNMENT.fullmatch(name))

    @property
    def blocks(self) -> int:
        """How many blocks of ``if``, ``case`` or a loop it opens or, below zero, closes."""
        return (self.words[0] in _OPENS) - (self.words[0] in _CLOSES)

    @property
    def scripts(self) -> tuple[str, ...]:
        """Words that another shell runs as commands."""
        name = _name(self.words[self.tool])
        return tuple(word for word in self.words[self.tool + 1 :] if name in _SHELLS and re.search(r"\s", word))

    @property
    def is_joined(self) -> bool:
        """Whether a registry's host among its words may become the beginning of an image's name."""
        return self.is_substituted or self._prints_into_variable

    @property
    def _prints_into_variable(self) -> bool:
        return "-v" in self.words[1:] and _name(self.words[self.tool]) == "printf"

    @property
    def _powershell(self) -> re.Match[str] | None:
        """The variable that it sets, if it is a statement of PowerShell that does nothing else."""
        is_one = len(self.words) == len(["$x", "=", "y"]) and self.words[1] in {"=", "+="}
        return _POWERSHELL.fullmatch(self.words[0]) if is_one else None

    def assignments(self) -> Iterator[tuple[str, str]]:
        """Variables that it sets, with their values."""
        if match := self._powershell:
            yield match["name"], self.words[2]
        known = self.tool if self.words[self.tool] not in _SETS else len(self.words)
        for number, word in enumerate(self.words):
            match = ASSIGNMENT.fullmatch(word)
            if match and (number <= known):
                yield match["name"], match["value"]

    def exports(self) -> Iterator[tuple[str, str]]:
        """Variables that programs get from it which it does not hand over itself, with their values."""
        at = self.tool
        if match := self._powershell:
            yield match["name"], self.words[2]
        if ASSIGNMENT.fullmatch(self.words[at]) or _composes(self.words[at:], _MAKES):
            return
        if self.words[at] in _SETS:
            yield from self.assignments() if self.words[at] in _EXPORTS else ()
            return
        yield from (
            (match["name"], match["value"]) for word in self.words[:at] if (match := ASSIGNMENT.fullmatch(word))
        )

    @property
    def handed_over(self) -> tuple[str, ...]:
        """The names of variables whose values a build of an image gets by their names alone."""
        pairs = zip(self.words, self.words[1:], strict=False)
        return tuple(word for before, word in pairs if before == "--build-arg" and re.fullmatch(r"[A-Za-z_]\w*", word))

    def roles(self) -> list[Role]:
        """The role of every word."""
        at, count = self.tool, len(self.words)
        name, arguments = _name(self.words[at]), self.words[at + 1 :]
        roles = [Role.LATER] * count
        if self._powershell:
            roles = [Role.NOTHING] * count
        elif name in _PRINTS:
            is_used = self.is_output_used or self._prints_into_variable
            roles = [Role.LATER if is_used else Role.NOTHING] * count
        elif name in _COMPARES:
            roles = [Role.NOTHING] * count
        elif self.words[at] in _NEEDS:
            roles = [Role.NEEDED] * count
        elif not (arguments and arguments[0].startswith("-")) or name == "executor":
            roles = [*roles[: at + 1], *_of_arguments(name, arguments)]
        for number, word in enumerate(self.words):
            if number <= at or self.words[at] in _SETS:
                roles[number] = Role.NOTHING if ASSIGNMENT.fullmatch(word) else roles[number]
            elif word.startswith(_ALWAYS_NEEDED):
                roles[number] = Role.NEEDED
        return roles


_BEFORE: Final = frozenset(
    "sudo env time exec command nohup if elif while until then do else ! {".split()  # noqa: SIM905 - words of a shell
)
_POWERSHELL: Final = re.compile(r"\$\{?(?P<name>[A-Za-z_]\w*)\}?")
# The last one is that of Windows.
_SETS: Final = frozenset({"export", "declare", "readonly", "local", "typeset", "set"})
_EXPORTS: Final = frozenset({"export", "declare", "typeset", "set"})
_OPENS: Final = frozenset({"if", "case", "for", "while", "until"})
_CLOSES: Final = frozenset({"fi", "esac", "done"})
_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash", "zsh", "eval"})
_PRINTS: Final = frozenset({"echo", "printf"})
_COMPARES: Final = frozenset({"[", "[[", "test"})
_NEEDS: Final = frozenset({"FROM", "image:"})
_ALWAYS_NEEDED: Final = ("--from=", "--cache-from=")
_ENGINES: Final = frozenset({"docker", "podman", "nerdctl", "buildah", "finch"})
_MAKES: Final = frozenset({"build", "push"})
_GROUPS: Final = frozenset({"image", "container", "buildx", "builder", "manifest", "imagetools"})
_COPIES: Final = frozenset({"crane", "gcrane", "skopeo", "oras", "regctl"})
_LOGINS: Final = frozenset({"login", "logout"})
# Their images are those of this machine, and a list of names only describes what was named before.
_LOCAL: Final = frozenset({"rmi", "rm", "images", "prune", "annotate"})
_TAGS: Final = ("-t", "--tag")
_TARGETS: Final = ("-o", "--output", "--cache-to")
_DESTINATIONS: Final = ("-d", "--destination")


def _of_arguments(name: str, arguments: Sequence[str]) -> list[Role]:
    """The roles of what follows a program's name."""
    verbs = [number for number, word in enumerate(arguments) if not word.startswith("-")]
    first = [arguments[number] for number in verbs[:2]]
    roles = [Role.LATER] * len(arguments)
    groups = []
    while verbs and arguments[verbs[0]] in _GROUPS and name in _ENGINES | _COPIES:
        groups.append(arguments[verbs.pop(0)])
    verb, operands = (arguments[verbs[0]], verbs[1:]) if verbs else ("", [])
    if name == "executor":
        roles = _by_option(arguments, {Role.MADE: _DESTINATIONS})
    elif verb in _LOGINS or (first[:1] in (["auth"], ["registry"]) and first[-1] in _LOGINS):
        roles = [Role.NOTHING] * len(arguments)
    elif verb == "push" and name in _ENGINES | _COPIES | {"helm"}:
        roles = [Role.MADE] * len(arguments)
    elif name in _ENGINES:
        roles = _of_engine(verb, groups, arguments, operands)
    elif name in _COPIES and verb in {"copy", "cp", "sync"} and len(operands) > 1:
        roles = [Role.NEEDED] * len(arguments)
        roles[operands[-1]] = Role.MADE
    return roles


def _of_engine(verb: str, groups: list[str], arguments: Sequence[str], operands: list[int]) -> list[Role]:
    roles = [Role.NEEDED if verb in {"pull", "run", "create"} else Role.LATER] * len(arguments)
    if verb in _LOCAL:
        roles = [Role.NOTHING] * len(arguments)
    elif verb == "tag" and len(operands) == 2:  # noqa: PLR2004 - what is, and what it is called from now on
        roles[operands[1]] = Role.MADE
    elif verb in {"build", "bud"} or (verb == "create" and "imagetools" in groups):
        roles = _by_option(arguments, {Role.MADE: _TAGS, Role.NOTHING: _TARGETS})
    elif verb == "create" and "manifest" in groups and operands:
        roles = [Role.LATER] * len(arguments)
        roles[operands[0]] = Role.MADE
    return roles


def _by_option(arguments: Sequence[str], options: dict[Role, tuple[str, ...]]) -> list[Role]:
    """The roles of the values of some options; all other words need their image."""
    roles = [Role.NEEDED] * len(arguments)
    for number, word in enumerate(arguments):
        for role, names in options.items():
            before = arguments[number - 1] if number else ""
            short = any(word.startswith(name) for name in names if not name.startswith("--"))
            if before in names or short or word.startswith(tuple(f"{name}=" for name in names)):
                roles[number] = role
    return roles


def _composes(words: Sequence[str], verbs: frozenset[str]) -> bool:
    """Whether a command is one of some of Docker Compose."""
    names = [_name(word) for word in words if not word.startswith("-")]
    is_compose = names[:1] == ["docker-compose"] or (names[1:2] == ["compose"] and names[0] in _ENGINES)
    return is_compose and not verbs.isdisjoint(names)


def _name(word: str) -> str:
    """A program's name without its folder."""
    return word.rsplit("/", 1)[-1]
