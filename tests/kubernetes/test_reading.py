"""How kinds are found and listed when the server is old, busy, or does not tell the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.errors import ClusterError
from ecr_cleaner.kubernetes import discovery, listing, schemas
from ecr_cleaner.kubernetes.connection import Bounds
from ecr_cleaner.kubernetes.kinds import Kind, in_order, is_read, rules
from tests.fake_kubernetes import Fault
from tests.fake_kubernetes.schemas import of, strings

if TYPE_CHECKING:
    from tests.kubernetes.conftest import World

CONFIG_MAPS = Kind("", "configmaps", "v1", "ConfigMap")


def keys(world: World) -> set[tuple[str, str]]:
    """Of the kinds that are found."""
    return {kind.key for kind in discovery.kinds(world.connect())}


@pytest.mark.parametrize("aggregated", ["v2", "v2beta1", None])
def test_old_and_new_servers_name_the_same_kinds(world: World, aggregated: str | None) -> None:
    """Two calls, or one for each version of each group; the preferred version first, others for what it lacks."""
    world.cluster.aggregated = aggregated
    for version, name in (("v2", "widgets"), ("v1", "widgets"), ("v1", "olds")):
        world.cluster.define("example.com", version, name, name.title(), of())
    found = {kind.key: kind.version for kind in discovery.kinds(world.connect())}
    assert found["example.com", "widgets"] == "v2"
    assert found["example.com", "olds"] == "v1"
    assert found["batch", "cronjobs"] == "v1"
    assert len(world.cluster.requests) == (2 if aggregated else 10)


@pytest.mark.parametrize("aggregated", ["v2", None])
def test_a_group_whose_server_is_silent_may_have_any_kinds(world: World, aggregated: str | None) -> None:
    """It is named."""
    world.cluster.aggregated = aggregated
    world.cluster.define("example.com", "v1beta1", "widgets", "Widget", of())
    world.cluster.groups_down.add("example.com")
    with pytest.raises(ClusterError, match=r"the API service v1beta1\.example\.com does not say which kinds it has"):
        keys(world)


@pytest.mark.parametrize("aggregated", ["v2", None])
def test_silent_metrics_do_not_matter(world: World, aggregated: str | None) -> None:
    """They name no image, and are never read."""
    world.cluster.aggregated = aggregated
    world.cluster.define("metrics.k8s.io", "v1beta1", "pods", "PodMetrics", of())
    world.cluster.groups_down.add("metrics.k8s.io")
    assert ("metrics.k8s.io", "pods") not in keys(world)
    world.cluster.groups_down.clear()
    assert ("metrics.k8s.io", "pods") not in keys(world)


@pytest.mark.parametrize("path", ["/api", "/apis", "/apis/apps/v1"])
def test_a_discovery_without_its_list_is_no_answer(world: World, path: str) -> None:
    """It does not say that there is nothing."""
    world.cluster.aggregated = None if path == "/apis/apps/v1" else "v2"
    world.cluster.faults.append(Fault("no_items", path))
    with pytest.raises(ClusterError, match="the answer is not complete"):
        keys(world)


@pytest.mark.parametrize("name", ["pods", "cronjobs", "controllerrevisions"])
def test_a_discovery_without_workloads_is_not_believed(world: World, name: str) -> None:
    """Every cluster has them."""
    world.cluster.resources = [one for one in world.cluster.resources if one.name != name]
    with pytest.raises(ClusterError, match=f"it does not name {name}"):
        keys(world)


def test_what_is_never_read(world: World) -> None:
    """Secrets first of all; custom resources of the same names are read."""
    world.cluster.define("example.com", "v1", "secrets", "Secret", of())
    read = {kind.key for kind in discovery.kinds(world.connect()) if is_read(kind)}
    never = {("", "secrets"), ("", "events"), ("", "nodes"), ("", "endpoints"), ("coordination.k8s.io", "leases")}
    assert not never & read
    assert ("example.com", "secrets") in read


def test_pods_are_read_last(world: World) -> None:
    """What templates make meanwhile is among them."""
    assert in_order(list(discovery.kinds(world.connect())))[-1].key == ("", "pods")


def filled(world: World, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some ConfigMaps, in pages of two."""
    monkeypatch.setattr(listing, "PAGE", 2)
    for number in range(count):
        world.cluster.add("configmaps", f"m{number}")


def names(world: World) -> list[str]:
    """Of all ConfigMaps, as often as they are found."""
    return [item["metadata"]["name"] for item in listing.objects(world.connect(), CONFIG_MAPS)]


@pytest.mark.parametrize("expiries", [1, 3])
def test_an_expired_list_is_begun_anew(world: World, expiries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And never continued by the token that is offered."""
    filled(world, 5, monkeypatch)
    world.cluster.faults += [Fault("expired", CONFIG_MAPS.path, times=1, after=1) for _ in range(expiries)]
    assert set(names(world)) == {f"m{number}" for number in range(5)}
    assert all(query.get("continue") != "inconsistent" for _, query in world.cluster.requests)


def test_a_list_that_always_expires_is_no_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three new beginnings."""
    filled(world, 5, monkeypatch)
    world.cluster.faults.append(Fault("expired", CONFIG_MAPS.path))
    with pytest.raises(ClusterError, match="expired 4 times"):
        names(world)
    assert len(world.cluster.requests) == 4


def test_pages_of_two_snapshots_are_not_one_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What moved between them could be missed, so it is begun anew."""
    filled(world, 5, monkeypatch)
    real = world.cluster.answer
    moved: list[str] = []

    def answer(*args: Any) -> Any:
        reply = real(*args)
        if "continue" in args[2] and not moved:
            moved.append("once")
            reply.body["metadata"]["resourceVersion"] = "7"
        return reply

    monkeypatch.setattr(world.cluster, "answer", answer)
    assert set(names(world)) == {f"m{number}" for number in range(5)}
    assert len(world.cluster.requests) == 5


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no_items", "'items' is missing"),
        ("null_items", "'items' is missing"),
        ("no_version", r"'metadata.resourceVersion' is missing"),
        ("repeated_token", "a token is repeated"),
        ("endless", "all answers together have more than 20,000 bytes"),
        ("broken", "HTTP 500"),
    ],
)
def test_a_list_that_is_not_complete_is_no_list(world: World, kind: Any, message: str) -> None:
    """Each time."""
    world.cluster.faults.append(Fault(kind, CONFIG_MAPS.path))
    with pytest.raises(ClusterError, match=message):
        list(listing.objects(world.connect(bounds=Bounds(cluster_bytes=20_000)), CONFIG_MAPS))


@pytest.mark.parametrize("openapi", [("v2",), ("v2", "v3"), ()])
def test_schemas_of_old_and_new_servers(world: World, openapi: tuple[str, ...]) -> None:
    """Where there are none, every kind may name images."""
    world.cluster.openapi = openapi
    world.cluster.define("example.com", "v1", "certificates", "Certificate", of(spec=strings("dnsName")))
    world.cluster.define("example.com", "v1", "databases", "Database", of(spec=strings("engineImage")))
    connection = world.connect()
    kinds = discovery.kinds(connection)
    found = {kind.key for kind in schemas.may_name_images(connection, kinds)}
    assert {("example.com", "databases"), ("apps", "deployments"), ("", "persistentvolumes")} <= found
    harmless = {("example.com", "certificates"), ("", "namespaces"), ("networking.k8s.io", "ingresses")}
    assert harmless & found == (set() if openapi else harmless)


@pytest.mark.parametrize("kind", ["forbidden", "broken"])
def test_schemas_that_are_refused_say_nothing(world: World, kind: Any) -> None:
    """So every kind may name images."""
    world.cluster.faults.append(Fault(kind, "/openapi*"))
    connection = world.connect()
    kinds = discovery.kinds(connection)
    assert schemas.may_name_images(connection, kinds) == set(kinds)


def test_rules_name_kinds_by_their_groups() -> None:
    """As RBAC wants them, in order."""
    kinds = [Kind("apps", "deployments", "v1", "D"), Kind("", "pods", "v1", "P"), Kind("apps", "a", "v1", "A")]
    assert rules(kinds) == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["a", "deployments"], "verbs": ["list"]},
    ]
