#!/usr/bin/env python3
"""Writes an inventory of a Kubernetes cluster: what its pods run, and what its controllers would run.

Reads what ``kubectl get KINDS --all-namespaces --output json`` prints from standard input and writes a JSON array of
image references to standard output::

    kubectl get pods,deployments,statefulsets,daemonsets,replicasets,replicationcontrollers,jobs,cronjobs,\
podtemplates,controllerrevisions,persistentvolumes --all-namespaces --output json |
        python3 kubernetes-inventory.py > inventory.json

These are the images of containers and volumes, and every name in Amazon ECR in any other text of these objects: in
arguments and variables, in annotations, in volumes of any driver. There a name without tag stands for every image of
its repository.

It fails on whatever it does not understand, because what is not in an inventory is not protected. Names of images that
no runtime can pull are left out, and told on standard error.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Tell = Callable[[str], None]

TEMPLATES = {
    "CronJob": "spec.jobTemplate.spec.template.spec",
    "DaemonSet": "spec.template.spec",
    "Deployment": "spec.template.spec",
    "Job": "spec.template.spec",
    "Pod": "spec",
    "PodTemplate": "template.spec",
    "ReplicaSet": "spec.template.spec",
    "ReplicationController": "spec.template.spec",
    "StatefulSet": "spec.template.spec",
}
"""Where an object says what its pods are like."""

CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
REVISED = frozenset({"DaemonSet", "StatefulSet"})
"""Whose older templates lie in controller revisions, to be rolled back to; those of others hold anything."""

_RUNTIME = re.compile(r"(?:docker-pullable|docker-image|docker)://")
_IMAGE_ID = re.compile(r"(?:[^\s@:/]+(?::[0-9]+)?(?:/[^\s@:/]+)*(?::[^\s@:/]+)?@)?sha256:[0-9a-f]{64}")
_BARE_ID = re.compile(r"[0-9a-f]{64}")

# As the function reads them. Lengths are bounded, so that a text takes time in proportion to its own.
_HOST = r"(?<![0-9])[0-9]{12}\.(?i:dkr[.-]ecr(?:-fips)?\.[a-z0-9-]{1,40}\.[a-z0-9][a-z0-9.-]{0,100})(?::[0-9]{1,5})?"
_REPOSITORY = r"[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"
_NAME = re.compile(
    rf"{_DIGEST}|(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?{_REPOSITORY}(?::{_TAG})?(?:@[a-z0-9+._-]+:[0-9a-fA-F]{{32,}})?"
)
# Of names within names, such as that of a proxy, each one counts. ECR's longest path has 456 characters.
_IN_ECR = re.compile(rf"(?=(?P<whole>(?P<host>{_HOST}/)(?P<path>[^\s\"'`,;]{{0,600}}))(?P<after>.{{0,2}}))", re.DOTALL)
_PATH = re.compile(rf"(?P<repository>{_REPOSITORY})(?::(?P<tag>{_TAG}))?(?P<digest>@{_DIGEST})?")
# What follows a tag, unless it may be more of the tag, such as a variable, or a second string put behind the first.
_ENDS = re.compile(r"(?:[)\]}>|&\\]|</).*|(?:[\"'`](?:[\s,;:)\]}>|&\\]|\Z)|[\s,;]|\Z).*", re.DOTALL)
_GOES_ON = re.compile(r"[/._-]*[$%{<(]")
# Other ways to write the same: in JSON, in a URL, in pieces that a shell puts together.
_SLASH = re.compile(r"(?<!\\)\\+/")
_NUMBER = re.compile(r"(?<!\\)\\+u00([2-7][0-9A-Fa-f])")
_SEAM = re.compile(r"""\\\r?\n[ \t]*|(?<=[\w./-])["'](?=["']?[\w./:@-])|(?<=[/:@])["'](?=\w)""")
_VARIABLE = re.compile(r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")

MAX_EXPANDED = 10_000
"""Characters of a text in which variables are replaced, and of what replaces them."""


class InventoryError(Exception):
    """What was read is not what kubectl prints for a whole cluster."""


def images(listing: Any, tell: Tell) -> list[str]:
    """Every image of a list of objects, sorted and without doubles.

    Args:
        listing: As kubectl prints it: an object of the kind ``List``.
        tell: Called with one sentence for each thing that is left out.

    Raises:
        InventoryError: Something in it is not understood, or it names no image at all.
    """
    if member(listing, "kind", "the input") != "List":
        raise InventoryError(f"the input must be a List of objects, got the kind {listing['kind']!r}")
    items = member(listing, "items", "the input")
    found = sorted({image for item in items for image in of_object(item, tell)})
    if not found:
        raise InventoryError("the input names no image: an empty inventory would protect nothing")
    if any(claims_volume(item) for item in items) and not any(item["kind"] == "PersistentVolume" for item in items):
        tell("pods claim volumes, and the input has no persistentvolumes: images that these mount are left out")
    return found


def of_object(item: Any, tell: Tell) -> Iterator[str]:
    """The images of one object.

    Raises:
        InventoryError: It is of an unknown kind, or lacks what its kind has.
    """
    kind = member(item, "kind", "an object")
    metadata = member(item, "metadata", kind)
    name = member(metadata, "name", kind)
    name = f"{kind} {metadata['namespace']}/{name}" if metadata.get("namespace") else f"{kind} {name}"
    # Conditions, reasons and messages of a status name images that are dead; of what runs, the digests are taken below.
    taken = {id(item): "status", id(metadata): "managedFields"}
    if kind in TEMPLATES:
        yield from of_pod(at(item, TEMPLATES[kind], name), name, taken, tell)
    elif kind == "ControllerRevision":
        if REVISED & {owner.get("kind") for owner in metadata.get("ownerReferences", ())}:
            yield from of_pod(at(item, "data.spec.template.spec", name), name, taken, tell)
    elif kind != "PersistentVolume":
        raise InventoryError(f"{name}: nobody knows where this kind names images")
    for written in texts(item, taken):
        yield from in_text(written, name, tell)
    if kind == "Pod":
        # Absent until the node has taken the pod.
        yield from of_status(item.get("status") or {}, name, tell)


def of_pod(spec: Any, name: str, taken: dict[int, str], tell: Tell) -> Iterator[str]:
    """The images of a pod's specification: of all containers, and of volumes that are images.

    Which members of which objects they are is added to `taken`.
    """
    member(spec, "containers", name)
    for group in CONTAINERS:
        for container in spec.get(group) or ():
            # Higher controllers may leave a container's image to whoever makes the pod.
            image = text(container, "image", name)
            yield from of_name(image, f"{name}, container {container.get('name')}", tell)
            taken[id(container)] = "image"
            variables = variables_of(container)
            for written in texts(container, taken):
                yield from in_text(expanded(written, variables), name, tell)
    for volume in spec.get("volumes") or ():
        if "image" in volume:
            yield from of_name(text(volume["image"], "reference", name), f"{name}, volume {volume.get('name')}", tell)
            taken[id(volume["image"])] = "reference"


def of_status(status: Any, name: str, tell: Tell) -> Iterator[str]:
    """The digests that run: ``imageID`` is empty until a container has started."""
    for group in STATUSES:
        for container in status.get(group) or ():
            image = _RUNTIME.sub("", text(container, "imageID", name), count=1)
            if not image or _BARE_ID.fullmatch(image):
                continue  # the id of an image's configuration, by which no registry knows it
            if not _IMAGE_ID.fullmatch(image):
                raise InventoryError(f"{name}: imageID {image!r} is no digest")
            yield from of_name(image, name, tell)


def of_name(image: str, place: str, tell: Tell) -> Iterator[str]:
    """The image that a field names: of a name in ECR behind another one, such as a proxy's, the part from ECR on."""
    ours = list(_IN_ECR.finditer(image))
    if not ours and _NAME.fullmatch(image):
        yield image
        return
    whole = [match for match in ours if match.end("whole") == len(image) and _PATH.fullmatch(match["path"])]
    yield from (match["whole"] for match in whole)
    if not whole:
        tell(f"{place}: {image[:300]!r} is no name of an image that a runtime can pull")
        # Whatever it should be: an image with this digest, or some image of this repository.
        yield from re.findall(_DIGEST, image)
        for match in ours:
            repository = re.split("[:@]", match["path"], maxsplit=1)[0]
            if re.fullmatch(_REPOSITORY, repository):
                yield f"{match['host']}{repository}:*"


def in_text(written: str, name: str, tell: Tell) -> Iterator[str]:
    """The images in ECR that a text names; without a whole tag or digest, all of the repository."""
    for match in (match for one in spelled(written) for match in _IN_ECR.finditer(one)):
        found = _PATH.match(match["path"])
        if _GOES_ON.match(match["path"], found.end("repository") if found else 0):
            tell(f"{name}: a text names an image in {match['host']} whose repository cannot be known")
        if found is None:
            continue
        repository = match["host"] + found["repository"]
        if found["digest"] or (found["tag"] and _ENDS.fullmatch(match["path"][found.end() :] + match["after"])):
            yield match["host"] + found[0]
            # A sentence may end here.
            if not found["digest"] and found["tag"].endswith("."):
                yield f"{repository}:{found['tag'].rstrip('.')}"
        else:
            yield f"{repository}:*"


def spelled(written: str) -> Iterator[str]:
    """A text with plain characters, and the same as a shell puts its words together, if that is something else."""
    plain = unquote(_NUMBER.sub(lambda match: chr(int(match[1], 16)), _SLASH.sub("/", written)))
    yield from dict.fromkeys((plain, _SEAM.sub("", plain)))


def texts(thing: Any, taken: Mapping[int, str]) -> Iterator[str]:
    """Every text within, but for the member of an object that was taken already."""
    waiting = [thing]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            waiting.extend(value for key, value in part.items() if taken.get(id(part)) != key)
        elif isinstance(part, list):
            waiting.extend(part)


def variables_of(container: Any) -> dict[str, str]:
    """The variables of a container whose values are known, as far as they may be named in another text."""
    found: dict[str, str] = {}
    for variable in container.get("env") or ():
        value = variable.get("value") if isinstance(variable, dict) else None
        if isinstance(value, str):
            found[str(variable.get("name"))] = expanded(value, found)
    return found


def expanded(written: str, variables: Mapping[str, str]) -> str:
    """A text with the values of variables, as Kubernetes (``$(NAME)``) and shells replace them."""
    if len(written) > MAX_EXPANDED:
        return written
    return _VARIABLE.sub(lambda match: variables.get(match[match.lastindex or 0], match[0]), written)[:MAX_EXPANDED]


def claims_volume(item: Any) -> bool:
    """Whether it is a pod with a volume that may be an image, by a driver that only the volume itself names."""
    volumes = item["spec"].get("volumes") if item["kind"] == "Pod" else None
    return any("persistentVolumeClaim" in volume for volume in volumes or ())


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


def say(sentence: str) -> None:
    """One line on standard error, whatever characters its names have."""
    line = "".join(character if character.isprintable() else "?" for character in sentence)
    sys.stderr.write(f"kubernetes-inventory: {line}\n")


def main() -> int:
    """Read, write; returns the exit status."""
    told: dict[str, None] = {}
    try:
        found = images(json.load(sys.stdin), lambda sentence: told.update({sentence: None}))
    except (InventoryError, ValueError) as error:
        say(str(error))
        return 1
    except RecursionError:
        say("the input is nested too deeply")
        return 1
    for sentence in told:
        say(sentence)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
