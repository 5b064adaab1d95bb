"""Pure: the commands in a build specification, a script, or a list of commands: lines, words, variables.

Nothing of YAML and of a shell's grammar is needed but what tells one command from the next; a text that has another
grammar is read in some way, and what that means is decided in `build`, where what is not known counts as used.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ecr_cleaner.usage.texts.build_commands import Command
from ecr_cleaner.usage.texts.mentions import count_of
from ecr_cleaner.usage.texts.values import decoded, is_list, items_of, named_value, unpacked
from ecr_cleaner.usage.texts.variables import UNKNOWN

LEVELS: Final = 4
"""Substitutions in substitutions, scripts in scripts: more are not read."""

_LONGEST: Final = 16_384
"""Characters of a line."""
_CONTINUED: Final = re.compile(r"\\\r?\n(?P<blanks>[ \t]*)")
_ITEM: Final = re.compile(r"(?:-[ \t]+)+")
_KEY: Final = re.compile(r"""["']?(?P<key>[\w.-]+)["']?:(?:[ \t]+|\Z)""")
_BLOCK: Final = re.compile(r"(?P<kind>[|>])[-+0-9]*(?:[ \t]+#.*)?")
_COMMAND_KEYS: Final = frozenset({"command", "commands", "cmd", "run", "script", "buildspec"})
_VARIABLES: Final = "variables"
"""The key of a mapping of variables; elsewhere, names in capitals are taken for variables."""
_VARIABLE_KEY: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_QUOTED: Final = re.compile(r"""'(?P<single>(?:[^']++|'')*+)'|"(?P<double>(?:[^"\\]++|\\.)*+)\"""", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_DOCUMENT: Final = re.compile(r"""(?<!<)<<-?\s*["']?(?P<end>\w+)""")

_SUBSTITUTION: Final = re.compile(r"\$\((?P<new>[^()]*)\)|`(?P<old>[^`]*)`")
_TOKEN: Final = re.compile(
    r"""
    (?P<blank>\s+)
    | (?P<comment>\#(?!\{).*)
    | (?P<redirect>[0-9]{0,2}(?:>>?[&|]?|&>>?|<<?<?-?))
    | (?P<operator>&&|\|\||\|&|;;|[;&|()])
    | (?P<word>(?:'[^']*+'|"(?:[^"\\]++|\\.)*+"|\$\{[^}]{0,200}+\}|\\.|[^\s'"\\;&|()<>]|['"\\])++)
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTES: Final = re.compile(r"""'([^']*+)'|"((?:[^"\\]++|\\.)*+)"|\\(.)""", re.DOTALL)
_OPEN: Final = re.compile(r"""["']""")
_ESCAPE: Final = re.compile(r"""\\(["\\$`])""")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of commands, or the value of a variable.

    Attributes:
        text: Without what YAML has around it.
        variable: The name of the variable; empty: the text is commands.
        is_body: Whether a command gets the text as its input or as a file.
    """

    text: str
    variable: str = ""
    is_body: bool = False

    @property
    def is_too_long(self) -> bool:
        """Whether its commands are not told apart; nobody writes such a line by hand."""
        return len(self.text) > _LONGEST


def script_of(value: Any) -> str:
    """A structure as lines: members as ``name: text``, as they would stand in YAML, each text by itself."""
    lines: list[str] = []
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:
        name, part = pending.pop()
        part = decoded(part) if isinstance(part, bytes | bytearray) else part
        inner = unpacked(part) if isinstance(part, str) else part
        if isinstance(inner, str):
            lines += [_line(name, inner), "#"]
        elif isinstance(inner, Mapping):
            pairs = dict(inner if name == _VARIABLES else named_value(inner))
            lines += [f"{key}" for key in inner if count_of(str(key))]
            others = sorted(inner.items(), key=lambda member: str(member[0]), reverse=True)
            pending += [(str(key), member) for key, member in others if member not in pairs.values()]
            pending += [(f"{key}=", member) for key, member in pairs.items()]
        elif is_list(inner):
            pending += [("", item) for item in reversed(items_of(inner))]
    return "\n".join(lines)


def _line(name: str, text: str) -> str:
    if not name or "\n" in text:
        return text
    if name.endswith("=") and _NAME.fullmatch(name[:-1]):
        return name + shlex.quote(text)
    return f"{name.removesuffix('=')}: {text}"


def lines_of(script: str) -> Iterator[Line]:
    """The lines of a script, or of YAML that holds commands; a text of several lines is one where YAML says so."""
    end = ""
    for line in _yaml_lines(script):
        if end:
            end = "" if line.text == end else end
            yield replace(line, is_body=True)
        else:
            yield line
            document = _DOCUMENT.search(line.text)
            end = document["end"] if document else ""


def _yaml_lines(script: str) -> Iterator[Line]:
    folded: list[str] = []
    indent, kind, variables = -1, "", -1
    for line in _CONTINUED.sub(lambda match: match["blanks"][:1], script).split("\n"):
        content = line.strip()
        depth = len(line) - len(line.lstrip())
        is_inside = depth > indent >= 0 or not content
        if is_inside and content and kind == "|":
            yield Line(content)
        elif is_inside and content and not _ITEM.match(content):
            folded += [] if content.startswith("#") else [content]
        else:
            if folded:
                yield from _entry("", " ".join(folded))
            folded = []
            if content:
                block, first = _block_of(content)
                indent, kind = (depth, block) if block else (-1, "")
                folded = [first] if block and first else []
                if not depth > variables >= 0:
                    variables = depth if content.strip("\"':") == _VARIABLES else -1
                yield from () if block else _member(content, is_variable=depth > variables >= 0)
    if folded:
        yield from _entry("", " ".join(folded))


def _parts_of(content: str) -> tuple[bool, str, str]:
    """Whether a line of YAML is an item, its key if it has one, and the rest."""
    item = _ITEM.match(content)
    rest = content[item.end() :] if item else content
    key = _KEY.match(rest)
    return item is not None, key["key"] if key else "", rest[key.end() :] if key else rest


def _block_of(content: str) -> tuple[str, str]:
    """Whether the deeper lines below belong to a line of YAML, as they are or folded, and the text it begins with."""
    is_item, key, rest = _parts_of(content)
    if block := _BLOCK.fullmatch(rest):
        return block["kind"], ""
    is_plain = is_item and not key and rest[:1] not in {"[", "{"} and not _QUOTED.fullmatch(rest)
    return (">", rest) if is_plain else ("", "")


def _member(content: str, *, is_variable: bool) -> Iterator[Line]:
    is_item, key, rest = _parts_of(content)
    if (is_item or key) and rest[:1] in {"[", "{"}:
        yield from _flow(rest)
    elif rest:
        yield from _entry(key, rest, is_variable=is_variable)


def _flow(text: str) -> Iterator[Line]:
    """The items of a list or mapping in one line of YAML."""
    yield from (Line(_unquoted(match)) for match in _QUOTED.finditer(text))
    yield Line(_QUOTED.sub(" ", text).strip("[]{}, \t"))


def _entry(key: str, text: str, *, is_variable: bool = False) -> Iterator[Line]:
    """The lines of one member or item of YAML."""
    quoted = _QUOTED.fullmatch(text.rstrip(", \t"))  # in a list of several lines, a comma follows
    text = _unquoted(quoted) if quoted else text
    if _VARIABLE_KEY.fullmatch(key) or (is_variable and _NAME.fullmatch(key)):
        yield Line(text, key)
    elif not key or key.lower() in _COMMAND_KEYS:
        yield from (Line(one) for one in text.split("\n"))
    else:
        yield Line(f"{key}: {text}")
        if count_of(text) and _NAME.fullmatch(key):  # whoever reads the file may make a variable of it
            yield Line(text, key)


def _unquoted(match: re.Match[str]) -> str:
    if match["single"] is not None:
        return match["single"].replace("''", "'")
    return match["double"].replace('\\"', '"').replace("\\n", "\n")


def commands_of(line: str, *, is_output_used: bool = False, levels: int = LEVELS) -> Iterator[Command]:
    """The commands of a line, those whose output it uses first."""
    inner: list[str] = []

    def taken(match: re.Match[str]) -> str:
        inner.append(match["new"] if match["new"] is not None else match["old"])
        return UNKNOWN

    for _ in range(LEVELS):
        line, count = _SUBSTITUTION.subn(taken, line)
        if not count:
            break
    for one in inner:
        yield from (replace(command, is_substituted=True) for command in _simple_commands(one, is_output_used=True))
    for command in _simple_commands(line, is_output_used=is_output_used):
        scripts = frozenset(command.scripts if levels else ())
        yield replace(command, words=tuple("" if word in scripts else word for word in command.words))
        for script in dict.fromkeys(word for word in command.words if word in scripts):
            for inside in commands_of(script, is_output_used=is_output_used, levels=levels - 1):
                yield replace(inside, is_certain=inside.is_certain and command.is_certain)


def _simple_commands(line: str, *, is_output_used: bool) -> list[Command]:
    """The commands of a line without substitutions.

    What one of them prints is used if anything of the line goes on to a command or a file, or if it goes on in the next
    line.
    """
    commands: list[Command] = []
    words: list[str] = []
    redirect, is_certain = "", True
    for token in [*_TOKEN.finditer(line), *_TOKEN.finditer(";")]:
        if operator := token["operator"]:
            if words:
                commands.append(Command(tuple(words), is_certain=is_certain))
            is_output_used |= operator in {"|", "|&"}
            is_asked = operator == "||" or (operator == "&&" and bool(words) and commands[-1].decides)
            is_certain = operator in {";", "&"} or (is_certain and not is_asked)
            words, redirect = [], ""
        elif token["redirect"]:
            redirect = token["redirect"]
        elif token["word"]:
            word = _QUOTES.sub(_plain, token["word"])
            is_output_used |= ">" in redirect and not redirect.endswith("&") and word != "/dev/null"
            is_output_used |= _OPEN.search(_QUOTES.sub("", token["word"])) is not None
            if not redirect or redirect == "<<<" or count_of(word):
                words.append(word)
            redirect = ""
    return [replace(command, is_output_used=is_output_used) for command in commands]


def _plain(quoted: re.Match[str]) -> str:
    single, double, escaped = quoted.groups()
    if single is not None:
        return str(single)
    if double is not None:
        return _ESCAPE.sub(r"\1", double)
    # In a text that was itself in a string, this is the end of a line.
    return " " if escaped in {"n", "r", "t"} else str(escaped)
