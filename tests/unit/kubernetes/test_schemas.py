"""Which schemas may name an image: one too many costs a rule, one too few an image."""

from __future__ import annotations

from typing import Any, Final

import pytest

from ecr_cleaner.kubernetes.schemas import names_images

STRING: Final = {"type": "string"}
MAP: Final = {"type": "object", "additionalProperties": STRING}
DEFINITIONS: Final[dict[str, Any]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [STRING, {"type": "number"}]},
    "io.k8s.Loop": {"type": "object", "properties": {"loop": {"$ref": "#/definitions/io.k8s.Loop"}}},
    "io.k8s.Container": {"type": "object", "properties": {"image": STRING}},
    "io.k8s.JSON": {"description": "any JSON"},
}


def spec(**properties: Any) -> dict[str, Any]:
    """A schema of an object with a ``spec``."""
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}


def ref(name: str) -> dict[str, str]:
    """A reference."""
    return {"$ref": f"#/definitions/io.k8s.{name}"}


@pytest.mark.parametrize(
    "schema",
    [
        spec(engineImage=STRING),
        spec(containerImages={"type": "array", "items": STRING}),
        spec(repoURL=STRING),
        spec(url=STRING),
        spec(repository=STRING, tag=STRING),
        spec(chart=STRING),
        spec(container=ref("Container")),
        spec(container={"allOf": [ref("Container")], "default": {}}),
        spec(values={"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
        spec(values={"type": "object"}),
        spec(values={"type": "object", "additionalProperties": True}),
        spec(values=ref("JSON")),
        spec(parameters=MAP),
        spec(image=ref("Nowhere")),
        spec(items={"type": "array", "items": {"type": "object", "properties": {"image": STRING}}}),
        {"type": "object", "properties": {"data": MAP}},
        {"type": "object", "properties": {"status": {"type": "object", "properties": {"currentImage": STRING}}}},
        {"type": "object"},
        {},
    ],
)
def test_it_may(schema: dict[str, Any]) -> None:
    """By a name, by a map, by anything that may stand in it, or because nobody knows what it is."""
    assert names_images(schema, DEFINITIONS)


@pytest.mark.parametrize(
    "schema",
    [
        spec(dnsName=STRING),
        spec(imagePullPolicy=STRING, imagePullSecret=STRING),
        spec(imagePullSecrets={"type": "array", "items": {"type": "object", "properties": {"name": STRING}}}),
        spec(imageGCHighThresholdPercent={"type": "integer"}),
        spec(imageFormat={"type": "string", "enum": ["a", "b"]}),
        spec(imageTime={"type": "string", "format": "date-time"}),
        spec(selector={"type": "object", "properties": {"matchLabels": MAP}}),
        spec(nodeSelector=MAP),
        spec(loop=ref("Loop")),
        spec(limits={"type": "object", "additionalProperties": ref("apimachinery.pkg.api.resource.Quantity")}),
        spec(port={"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, STRING]}),
        {"type": "object", "properties": {"metadata": {"type": "object"}, "spec": spec(name=STRING)}},
    ],
)
def test_it_may_not(schema: dict[str, Any]) -> None:
    """Policies, secrets, numbers, selectors, what describes the object."""
    assert not names_images(schema, DEFINITIONS)
