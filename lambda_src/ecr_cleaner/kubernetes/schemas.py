"""Which kinds may name an image, by the cluster's own OpenAPI document, which every authenticated user may read."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from ecr_cleaner.errors import ClusterError
from ecr_cleaner.kubernetes.connection import Connection
from ecr_cleaner.kubernetes.kinds import Kind

_NAMES: Final = re.compile(
    r"image|repo|registr|chart|artifact|oci|ur[il]s?$|values|manifest|template|script", re.IGNORECASE
)
"""Part of the name of a string that may hold the name of an image, or all of an object that does."""
_OTHERS: Final = re.compile(r"policy|secret|pullSecret", re.IGNORECASE)
_SELECTORS: Final = frozenset({"matchLabels", "nodeSelector", "selector", "namespaceSelector"})
_GVK: Final = "x-kubernetes-group-version-kind"


def may_name_images(connection: Connection, kinds: Collection[Kind]) -> frozenset[Kind]:
    """Those of some kinds whose objects may name an image; a kind of which no schema is known may.

    Raises:
        ClusterError: The reading of the cluster has to end.
    """
    found: set[Kind] = set()
    old: Mapping[str, Any] | None = None
    try:
        paths = _member(connection.get("/openapi/v3"), "paths")
    except ClusterError as error:
        _must_be_refused(error)
        paths = None
        old = _member(_document(connection, "/openapi/v2"), "definitions")
    for group in sorted({kind.group_path for kind in kinds}):
        definitions: Any = old
        if paths is not None:
            # Not by the URL that the document has: it may lead anywhere.
            document = _document(connection, f"/openapi/v3/{group}") if group in paths else {}
            definitions = _member(_member(document, "components"), "schemas")
        found |= {kind for kind in kinds if kind.group_path == group and _may(kind, definitions)}
    return frozenset(found)


def _must_be_refused(error: ClusterError) -> None:
    if error.status is None:
        raise error


def _document(connection: Connection, path: str) -> Any:
    try:
        return connection.get(path)
    except ClusterError as error:
        _must_be_refused(error)
        return {}


def _member(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _may(kind: Kind, definitions: Mapping[str, Any]) -> bool:
    wanted = {"group": kind.group, "version": kind.version, "kind": kind.name}
    schema = next((one for one in definitions.values() if isinstance(one, dict) and wanted in _known(one)), None)
    return schema is None or names_images(schema, definitions)


def _known(schema: Mapping[str, Any]) -> list[Any]:
    found = schema.get(_GVK)
    return found if isinstance(found, list) else []


def names_images(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    """Whether an object of a schema may name an image.

    It may if it has a string whose name says so, strings by any name, or a part of any form. What is in ``metadata``
    repeats the object or describes it.

    Args:
        schema: Of the object.
        definitions: What it refers to, by name.
    """
    waiting: list[tuple[str, Any]] = [("", schema)]
    seen: set[str] = set()
    while waiting:
        name, part = waiting.pop()
        if not isinstance(part, dict):
            return True
        referred = part.get("$ref")
        if isinstance(referred, str):
            key = referred.rpartition("/")[2]
            if f"{name} {key}" in seen or key.endswith("resource.Quantity"):
                continue
            seen.add(f"{name} {key}")
            waiting.append((name, definitions.get(key)))
        elif _is_number(part):
            continue
        elif _is_free(part) or (part.get("type") == "string" and _is_named(name, part)):
            return True
        else:
            waiting += _within(name, part)
    return False


def _is_number(part: Mapping[str, Any]) -> bool:
    # Ports, shares, quantities.
    return part.get("x-kubernetes-int-or-string") is True or part.get("format") == "int-or-string"


def _is_free(part: Mapping[str, Any]) -> bool:
    """Whether anything may stand in a part."""
    if part.get("x-kubernetes-preserve-unknown-fields") is True:
        return True
    more = part.get("additionalProperties")
    if part.get("type") == "object":
        return more is True or more == {} or not (more or part.get("properties"))
    known = ("type", "properties", "allOf", "anyOf", "oneOf", "items", "enum")
    return not any(member in part for member in known)


def _is_named(name: str, part: Mapping[str, Any]) -> bool:
    is_text = not part.get("enum") and part.get("format", "") not in {"date-time", "duration", "quantity"}
    return is_text and (name == "*" or (_NAMES.search(name) is not None and _OTHERS.search(name) is None))


def _within(name: str, part: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = [(key, one) for key, one in _member(part, "properties").items() if key != "metadata"]
    if "items" in part:
        found.append((name, part["items"]))
    more = part.get("additionalProperties")
    if isinstance(more, dict) and name not in _SELECTORS:
        found.append(("*", more))
    for member in ("allOf", "anyOf", "oneOf"):
        found += [(name, one) for one in part.get(member) or () if one != {}]
    return found
