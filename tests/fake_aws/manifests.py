"""Real manifests: OCI JSON whose digest is the hash of its bytes, the same bytes for the same seed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
BUILDKIT_CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"
SIGSTORE_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
NOTATION = "application/vnd.cncf.notary.signature"
COSIGN_LAYER = "application/vnd.dev.cosign.simplesigning.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest: its bytes and what ECR shows of them.

    Attributes:
        body: The bytes that the digest is the hash of.
        media_type: Of the manifest.
        artifact_type: ECR's ``artifactMediaType``: the artifact type, or else the config's media type; none for an
            index.
        size: Bytes, as in ``imageSizeInBytes``.
        children: Digests an index lists.
        subject: Digest of the manifest this one refers to.
        digest: ``sha256:<hex>`` of the bytes.
    """

    body: bytes
    media_type: str
    artifact_type: str | None
    size: int
    children: tuple[str, ...] = ()
    subject: str | None = None
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha256(self.body))

    @property
    def layers(self) -> tuple[str, ...]:
        """The digests of its config and layers; none of an index."""
        content = json.loads(self.body)
        blobs = [content.get("config") or {}, *(content.get("layers") or [])]
        return tuple(blob["digest"] for blob in blobs if "digest" in blob)

    @property
    def descriptor(self) -> dict[str, Any]:
        """How another manifest points to this one."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.body)}


def sha256(body: bytes) -> str:
    """The digest of some bytes, in the registry's notation."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def image(
    seed: str,
    size: int,
    *,
    media_type: str = OCI_MANIFEST,
    config_type: str | None = None,
    artifact_type: str | None = None,
    layer_type: str = _LAYER,
    subject: dict[str, Any] | None = None,
) -> Manifest:
    """An image or artifact manifest of `size` bytes in all; the same seed gives the same digest."""
    config = config_type or (DOCKER_CONFIG if media_type == DOCKER_MANIFEST else OCI_CONFIG)
    content: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {"mediaType": config, "digest": sha256(f"config {seed}".encode()), "size": 1024},
        "layers": [
            {"mediaType": layer_type, "digest": sha256(f"layer {seed}".encode()), "size": max(size - 1024, 1)},
        ],
    }
    if artifact_type:
        content["artifactType"] = artifact_type
    if subject:
        content["subject"] = subject
    return read(_bytes(content))


def index(children: list[tuple[str, Manifest]], *, media_type: str = OCI_INDEX, seed: str | None = None) -> Manifest:
    """An index over (platform, manifest) pairs; ``unknown/unknown`` is an attestation of the pair before it."""
    entries: list[dict[str, Any]] = []
    for platform, child in children:
        system, _, rest = platform.partition("/")
        architecture, _, variant = rest.partition("/")
        entry: dict[str, Any] = {
            **child.descriptor,
            "platform": {"architecture": architecture, "os": system} | ({"variant": variant} if variant else {}),
        }
        if platform == "unknown/unknown" and entries:
            entry["annotations"] = {
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": entries[-1]["digest"],
            }
        entries.append(entry)
    content: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    if seed:
        content["annotations"] = {"org.opencontainers.image.title": seed}
    size = max((child.size for _, child in children), default=0)
    return read(_bytes(content), index_size=size)


def read(body: bytes, media_type: str | None = None, index_size: int = 0) -> Manifest:
    """Understand the bytes of a manifest.

    Args:
        body: The manifest.
        media_type: Overrides the one inside, as the Content-Type of a push does.
        index_size: What ECR would show as an index's size: the greatest of its manifests.

    Raises:
        ValueError: The bytes are not JSON.
        TypeError: They are no JSON object.
    """
    content = json.loads(body)
    if not isinstance(content, dict):
        raise TypeError("a manifest is a JSON object")
    kind = media_type or content.get("mediaType") or OCI_MANIFEST
    subject = (content.get("subject") or {}).get("digest")
    if kind in INDEX_TYPES:
        children = tuple(entry["digest"] for entry in content["manifests"])
        return Manifest(body, kind, content.get("artifactType"), index_size, children, subject)
    config = content.get("config") or {}
    size = config.get("size", 0) + sum(layer.get("size", 0) for layer in content.get("layers", []))
    artifact = content.get("artifactType") or config.get("mediaType")
    return Manifest(body, kind, artifact, size, (), subject)


def _bytes(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=2).encode()
