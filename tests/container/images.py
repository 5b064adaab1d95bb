"""Looking at images in a registry through its API, and making a base image for two platforms there."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.container.engine import remove_images, tool

if TYPE_CHECKING:
    from tests.container.registry import Registry

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

# Other names for the module's architectures: Go's, which images use, and Python's, which wheels use.
GO_ARCHITECTURE = {"arm64": "arm64", "x86_64": "amd64"}
WHEEL_MACHINE = {"arm64": "aarch64", "x86_64": "x86_64"}


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """One image as a registry shows it.

    Attributes:
        digest: The manifest's.
        media_type: The manifest's.
        manifest: The manifest.
        config: The image's configuration; empty if the manifest is an index.
        bytes_compressed: The sum of its layers.
    """

    digest: str
    media_type: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    bytes_compressed: int


@dataclass(frozen=True, slots=True)
class RegistryClient:
    """A registry, asked over HTTP or TLS as any client would.

    Attributes:
        url: Its address with the scheme.
        user: User name.
        password: Password.
    """

    url: str
    user: str
    password: str

    @property
    def host(self) -> str:
        """The address without the scheme, as image references have it."""
        return self.url.partition("://")[2]

    @property
    def authorization(self) -> str:
        """Base64 of user and password."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def _open(self, method: str, path: str) -> tuple[dict[str, str], bytes]:
        headers = {"Authorization": f"Basic {self.authorization}", "Accept": f"{MANIFEST}, {OCI_MANIFEST}, {_INDEX}"}
        request = Request(f"{self.url}/v2/{path}", headers=headers, method=method)  # noqa: S310  # http or https
        with urlopen(request, timeout=60) as response:  # noqa: S310
            return {name.lower(): value for name, value in response.headers.items()}, response.read()

    def image(self, repository: str, tag: str) -> RemoteImage | None:
        """Returns the image that a tag names, None if there is none."""
        try:
            headers, content = self._open("GET", f"{repository}/manifests/{tag}")
        except HTTPError as error:
            if error.code == 404:
                return None
            raise
        manifest = json.loads(content)
        config = json.loads(self.blob(repository, manifest["config"]["digest"])) if "config" in manifest else {}
        size = sum(layer["size"] for layer in manifest.get("layers", []))
        return RemoteImage(headers["docker-content-digest"], headers["content-type"], manifest, config, size)

    def blob(self, repository: str, digest: str) -> bytes:
        """Returns a blob."""
        return self._open("GET", f"{repository}/blobs/{digest}")[1]

    def remove(self, repository: str, digest: str) -> None:
        """Removes an image, as somebody with the console would."""
        self._open("DELETE", f"{repository}/manifests/{digest}")

    def files(self, repository: str, layer: dict[str, Any]) -> dict[str, tarfile.TarInfo]:
        """Returns what lies in a layer, by path."""
        content = io.BytesIO(self.blob(repository, layer["digest"]))
        with tarfile.open(fileobj=content) as archive:
            return {member.name: member for member in archive}


def add_two_platform_base(registry: Registry, base_image: str, native: str, other: str) -> str:
    """Puts a base image for two platforms into a registry.

    The native one is the engine's. The other has not a single program in it: a build that would run anything in the
    target's image cannot succeed, emulated or not.

    Returns:
        The reference of the index.
    """
    name = f"{registry.host}/base/python:{native}"
    tool("tag", base_image, name)
    tool("push", name, seconds=600)
    remove_images([name])
    _put_empty_image(registry, "base/python", other)
    entries = []
    for architecture in (native, other):
        manifest = registry.manifest("base/python", architecture)
        assert manifest
        platform = {"os": "linux", "architecture": GO_ARCHITECTURE[architecture]}
        described = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}
        entries.append({**described, "platform": platform})
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}
    registry.put_manifest("base/python", "both", _INDEX, json.dumps(index).encode())
    return f"{registry.host}/base/python:both"


def _put_empty_image(registry: Registry, repository: str, architecture: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo("var/task")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
    layer = gzip.compress(buffer.getvalue(), mtime=0)
    config = {
        "architecture": GO_ARCHITECTURE[architecture],
        "os": "linux",
        "config": {"WorkingDir": "/var/task"},
        "history": [{"created_by": "the tests"}],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(buffer.getvalue()).hexdigest()]},
    }
    content = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": registry.put_blob(content), "size": len(content)},
        "layers": [{"mediaType": _LAYER, "digest": registry.put_blob(layer), "size": len(layer)}],
    }
    registry.put_manifest(repository, architecture, MANIFEST, json.dumps(manifest).encode())
