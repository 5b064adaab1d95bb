"""Which kinds a cluster has: aggregated discovery where the server offers it (1.27 and later), else one call a group.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from ecr_cleaner.errors import ClusterError
from ecr_cleaner.kubernetes.connection import JSON, Connection
from ecr_cleaner.kubernetes.kinds import METRICS_GROUPS, WORKLOADS, Kind

_LIST: Final = "APIGroupDiscoveryList"
_ACCEPT: Final = ",".join(
    [*(f"{JSON};g=apidiscovery.k8s.io;v={version};as={_LIST}" for version in ("v2", "v2beta1")), JSON]
)


@dataclass(frozen=True, slots=True)
class _Group:
    """A group, with its versions in the server's order of preference."""

    name: str
    versions: tuple[tuple[str, tuple[Kind, ...]], ...]


def kinds(connection: Connection) -> tuple[Kind, ...]:
    """Every kind that can be listed, each in the preferred version that has it; those of metrics are left out.

    Raises:
        ClusterError: The kinds of a group are not known, or those are missing that every cluster has.
    """
    found: dict[tuple[str, str], Kind] = {}
    for group in _groups(connection):
        for _, of_version in group.versions:
            for kind in of_version:
                found.setdefault(kind.key, kind)
    missing = [f"{resource}.{group}".rstrip(".") for group, resource in WORKLOADS if (group, resource) not in found]
    if missing:
        message = f"its discovery is not complete: it does not name {', '.join(missing)}"
        raise ClusterError(message)
    return tuple(found.values())


def _groups(connection: Connection) -> Iterator[_Group]:
    for path in ("/api", "/apis"):
        answer = connection.get(path, accept=_ACCEPT)
        if isinstance(answer, dict) and answer.get("kind") == _LIST:
            yield from (_aggregated(item) for item in _listed(answer, "items", path))
        elif path == "/api":
            versions = _listed(answer, "versions", path)
            yield _Group("", tuple((name, _plain(connection, "", name)) for name in versions))
        else:
            yield from (_of_group(connection, item) for item in _listed(answer, "groups", path))


def _aggregated(item: Any) -> _Group:
    """A group of aggregated discovery. One whose server does not answer is there, with the kinds it once had."""
    name = str(_object(_object(item, "/apis").get("metadata", {}), "/apis").get("name", ""))
    versions = []
    for one in _listed(item, "versions", "/apis"):
        version = _text(one, "version", "/apis")
        if one.get("freshness", "Current") != "Current" and name not in METRICS_GROUPS:
            raise _silent(name, version, "its kinds are stale")
        resources = [] if name in METRICS_GROUPS else one.get("resources") or []
        versions.append((version, tuple(_kinds(name, version, resources, "resource"))))
    return _Group(name, tuple(versions))


def _of_group(connection: Connection, item: Any) -> _Group:
    name = _text(item, "name", "/apis")
    if name in METRICS_GROUPS:
        return _Group(name, ())
    preferred = _object(item.get("preferredVersion", {}), "/apis").get("version")
    versions = [_text(one, "version", "/apis") for one in _listed(item, "versions", "/apis")]
    ordered = sorted(versions, key=lambda version: version != preferred)
    return _Group(name, tuple((version, _plain(connection, name, version)) for version in ordered))


def _plain(connection: Connection, group: str, version: str) -> tuple[Kind, ...]:
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    try:
        answer = connection.get(path)
    except ClusterError as error:
        if error.status is None or error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        raise _silent(group, version, str(error)) from None
    return tuple(_kinds(group, version, _listed(answer, "resources", path), "name"))


def _kinds(group: str, version: str, resources: list[Any], member: str) -> Iterator[Kind]:
    for resource in resources:
        name = _text(resource, member, version)
        verbs = resource.get("verbs") or []
        if "list" in verbs and "/" not in name:
            response = resource.get("responseKind") or {}
            kind = resource.get("kind") or (response.get("kind") if isinstance(response, dict) else "")
            yield Kind(group, name, version, str(kind or name))


def _silent(group: str, version: str, cause: str) -> ClusterError:
    message = (
        f"the API service {version}.{group} does not say which kinds it has, and they may name images ({cause}): mend"
        " its server, or delete the APIService"
    )
    return ClusterError(message)


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        message = f"GET {place}: the answer is not complete: an object is missing"
        raise ClusterError(message)
    return value


def _listed(value: Any, member: str, place: str) -> list[Any]:
    found = _object(value, place).get(member)
    if not isinstance(found, list):
        message = f"GET {place}: the answer is not complete: {member!r} is missing"
        raise ClusterError(message)
    return found


def _text(value: Any, member: str, place: str) -> str:
    found = _object(value, place).get(member)
    if not isinstance(found, str) or not found:
        message = f"GET {place}: the answer is not complete: {member!r} is missing"
        raise ClusterError(message)
    return found
