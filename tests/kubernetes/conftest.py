"""One served cluster, and connections to it as the function makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import boto3
import pytest

from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.kubernetes import tls
from ecr_cleaner.kubernetes.connection import Bounds, Connection
from ecr_cleaner.kubernetes.token import ClusterToken
from tests.fake_kubernetes import FakeCluster, FakeServer, resolving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "wJalrXUtnFEMI"


def aws() -> AwsClients:
    """Clients with the credentials that the fake cluster knows."""
    session = boto3.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=SECRET, region_name="us-east-1")
    return AwsClients(session)


@dataclass
class World:
    """A cluster and who asks it.

    Attributes:
        cluster: As it is served.
        slept: Seconds that connections would have waited.
    """

    cluster: FakeCluster
    slept: list[float] = field(default_factory=list)
    _made: list[Connection] = field(default_factory=list)

    def connect(self, *, bounds: Bounds | None = None, token: Callable[[], str] | None = None) -> Connection:
        """A connection that waits for nothing between two tries."""
        context = tls.trusting(self.cluster.authority.pem)
        made = Connection(
            f"https://{self.cluster.host}",
            context,
            token or ClusterToken(aws(), self.cluster.name),
            bounds=bounds,
            sleep=self.slept.append,
        )
        self._made.append(made)
        return made

    def close(self) -> None:
        """Close all."""
        for one in self._made:
            one.close()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A cluster under its own name, with an authority without key identifiers."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"):
        monkeypatch.delenv(name, raising=False)
    cluster = FakeCluster(secret=SECRET)
    with FakeServer(cluster):
        resolving(monkeypatch)
        made = World(cluster)
        yield made
        made.close()
    assert cluster.errors == []
