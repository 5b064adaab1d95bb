"""Pushing an image: from a few words, as a scenario or a test says them, to manifests in the store."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from . import manifests
from .images import Image, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .manifests import Manifest
    from .state import Account

Kind = Literal["image", "index", "signature", "sbom", "cosign", "attestation", "helm", "cache"]

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_SIZES = {"B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_MB = _SIZES["MB"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One image, as a scenario tells it.

    Attributes:
        id: Name for `Sandbox.digest` and for references; the digest follows from repository and id.
        tags: Its tags; a tag that another image has moves here.
        kind: ``image``; ``index`` (children from `platforms` and `children`); ``signature`` and ``sbom`` are OCI
            referrers of `subject`; ``cosign`` is a signature under the tag ``sha256-<hex of subject>.<suffix>``;
            ``attestation`` is a build attestation such as an index lists; ``helm`` is a chart; ``cache`` is BuildKit's.
        pushed: Age (``"40d"``, ``"30d+1s"``, ``"2h"``) or a moment.
        pulled: Age or moment of the last recorded pull; None is never.
        size: Bytes, or a word such as ``"120MB"``.
        platforms: An index's platforms, each of which gets a child ``<id>/<platform>``.
        attestations: Whether each of these children gets an attestation ``<id>/<platform>/attestation`` in the index.
        children: Ids or digests of images of this repository that the index lists too.
        subject: Id or digest that a signature or sbom belongs to; it need not exist. An index that has one is what a
            registry without referrers has instead, under the tag ``sha256-<hex of subject>``.
        suffix: Of a cosign tag: ``sig``, ``att``, ``sbom``; empty is the OCI fallback tag.
        status: ``ACTIVE``, ``ARCHIVED`` or ``ACTIVATING``.
        archived: When it was last archived.
        activated: When it was last restored.
        media: ``oci`` or ``docker`` manifests.
        content: What the digest follows from, for the same image in two repositories.
    """

    id: str | None = None
    tags: Sequence[str] = ()
    kind: Kind = "image"
    pushed: Any = "0s"
    pulled: Any = None
    size: int | str = 50 * _MB
    platforms: Sequence[str] = ()
    attestations: bool = False
    children: Sequence[str] = ()
    subject: str | None = None
    suffix: str = "sig"
    status: Status = "ACTIVE"
    archived: Any = None
    activated: Any = None
    media: Literal["oci", "docker"] = "oci"
    content: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown kind of image {self.kind!r}; there are {', '.join(get_args(Kind))}")
        if self.kind in {"signature", "sbom", "cosign"} and not self.subject:
            raise ValueError(f"a {self.kind} needs a subject")
        if self.kind == "index" and not (self.platforms or self.children):
            raise ValueError("an index needs platforms or children")


def moment(age: Any, now: dt.datetime) -> dt.datetime | None:
    """An age before `now`, or a moment as it is (a moment without zone is UTC).

    Raises:
        ValueError: It is neither.
    """
    if age is None:
        return None
    if isinstance(age, dt.datetime):
        return age if age.tzinfo else age.replace(tzinfo=dt.UTC)
    if isinstance(age, dt.timedelta):
        return now - age
    parts = re.findall(r"([+-]?)(\d+)([dhms])", str(age))
    if not parts or "".join("".join(part) for part in parts) != str(age):
        raise ValueError(f"an age is written like 40d, 2h or 30d+1s, got {age!r}")
    total = dt.timedelta()
    for sign, number, unit in parts:
        step = dt.timedelta(**{_UNITS[unit]: int(number)})
        total += -step if sign == "-" else step
    return now - total


def size(value: int | str) -> int:
    """Bytes, from a number or a word such as ``"1.5GB"``.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"([\d.]+)\s*(B|KB|MB|GB)", value)
    if not match:
        raise ValueError(f"a size is written like 120MB, got {value!r}")
    return int(float(match[1]) * _SIZES[match[2]])


class Pusher:
    """Pushes into the stores of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def push(self, region: str, repository: str, push: Push, now: dt.datetime) -> str:
        """Push one image, with the children that `platforms` names; returns its digest.

        Raises:
            LookupError: The repository, or a child, does not exist.
            ValueError: The id is taken, or an age or a size cannot be understood.
        """
        if repository not in self._account.repositories(region):
            raise LookupError(f"there is no repository {repository!r} in {region}")
        store = self._account.region(region).images
        name = push.id or f"{repository}#{self._account.serial(region, repository)}"
        if (region, name) in self._account.ids:
            raise ValueError(f"there is an image with the id {name!r} already")
        seed = push.content or f"{repository} {name}"
        tags = list(push.tags)
        if push.kind == "index":
            children = self._children(region, repository, replace(push, id=name), now)
            media_type = manifests.DOCKER_LIST if push.media == "docker" else manifests.OCI_INDEX
            manifest = manifests.index(children, media_type=media_type)
        else:
            manifest = self._manifest(region, repository, push, seed)
        if push.subject and push.kind in {"cosign", "index"}:
            tag = "-".join(self._digest(region, push.subject).split(":"))
            tags.append(f"{tag}.{push.suffix}" if push.suffix and push.kind == "cosign" else tag)
        pushed = moment(push.pushed, now) or now
        made = Image(
            manifest,
            pushed,
            tags=tags,
            pulled_at=moment(push.pulled, now),
            status=push.status,
            archived_at=moment(push.archived, now) or (now if push.status == "ARCHIVED" else None),
            activated_at=moment(push.activated, now),
        )
        self._account.ids[region, name] = store.put(repository, made).digest
        return manifest.digest

    def _manifest(self, region: str, repository: str, push: Push, seed: str) -> Manifest:
        types: dict[str, dict[str, Any]] = {
            "image": {"media_type": manifests.DOCKER_MANIFEST if push.media == "docker" else manifests.OCI_MANIFEST},
            "signature": {"config_type": manifests.EMPTY_CONFIG, "artifact_type": manifests.SIGSTORE_BUNDLE},
            "sbom": {"config_type": manifests.EMPTY_CONFIG, "artifact_type": "application/spdx+json"},
            # Like the image it signs by its config type: only the layer tells, and ECR does not show layers.
            "cosign": {"layer_type": manifests.COSIGN_LAYER},
            "attestation": {"layer_type": "application/vnd.in-toto+json"},
            "helm": {"config_type": manifests.HELM_CONFIG},
            "cache": {"config_type": manifests.BUILDKIT_CACHE_CONFIG},
        }
        subject = None
        if push.kind in {"signature", "sbom"}:
            digest = self._digest(region, str(push.subject))
            found = self._account.region(region).images.find(repository, digest, None)
            subject = (
                found.manifest.descriptor
                if found
                else {"mediaType": manifests.OCI_MANIFEST, "digest": digest, "size": 1}
            )
        return manifests.image(seed, size(push.size), subject=subject, **types[push.kind])

    def _children(self, region: str, repository: str, push: Push, now: dt.datetime) -> list[tuple[str, Manifest]]:
        store = self._account.region(region).images
        found: list[tuple[str, Manifest]] = []
        child = replace(push, kind="image", tags=(), platforms=(), children=(), attestations=False, pulled=None)
        for platform in push.platforms:
            extra = [("unknown/unknown", "attestation", f"{push.id}/{platform}/attestation")]
            pairs = [(platform, "image", f"{push.id}/{platform}"), *(extra if push.attestations else [])]
            for shown, kind, name in pairs:
                content = f"{push.content}/{name.removeprefix(f'{push.id}/')}" if push.content else None
                each = replace(child, id=name, kind=cast("Kind", kind), content=content)
                each = replace(each, size=20_000) if kind == "attestation" else each
                digest = self.push(region, repository, each, now)
                found.append((shown, store.of(repository)[digest].manifest))
        for name in push.children:
            image = store.find(repository, self._digest(region, name), None)
            if image is None:
                raise LookupError(f"there is no image {name!r} in {repository}")
            found.append(("linux/amd64", image.manifest))
        return found

    def _digest(self, region: str, name: str) -> str:
        if _DIGEST.fullmatch(name):
            return name
        if (region, name) not in self._account.ids:
            raise LookupError(f"there is no image with the id {name!r}")
        return self._account.ids[region, name]
