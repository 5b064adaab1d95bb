#!/usr/bin/env python3
"""Writes an inventory of a Kubernetes cluster: what its pods run, and what its controllers would run.

Reads what ``kubectl get KINDS --all-namespaces --output json`` prints from standard input and writes a JSON array of
image references to standard output::

    kubectl get pods,deployments,statefulsets,daemonsets,replicasets,replicationcontrollers,jobs,cronjobs,\
podtemplates,controllerrevisions,persistentvolumes --all-namespaces --output json |
        python3 kubernetes-inventory.py > inventory.json

These are the images of containers and volumes, and every name in Amazon ECR in any other text of these objects: in
arguments and variables, in annotations, in volumes of any driver. There a name without tag stands for every image of
its repository. Other kinds can be added to that list, custom resources above all: of these every text counts.

Registry, repository and tag may stand in members of their own, as charts have them, or ``repoURL``, ``chart`` and
``targetRevision``: they are put together, and what has no tag beside it stands for every image of its repository.

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
# Parts of a name that stand apart, by the names of their members.
_ADDRESS = re.compile(rf"\s*(?P<scheme>[a-z]+://)?(?P<host>{_HOST})(?:/(?P<path>{_REPOSITORY}))?/?\s*")
_ALONE = re.compile(rf"(?P<host>{_HOST})[/.:]?(?![\w./:-])")
_REPOSITORY_KEY = re.compile(r".*(?:repository|repo|image|image[_-]?name)", re.IGNORECASE)
_REGISTRY_KEY = re.compile(r"registry|host", re.IGNORECASE)
_ADDRESS_KEY = re.compile(r".*ur[il]|repo|(?P<several>.*(?:registry|prefix|mirror))", re.IGNORECASE)
_OWN_TAG_KEY = re.compile(r"tag|digest|targetrevision", re.IGNORECASE)
_TAG_KEY = re.compile(r".*(?:tag|digest|revision|version|sha|ref)", re.IGNORECASE)
_TAG_VALUE = re.compile(rf"\s*[:@]?(?:(?P<digest>{_DIGEST})|(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.+-]{{0,127}}))\s*")
_LINE = re.compile(
    rf"""^[ \t-]*(?:repository|image|imageName):[ \t]*["']?(?P<image>{_REPOSITORY}(?P<tag>:{_TAG})?)["']?[ \t]*$""",
    re.MULTILINE,
)
_VARIABLE = re.compile(r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")

MAX_JOINED = 10_000
"""Names that registries and repositories of one object may give; if there are more, all of the registries count."""

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
        InventoryError: It is a secret, or lacks what its kind has.
    """
    kind = member(item, "kind", "an object")
    metadata = member(item, "metadata", kind)
    name = member(metadata, "name", kind)
    name = f"{kind} {metadata['namespace']}/{name}" if metadata.get("namespace") else f"{kind} {name}"
    if kind == "Secret":
        raise InventoryError(f"{name}: secrets are never read")
    # Conditions, reasons and messages of a status name images that are dead; of what runs, the digests are taken below.
    taken = {id(item): "status", id(metadata): "managedFields"}
    if kind in TEMPLATES:
        yield from of_pod(at(item, TEMPLATES[kind], name), name, taken, tell)
    elif kind == "ControllerRevision":
        if REVISED & {owner.get("kind") for owner in metadata.get("ownerReferences", ())}:
            yield from of_pod(at(item, "data.spec.template.spec", name), name, taken, tell)
    elif kind != "PersistentVolume":
        # Nobody knows where it names images: what its status says may be what it makes.
        del taken[id(item)]
        taken[id(item.get("status"))] = "conditions"
        yield from in_fields(item)
    yield from in_parts(item, taken)
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
    """Every text within, names of members too, but for the member of an object that was taken already.

    Beside a text that has variables, the same with their values.
    """
    waiting: list[tuple[Any, Mapping[str, str]]] = [(thing, {})]
    while waiting:
        part, variables = waiting.pop()
        if isinstance(part, str):
            yield from dict.fromkeys((part, expanded(part, variables)))
        elif isinstance(part, dict):
            known = variables_of(part, variables)
            kept = [(key, value) for key, value in part.items() if taken.get(id(part)) != key]
            waiting.extend((one, known) for pair in kept for one in pair)
        elif isinstance(part, list):
            waiting.extend((one, variables) for one in part)


def in_fields(thing: Any) -> Iterator[str]:
    """What members ``image`` name in an object of any kind, in ECR or not: a name without tag means the latest one."""
    waiting = [thing]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            image = part.get("image")
            if isinstance(image, str) and _NAME.fullmatch(image):
                yield image
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def in_parts(thing: Any, taken: dict[int, str]) -> Iterator[str]:
    """The images of names whose parts stand apart: beside each other, or the registry once for the whole object.

    A repository with its tag beside it is added to `taken`; as a text it would stand for all of its images.
    """
    hosts: dict[str, None] = {}
    parts: dict[str, None] = {}
    # What lies in a text lives only here, and its id may be another object's later.
    waiting: list[tuple[str, Any, bool]] = [("", thing, True)]
    while waiting:
        name, part, is_own = waiting.pop()
        if isinstance(part, str):
            inner = unpacked(part)
            if inner is not None:
                waiting.append((name, inner, False))
                continue
            hosts.update((match["host"], None) for one in spelled(part) for match in _ALONE.finditer(one))
            parts.update((match["image"] + ("" if match["tag"] else ":*"), None) for match in _LINE.finditer(part))
        elif isinstance(part, dict):
            kept = {key: value for key, value in part.items() if not is_own or taken.get(id(part)) != key}
            yield from beside(kept, parts)
            if is_own and (key := tagged(kept)):
                taken[id(part)] = key
            waiting.extend((key, one, is_own) for key, one in kept.items())
        elif isinstance(part, list):
            yield from beside(pairs(part), parts)
            for one in part:
                yield from beside({name: one}, parts)
            waiting.extend((name, one, is_own) for one in part)
    if len(hosts) * len(parts) > MAX_JOINED:
        yield from (f"{host}/*" for host in hosts)
    else:
        yield from (f"{host}/{part}" for host in hosts for part in parts)


def beside(members: Mapping[str, Any], parts: dict[str, None]) -> Iterator[str]:
    """The images of names whose parts stand beside each other.

    Args:
        members: Of one object.
        parts: Repositories without a registry, each with what it stands for; those of this object are added.
    """
    endings = tags(members)
    plain: dict[str, list[str]] = {}
    for key, value in members.items():
        path = _PATH.fullmatch(value.strip("/")) if isinstance(value, str) and "dkr" not in value.lower() else None
        if path is not None:
            whole = path["tag"] or path["digest"]
            plain[key] = [path[0]] if whole else [path[0] + ending for ending in endings]
            if _REPOSITORY_KEY.fullmatch(key):
                parts.update(dict.fromkeys(plain[key]))
    for key, address in addresses(members).items():
        start = "/".join(filter(None, (address["host"], address["path"])))
        others = [plain[name] for name in plain if name != key and is_repository(name, key)]
        yield from (f"{start}/{one}" for whole in others for one in whole)
        if key == tagged(members):
            yield from (start + ending for ending in endings)
        elif not others and is_prefix(key, address, endings):
            yield f"{start}/*"


def addresses(members: Mapping[str, Any]) -> dict[str, re.Match[str]]:
    """The members that are nothing but a registry, or a repository in one."""
    found = {key: _ADDRESS.fullmatch(value) for key, value in members.items() if isinstance(value, str)}
    return {key: match for key, match in found.items() if match}


def is_repository(key: str, registry: str) -> bool:
    """Whether a member by its name may be a repository in the registry of another one."""
    return bool(_REPOSITORY_KEY.fullmatch(key) or key == "chart" or (key == "name" and _REGISTRY_KEY.search(registry)))


def is_prefix(key: str, address: re.Match[str], endings: list[str]) -> bool:
    """Whether a member may be the address of several repositories, none of which is named beside it."""
    if address["path"] is None:
        return address["scheme"] == "oci://"
    kind = _ADDRESS_KEY.fullmatch(key)
    return kind is not None and (kind["several"] is not None or endings == [":*"])


def tagged(members: Mapping[str, Any]) -> str | None:
    """The one member that is a repository with its registry, whose tag stands beside it for certain."""
    found = addresses(members)
    key = next(iter(found), "")
    is_one = len(found) == 1 and found[key]["path"] and _REPOSITORY_KEY.fullmatch(key) and "chart" not in members
    return key if is_one and ":*" not in tags(members) else None


def pairs(items: list[Any]) -> dict[str, str]:
    """The texts of a list that have names: variables, parameters, arguments."""
    found: dict[str, str] = {}
    before = ""
    for number, item in enumerate(items):
        name: str = ""
        value: Any = ""
        if isinstance(item, dict):
            name, value = str(item.get("name")), item.get("value")
        elif isinstance(item, str) and item.startswith("-") and "=" in item:
            name, _, value = item.partition("=")
        elif isinstance(item, str) and before.startswith("-") and "=" not in before:
            name, value = before, item
        if name and isinstance(value, str):
            name = name.lstrip("-")
            found[f"{number}.{name}" if name in found else name] = value
        before = item if isinstance(item, str) else ""
    return found


def tags(members: Mapping[str, Any]) -> list[str]:
    """What ends the name of a repository that stands beside these members.

    If there is no tag and no digest, or one that cannot be read or may be another one's, this is all of it too.
    """
    found = []
    within = members.get("ref")
    for key, value in {**members, **(within if isinstance(within, dict) else {})}.items():
        if not _TAG_KEY.fullmatch(key) or isinstance(value, dict):
            continue
        is_value = isinstance(value, str | int | float) and not isinstance(value, bool)
        match = _TAG_VALUE.fullmatch(str(value)) if is_value and _OWN_TAG_KEY.fullmatch(key) else None
        if match is None:
            found.append(":*")
        elif match["digest"]:
            found.append(f"@{match['digest']}")
        else:
            # A chart's version may have a plus, and its tag a line below instead; and it may lack its v.
            tag = match["tag"].replace("+", "_")
            found += [f":{tag}", f":v{tag}"] if key.lower() == "targetrevision" else [f":{tag}"]
    return list(dict.fromkeys(found)) or [":*"]


def unpacked(written: str) -> Any:
    """What a text holds that is JSON, such as an annotation; None if it is none."""
    if written.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        return None


def variables_of(container: Any, outer: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of a container whose values are known, as far as they may be named in another text."""
    env = container.get("env")
    if not isinstance(env, list):
        return outer
    found = dict(outer)
    for variable in env:
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
