"""What the reading relies on, of the imitation always, and of a real cluster by ``make test-kubernetes``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.errors import ClusterError
from ecr_cleaner.kubernetes import discovery, listing, schemas
from ecr_cleaner.kubernetes.kinds import Kind
from tests.kubernetes.any_cluster import VARIABLE, AnyCluster
from tests.kubernetes.contract import GROUP, MAPS, OBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_cleaner.kubernetes.connection import Connection
    from tests.kubernetes.conftest import World

NAMESPACE = "contract"
CONFIG_MAPS = Kind("", "configmaps", "v1", "ConfigMap")
SECRETS = Kind("", "secrets", "v1", "Secret")


@dataclass
class Subject:
    """A cluster with the contract's objects.

    Attributes:
        connect: Makes connections.
        namespace: Of the objects.
        group: Of the custom resource.
    """

    connect: Callable[..., Connection]
    namespace: str
    group: str

    @property
    def widgets(self) -> Kind:
        """The custom resource."""
        return Kind(self.group, "widgets", "v1", "Widget")

    def names(self, kind: Kind) -> list[str]:
        """Of the contract's objects of a kind, as often as they are listed."""
        items = listing.objects(self.connect(), kind)
        found = (item["metadata"] for item in items)
        return sorted(
            one["name"] for one in found if one["namespace"] == self.namespace and one["name"] in {*MAPS, "one"}
        )


@pytest.fixture(scope="module")
def real() -> Iterator[Subject | None]:
    """The real cluster, if there is one."""
    if VARIABLE not in os.environ:
        yield None
        return
    cluster = AnyCluster()
    try:
        yield Subject(cluster.connect, cluster.namespace, cluster.group)
    finally:
        cluster.close()


@pytest.fixture
def subject(real: Subject | None, world: World) -> Subject:
    """The cluster of this run."""
    if real is not None:
        return real
    schema: Any = {"type": "object", "properties": {"spec": {"properties": {"engineImage": {"type": "string"}}}}}
    world.cluster.define(GROUP, "v1", "widgets", "Widget", schema)
    world.cluster.add("widgets", "one", namespace=NAMESPACE, **OBJECTS["widgets"])
    world.cluster.add("deployments", "api", namespace=NAMESPACE, **OBJECTS["deployments"])
    for name in MAPS:
        world.cluster.add("configmaps", name, namespace=NAMESPACE)
    return Subject(world.connect, NAMESPACE, GROUP)


def test_discovery_names_workloads_and_custom_resources(subject: Subject) -> None:
    """With the kinds that objects have, and nothing that cannot be listed."""
    found = {kind.key: kind for kind in discovery.kinds(subject.connect())}
    assert found["", "pods"] == Kind("", "pods", "v1", "Pod")
    assert found["apps", "deployments"] == Kind("apps", "deployments", "v1", "Deployment")
    assert found[subject.group, "widgets"] == subject.widgets
    assert not {name for _, name in found if "/" in name or name == "subjectaccessreviews"}


def test_plain_discovery_names_the_same(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers before 1.27 have no other one."""
    aggregated = discovery.kinds(subject.connect())
    monkeypatch.setattr(discovery, "_ACCEPT", "application/json")
    assert set(discovery.kinds(subject.connect())) == set(aggregated)


@pytest.mark.parametrize("size", [2, 500])
def test_every_page_is_read(subject: Subject, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each object once."""
    monkeypatch.setattr(listing, "PAGE", size)
    assert subject.names(CONFIG_MAPS) == sorted(MAPS)


def test_pages_are_of_one_snapshot(subject: Subject) -> None:
    """By the version of the list."""
    connection = subject.connect()
    first = connection.get(CONFIG_MAPS.path, {"limit": "2"})
    second = connection.get(CONFIG_MAPS.path, {"limit": "2", "continue": first["metadata"]["continue"]})
    assert len(first["items"]) == len(second["items"]) == 2
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


def test_custom_resources_are_listed_as_they_are(subject: Subject) -> None:
    """Whatever their schema."""
    items = list(listing.objects(subject.connect(), subject.widgets))
    assert [one["spec"] for one in items if one["metadata"]["namespace"] == subject.namespace] == [
        OBJECTS["widgets"]["spec"]
    ]


def test_what_may_not_be_listed_is_refused_with_its_name(subject: Subject) -> None:
    """By 403."""
    with pytest.raises(ClusterError, match='cannot list resource "secrets" in API group ""') as caught:
        list(listing.objects(subject.connect(), SECRETS))
    assert caught.value.status == 403


def test_who_is_not_known_is_refused_otherwise(subject: Subject) -> None:
    """By 401."""
    with pytest.raises(ClusterError, match="HTTP 401: Unauthorized") as caught:
        subject.connect(token=lambda: "k8s-aws-v1.bm9ib2R5").get(CONFIG_MAPS.path)
    assert caught.value.status == 401


def test_a_token_of_nonsense_continues_nothing(subject: Subject) -> None:
    """By 400."""
    with pytest.raises(ClusterError) as caught:
        subject.connect().get(CONFIG_MAPS.path, {"limit": "2", "continue": "nonsense"})
    assert caught.value.status == 400


def test_a_kind_that_is_gone_is_not_found(subject: Subject) -> None:
    """By 404."""
    with pytest.raises(ClusterError) as caught:
        list(listing.objects(subject.connect(), Kind(subject.group, "gadgets", "v1", "Gadget")))
    assert caught.value.status == 404


def test_schemas_say_which_kinds_may_name_images(subject: Subject) -> None:
    """To anybody who is authenticated."""
    connection = subject.connect()
    kinds = discovery.kinds(connection)
    found = {kind.key for kind in schemas.may_name_images(connection, kinds)}
    assert {("", "configmaps"), ("", "pods"), ("apps", "deployments"), (subject.group, "widgets")} <= found
    assert not {("", "namespaces"), ("", "services"), ("coordination.k8s.io", "leases")} & found
