"""Answers with everything that a service's model demands, so that a test tells only what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.builders import NOW

if TYPE_CHECKING:
    from tests.aws_calls.script import Script


def filled(script: Script, service: str, operation: str, told: dict[str, Any]) -> dict[str, Any]:
    """An answer of an operation that holds what is told, and beside it what the model demands."""
    model = script.aws.client(service).meta.service_model.operation_model(operation)
    answer: dict[str, Any] = _fill(model.output_shape, told)
    return answer


def _fill(shape: Any, told: Any) -> Any:
    if shape.type_name == "structure" and (told is None or isinstance(told, dict)):
        members = dict.fromkeys(shape.required_members) | (told or {})
        return {name: _fill(shape.members[name], value) for name, value in members.items()}
    if shape.type_name == "list" and (told is None or isinstance(told, list)):
        least = [None] * shape.metadata.get("min", 0)
        return [_fill(shape.member, item) for item in (least if told is None else told)]
    if told is not None:
        return told
    if shape.type_name == "string":
        return next(iter(shape.enum), "x" * max(1, shape.metadata.get("min", 1)))
    return {"timestamp": NOW, "boolean": False, "map": {}}.get(shape.type_name, shape.metadata.get("min", 0))
