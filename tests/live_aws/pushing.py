"""Images made by hand and pushed through ECR's API: a few hundred bytes each, and no container tool."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIG: Final = "application/vnd.oci.image.config.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, slots=True)
class Pushed:
    """A manifest in a repository.

    Attributes:
        digest: ``sha256:`` and 64 hexadecimal digits.
        size: Bytes of the manifest itself.
        architecture: Of the image; empty for an index.
    """

    digest: str
    size: int
    architecture: str = ""


@dataclass(frozen=True, slots=True)
class Pusher:
    """Pushes into one repository.

    Attributes:
        ecr: A client of boto3.
        repository: Its name.
    """

    ecr: Any
    repository: str

    def image(self, seed: str, *tags: str, architecture: str = "amd64") -> Pushed:
        """Pushes an image of one file that says `seed`, so that each seed has a digest of its own."""
        layer, diff_id = _layer(seed)
        config = _json(
            {
                "architecture": architecture,
                "os": "linux",
                "config": {"Cmd": ["/seed"]},
                "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            }
        )
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": self._blob(CONFIG, config),
                "layers": [self._blob(LAYER, layer)],
            }
        )
        return self._put(manifest, MANIFEST, tags, architecture)

    def index(self, children: Sequence[Pushed], *tags: str) -> Pushed:
        """Pushes an index over images that are there already."""
        listed = [
            {
                "mediaType": MANIFEST,
                "digest": child.digest,
                "size": child.size,
                "platform": {"architecture": child.architecture, "os": "linux"},
            }
            for child in children
        ]
        manifest = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
        return self._put(manifest, INDEX, tags)

    def _put(self, manifest: bytes, media_type: str, tags: Sequence[str], architecture: str = "") -> Pushed:
        for tag in tags or (None,):
            named = {} if tag is None else {"imageTag": tag}
            self.ecr.put_image(
                repositoryName=self.repository,
                imageManifest=manifest.decode(),
                imageManifestMediaType=media_type,
                **named,
            )
        return Pushed(_digest(manifest), len(manifest), architecture)

    def _blob(self, media_type: str, content: bytes) -> dict[str, Any]:
        """Uploads a blob that is not there yet; returns how a manifest names it."""
        digest = _digest(content)
        there = self.ecr.batch_check_layer_availability(repositoryName=self.repository, layerDigests=[digest])
        if not any(layer.get("layerAvailability") == "AVAILABLE" for layer in there.get("layers", ())):
            upload = self.ecr.initiate_layer_upload(repositoryName=self.repository)["uploadId"]
            self.ecr.upload_layer_part(
                repositoryName=self.repository,
                uploadId=upload,
                partFirstByte=0,
                partLastByte=len(content) - 1,
                layerPartBlob=content,
            )
            self.ecr.complete_layer_upload(repositoryName=self.repository, uploadId=upload, layerDigests=[digest])
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _layer(seed: str) -> tuple[bytes, str]:
    """A compressed layer, and the digest of what it holds."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        file = tarfile.TarInfo("seed")
        file.size = len(seed.encode())
        archive.addfile(file, io.BytesIO(seed.encode()))
    return gzip.compress(stream.getvalue(), mtime=0), _digest(stream.getvalue())


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
