"""What the Terraform files declare, read without running Terraform."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import hcl2

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ROOT: Final = Path(__file__).resolve().parent.parent

# In an expression, such as an argument of concat(), statements come as text.
_STATEMENT: Final = re.compile(r'Sid = "(?P<sid>\w+)"[^{}]*?Action = \[(?P<actions>[^\]]*)\]')
_TEXT: Final = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Variable:
    """One input of the module.

    Attributes:
        name: Of the input.
        type: As written.
        description: As written.
        default: Its value; None if it is null.
        conditions: Of its validations, as text.
    """

    name: str
    type: str
    description: str
    default: Any
    conditions: tuple[str, ...]


def variables() -> dict[str, Variable]:
    """Every input, by name."""
    return {
        name: Variable(
            name,
            str(block["type"]).removeprefix("${").removesuffix("}"),
            block["description"],
            block["default"],
            tuple(str(validation["condition"]) for validation in block.get("validation", ())),
        )
        for name, block in _named("variables.tf", "variable")
    }


def outputs() -> dict[str, str]:
    """The description of every output, by name."""
    return {name: block["description"] for name, block in _named("outputs.tf", "output")}


def requirements() -> tuple[str, dict[str, dict[str, str]]]:
    """The constraint on Terraform's version, and of each provider its source and the constraint on its version."""
    (block,) = _read("versions.tf")["terraform"]
    (providers,) = block["required_providers"]
    return block["required_version"], {name: one for name, one in providers.items() if not name.startswith("__")}


def resources(mode: str = "resource") -> dict[tuple[str, str], str]:
    """The file of each resource, or with ``data`` of each data source, by its type and name."""
    return {
        (kind, name): path.name
        for path in sorted(ROOT.glob("*.tf"))
        for block in _read(path.name).get(mode, ())
        for kind, named in block.items()
        if isinstance(named, dict)
        for name in named
        if not name.startswith("__")
    }


def local_values(file: str) -> dict[str, Any]:
    """The locals of a file: objects and lists as such, expressions as text."""
    return {name: value for block in _read(file)["locals"] for name, value in block.items() if name != "__comments__"}


def resource(file: str, kind: str, name: str) -> dict[str, Any]:
    """The arguments of one resource."""
    (found,) = (block[kind][name] for block in _read(file)["resource"] if kind in block and name in block[kind])
    arguments: dict[str, Any] = found
    return arguments


def statements(declared: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Sid and actions of every IAM statement in a value, those that only some settings bring included."""
    match declared:
        case {"Sid": sid, "Action": actions}:
            yield sid, tuple(actions)
        case dict():
            for value in declared.values():
                yield from statements(value)
        case list():
            for value in declared:
                yield from statements(value)
        case str():
            for match in _STATEMENT.finditer(declared):
                yield match["sid"], tuple(_TEXT.findall(match["actions"]))


def _named(file: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in _read(file)[kind]:
        yield from ((name, value) for name, value in block.items() if isinstance(value, dict))


def arguments(text: str, known: Collection[str]) -> list[str]:
    """What some Terraform sets of known arguments in its modules, each once and in order."""
    found = {name for block in blocks(text).get("module", ()) for module in block.values() for name in module}
    return sorted(found & set(known))


@cache
def blocks(text: str) -> dict[str, Any]:
    """What some Terraform says, by kind of block; read once, which takes a second for a long file."""
    found: dict[str, Any] = _plain(hcl2.loads(text))
    return found


def _read(file: str) -> dict[str, Any]:
    return blocks((ROOT / file).read_text())


def _plain(value: Any) -> Any:
    """Takes the quotes off that the parser leaves on texts to tell them from expressions."""
    match value:
        case dict():
            return {_plain(key): _plain(one) for key, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case str() if len(value) > 1 and value[0] == value[-1] == '"':
            return value[1:-1].replace('\\"', '"')
        case _:
            return value
