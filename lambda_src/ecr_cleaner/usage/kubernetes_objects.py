"""Pure: the usages of one object of a Kubernetes cluster."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.reference import anywhere, is_digest
from ecr_cleaner.usage.found import read_usages
from ecr_cleaner.usage.image_names import NameReading, read_name
from ecr_cleaner.usage.texts.kubernetes_manifests import images_in
from ecr_cleaner.usage.texts.mentions import EVERYTHING

_KEY = tuple[str, str]
_POD: Final = ("", "pods")
_REPLICA_SET: Final = ("apps", "replicasets")
_BUILT_IN: Final = frozenset({"", "apps", "batch", "autoscaling", "policy"})
"""Groups whose objects' status tells of the past; of custom resources, all but conditions counts."""
_EVIDENCE: Final[Mapping[_KEY, UsageKind]] = {
    _POD: UsageKind.RUNNING,
    ("apps", "controllerrevisions"): UsageKind.ROLLBACK,
    ("batch", "cronjobs"): UsageKind.SCHEDULED,
}
"""Of whatever is not here: configured."""
_STATUSES: Final = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_RUNTIME: Final = re.compile(r"(?:docker-pullable|docker-image|docker|containerd|cri-o)://")
_LONGEST: Final = 300
_NO_DIGEST: Final = "the id of a configuration"


def usages_of_object(key: _KEY, kind: str, item: Mapping[str, Any], usage: Usage) -> Iterator[Usage]:
    """The usages of an object: by its fields with their meaning, and by every other text in it.

    Args:
        key: Group and resource.
        kind: As people call it, e.g. ``Deployment``.
        item: As the cluster's list has it.
        usage: What each of them is like; its consumer is the cluster, and its ARN the cluster's.
    """
    metadata = _object(item.get("metadata"))
    name = "/".join(str(metadata[part]) for part in ("namespace", "name") if metadata.get(part))
    of = replace(
        usage,
        consumer=f"{usage.consumer}: {_consumer(key, kind, name, metadata)}"[:_LONGEST],
        # No ARN of AWS: the cluster's with the object's path behind it, by which its wide usages can be accepted.
        consumer_arn=f"{usage.consumer_arn}/{'.'.join(filter(None, (key[1], key[0])))}/{name}",
        evidence=_evidence(key, item, metadata),
    )
    found = images_in({part: value for part, value in item.items() if part != "status"})
    for text in found.names:
        yield from read_usages(of, text, read_name(text))
    status = _object(item.get("status"))
    if key == _POD:
        yield from _of_status(item, status, of)
        searched = images_in([_object(one).get("volumeMounts") for group in _STATUSES for one in _list(status, group)])
    elif key[0] in _BUILT_IN:
        searched = images_in(None)
    else:
        searched = images_in({part: value for part, value in status.items() if part != "conditions"})
        for text in searched.names:
            yield from read_usages(of, text, read_name(text))
    for part in (found, searched):
        problem = f"its texts may name any image: {part.problem}" if part.problem else ""
        for reference in part.references:
            is_all = reference == EVERYTHING
            yield replace(of, reference=reference, in_text=True, problem=problem if is_all else "")


def _consumer(key: _KEY, kind: str, name: str, metadata: Mapping[str, Any]) -> str:
    """The object; pods go by what makes them, because their own names are new each time."""
    owners = [_object(one) for one in _list(metadata, "ownerReferences")]
    owner = next((one for one in owners if one.get("controller") is True), None)
    if key == _POD and owner is not None:
        return f"pods of {owner.get('kind')} {metadata.get('namespace')}/{owner.get('name')}"
    return f"{kind} {name}"


def _evidence(key: _KEY, item: Mapping[str, Any], metadata: Mapping[str, Any]) -> UsageKind:
    if key == _REPLICA_SET and _object(item.get("spec")).get("replicas") == 0:
        owners = [_object(one).get("kind") for one in _list(metadata, "ownerReferences")]
        if "Deployment" in owners:
            return UsageKind.ROLLBACK
    return _EVIDENCE.get(key, UsageKind.CONFIGURED)


def _of_status(item: Mapping[str, Any], status: Mapping[str, Any], usage: Usage) -> Iterator[Usage]:
    """What the containers of a pod run. ``imageID`` is empty until one has started.

    containerd and CRI-O tell ``host/repository@sha256:…``, Docker ``docker-pullable://…``; of an image with several
    platforms it is the digest of the index. A digest alone is that of the image's configuration, by which no registry
    knows it: then every image of the repository counts.
    """
    written = {
        _object(one).get("name"): _object(one).get("image")
        for group in ("initContainers", "containers", "ephemeralContainers")
        for one in _list(_object(item.get("spec")), group)
    }
    for group in _STATUSES:
        for container in (_object(one) for one in _list(status, group)):
            image_id = _RUNTIME.sub("", str(container.get("imageID") or ""), count=1)
            if not image_id:
                continue
            # The runtime's own name of the image may be another one of it, or its digest.
            names = {written.get(container.get("name")), container.get("image")} - {image_id}
            yield from read_usages(usage, image_id, read_name(image_id) if "@" in image_id else _alone(image_id))
            for name in sorted(one for one in names if isinstance(one, str) and "@" not in image_id):
                yield from read_usages(usage, name, read_name(name, _NO_DIGEST))


def _alone(image_id: str) -> NameReading:
    """A digest without a name; anything else protects nothing by itself."""
    return NameReading((anywhere(image_id),) if is_digest(image_id) else ())


def _object(value: Any) -> Mapping[str, Any]:
    """A part that may be absent.

    Raises:
        ValueError: It is no object.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        message = f"an object was expected, got {str(value)[:40]!r}"
        raise ValueError(message)  # noqa: TRY004 - of a value from outside
    return value


def _list(value: Mapping[str, Any], member: str) -> list[Any]:
    found = value.get(member)
    if found is None:
        return []
    if not isinstance(found, list):
        message = f"a list was expected as {member}, got {str(found)[:40]!r}"
        raise ValueError(message)  # noqa: TRY004 - of a value from outside
    return found
