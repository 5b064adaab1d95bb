"""Pure: variables of a shell in a text, and what a text becomes with their values."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ecr_cleaner.usage.texts.mentions import count_of

UNKNOWN: Final = "${_}"
"""Stands for what a command prints, and for what nobody can know of a value."""
LONGEST_CHAIN: Final = 16
"""Variables that are set from each other."""
MOST_VALUES: Final = 16
_LONGEST_WORD: Final = 8192

_VARIABLE: Final = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?P<operation>[^}]{0,200})\}|(?P<plain>[A-Za-z_]\w*))")
# What keeps a variable's value as it is: a default for it, or nothing.
_KEEPS: Final = re.compile(r"(?:(?::?[-=?+]).*)?", re.DOTALL)
# The same in PowerShell, in Windows' older shell, and in Kubernetes.
_ELSEWHERE: Final = re.compile(
    r"\$\{(?i:env):(?P<braced>[A-Za-z_]\w*)\}|\$(?i:env):(?P<plain>[A-Za-z_]\w*)|%(?P<percent>[A-Za-z_]\w*)%"
)
_KUBERNETES: Final = re.compile(r"\$\((?P<name>[A-Za-z_]\w*)\)")
_SETS_ENV: Final = re.compile(r"""(?:^|[\s;&"'])env=""")
_WINDOWS: Final = re.compile(r"""^[\s"'-]*(?:\$\w+\s*\+?=\s|set\s+"?\w+=)""", re.MULTILINE | re.IGNORECASE)


def is_of_windows(script: str) -> bool:
    """Whether a script may be one of a shell that does not tell the case of letters apart in names."""
    return _ELSEWHERE.search(script) is not None or _WINDOWS.search(script) is not None


def portable(script: str) -> str:
    """A script with the variables of Windows' shells written as in other shells."""
    if _SETS_ENV.search(script):  # then ``$env:v1`` is a variable with that name, and a tag
        return script
    return _ELSEWHERE.sub(lambda match: f"${{{match['braced'] or match['plain'] or match['percent']}}}", script)


def of_containers(text: str) -> str:
    """A text with the variables of Kubernetes written as in a shell."""
    return _KUBERNETES.sub(lambda match: f"${{{match['name']}}}", text)


def names_in(text: str) -> tuple[str, ...]:
    """The names of all variables in a text."""
    return tuple(_name(match) for match in _VARIABLE.finditer(text))


@dataclass(frozen=True, slots=True)
class Variables:
    """What is known of variables.

    Attributes:
        values: Every value that a variable is given anywhere.
        hosts: The variables whose values name a registry, by themselves or through others.
    """

    values: Mapping[str, list[str]]
    hosts: frozenset[str]

    @classmethod
    def of(cls, assignments: Iterable[tuple[str, str]]) -> "Variables":
        """Variables by all their names and values."""
        values: dict[str, list[str]] = {}
        for name, value in assignments:
            values.setdefault(name, []).append(_own_default(name, value))
        return cls(values, _naming_hosts(values))

    def with_hosts(self, text: str) -> list[str] | None:
        """A text with all values of the variables that name a registry, and with defaults that do; None: too many."""
        return self._expanded(text, self.hosts)

    def complete(self, text: str) -> list[str]:
        """A text with all values of all variables; none if there are too many."""
        return self._expanded(text, self.values.keys()) or []

    def _expanded(self, text: str, names: Collection[str]) -> list[str] | None:
        done: list[str] = []
        pending = [text]
        for _ in range(LONGEST_CHAIN):
            following: list[str] = []
            for one in pending:
                match = next((match for match in _VARIABLE.finditer(one) if _is_read(match, names)), None)
                if match is None:
                    done.append(one)
                    continue
                following += [one[: match.start()] + value + one[match.end() :] for value in self._values(match)]
            pending = list(dict.fromkeys(following))
            if len(pending) + len(done) > MOST_VALUES or any(len(one) > _LONGEST_WORD for one in pending):
                return None
        return None if pending else done

    def _values(self, match: re.Match[str]) -> Iterator[str]:
        operation = match["operation"] or ""
        default = operation.lstrip(":")[1:]
        if count_of(default):
            yield default
        for value in self.values.get(_name(match), ()):
            yield value if _KEEPS.fullmatch(operation) else value + UNKNOWN


def _name(match: re.Match[str]) -> str:
    return str(match["braced"] or match["plain"])


def _naming_hosts(values: Mapping[str, list[str]]) -> frozenset[str]:
    """The variables that name a registry; all, if they hang together in a longer chain than is followed."""
    hosts: frozenset[str] = frozenset()
    for _ in range(LONGEST_CHAIN):
        known = hosts
        hosts |= {
            name
            for name, given in values.items()
            if any(count_of(value) > 0 or not known.isdisjoint(names_in(value)) for value in given)
        }
        if hosts == known:
            return hosts
    return frozenset(values)


def _own_default(name: str, value: str) -> str:
    """A value such as ``${NAME:-default}`` of the variable itself: the default."""
    match = _VARIABLE.fullmatch(value)
    default = (match["operation"] or "").lstrip(":") if match and match["braced"] == name else ""
    return default[1:] if default[:1] in {"-", "="} else value


def _is_read(match: re.Match[str], names: Collection[str]) -> bool:
    return _name(match) in names or count_of(match["operation"] or "") > 0
