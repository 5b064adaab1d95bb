"""Pure: paths through the answers of AWS, for reading values and for asking a service model whether it knows them.

A path is member names with dots between them; ``[]`` after a name goes through every item of a list and ``{}`` through
every value of a map: ``application.workerTypeSpecifications{}.imageConfiguration.imageUri``. The empty path is the
thing itself.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

_STEP: Final = re.compile(r"(?P<name>\w+)(?P<marks>(?:\[\]|\{\})*)")

_KINDS: Final = {"[]": "list", "{}": "map"}


def values(thing: Any, path: str) -> Iterator[Any]:
    """Everything that lies at the end of a path.

    Args:
        thing: An answer or a part of one.
        path: See above.

    Yields:
        The values; none where a member on the way is absent, for AWS leaves out what does not apply.

    Raises:
        TypeError: Something on the way is not what the path says it is.
    """
    here = [thing]
    for name, marks in _steps(path):
        here = [value[name] for value in here if _typed(value, dict, path).get(name) is not None]
        for mark in marks:
            if mark == "[]":
                here = [item for value in here for item in _typed(value, list, path)]
            else:
                here = [item for value in here for item in _typed(value, dict, path).values()]
    yield from here


def shape_at(shape: Any, path: str) -> Any:
    """What lies at the end of a path by a service model; None if the model does not have it.

    Args:
        shape: A shape of botocore (``OperationModel.output_shape`` or ``input_shape``); None is an empty structure.
        path: See above.
    """
    for name, marks in _steps(path):
        if shape is None or shape.type_name != "structure" or name not in shape.members:
            return None
        shape = shape.members[name]
        for mark in marks:
            if shape.type_name != _KINDS[mark]:
                return None
            shape = shape.member if mark == "[]" else shape.value
    return shape


def members(shape: Any, path: str) -> frozenset[str]:
    """Names of the members of what lies at the end of a path; none if that is no structure."""
    end = shape_at(shape, path)
    return frozenset(end.members) if end is not None and end.type_name == "structure" else frozenset()


def _steps(path: str) -> Iterator[tuple[str, list[str]]]:
    for step in path.split(".") if path else ():
        match = _STEP.fullmatch(step)
        if match is None:
            message = f"{step!r} in {path!r} is no step of a path"
            raise ValueError(message)
        yield match["name"], re.findall(r"..", match["marks"])


def _typed(value: Any, kind: type, path: str) -> Any:
    if not isinstance(value, kind):
        message = f"on the way of {path!r} lies {type(value).__name__}, not {kind.__name__}"
        raise TypeError(message)
    return value
