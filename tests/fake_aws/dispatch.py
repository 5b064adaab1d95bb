"""From an HTTP request to (service, operation, parameters), with botocore's own service models.

The client side of botocore turns operations into requests; here the same models are read backwards: the target
header of the JSON protocols, method and path of the REST protocols, ``Action`` of the query protocol, and the
path of smithy-rpc-v2-cbor. botocore 1.44.5 prefers the JSON protocols where a service knows both; EventBridge's second
version knows cbor alone.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from . import cbor
from .aws import REGION, Request
from .models import LOADER, service_model

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

# Signing names that are not the name of botocore's service, or of several: the first that knows the route is meant.
_ALIASES = {
    "bedrock-agentcore": ("bedrock-agentcore-control",),
    "cleanrooms-ml": ("cleanroomsml",),
    "events": ("events", "eventbridgev2"),
    "greengrass": ("greengrassv2", "greengrass"),
    "lambda": ("lambda", "lambda-core"),
    "monitoring": ("cloudwatch",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
}
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Http:
    """The parts of an HTTP request that the parser looks at; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Route:
    """One operation of a REST service.

    S3 tells many apart by words in the query alone (``?versioning``), or by a header (``x-amz-copy-source``).
    """

    method: str
    pattern: re.Pattern[str]
    operation: str
    weight: int
    words: frozenset[str]

    def matches(self, http: Http, path: str, words: frozenset[str]) -> re.Match[str] | None:
        """The labels of a request's path, if this is its operation."""
        return self.pattern.fullmatch(path) if self.method == http.method and self.words <= words else None


class _Service:
    """One service model and, for REST services, its routes, the most specific first."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self.protocol = str(model.resolved_protocol)
        self.is_rest = self.protocol in {"rest-json", "rest-xml"}

    @cached_property
    def routes(self) -> list[_Route]:
        found = []
        for name in self.model.operation_names:
            operation = self.model.operation_model(name)
            http = operation.http
            uri, _, query = http["requestUri"].partition("?")
            uri = uri.rstrip("/") or "/"
            words = frozenset(part.partition("=")[0].lower() for part in query.split("&") if part) | _required(
                operation
            )
            parts = re.split(r"(\{[^}]+\})", uri)
            pattern = "".join(_group(part) for part in parts)
            weight = sum(len(part) for part in parts if not part.startswith("{"))
            found.append(_Route(http["method"], re.compile(pattern), name, weight, words))
        return sorted(found, key=lambda route: (-len(route.words), -route.weight))


def _required(operation: OperationModel) -> frozenset[str]:
    """The names of headers and query parameters without which a request is not of this operation."""
    shape = operation.input_shape
    needed = [shape.members[name].serialization for name in shape.required_members] if shape else []
    return frozenset(one["name"].lower() for one in needed if one.get("location") in {"header", "querystring"})


def _group(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    name = part[1:-1]
    # Names may hold dashes, which a group's name may not.
    safe = re.sub(r"\W", "_", name.rstrip("+"))
    return f"(?P<{safe}>{'.+' if name.endswith('+') else '[^/]+'})"


class Dispatcher:
    """Parses requests; models are loaded when a service is first met."""

    def __init__(self) -> None:
        self._available = frozenset(LOADER.list_available_services("service-2"))
        self._services: dict[str, _Service] = {}
        self._lock = threading.Lock()

    def service(self, name: str) -> _Service | None:
        """Return what is known of a service, by botocore's name."""
        if name not in self._available:
            return None
        with self._lock:
            if name not in self._services:
                self._services[name] = _Service(service_model(name))
            return self._services[name]

    def parse(self, http: Http) -> Request:
        """Parse one request; what cannot be understood is ``"Unknown"``, never an error."""
        credential = _CREDENTIAL.search(http.headers.get("authorization", ""))
        key, region, signing = credential.groups() if credential else ("", REGION, "unsigned")
        for name in _ALIASES.get(signing, (signing,)):
            request = self._parsed(name, region, http)
            if request.operation != "Unknown":
                break
        request.access_key, request.token = key, http.headers.get("x-amz-security-token", "")
        request.invocation = http.headers.get("amz-sdk-invocation-id", "")
        return request

    def _parsed(self, name: str, region: str, http: Http) -> Request:
        request = Request(service=name, operation="Unknown", region=region, parameters={})
        service = self.service(name)
        if service is None:
            return request
        request.protocol = service.protocol
        request.xml_namespace = service.model.metadata.get("xmlNamespace", "")
        target = http.headers.get("x-amz-target", "")
        named = re.search(r"/service/([^/]+)/operation/(\w+)$", http.path)
        if named:
            if named[1] == service.model.metadata.get("targetPrefix"):
                request.operation = named[2]
                request.parameters = cbor.read(http.body)
                request.protocol = cbor.PROTOCOL
        elif target:
            request.protocol = "json"
            request.operation = target.rpartition(".")[2]
            request.parameters = _json(http.body)
        elif service.is_rest:
            _rest(service, http, request)
        elif b"Action=" in http.body or "Action=" in http.query:
            request.protocol = "query"
            flat = parse_qs(http.body.decode() or http.query, keep_blank_values=True)
            request.operation = flat.pop("Action", ["Unknown"])[0]
            flat.pop("Version", None)
            parameters = _nested({key: values[0] for key, values in flat.items()})
            request.parameters = _of_types(service.model, request.operation, parameters)
        return request


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _rest(service: _Service, http: Http, request: Request) -> None:
    path = http.path.rstrip("/") or "/"
    words = frozenset(map(str.lower, parse_qs(http.query, keep_blank_values=True))) | http.headers.keys()
    for route in service.routes:
        match = route.matches(http, path, words)
        if match:
            request.operation = route.operation
            labels = {key: unquote(value) for key, value in match.groupdict().items()}
            request.parameters = _rest_parameters(service.model.operation_model(route.operation), http, labels)
            return


def _rest_parameters(operation: OperationModel, http: Http, labels: dict[str, str]) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    query = parse_qs(http.query, keep_blank_values=True)
    payload = shape.serialization.get("payload")
    parameters = {} if payload else _json(http.body)
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        key = member.serialization.get("name", name)
        if location == "uri" and re.sub(r"\W", "_", key) in labels:
            parameters[name] = labels[re.sub(r"\W", "_", key)]
        elif location == "querystring" and key in query:
            parameters[name] = _typed(member.type_name, query[key])
        elif location == "header" and key.lower() in http.headers:
            parameters[name] = http.headers[key.lower()]
        elif name == payload:
            parameters[name] = _json(http.body) if member.type_name == "structure" else http.body
        elif location is None and key != name and key in parameters:
            parameters[name] = parameters.pop(key)
    return parameters


def _typed(kind: str, values: list[str]) -> Any:
    if kind == "list":
        return values
    if kind in {"integer", "long"} and values[0].lstrip("-").isdigit():
        return int(values[0])
    if kind == "boolean":
        return values[0] == "true"
    return values[0]


def _of_types(model: ServiceModel, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Numbers and truth values as such; everything is a text in the query protocol."""
    shape = model.operation_model(operation).input_shape if operation in model.operation_names else None
    known = shape.members if shape else {}
    return {
        name: _typed(known[name].type_name, [value]) if name in known and isinstance(value, str) else value
        for name, value in parameters.items()
    }


def _nested(flat: dict[str, str]) -> dict[str, Any]:
    """``Tags.member.1.Key=a`` → ``{"Tags": [{"Key": "a"}]}``."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        node = tree
        *parents, leaf = [part for part in key.split(".") if part != "member"]
        for part in parents:
            node = node.setdefault(part, {})
        node[leaf] = value
    listed: dict[str, Any] = _listed(tree)
    return listed


def _listed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [_listed(node[key]) for key in sorted(node, key=int)]
    return {key: _listed(value) for key, value in node.items()}
