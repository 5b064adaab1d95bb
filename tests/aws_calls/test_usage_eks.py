"""Which clusters are read, how one that cannot be read is named, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from ecr_cleaner.errors import ClusterError, IncompleteAnswerError
from ecr_cleaner.usage.sources import eks
from tests.aws_calls.consumers import account
from tests.fake_kubernetes import FakeCluster, FakeServer, Fault, resolving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.usage.source import SourceContext
    from tests.aws_calls.script import Script

LISTING: Final = {"maxResults": 100, "include": ["all"]}
PRIVATE: Final = {"endpointPublicAccess": False, "publicAccessCidrs": []}
LIMITED: Final = {"endpointPublicAccess": True, "publicAccessCidrs": ["192.0.2.0/24", "198.51.100.7/32"]}


@pytest.fixture
def cluster(script: Script, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    """A served cluster; what it is asked is answered at once, and waits are not made."""
    monkeypatch.setattr("ecr_cleaner.kubernetes.connection._back_off", lambda _: 0.0)
    made = FakeCluster(sts_hosts=[urlsplit(script.aws.client("sts").meta.endpoint_url).netloc])
    made.add("pods", "api", spec={"containers": [{"name": "c", "image": "nginx"}]})
    with FakeServer(made):
        resolving(monkeypatch)
        yield made


def asked(script: Script, *described: dict[str, Any], after: list[str] | None = None) -> SourceContext:
    """What becomes of clusters that are described so; the listing is repeated if one fails."""
    names = [str(one["name"]) for one in described]
    script.answer("eks", "list_clusters", {"clusters": names}, **LISTING)
    for one in described:
        script.answer("eks", "describe_cluster", {"cluster": one}, name=one["name"])
    if after is not None:
        script.answer("eks", "list_clusters", {"clusters": after}, **LISTING)
    context = account(script)
    list(eks.collect(context))
    return context


@pytest.mark.parametrize("pages", [[[]], [[], []]])
def test_without_clusters_nothing_is_used(script: Script, pages: list[list[str]]) -> None:
    """An empty page that another one follows is not the end."""
    script.pages("eks", "list_clusters", "clusters", *pages, **LISTING)
    assert list(eks.collect(account(script))) == []


def test_a_listing_with_nothing_for_its_items_is_no_answer(script: Script) -> None:
    """It does not say that there are no clusters."""
    script.cut_short("eks", "list_clusters", {"clusters": None}, **LISTING)
    with pytest.raises(IncompleteAnswerError, match="field 'clusters' is missing"):
        list(eks.collect(account(script)))


def test_a_cluster_is_read_whole(script: Script, cluster: FakeCluster) -> None:
    """By one token, kind after kind, pods last, and nothing that is never read."""
    assert asked(script, cluster.described()).clusters == {"shop": None}
    lists = [path for path, query in cluster.requests if "limit" in query]
    assert lists[-1] == "/api/v1/pods"
    assert not {"/api/v1/secrets", "/api/v1/events", "/api/v1/nodes", "/api/v1/endpoints"} & set(lists)
    assert not [path for path, _ in cluster.requests if path.startswith("/openapi")]
    assert (cluster.errors, cluster.refusals) == ([], [])


def test_a_cluster_that_is_being_made_runs_nothing(script: Script) -> None:
    """It is told."""
    context = asked(script, {"name": "shop", "status": "CREATING"})
    assert (context.clusters, len(context.notes)) == ({"shop": None}, 1)


@pytest.mark.parametrize(
    ("more", "causes"),
    [
        ({"connectorConfig": {"provider": "GKE"}}, ["it runs elsewhere and is only connected to EKS"]),
        ({"status": "DELETING"}, ["its status is DELETING"]),
        ({"status": "FAILED"}, ["its status is FAILED"]),
        ({"status": "PENDING"}, ["its status is PENDING"]),
        ({"endpoint": ""}, ["returns no endpoint"]),
        ({"endpoint": "https://example.com"}, ["is not one of EKS"]),
        (
            {"endpoint": "https://gone.gr7.us-east-1.eks.amazonaws.com", "resourcesVpcConfig": PRIVATE},
            ["it cannot be reached (NameResolutionError)", "its endpoint is private", "vpc_subnet_ids"],
        ),
        (
            {"endpoint": "https://gone.gr7.us-east-1.eks.amazonaws.com", "resourcesVpcConfig": LIMITED},
            ["it cannot be reached", "lets in only 192.0.2.0/24, 198.51.100.7/32"],
        ),
    ],
)
def test_a_cluster_that_cannot_be_read_says_why(
    script: Script, cluster: FakeCluster, more: dict[str, Any], causes: list[str]
) -> None:
    """And what mends it."""
    context = asked(script, cluster.described(**more), after=["shop"])
    error = context.clusters["shop"]
    assert isinstance(error, ClusterError)
    assert [cause for cause in [*causes, "eks/us-east-1/shop.json"] if cause not in str(error)] == []
    assert error.gaps == ("eks:arn:aws:eks:us-east-1:123456789012:cluster/shop",)


@pytest.mark.parametrize(("mode", "is_told"), [("CONFIG_MAP", True), ("API", False), ("API_AND_CONFIG_MAP", False)])
def test_a_role_that_is_not_known_is_told_how_it_can_be(
    script: Script, cluster: FakeCluster, mode: str, *, is_told: bool
) -> None:
    """Where access entries have no effect, that is told too."""
    described = cluster.described(accessConfig={"authenticationMode": mode})
    cluster.sts_hosts = ["nowhere"]
    error = str(asked(script, described, after=["shop"]).clusters["shop"])
    assert "HTTP 401: Unauthorized; to mend this, give the function's role an access entry" in error
    assert ("its authentication mode is CONFIG_MAP, in which access entries have no effect" in error) is is_told
    assert "k8s-aws-v1" not in error


def test_a_cluster_that_cannot_be_described_fails_alone(script: Script, cluster: FakeCluster) -> None:
    """The others are read."""
    script.answer("eks", "list_clusters", {"clusters": ["data", "shop", "web"]}, **LISTING)
    script.refuse("eks", "describe_cluster", "ServerException", name="data")
    script.answer("eks", "describe_cluster", {"cluster": cluster.described()}, name="shop")
    script.answer("eks", "describe_cluster", {"cluster": {"name": "web"}}, name="web")
    script.answer("eks", "list_clusters", {"clusters": ["data", "shop", "web"]}, **LISTING)
    context = account(script)
    list(eks.collect(context))
    assert "ServerException" in str(context.clusters["data"])
    assert context.clusters["shop"] is None
    assert isinstance(context.clusters["web"], IncompleteAnswerError)


def test_a_cluster_that_is_deleted_meanwhile_is_no_error(script: Script) -> None:
    """Its list of used images may have been deleted first; the others are still named."""
    made = [{"name": name, "status": "DELETING"} for name in ("batch", "shop")]
    context = asked(script, *made, after=["batch"])
    assert context.clusters["shop"] is None
    assert context.clusters["batch"] is not None


def test_what_was_found_before_a_cluster_failed_still_counts(script: Script, cluster: FakeCluster) -> None:
    """It protects, whatever else would."""
    cluster.add("deployments", "api", spec={"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:v1"})
    cluster.faults.append(Fault("broken", "/api/v1/pods"))
    script.answer("eks", "list_clusters", {"clusters": ["shop"]}, **LISTING)
    script.answer("eks", "describe_cluster", {"cluster": cluster.described()}, name="shop")
    script.answer("eks", "list_clusters", {"clusters": ["shop"]}, **LISTING)
    context = account(script)
    (usage,) = eks.collect(context)
    assert (usage.reference.repository, usage.cluster) == ("app", "shop")
    assert "GET /api/v1/pods: HTTP 500" in str(context.clusters["shop"])


def test_an_object_of_another_form_fails_its_cluster(script: Script, cluster: FakeCluster) -> None:
    """Nobody knows what it uses."""
    cluster.add("pods", "odd", spec="?", status={"containerStatuses": []})
    cluster.add("pods", "odder", status="?")
    error = asked(script, cluster.described(), after=["shop"]).clusters["shop"]
    assert "what it returned could not be understood: ValueError(" in str(error)


def test_a_kind_that_is_deleted_while_it_is_read_is_gone(
    script: Script, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not named any more when the cluster is asked again."""
    cluster.define("example.com", "v1", "widgets", "Widget", {"type": "object"})
    widgets = cluster.resources[-1]
    real = cluster.answer

    def answer(method: str, path: str, *more: Any) -> Any:
        if path.endswith("/widgets") and widgets in cluster.resources:
            cluster.resources.remove(widgets)
        return real(method, path, *more)

    monkeypatch.setattr(cluster, "answer", answer)
    assert asked(script, cluster.described()).clusters == {"shop": None}
