#!/usr/bin/env python3
"""Writes an inventory of a Kubernetes cluster: what its pods run, and what its controllers would run.

Reads what ``kubectl get KINDS --all-namespaces --output json`` prints from standard input and writes a JSON array of
image references to standard output::

    kubectl get pods,deployments,statefulsets,daemonsets,replicasets,replicationcontrollers,jobs,cronjobs,\
podtemplates,controllerrevisions --all-namespaces --output json | python3 kubernetes-inventory.py > inventory.json

It fails on whatever it does not understand, because what is not in an inventory is not protected.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATES = {
    "CronJob": "spec.jobTemplate.spec.template.spec",
    "DaemonSet": "spec.template.spec",
    "Deployment": "spec.template.spec",
    "Job": "spec.template.spec",
    "PodTemplate": "template.spec",
    "ReplicaSet": "spec.template.spec",
    "ReplicationController": "spec.template.spec",
    "StatefulSet": "spec.template.spec",
}
"""Where a controller says what its pods are like."""

CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
REVISED = frozenset({"DaemonSet", "StatefulSet"})
"""Whose older templates lie in controller revisions, to be rolled back to; those of others hold anything."""

_RUNTIME = re.compile(r"(?:docker-pullable|docker-image|docker)://")
_IMAGE_ID = re.compile(r"(?:[^\s@:/]+(?::[0-9]+)?(?:/[^\s@:/]+)*(?::[^\s@:/]+)?@)?sha256:[0-9a-f]{64}")
_BARE_ID = re.compile(r"[0-9a-f]{64}")


class InventoryError(Exception):
    """What was read is not what kubectl prints for a whole cluster."""


def images(listing: Any) -> list[str]:
    """Every image of a list of objects, sorted and without doubles.

    Args:
        listing: As kubectl prints it: an object of the kind ``List``.

    Raises:
        InventoryError: Something in it is not understood, or it names no image at all.
    """
    if member(listing, "kind", "the input") != "List":
        raise InventoryError(f"the input must be a List of objects, got the kind {listing['kind']!r}")
    items = member(listing, "items", "the input")
    found = sorted({image for item in items for image in of_object(item)})
    if not found:
        raise InventoryError("the input names no image: an empty inventory would protect nothing")
    return found


def of_object(item: Any) -> Iterator[str]:
    """The images of one object.

    Raises:
        InventoryError: It is of an unknown kind, or lacks what its kind has.
    """
    kind = member(item, "kind", "an object")
    metadata = member(item, "metadata", kind)
    name = member(metadata, "name", kind)
    name = f"{kind} {metadata.get('namespace', '')}/{name}"
    if kind == "Pod":
        yield from of_pod(member(item, "spec", name), name)
        # Absent until the node has taken the pod.
        yield from of_status(item.get("status") or {}, name)
    elif kind == "ControllerRevision":
        if REVISED & {owner.get("kind") for owner in metadata.get("ownerReferences", ())}:
            yield from of_pod(at(item, "data.spec.template.spec", name), name)
    elif kind in TEMPLATES:
        yield from of_pod(at(item, TEMPLATES[kind], name), name)
    else:
        raise InventoryError(f"{name}: nobody knows where this kind names images")


def of_pod(spec: Any, name: str) -> Iterator[str]:
    """The images of a pod's specification: of all containers, and of volumes that are images."""
    member(spec, "containers", name)
    for group in CONTAINERS:
        for container in spec.get(group) or ():
            # Higher controllers may leave a container's image to whoever makes the pod.
            if image := text(container, "image", name):
                yield image
    for volume in spec.get("volumes") or ():
        if "image" in volume and (image := text(volume["image"], "reference", name)):
            yield image


def of_status(status: Any, name: str) -> Iterator[str]:
    """The digests that run: ``imageID`` is empty until a container has started."""
    for group in STATUSES:
        for container in status.get(group) or ():
            image = _RUNTIME.sub("", text(container, "imageID", name), count=1)
            if _BARE_ID.fullmatch(image):
                continue  # the id of an image's configuration, by which no registry knows it
            if image and not _IMAGE_ID.fullmatch(image):
                raise InventoryError(f"{name}: imageID {image!r} is no digest")
            if image:
                yield image


def at(thing: Any, path: str, name: str) -> Any:
    """What lies at the end of a path of members."""
    for step in path.split("."):
        thing = member(thing, step, name)
    return thing


def member(thing: Any, key: str, name: str) -> Any:
    """A member that must be there."""
    if not isinstance(thing, dict) or thing.get(key) is None:
        raise InventoryError(f"{name} has no {key!r}")
    return thing[key]


def text(thing: Any, key: str, name: str) -> str:
    """A text that may be absent, which is the same as empty."""
    found = thing.get(key, "") if isinstance(thing, dict) else None
    if not isinstance(found, str):
        raise InventoryError(f"{name}: {key} is {found!r}, not a text")
    return found


def main() -> int:
    """Read, write; returns the exit status."""
    try:
        found = images(json.load(sys.stdin))
    except (InventoryError, ValueError) as error:
        sys.stderr.write(f"kubernetes-inventory: {error}\n")
        return 1
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
