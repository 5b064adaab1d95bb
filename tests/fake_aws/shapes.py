"""Values in the form of botocore's shapes: whatever a model demands is there, whatever it does not know is refused."""

from __future__ import annotations

import base64
import datetime as dt
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import OperationModel

_TIME = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def filled(shape: Any, told: Any = None, path: str = "") -> Any:
    """A value of a shape with what is told in it, and beside that only what the model demands.

    Args:
        shape: Of botocore.
        told: None is nothing.
        path: Where the value stands, for the error.

    Raises:
        ValueError: Something is told that the model does not know, or that is of another type.
    """
    if getattr(shape, "is_document_type", False):
        return {} if told is None else told
    if shape.type_name == "structure":
        return _structure(shape, _typed(told or {}, dict, path), path)
    if told is None:
        return _least(shape)
    match shape.type_name:
        case "list":
            made: Any = [filled(shape.member, item, f"{path}[]") for item in _typed(told, list, path)]
        case "map":
            made = {key: filled(shape.value, item, f"{path}{{}}") for key, item in _typed(told, dict, path).items()}
        case "blob":
            made = told.encode() if isinstance(told, str) else told
        case "string":
            made = _typed(told, str, path)
            if shape.enum and told not in shape.enum:
                raise ValueError(f"{path} is none of {', '.join(shape.enum)}: {told!r}")
        case _:
            made = told
    return made


def _structure(shape: Any, told: Mapping[str, Any], path: str) -> dict[str, Any]:
    if unknown := sorted(set(told) - set(shape.members)):
        raise ValueError(f"{path or shape.name} has no {', '.join(unknown)}")
    # A union has one member, whichever.
    demanded = list(shape.members)[:1] if shape.is_tagged_union and not told else shape.required_members
    return {
        name: filled(member, told.get(name), f"{path}.{name}".lstrip("."))
        for name, member in shape.members.items()
        if name in told or name in demanded
    }


def _least(shape: Any) -> Any:
    smallest = int(shape.metadata.get("min") or 0)
    if shape.type_name == "list":
        return [filled(shape.member) for _ in range(smallest)]
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "x" * max(smallest, 1)
    other: dict[str, Any] = {"map": {}, "boolean": False, "timestamp": _TIME, "blob": b""}
    return other.get(shape.type_name, smallest)


def _typed(told: Any, kind: type, path: str) -> Any:
    if not isinstance(told, kind):
        raise ValueError(f"{path} is {type(told).__name__}, not {kind.__name__}")  # noqa: TRY004 - a scenario's error
    return told


def for_json(value: Any) -> Any:
    """Bytes as the JSON protocols have them."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: for_json(item) for key, item in value.items()}
    return [for_json(item) for item in value] if isinstance(value, list) else value


def for_query(model: OperationModel, value: Mapping[str, Any]) -> bytes:
    """A whole answer of the query protocol."""
    shape = model.output_shape
    content = "" if shape is None else _inner(shape, value)
    wrapper = shape.serialization.get("resultWrapper") if shape is not None else None
    content = f"<{wrapper}>{content}</{wrapper}>" if wrapper else content
    return f"<{model.name}Response>{content}</{model.name}Response>".encode()


def _inner(shape: Any, value: Any) -> str:
    if shape.type_name == "structure":
        return "".join(
            _element(member.serialization.get("name", name), _inner(member, value[name]))
            for name, member in shape.members.items()
            if value.get(name) is not None
        )
    if shape.type_name == "list":
        name = shape.member.serialization.get("name", "member")
        return "".join(_element(name, _inner(shape.member, item)) for item in value)
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return escape(str(value).lower() if isinstance(value, bool) else str(value))


def _element(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"
