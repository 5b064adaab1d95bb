"""What one cluster holds, whom it knows, and how it answers."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import parse_qsl

from tests.fake_kubernetes import schemas, tokens
from tests.fake_kubernetes.certificates import Authority, authority
from tests.fake_kubernetes.schemas import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

FaultKind = Literal[
    "unauthorized", "forbidden", "expired", "throttled", "broken", "unavailable", "redirect", "timeout", "reset",
    "cut", "cut_gzip", "endless", "repeated_token", "no_items", "no_version", "null_items", "no_json", "huge", "slow",
]  # fmt: skip

STATUSES: Final = {
    "unauthorized": (401, "Unauthorized", "Unauthorized"),
    "forbidden": (403, "Forbidden", "forbidden: as told"),
    "expired": (410, "Expired", "The provided continue parameter is too old"),
    "throttled": (429, "TooManyRequests", "too many requests, please try again later"),
    "broken": (500, "InternalError", "etcdserver: request timed out"),
    "unavailable": (503, "ServiceUnavailable", "service unavailable"),
}
ENDLESS: Final = "endless-"
"""How tokens begin that lead to the first page again."""
_LIMITS: Final = frozenset({"limit", "continue", "labelSelector", "fieldSelector", "timeoutSeconds"})


@dataclass(slots=True)
class Fault:
    """What happens to some requests.

    Attributes:
        kind: What.
        path: Glob of paths.
        times: How often; None: always.
        after: Requests to these paths that are served before.
    """

    kind: FaultKind
    path: str = "*"
    times: int | None = None
    after: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        status: Of HTTP.
        body: JSON.
        headers: Beside the usual ones.
        fault: What the server does to it on the way.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


@dataclass
class FakeCluster:
    """One cluster.

    Attributes:
        name: As tokens have it.
        region: Of its endpoint.
        account: In which it is.
        resources: Its kinds.
        denied: Group and name of what may not be listed.
        groups_down: Groups whose API service does not answer.
        aggregated: Version of aggregated discovery; None: it has none.
        openapi: Versions of OpenAPI documents that it has.
        secret: Of the credentials that it knows; None: signatures are not compared.
        sts_hosts: Hosts that stand for STS.
        caller: Account and principal of an access key and a session token, as STS tells it; None: they are nobody's.
            Whoever is of the cluster's own account is known, and the `principals` of others.
        principals: ARNs of roles of other accounts that have an access entry.
        callers: Who asked, as far as `caller` tells: the principal of each request.
        authority: Signs its server's certificate.
        faults: In force.
        requests: Path and query of each request so far.
        refusals: Why tokens were refused.
        errors: What a client must not do.
        port: Where it is served; None: as EKS does.
    """

    name: str = "shop"
    region: str = "us-east-1"
    account: str = "123456789012"
    resources: list[Resource] = field(default_factory=lambda: list(schemas.RESOURCES))
    denied: set[tuple[str, str]] = field(default_factory=lambda: {("", "secrets"), ("", "nodes")})
    groups_down: set[str] = field(default_factory=set)
    aggregated: str | None = "v2"
    openapi: Collection[str] = ("v2", "v3")
    secret: str | None = None
    sts_hosts: Collection[str] = ()
    caller: Callable[[str, str], tuple[str, str] | None] | None = None
    principals: set[str] = field(default_factory=set)
    callers: list[str] = field(default_factory=list)
    authority: Authority = field(default_factory=authority)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    port: int | None = None
    _objects: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    _snapshots: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _version: int = 1000

    @property
    def host(self) -> str:
        """Of its endpoint."""
        return f"{self.name.upper()}0123456789ABCDEF.gr7.{self.region}.eks.amazonaws.com".lower()

    def described(self, **more: Any) -> dict[str, Any]:
        """As DescribeCluster returns it."""
        return {
            "name": self.name,
            "arn": f"arn:aws:eks:{self.region}:{self.account}:cluster/{self.name}",
            "status": "ACTIVE",
            "endpoint": f"https://{self.host}" + (f":{self.port}" if self.port else ""),
            "certificateAuthority": {"data": base64.b64encode(self.authority.pem.encode()).decode()},
            "accessConfig": {"authenticationMode": "API"},
            "resourcesVpcConfig": {
                "endpointPublicAccess": True,
                "endpointPrivateAccess": False,
                "publicAccessCidrs": ["0.0.0.0/0"],
            },
            **more,
        }

    # Content

    def define(self, group: str, version: str, name: str, kind: str, schema: Any, **more: Any) -> None:
        """Add a kind, as a CustomResourceDefinition or an API service does."""
        self.resources.append(Resource(group, version, name, kind, schema, **more))

    def add(self, resource: str, name: str, *, namespace: str = "shop", group: str | None = None, **parts: Any) -> None:
        """Add an object. Members of ``metadata`` beside its name are given as ``metadata``."""
        kind = next(r for r in self.resources if r.name == resource and group in {None, r.group})
        self._version += 1
        place = {"namespace": namespace} if kind.namespaced else {}
        metadata = {"name": name, **place, "uid": f"uid-{self._version}", **parts.pop("metadata", {})}
        metadata["resourceVersion"] = str(self._version)
        self._objects.setdefault(kind.key, []).append({"metadata": metadata, **parts})

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """Add the object of a manifest, as `kubectl apply` does; a CustomResourceDefinition adds its kind.

        Raises:
            LookupError: The cluster has no such kind.
        """
        if manifest["kind"] == "CustomResourceDefinition":
            spec = manifest["spec"]
            (version,) = spec["versions"]
            schema = version["schema"]["openAPIV3Schema"]
            names, is_namespaced = spec["names"], spec["scope"] == "Namespaced"
            kind = names["kind"]
            self.define(spec["group"], version["name"], names["plural"], kind, schema, namespaced=is_namespaced)
            return
        api, kind = manifest["apiVersion"], manifest["kind"]
        known = [one for one in self.resources if (one.group_version, one.kind) == (api, kind) and "/" not in one.name]
        if not known:
            message = f'no matches for kind "{kind}" in version "{api}"'
            raise LookupError(message)
        metadata = dict(manifest["metadata"])
        name, namespace = metadata.pop("name"), metadata.pop("namespace", "default")
        parts = {key: value for key, value in manifest.items() if key not in {"apiVersion", "kind", "metadata"}}
        self.add(known[0].name, name, namespace=namespace, group=known[0].group, metadata=metadata, **parts)

    def remove(self, resource: str, name: str) -> None:
        """Remove an object."""
        for (_, known), objects in self._objects.items():
            if known == resource:
                objects[:] = [one for one in objects if one["metadata"]["name"] != name]

    # Answers

    def answer(self, method: str, path: str, query_text: str, headers: Mapping[str, str]) -> Reply:
        """Answer one request."""
        query = dict(parse_qsl(query_text, keep_blank_values=True))
        self.requests.append((path, query))
        if method != "GET":
            self.errors.append(f"{method} {path}")
            return status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        fault = self._met(path)
        if fault in STATUSES:
            return self._refusal(fault, path)
        if fault == "redirect":
            return Reply(302, {}, {"Location": "https://elsewhere.example.com/"})
        if not self._is_known(headers.get("authorization", "")):
            return status(401, "Unauthorized", "Unauthorized")
        return replace(self._served(path, query, headers.get("accept", "")), fault=fault or "")

    def _met(self, path: str) -> str | None:
        for fault in self.faults:
            if not fnmatchcase(path, fault.path):
                continue
            if fault.after:
                fault.after -= 1
            elif fault.times is None or fault.times:
                fault.times = None if fault.times is None else fault.times - 1
                return fault.kind
        return None

    def _refusal(self, fault: str, path: str) -> Reply:
        code, reason, message = STATUSES[fault]
        token = "inconsistent" if fault == "expired" else ""
        headers = {"Retry-After": "1"} if fault == "throttled" else {}
        if fault == "unavailable" and path.startswith("/apis/"):
            return Reply(code, None, {}, "no_json")
        return replace(status(code, reason, message, token=token), headers=headers)

    def _is_known(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        try:
            key, session = tokens.verify(
                token if scheme == "Bearer" else "", self.name, self.secret, dt.datetime.now(dt.UTC), self.sts_hosts
            )
            self._must_be_known(key, session)
        except tokens.RefusedError as error:
            self.refusals.append(str(error))
            return False
        return True

    def _must_be_known(self, key: str, session: str) -> None:
        if self.caller is None:
            return
        found = self.caller(key, session)
        if found is None:
            raise tokens.RefusedError("credentials")
        account, principal = found
        self.callers.append(principal)
        if account != self.account and principal not in self.principals:
            raise tokens.RefusedError(f"{principal} of account {account} has no access entry")

    def _served(self, path: str, query: Mapping[str, str], accept: str) -> Reply:
        parts = path.strip("/").split("/")
        if path in {"/api", "/apis"}:
            return self._discovery(path, accept)
        if parts[0] == "openapi":
            return self._openapi("/".join(parts[1:2]), "/".join(parts[2:]))
        core = parts[0] == "api"
        group, version, rest = ("", parts[1], parts[2:]) if core else (parts[1], parts[2], parts[3:])
        if group in self.groups_down:
            return status(503, "ServiceUnavailable", "the server is currently unable to handle the request")
        of_version = [one for one in self.resources if (one.group, one.version) == (group, version)]
        if not rest:
            return Reply(200, _plain(group, version, of_version)) if of_version else _not_found()
        kind = next((one for one in of_version if "/".join(rest) == one.name and "list" in one.verbs), None)
        return self._list(kind, query) if kind else _not_found()

    def _groups(self) -> dict[str, dict[str, list[Resource]]]:
        groups: dict[str, dict[str, list[Resource]]] = {}
        for one in self.resources:
            groups.setdefault(one.group, {}).setdefault(one.version, []).append(one)
        return groups

    def _discovery(self, path: str, accept: str) -> Reply:
        groups = {name: versions for name, versions in self._groups().items() if bool(name) == (path == "/apis")}
        if self.aggregated and f"v={self.aggregated};as=APIGroupDiscoveryList" in accept.replace(" ", ""):
            items = [_aggregated(name, versions, name in self.groups_down) for name, versions in groups.items()]
            version = f"apidiscovery.k8s.io/{self.aggregated}"
            return Reply(200, {"kind": "APIGroupDiscoveryList", "apiVersion": version, "metadata": {}, "items": items})
        if path == "/api":
            return Reply(200, {"kind": "APIVersions", "versions": list(groups[""])})
        listed = [
            {
                "name": name,
                "versions": [{"groupVersion": f"{name}/{version}", "version": version} for version in versions],
                "preferredVersion": {"version": next(iter(versions))},
            }
            for name, versions in groups.items()
        ]
        return Reply(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})

    def _openapi(self, version: str, group: str) -> Reply:
        if version not in self.openapi or (version == "v2" and group):
            return _not_found()
        if version == "v2":
            text = json.dumps(_definitions(self.resources)).replace("#/components/schemas/", "#/definitions/")
            return Reply(200, {"swagger": "2.0", "definitions": json.loads(text)})
        paths = {_group_path(one) for one in self.resources}
        if not group:
            return Reply(200, {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash=A"} for path in paths}})
        known = [one for one in self.resources if _group_path(one) == group]
        return (
            Reply(200, {"openapi": "3.0.0", "components": {"schemas": _definitions(known)}}) if known else _not_found()
        )

    def _list(self, kind: Resource, query: Mapping[str, str]) -> Reply:
        if kind.key in self.denied:
            message = (
                f'{kind.name} is forbidden: User "arn:aws:sts::{self.account}:assumed-role/ecr-cleaner/run" cannot list'
                f' resource "{kind.name}" in API group "{kind.group}" at the cluster scope'
            )
            details = {"kind": kind.name} | ({"group": kind.group} if kind.group else {})
            return status(403, "Forbidden", message, details=details)
        self.errors += [f"unknown parameter {name}" for name in query.keys() - _LIMITS]
        try:
            version, start = self._snapshot(kind, query.get("continue"))
        except ValueError:
            return status(400, "BadRequest", "continue key is not valid")
        if version not in self._snapshots:
            return self._refusal("expired", "")
        items = self._snapshots[version]
        end = start + int(query["limit"]) if query.get("limit") else len(items)
        metadata: dict[str, Any] = {"resourceVersion": version.partition("/")[0]}
        if end < len(items):
            metadata["continue"] = base64.urlsafe_b64encode(json.dumps([version, end]).encode()).decode()
            metadata["remainingItemCount"] = len(items) - end
        listing = {"kind": f"{kind.kind}List", "apiVersion": kind.group_version, "metadata": metadata}
        return Reply(200, listing | {"items": items[start:end]})

    def _snapshot(self, kind: Resource, token: str | None) -> tuple[str, int]:
        if token is None or token.startswith(ENDLESS):
            version = f"{self._version}/{kind.group}/{kind.name}"
            self._snapshots[version] = list(self._objects.get(kind.key, ()))
            return version, 0
        version, start = json.loads(base64.urlsafe_b64decode(token))
        return str(version), int(start)

    def forget_snapshots(self) -> None:
        """Compact: lists under way cannot be continued."""
        self._version += 1
        self._snapshots.clear()


def status(code: int, reason: str, message: str, *, details: Mapping[str, Any] | None = None, token: str = "") -> Reply:
    """A refusal as Kubernetes sends it."""
    metadata = {"continue": token} if token else {}
    body = {"kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure", "message": message}
    return Reply(code, body | {"reason": reason, "details": dict(details or {}), "code": code})


def _not_found() -> Reply:
    return status(404, "NotFound", "the server could not find the requested resource")


def _group_path(one: Resource) -> str:
    return f"apis/{one.group}/{one.version}" if one.group else f"api/{one.version}"


def _plain(group: str, version: str, resources: Iterable[Resource]) -> dict[str, Any]:
    listed = [
        {"name": one.name, "kind": one.kind, "namespaced": one.namespaced, "verbs": list(one.verbs)}
        for one in resources
    ]
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}


def _aggregated(name: str, versions: Mapping[str, list[Resource]], is_down: bool) -> dict[str, Any]:  # noqa: FBT001
    listed = [
        {
            "version": version,
            "freshness": "Stale" if is_down else "Current",
            "resources": [
                {
                    "resource": one.name,
                    "responseKind": {"group": one.group, "version": one.version, "kind": one.kind},
                    "scope": "Namespaced" if one.namespaced else "Cluster",
                    "singularResource": one.kind.lower(),
                    "verbs": list(one.verbs),
                    "subresources": [],
                }
                for one in resources
                if "/" not in one.name and not is_down
            ],
        }
        for version, resources in versions.items()
    ]
    return {"metadata": {"name": name} if name else {}, "versions": listed}


def _definitions(resources: Iterable[Resource]) -> dict[str, Any]:
    found = dict(schemas.SHARED)
    for one in resources:
        if "/" not in one.name:
            kind = {"group": one.group, "version": one.version, "kind": one.kind}
            known = {**one.schema, "x-kubernetes-group-version-kind": [kind]}
            found[f"io.test.{one.group or 'core'}.{one.version}.{one.kind}"] = known
    return found
