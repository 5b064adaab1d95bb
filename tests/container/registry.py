"""A container registry on a free loopback port, as strict as ECR where it matters here.

It speaks the part of the OCI distribution specification that pushing, pulling and asking need, so that the
container tests and the demo need no registry image and no installed registry. Tags are immutable, as in the
repository that the module makes, and every request needs the password when one is given.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import tempfile
import threading
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCK = 1 << 20
_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<rest>.*)")
_INDEXES = frozenset(
    {
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
    }
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest as it was pushed.

    Attributes:
        digest: ``sha256:`` and the hash of `content`.
        media_type: The type that the client declared.
        content: The bytes, unchanged.
    """

    digest: str
    media_type: str
    content: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The manifest as JSON."""
        parsed: dict[str, Any] = json.loads(self.content)
        return parsed

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests instead of layers; Lambda refuses such an image."""
        return self.media_type in _INDEXES or "manifests" in self.document


@dataclass(slots=True)
class _Store:
    """What the registry holds; every access under the lock of the registry."""

    folder: Path
    manifests: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)

    def blob(self, digest: str) -> Path:
        """Returns where the blob lies or would lie; raises ValueError for what is not a digest."""
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            message = f"not a digest: {digest}"
            raise ValueError(message)
        return self.folder / digest.replace(":", "-")

    def find(self, name: str, reference: str) -> Manifest | None:
        """Returns the manifest that a tag or a digest names."""
        digest = self.tags.get((name, reference), reference)
        return self.manifests.get((name, digest))


class Registry:
    """The registry as a context manager; it serves from a thread until the context ends.

    Attributes:
        requests: ``"METHOD path"`` of every request served, in order.
        before_manifest: Called with (repository, tag or digest) before a manifest is stored; tests use it to
            let another client be faster.
    """

    def __init__(self, *, user: str = "AWS", password: str | None = None, port: int = 0) -> None:
        self.requests: list[str] = []
        self.before_manifest: Callable[[str, str], None] | None = None
        self.authorization = (
            None if password is None else "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        )
        self.lock = threading.RLock()
        self.store = _Store(Path(tempfile.mkdtemp(prefix="registry-")))
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        shutil.rmtree(self.store.folder, ignore_errors=True)

    @property
    def host(self) -> str:
        """``127.0.0.1:port``, as image references name it."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address with its scheme."""
        return f"http://{self.host}"

    def manifest(self, name: str, reference: str) -> Manifest | None:
        """Returns the manifest of a tag or digest, None if there is none."""
        with self.lock:
            return self.store.find(name, reference)

    def tags(self, name: str) -> list[str]:
        """Returns the tags of a repository in alphabetical order."""
        with self.lock:
            return sorted(tag for repository, tag in self.store.tags if repository == name)

    def blob(self, digest: str) -> bytes:
        """Returns a blob; raises FileNotFoundError if there is none."""
        return self.store.blob(digest).read_bytes()

    def remove(self, name: str, digest: str) -> None:
        """Removes a manifest and its tags, as somebody with the console would."""
        with self.lock:
            self.store.manifests.pop((name, digest), None)
            gone = [key for key, value in self.store.tags.items() if key[0] == name and value == digest]
            for key in gone:
                del self.store.tags[key]

    def put_blob(self, content: bytes) -> str:
        """Stores a blob and returns its digest."""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.store.blob(digest).write_bytes(content)
        return digest

    def put_manifest(self, name: str, reference: str, media_type: str, content: bytes) -> Manifest | None:
        """Stores a manifest under a tag or a digest.

        Returns:
            The manifest; None if the tag exists with other content, because tags are immutable.
        """
        manifest = Manifest("sha256:" + hashlib.sha256(content).hexdigest(), media_type, content)
        with self.lock:
            existing = self.store.tags.get((name, reference))
            if existing is not None and existing != manifest.digest:
                return None
            self.store.manifests[name, manifest.digest] = manifest
            if reference != manifest.digest:
                self.store.tags[name, reference] = manifest.digest
        return manifest


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], registry: Registry) -> None:
        self.registry = registry
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """One connection. Method names are http.server's."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, *_: object) -> None:
        """Says nothing: tests read `Registry.requests`."""

    def _serve(self) -> None:
        registry = self.server.registry
        with registry.lock:
            registry.requests.append(f"{self.command} {self.path}")
        if registry.authorization not in {None, self.headers.get("Authorization")}:
            self._drain()
            self._error(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", "Not Authorized")
            return
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        match = _PATH.fullmatch(url.path)
        if url.path.endswith("/tags/list"):
            name = url.path.removeprefix("/v2/").removesuffix("/tags/list")
            self._tags(name)
        elif match is None:
            self._drain()
            self._answer(HTTPStatus.OK if url.path == "/v2/" else HTTPStatus.NOT_FOUND, b"{}")
        elif match["kind"] == "manifests":
            self._manifest(match["name"], match["rest"])
        elif match["rest"].startswith("uploads/"):
            self._upload(match["name"], match["rest"].removeprefix("uploads/"), query)
        else:
            self._blob(match["rest"])

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    # ---- The kinds of things ----

    def _tags(self, name: str) -> None:
        tags = self.server.registry.tags(name)
        if tags:
            content = json.dumps({"name": name, "tags": tags}).encode()
            self._answer(HTTPStatus.OK, content, {"Content-Type": "application/json"})
        else:
            self._error(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry")

    def _manifest(self, name: str, reference: str) -> None:
        registry = self.server.registry
        if self.command == "PUT":
            content = b"".join(self._body())
            if registry.before_manifest is not None:
                registry.before_manifest(name, reference)
            stored = registry.put_manifest(name, reference, self.headers.get("Content-Type", ""), content)
            if stored is None:
                text = f"The image tag '{reference}' already exists in the '{name}' repository."
                self._error(HTTPStatus.BAD_REQUEST, "TAG_INVALID", text)
            else:
                self._answer(HTTPStatus.CREATED, b"", {"Docker-Content-Digest": stored.digest})
            return
        found = registry.manifest(name, reference)
        if found is None:
            self._error(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", "Requested image not found")
        elif self.command == "DELETE":
            registry.remove(name, found.digest)
            self._answer(HTTPStatus.ACCEPTED, b"")
        else:
            headers = {"Docker-Content-Digest": found.digest, "Content-Type": found.media_type}
            self._answer(HTTPStatus.OK, found.content, headers)

    def _blob(self, digest: str) -> None:
        path = self.server.registry.store.blob(digest)
        if not path.exists():
            self._error(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry")
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Docker-Content-Digest", digest)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        if self.command == "GET":
            with path.open("rb") as source:
                shutil.copyfileobj(source, self.wfile, _BLOCK)

    def _upload(self, name: str, upload: str, query: dict[str, str]) -> None:
        """Serves POST (start), PATCH (more bytes) and PUT (last bytes and the digest) of one upload."""
        store = self.server.registry.store
        upload = upload if re.fullmatch(r"[0-9a-f]{32}", upload) else uuid.uuid4().hex
        partial = store.folder / f"upload-{upload}"
        with partial.open("ab") as target:
            for block in self._body():
                target.write(block)
        if "digest" not in query:
            headers = {"Location": f"/v2/{name}/blobs/uploads/{upload}", "Docker-Upload-UUID": upload}
            headers["Range"] = f"0-{max(partial.stat().st_size - 1, 0)}"
            self._answer(HTTPStatus.ACCEPTED, b"", headers)
            return
        with partial.open("rb") as source:
            digest = "sha256:" + hashlib.file_digest(source, "sha256").hexdigest()
        if digest != query["digest"]:
            self._error(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", "provided digest did not match content")
            return
        partial.replace(store.blob(digest))
        headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
        self._answer(HTTPStatus.CREATED, b"", headers)

    # ---- HTTP ----

    def _body(self) -> Iterator[bytes]:
        """Yields the request's body, of known length or chunked."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            block = self.rfile.read(min(left, _BLOCK))
            if not block:
                return
            left -= len(block)
            yield block

    def _drain(self) -> None:
        for _ in self._body():
            pass

    def _answer(self, status: HTTPStatus, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _error(self, status: HTTPStatus, code: str, message: str) -> None:
        headers = {"Content-Type": "application/json"}
        if status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Basic realm="registry"'
        content = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self._answer(status, content, headers)
