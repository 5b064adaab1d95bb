"""Whole runs over clusters of Kubernetes: what any object needs stays, and a cluster that is not read stops all."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest
import yaml
from click.testing import CliRunner

from ecr_cleaner.aws import client
from ecr_cleaner.cli import main
from ecr_cleaner.cli import session as sessions
from ecr_cleaner.kubernetes import connection
from ecr_cleaner.kubernetes.connection import Bounds
from tests.fake_aws.aws import ACCOUNT
from tests.fake_kubernetes import FakeCluster, FakeServer, Fault
from tests.fake_kubernetes.schemas import of, strings
from tests.integration import cells
from tests.integration.runner import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

HOST: Final = f"123456789012.dkr.ecr.{REGION}.amazonaws.com"
ARN: Final = f"arn:aws:eks:{REGION}:123456789012:cluster/"
LISTS: Final = {"bucket": "lists", "prefix": "inventories/", "max_age_hours": 24}
CUSTOM: Final = {f"custom_resources:{ARN}custom": "its rollouts use images of another registry"}


class Clusters:
    """Clusters that are served and that EKS describes."""

    def __init__(self, sandbox: Sandbox, stack: ExitStack) -> None:
        self._sandbox, self._stack = sandbox, stack

    def add(self, name: str, region: str = REGION, account: str = ACCOUNT, **described: Any) -> FakeCluster:
        """A cluster; it knows whoever of its account the sandbox's token service knows."""
        hosts = [urlsplit(self._sandbox.endpoint).netloc]
        cluster = FakeCluster(
            name=name, region=region, account=account, sts_hosts=hosts, caller=self._sandbox.accounts.identities.signer
        )
        self._stack.enter_context(FakeServer(cluster))
        told = {"clusters": [name], "described": {name: cluster.described(**described)}}
        self._sandbox.seed({"region": region, "eks": told}, account=account)
        return cluster


@pytest.fixture
def clusters(run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clusters]:
    """None yet; what one may take is little, and nobody waits."""
    assert run.sandbox is sandbox
    bounds = partial(Bounds, cluster_bytes=400_000, answer_bytes=200_000, cluster_seconds=20, read_seconds=0.5)
    monkeypatch.setattr(connection, "Bounds", bounds)
    monkeypatch.setattr(connection, "_back_off", lambda _: 0.0)
    monkeypatch.setattr(connection, "_retry_after", lambda *_: 0.0)
    with ExitStack() as stack:
        yield Clusters(sandbox, stack)


def spec(image: str) -> dict[str, Any]:
    """Of a pod."""
    return {"containers": [{"name": "main", "image": image}]}


def images(run: Runner, sandbox: Sandbox, *names: str) -> None:
    """An opted-in repository with old images, each with its name as its tag, and one that nothing needs."""
    run.opted_in("app")
    for name in (*names, "unneeded"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")


def fill(cluster: FakeCluster, sandbox: Sandbox) -> tuple[str, ...]:
    """Objects of every kind that matters; returns the images that they need, which are to be there before."""
    template = {"template": {"spec": spec(f"{HOST}/app:deployed")}}
    cluster.add("deployments", "api", spec=template)
    owner = {"ownerReferences": [{"kind": "Deployment", "name": "api"}]}
    before = {"replicas": 0, "template": {"spec": spec(f"{HOST}/app:before")}}
    cluster.add("replicasets", "api-1", spec=before, metadata=owner)
    nightly = {"suspend": True, "jobTemplate": {"spec": {"template": {"spec": spec(f"{HOST}/app:nightly")}}}}
    cluster.add("cronjobs", "nightly", spec=nightly)
    cluster.add("controllerrevisions", "set-1", data={"spec": {"template": {"spec": spec(f"{HOST}/app:revision")}}})
    cluster.add("configmaps", "runner", data={"pod.yaml": f"image: {HOST}/app:runner\n"})
    attributes = {"driver": "csi", "volumeAttributes": {"image": f"{HOST}/app:mounted"}}
    cluster.add("persistentvolumes", "data", spec={"csi": attributes})
    digest = sandbox.digest("running")
    status = {"containerStatuses": [{"name": "main", "image": "app:moved", "imageID": f"{HOST}/app@{digest}"}]}
    cluster.add("pods", "api-1-x", spec=spec(f"{HOST}/app:moved"), status=status)
    cluster.define("helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease", {"type": "object"})
    values = {"image": {"registry": HOST, "repository": "app", "tag": "released"}}
    cluster.add("helmreleases", "shop", spec={"values": values})
    return NEEDED


NEEDED: Final = ("deployed", "before", "nightly", "revision", "runner", "mounted", "running", "released")


def test_two_nights_over_three_clusters(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], clusters: Clusters
) -> None:
    """One that is old and public, one that is private and has a list, one that denies a kind until that is accepted."""
    images(run, sandbox, *NEEDED, "listed", "custom")
    old, custom = clusters.add("old"), clusters.add("custom", status="UPDATING")
    sandbox.seed({"eks": {"clusters": ["private"]}})
    fill(old, sandbox)
    custom.add("jobs", "once", spec={"template": {"spec": spec(f"{HOST}/app:custom")}})
    custom.define("argoproj.io", "v1alpha1", "rollouts", "Rollout", {"type": "object"})
    custom.define("example.com", "v1", "certificates", "Certificate", of(spec=strings("dnsName")))
    custom.denied |= {("argoproj.io", "rollouts"), ("example.com", "certificates")}

    def is_listed() -> None:
        sandbox.seed({"s3": {"lists": {f"inventories/eks/{REGION}/private.json": {"json": ["app:listed"]}}}})

    is_listed()
    first = night(used_images=LISTS)
    assert (first.status, first.gone) == ("refused", {})
    assert f"source eks in 123456789012/{REGION} cluster custom: it cannot be read" in first.causes
    assert "kinds whose objects may name images: rollouts.argoproj.io; " in first.causes
    assert "ecr-cleaner kubernetes-role --cluster custom" in first.causes
    assert f'accepted_gaps = {{ "custom_resources:{ARN}custom" = "<reason>" }}' in first.causes
    assert not [name for name in ("old", "private") if f"cluster {name}" in first.causes]
    assert first.sources["eks old"]["outcome"] == "complete"
    past.passes(days=1)
    is_listed()
    second = night(used_images=LISTS, accepted_gaps=CUSTOM)
    assert (second.status, second.gone) == ("completed", {"app": run.ids("unneeded")})
    assert any("rollouts.argoproj.io: its rollouts use images" in note for note in second.told["notes"])
    kept = second.kept()
    assert kept[sandbox.digest("running")] == ("in_use", "EKS cluster old: Pod shop/api-1-x")
    assert kept[sandbox.digest("released")] == ("in_use", "EKS cluster old: HelmRelease shop/shop")
    assert all(cluster.errors == [] and cluster.refusals == [] for cluster in (old, custom))


PATHS: Final = ("/api", "/apis", "/api/v1/pods", "/apis/apps/v1/deployments", "/api/v1/configmaps")
LASTING: Final = (
    *("unauthorized", "forbidden", "expired", "throttled", "broken", "unavailable", "redirect", "timeout", "reset"),
    *("cut", "cut_gzip", "no_items", "no_json", "huge"),
)
IN_LISTS: Final = ("endless", "repeated_token", "no_version", "null_items")


def going_wrong(path: str) -> Iterator[Any]:
    """What goes wrong at a path: everything, or a sample that has each kind at one of the paths.

    That no kind of failure is taken for an answer, wherever it comes, is shown in tests/kubernetes.
    """
    for kinds, paths in ((LASTING, PATHS), (IN_LISTS, PATHS[2:])):
        if path in paths:
            yield from kinds if cells.FULL else kinds[paths.index(path) :: len(paths)]


@pytest.mark.parametrize("path", PATHS)
def test_no_call_that_fails_for_good_lets_anything_go(
    run: Runner, sandbox: Sandbox, clusters: Clusters, path: str
) -> None:
    """In every way; the cluster is named each time, and read again as soon as it answers."""
    images(run, sandbox, *NEEDED)
    cluster = clusters.add("shop")
    fill(cluster, sandbox)
    for kind in going_wrong(path):
        cluster.faults[:] = [Fault(kind, path)]
        outcome = run()
        assert (outcome.status, outcome.gone) == ("refused", {}), kind
        assert f"source eks in 123456789012/{REGION} cluster shop: it cannot be read" in outcome.causes, kind
        assert f"used_images_uri + eks/{REGION}/shop.json" in outcome.causes, kind
        assert "k8s-aws-v1" not in outcome.causes + str(outcome.summary), kind
    cluster.faults.clear()
    assert run().gone == {"app": run.ids("unneeded")}


@pytest.mark.parametrize("kind", ["expired", "throttled", "broken", "unavailable", "reset", "cut", "cut_gzip"])
def test_what_passes_by_itself_stops_nothing(run: Runner, sandbox: Sandbox, clusters: Clusters, kind: Any) -> None:
    """Once on each list."""
    images(run, sandbox, *NEEDED)
    cluster = clusters.add("shop")
    fill(cluster, sandbox)
    cluster.faults += [Fault(kind, path, times=1) for path in PATHS[2:]]
    outcome = run()
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("unneeded")})


def test_workloads_that_may_not_be_listed_are_accepted_by_the_whole_cluster_only(
    run: Runner, sandbox: Sandbox, clusters: Clusters
) -> None:
    """An entry for custom resources does not let a cluster pass of which nobody sees the deployments."""
    images(run, sandbox)
    cluster = clusters.add("custom")
    cluster.denied |= {("apps", "deployments"), ("", "configmaps")}
    outcome = run(accepted_gaps=CUSTOM)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "may name images: configmaps, deployments.apps" in outcome.causes
    assert f'accepted_gaps = {{ "eks:{ARN}custom" = "<reason>" }}' in outcome.causes
    assert run(accepted_gaps={f"eks:{ARN}custom": "known"}).gone == {"app": run.ids("unneeded")}


def test_what_starts_while_the_run_reads_is_seen(run: Runner, sandbox: Sandbox, clusters: Clusters) -> None:
    """Images come before usages, and templates before pods."""
    images(run, sandbox, "late", "later")
    cluster = clusters.add("shop")

    def deploy(_: object) -> None:
        cluster.add("deployments", "late", spec={"template": {"spec": spec(f"{HOST}/app:late")}})
        cluster.add("pods", "later", spec=spec(f"{HOST}/app:later"))

    sandbox.after("ecr", "DescribeImages", deploy)
    assert run().gone == {"app": run.ids("unneeded")}


def test_what_an_object_names_too_widely_is_told_and_can_be_accepted(
    run: Runner, sandbox: Sandbox, clusters: Clusters
) -> None:
    """By the object's own key."""
    images(run, sandbox)
    cluster = clusters.add("shop")
    cluster.add("configmaps", "tools", data={"repository": f"{HOST}/app"})
    outcome = run()
    assert outcome.gone == {}
    key = f"{ARN}shop/configmaps/shop/tools"
    assert f'"usage:{key}" = "<reason>"' in outcome.found("wide_usage")[key]["detail"]
    assert run(accepted_gaps={f"usage:{key}": "known"}).gone == {"app": run.ids("unneeded")}


def test_an_entry_that_nothing_needs_any_more_is_told(run: Runner, sandbox: Sandbox, clusters: Clusters) -> None:
    """The role lists everything now."""
    images(run, sandbox)
    clusters.add("custom")
    outcome = run(accepted_gaps=CUSTOM)
    assert outcome.gone == {"app": run.ids("unneeded")}
    assert list(outcome.found("unused_accepted_gap")) == list(CUSTOM)


def test_the_role_that_is_printed_is_enough_and_has_no_secrets(
    run: Runner, sandbox: Sandbox, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it, and nothing else, the cluster is read; every rule has only the one verb."""
    images(run, sandbox, *NEEDED)
    cluster = clusters.add("shop")
    fill(cluster, sandbox)
    cluster.define("example.com", "v1", "certificates", "Certificate", of(spec=strings("dnsName")))
    monkeypatch.setenv("AWS_ENDPOINT_URL", sandbox.endpoint)
    monkeypatch.setattr(sessions, "connect", lambda *_: client.AwsClients(region=REGION))
    cluster.denied = {one.key for one in cluster.resources}
    result = CliRunner().invoke(main, ["kubernetes-role", "--cluster", "shop", "--group", "readers"])
    assert result.exit_code == 0
    role, binding = yaml.safe_load_all(result.stdout)
    assert binding["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"list"}
    listed = {(group, name) for rule in role["rules"] for group in rule["apiGroups"] for name in rule["resources"]}
    assert not {("", "secrets"), ("", "nodes"), ("", "events"), ("example.com", "certificates")} & listed
    cluster.denied -= listed
    assert run().gone == {"app": run.ids("unneeded")}


def test_no_role_is_printed_of_a_cluster_that_does_not_answer(
    run: Runner, sandbox: Sandbox, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says why."""
    cluster = clusters.add("shop")
    cluster.faults.append(Fault("unauthorized"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", run.sandbox.endpoint)
    monkeypatch.setattr(sessions, "connect", lambda *_: client.AwsClients(region=REGION))
    result = CliRunner().invoke(main, ["kubernetes-role", "--cluster", "shop"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: EKS cluster shop: GET /api: HTTP 401: Unauthorized\n"
    assert sandbox is run.sandbox
