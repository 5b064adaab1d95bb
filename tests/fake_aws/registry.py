"""A real registry behind the sandbox: what is pushed there is what ECR shows.

The registry speaks the Distribution API; it is asked whenever a call looks into a repository. Credentials are those
that moto's GetAuthorizationToken gives: user ``AWS``, password ``<account>-auth-token``.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from . import manifests
from .aws import ACCOUNT, now
from .images import Image

if TYPE_CHECKING:
    from .state import Account

_ACCEPT = f"{manifests.OCI_MANIFEST}, {manifests.OCI_INDEX}, {manifests.DOCKER_MANIFEST}, {manifests.DOCKER_LIST}"
_TOKEN = base64.b64encode(f"AWS:{ACCOUNT}-auth-token".encode()).decode()


class Registry:
    """Brings the image stores up to date with a registry.

    Args:
        account: The stores.
        url: ``http://127.0.0.1:5001``, or ``https://``, whose certificate is not checked: it is a loopback address.
    """

    def __init__(self, account: Account, url: str) -> None:
        self._account = account
        self._url = urlsplit(url)
        self._gone: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        """``host:port``, as references name it."""
        return self._url.netloc

    def learn(self, region: str, repository: str) -> None:
        """Add what was pushed since; a tag that moved there moves here.

        Raises:
            OSError: The registry does not answer.
        """
        status, _, body = self._ask("GET", f"/v2/{repository}/tags/list")
        if status != http.client.OK:
            return
        with self._lock:
            for tag in json.loads(body).get("tags") or []:
                manifest = self._manifest(repository, tag)
                if manifest is None:
                    continue
                for child in manifest.children:
                    self._add(region, repository, self._manifest(repository, child), ())
                self._add(region, repository, manifest, (tag,))

    def forget(self, repository: str, digest: str, *, hide: bool = True) -> None:
        """An image was deleted by the ECR API: delete it there, or at least do not learn it again (`hide`)."""
        status, _, _ = self._ask("DELETE", f"/v2/{repository}/manifests/{digest}")
        if status != http.client.ACCEPTED and hide:
            with self._lock:
                self._gone.add((repository, digest))

    def untag(self, repository: str, tag: str, digest: str) -> None:
        """A tag was taken from an image by the ECR API: do not learn it again."""
        with self._lock:
            self._gone.add((repository, f"{tag}@{digest}"))

    def _add(self, region: str, repository: str, manifest: manifests.Manifest | None, tags: tuple[str, ...]) -> None:
        if manifest is None or (repository, manifest.digest) in self._gone:
            return
        tags = tuple(tag for tag in tags if (repository, f"{tag}@{manifest.digest}") not in self._gone)
        images = self._account.region(region).images
        known = images.find(repository, manifest.digest, tags[0] if tags else None)
        if known is None:
            images.put(repository, Image(manifest, now(), tags=list(tags)))

    def _manifest(self, repository: str, reference: str) -> manifests.Manifest | None:
        status, kind, body = self._ask("GET", f"/v2/{repository}/manifests/{reference}")
        return manifests.read(body, kind) if status == http.client.OK else None

    def _ask(self, method: str, path: str) -> tuple[int, str, bytes]:
        connection: http.client.HTTPConnection
        if self._url.scheme == "https":
            # Self-signed, on loopback, under a name that is not its own.
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = http.client.HTTPSConnection(self._url.netloc, timeout=20, context=context)
        else:
            connection = http.client.HTTPConnection(self._url.netloc, timeout=20)
        try:
            connection.request(method, path, headers={"Accept": _ACCEPT, "Authorization": f"Basic {_TOKEN}"})
            response = connection.getresponse()
            return response.status, response.headers.get_content_type(), response.read()
        finally:
            connection.close()
