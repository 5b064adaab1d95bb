"""With a registry behind it, the sandbox's ECR shows what was pushed there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import cheroot.wsgi
import pytest
from botocore.exceptions import ClientError

from tests.fake_aws import Sandbox, manifests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


class FakeRegistry:
    """As much of the Distribution API as there is to ask: tags, manifests, deletion."""

    def __init__(self) -> None:
        self.manifests: dict[str, manifests.Manifest] = {}
        self.tags: dict[str, str] = {}
        self.deletes = True
        self._server = cheroot.wsgi.Server(("127.0.0.1", 0), self, numthreads=2)
        self._server.shutdown_timeout = 1
        self._server.expiration_interval = 0.05
        self._server.prepare()
        self.host = f"127.0.0.1:{self._server.bind_addr[1]}"
        self._thread = threading.Thread(target=self._server.serve)
        self._thread.start()

    def push(self, tag: str, manifest: manifests.Manifest) -> str:
        """Push a manifest."""
        self.manifests[manifest.digest] = manifest
        self.tags[tag] = manifest.digest
        return manifest.digest

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        """Serve one request (WSGI)."""
        assert environ["HTTP_AUTHORIZATION"].startswith("Basic ")
        repository, _, rest = environ["PATH_INFO"].removeprefix("/v2/").partition("own/cleaner/")
        name = rest.partition("/")[2]
        found = self.manifests.get(self.tags.get(name, name))
        if not repository and rest == "tags/list" and self.tags:
            status, kind, body = (
                "200 OK",
                "application/json",
                f'{{"tags": {list(self.tags)}}}'.replace("'", '"').encode(),
            )
        elif environ["REQUEST_METHOD"] == "DELETE" and found and self.deletes:
            self.tags = {tag: digest for tag, digest in self.tags.items() if digest != found.digest}
            del self.manifests[found.digest]
            status, kind, body = "202 Accepted", "text/plain", b""
        elif environ["REQUEST_METHOD"] == "GET" and found:
            status, kind, body = "200 OK", found.media_type, found.body
        else:
            status, kind, body = "404 Not Found", "application/json", b"{}"
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def stop(self) -> None:
        """Stop serving."""
        self._server.stop()
        self._thread.join()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """An empty registry."""
    registry = FakeRegistry()
    yield registry
    registry.stop()


@pytest.mark.parametrize("ecr_host", [False, True])
def test_the_uri_names_the_registry_or_ecr(registry: FakeRegistry, ecr_host: bool) -> None:  # noqa: FBT001
    """Repository URIs, references and the token's endpoint agree."""
    with Sandbox(registry_url=f"http://{registry.host}", registry_ecr_host=ecr_host) as sandbox:
        client = sandbox.client("ecr")
        made = client.create_repository(repositoryName="own/cleaner")["repository"]
        host = ECR if ecr_host else registry.host
        assert made["repositoryUri"] == f"{host}/own/cleaner"
        assert client.describe_repositories()["repositories"][0]["repositoryUri"] == f"{host}/own/cleaner"
        (token,) = client.get_authorization_token()["authorizationData"]
        assert token["proxyEndpoint"] == (f"https://{ECR}" if ecr_host else f"http://{host}")


def test_what_is_pushed_is_there(registry: FakeRegistry) -> None:
    """Digest and children come from the registry's bytes; a tag that moves there moves here."""
    with Sandbox(registry_url=f"http://{registry.host}") as sandbox:
        sandbox.repository("own/cleaner")
        client = sandbox.client("ecr")
        assert client.describe_images(repositoryName="own/cleaner")["imageDetails"] == []
        child = manifests.image("child", 1000)
        registry.push("child", child)
        index = registry.push("v1", manifests.index([("linux/amd64", child)]))
        (shown,) = client.describe_images(repositoryName="own/cleaner", imageIds=[{"imageTag": "v1"}])["imageDetails"]
        assert shown["imageDigest"] == index
        again = registry.push("v1", manifests.image("again", 1000))
        (shown,) = client.describe_images(repositoryName="own/cleaner", imageIds=[{"imageTag": "v1"}])["imageDetails"]
        assert shown["imageDigest"] == again


@pytest.mark.parametrize("deletes", [True, False])
def test_what_was_deleted_stays_deleted(registry: FakeRegistry, deletes: bool) -> None:  # noqa: FBT001
    """Also where the registry does not delete."""
    registry.deletes = deletes
    with Sandbox(registry_url=f"http://{registry.host}") as sandbox:
        sandbox.repository("own/cleaner")
        client = sandbox.client("ecr")
        digest = registry.push("v1", manifests.image("one", 1000))
        answer = client.batch_delete_image(repositoryName="own/cleaner", imageIds=[{"imageDigest": digest}])
        assert answer["failures"] == []
        assert (digest in registry.manifests) is not deletes
        with pytest.raises(ClientError):
            client.describe_images(repositoryName="own/cleaner", imageIds=[{"imageTag": "v1"}])
