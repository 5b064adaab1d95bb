"""A cluster of a scenario is served as long as the account is there, with what its manifests say."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.kubernetes import clusters, discovery, listing
from ecr_cleaner.kubernetes.kinds import is_read
from tests.fake_kubernetes import resolving

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox

JOB: Final = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": "shop"}, "spec": {}}
DATABASE: Final = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "main"}, "spec": {}}
DATABASES: Final = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "databases.example.com"},
    "spec": {
        "group": "example.com",
        "names": {"plural": "databases", "kind": "Database"},
        "scope": "Cluster",
        "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object"}}}],
    },
}


def served(sandbox: Sandbox, *manifests: dict[str, Any]) -> dict[str, Any]:
    """A cluster with these, as it is described."""
    sandbox.seed({"eks": {"served": {"shop": manifests}}})
    found: dict[str, Any] = sandbox.client("eks").describe_cluster(name="shop")["cluster"]
    return found


def test_a_cluster_answers_with_its_manifests(running: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the endpoint that describes it, to whoever has credentials of the account; a definition adds a kind."""
    running.reset()
    resolving(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    connection = clusters.connect(AwsClients(region="us-east-1"), served(running, JOB, DATABASES, DATABASE))
    kinds = {kind.resource: kind for kind in discovery.kinds(connection) if is_read(kind)}
    found = {name: [one["metadata"] for one in listing.objects(connection, kinds[name])] for name in kinds}
    connection.close()
    assert [(one["namespace"], one["name"]) for one in found.pop("jobs")] == [("shop", "once")]
    assert [(one.get("namespace"), one["name"]) for one in found.pop("databases")] == [(None, "main")]
    assert not any(found.values())


def test_nobody_answers_after_a_reset(running: Sandbox) -> None:
    """The port is closed."""
    running.reset()
    port = urlsplit(served(running)["endpoint"]).port
    assert port is not None
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    running.reset()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_an_object_of_no_known_kind_is_refused(running: Sandbox) -> None:
    """As a real server refuses it, until its kind is defined."""
    running.reset()
    with pytest.raises(LookupError, match=r'no matches for kind "Database" in version "example\.com/v1"'):
        served(running, DATABASE)
