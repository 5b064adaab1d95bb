"""Pure: what a text of unknown grammar names: images, and ECS task definitions that a call in it would start."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.reference import every_image
from ecr_cleaner.schema import stored
from ecr_cleaner.usage.texts.search import find

# The names that ECS assigns; anything else is a placeholder that is filled in at each start.
TASK_DEFINITION: Final = re.compile(
    r"(?:arn:[^:\s]+:ecs:(?P<region>[^:\s]*):(?P<account>\d{12}):task-definition/)?[\w-]{1,255}(?::\d+)?", re.ASCII
)

_KEY: Final = re.compile(r"TaskDefinition(?:Arn)?(?:\.\$)?", re.IGNORECASE)
"""A member that takes a task definition; with the suffix ``.$`` the value is the path of one."""

_IN_EXPRESSION: Final = re.compile(
    r"""TaskDefinition(?:Arn)?['"]?\s*:\s*(?P<quote>['"]?)(?P<name>[^'",}\n]*)(?P=quote)""", re.IGNORECASE
)
"""The same in a text that holds an object, such as all arguments of a call as one JSONata expression."""

_ARN: Final = re.compile(r"arn:[\w-]+:ecs:[\w-]*:\d{12}:task-definition/[\w-]{1,255}+(?::\d++)?+(?![*?${<])", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)

PATH: Final = re.compile(r"(?:\{% ?)?\$[\w.$]{0,70}(?: ?%\})?|", re.ASCII)
"""Where a name stands in an input; any other expression may have secrets in it."""

_LONGEST: Final = 300
UNTOLD: Final = "…"
"""Stands in a stored document for an expression: texts of consumers are not stored."""


@stored
@dataclass(frozen=True, slots=True)
class Named:
    """What a text names.

    Attributes:
        references: Images.
        task_definitions: As written: names that ECS assigns, or expressions that yield one.
        keys: The last words of all expressions: members of an input under which a task definition may stand.
    """

    references: tuple[Reference, ...] = ()
    task_definitions: tuple[str, ...] = ()
    keys: tuple[str, ...] = field(default=(), compare=False)  # the expressions say all of it

    def __bool__(self) -> bool:
        """Whether it names anything."""
        return bool(self.references or self.task_definitions)

    def storable(self) -> "Named":
        """The same without any text but names and paths; those of references are normalised anyway."""
        told = (name if _is_name(name) or PATH.fullmatch(name) else UNTOLD for name in self.task_definitions)
        return Named(self.references, tuple(told))


def named_in(text: str, keys: Iterable[str] = (), *, must_be_json: bool = False) -> Named:
    """Everything that a text names.

    Args:
        text: A document, a template, an expression, a script.
        keys: Members under which a task definition may stand, beside those of ECS's own calls.
        must_be_json: Whether anything else is an error.

    Raises:
        ValueError: It is no JSON and must be.
    """
    document: Any = text
    try:
        # Pairs instead of dictionaries, so that of two members with one name both are seen.
        document = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        if must_be_json:
            raise ValueError from None
    names = tuple(dict.fromkeys(_task_definitions(document, frozenset(keys))))
    ends = (name[-_LONGEST:] for name in names if not _is_name(name))
    return Named(find(text), names, tuple(sorted({word for end in ends for word in _WORD.findall(end)[-1:]})))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and TASK_DEFINITION.fullmatch(value) is not None


def images_in(*texts: str) -> Named:
    """The images that texts name, where no call in them could start a task of ECS."""
    return Named(tuple(dict.fromkeys(reference for text in texts for reference in find(text))))


def _task_definitions(part: Any, keys: frozenset[str]) -> Iterator[str]:
    """Every text at which a call takes its task definition, and every ARN of one, at any depth."""
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, str):
            yield from (match["name"].strip() for match in _IN_EXPRESSION.finditer(part))
            yield from _ARN.findall(part)
        elif isinstance(part, tuple):
            for key, value in part:
                if isinstance(value, str) and _KEY.fullmatch(key):
                    yield value
                if key in keys:
                    yield from filter(_is_name, value if isinstance(value, list) else [value])
                waiting.append(value)


def widened(reference: Reference) -> Reference:
    """A reference to every image of the repository that it names."""
    is_image = reference.repository is not None and reference.breadth is ReferenceScope.IMAGE
    return every_image(reference) if is_image else reference
