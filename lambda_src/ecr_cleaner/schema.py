"""How JSON from outside is read: strictly, every problem at once, and with a checksum where this package wrote it."""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from itertools import chain
from typing import Annotated, Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import PydanticCustomError

from ecr_cleaner.errors import NotWholeError


class Strict(BaseModel):
    """A document from outside: unknown keys, other types and later changes are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


stored = with_config(extra="forbid", strict=True)
"""Marks a dataclass that is read from a document as strictly as a `Strict` is; `seal` checks it again."""

Text = Annotated[str, Field(min_length=1)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
NotNegative = Annotated[int, Field(ge=0)]


def refuse(rule: str) -> NoReturn:
    """Refuse a value in a validator; `sentences` tells the rule as it stands here.

    Raises:
        PydanticCustomError: Always.
    """
    kind = "refused"
    raise PydanticCustomError(kind, "{rule}", {"rule": rule})


def sentences(
    place: str, error: ValidationError, unknown: Callable[[tuple[int | str, ...]], str | None] = lambda _: None
) -> list[str]:
    """One for each problem: the place, the rule in this project's words, and the value.

    Args:
        place: Of the document.
        error: With the problems.
        unknown: What is to be said of an unknown member at a place in the document, if it is more than that.
    """
    return [
        f"{': '.join([place, *_where(problem)])}:"
        f" {(problem['type'] == 'extra_forbidden' and unknown(problem['loc'])) or _rule(problem)}"
        + ("" if problem["type"] in _WITHOUT_VALUE else f", got {_shown(problem['input'])}")
        for problem in error.errors(include_url=False)
    ]


_RULES: Final = {
    "bool_type": "must be true or false",
    "dataclass_type": "must be an object",
    "dict_type": "must be an object",
    "extra_forbidden": "is not known",
    "float_type": "must be a number",
    "frozen_set_type": "must be a list",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "json_invalid": "must be JSON: {error}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_type": "must be an object",
    "refused": "{rule}",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be a text",
    "too_long": "must have at most {max_length} items",
    "too_short": "must have at least {min_length} items",
    "tuple_type": "must be a list",
    "unexpected_keyword_argument": "is not known",
    "timezone_aware": "must be a time with its offset from UTC",
    "value_error": "{error}",
}
"""The problems that documents have, by pydantic's names (https://docs.pydantic.dev/latest/errors/validation_errors).

Its own sentences speak of Python's types.
"""

_WITHOUT_VALUE: Final = frozenset({"json_invalid", "missing"})
"""There is none, or it is the whole document."""

_LONGEST_VALUE: Final = 300
"""Characters of a value that a sentence quotes."""


def _where(problem: Any) -> list[str]:
    """Without the word by which pydantic says that the key is wrong, and not its value."""
    return [str(part) for part in problem["loc"] if part != "[key]"]


def _rule(problem: Any) -> str:
    context = problem.get("ctx", {})
    if context.get("min_length") == 1:
        return "must not be empty"
    return _RULES.get(problem["type"], "cannot be understood").format(**context)


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except RecursionError:
        return "a value that is nested too deeply"
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


MAX_DEPTH: Final = 100
"""Lists and objects in each other; far more than any document has, and far less than Python's own calls allow."""


def read_json(text: str | bytes, *, unique: bool = False) -> Any:
    """JSON that others wrote: whatever is wrong with it is one kind of error, and what is read can be walked safely.

    Args:
        text: The document.
        unique: Whether to refuse two members of an object with the same name, upper and lower case not told apart:
            parsers differ in which of them they take.

    Raises:
        ValueError: It is no JSON, holds a number that JSON does not have, or is nested more than `MAX_DEPTH` deep.
    """
    try:
        value = json.loads(text, object_pairs_hook=_distinct if unique else None, parse_constant=_no_number)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _opened(text) <= MAX_DEPTH:
        return value
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        within = (part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list))
        level = list(chain.from_iterable(within))
        if not level:
            return value
    raise ValueError(_TOO_DEEP)


def _opened(text: str | bytes) -> int:
    """How many lists and objects a text begins, at most."""
    if isinstance(text, str):
        return text.count("{") + text.count("[")
    return text.count(b"{") + text.count(b"[")


_TOO_DEEP: Final = f"it is nested more than {MAX_DEPTH} deep"


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name.casefold() for name, _ in members}) < len(members):
        message = "an object has two members with the same name"
        raise ValueError(message)
    return dict(members)


def _no_number(name: str) -> None:
    message = f"{name} is no number of JSON"
    raise ValueError(message)


SCHEMA_VERSION: Final = 1

_D = TypeVar("_D")

_adapter: Final[Callable[[Any], TypeAdapter[Any]]] = cache(TypeAdapter)


def seal(content: object) -> bytes:
    """A `Strict` or a `stored` dataclass as a document with its checksum; what is as by default is left out.

    Raises:
        NotWholeError: It could not be read again.
    """
    return sealed(written(content))


def written(content: object) -> bytes:
    """The content of a document; `sealed` makes a document of it.

    Raises:
        NotWholeError: It could not be read again.
    """
    body = _canonical(_adapter(type(content)).dump_python(content, mode="json", exclude_defaults=True))
    if not isinstance(content, BaseModel):  # which was checked when it was made
        parse(type(content), body, f"this {type(content).__name__}")
    return body


def sealed(content: bytes) -> bytes:
    """The document with a content as `written` returns it."""
    return b"".join((_head(content), content, _TAIL))


def unseal(kind: type[_D], body: bytes, place: str) -> _D:
    """The content of a document.

    Raises:
        NotWholeError: It is no such document, or not what was written.
    """
    inner = body[_HEAD_LENGTH : -len(_TAIL)]
    if body.startswith(_head(inner)) and body.endswith(_TAIL):
        return parse(kind, inner, place)
    # Not as `seal` writes it now: from an earlier version, cut short, or changed.
    try:
        document = json.loads(body)
        version, checksum, content = document["schema_version"], document["sha256"], document["content"]
        actual = _sha256(_canonical(content))
    except (ValueError, KeyError, TypeError, RecursionError):
        message = f"{place} is no document of this module: it may have been cut short"
        raise NotWholeError(message) from None
    if version != SCHEMA_VERSION:
        message = f"{place} has schema_version {version!r}, and only {SCHEMA_VERSION} is understood"
        raise NotWholeError(message)
    if checksum != actual:
        message = f"{place} was changed: its checksum does not fit"
        raise NotWholeError(message)
    return parse(kind, json.dumps(content).encode(), place)


def parse(kind: type[_D], body: bytes, place: str) -> _D:
    """A document without a checksum.

    Raises:
        NotWholeError: It cannot be understood.
    """
    try:
        found: _D = _adapter(kind).validate_json(body)
    except ValidationError as error:
        first, *others = sentences(f"{place} cannot be understood", error)
        message = first + (f"; and {len(others)} more problems" if others else "")
        raise NotWholeError(message) from None
    return found


def _canonical(plain: Any) -> bytes:
    """What the checksum of a document is of."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _head(content: bytes) -> bytes:
    """What stands before the content of a document."""
    return f'{{"schema_version":{SCHEMA_VERSION},"sha256":"{_sha256(content)}","content":'.encode()


_HEAD_LENGTH: Final = len(_head(b""))

_TAIL: Final = b"}\n"
