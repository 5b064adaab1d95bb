"""What an object of a cluster uses, as what, and who is named for it."""

from __future__ import annotations

from typing import Any, Final

import pytest

from ecr_cleaner.model.usage import UsageKind
from ecr_cleaner.usage.found import like
from ecr_cleaner.usage.kubernetes_objects import usages_of_object
from tests.builders import HOST, digest

CLUSTER: Final = "arn:aws:eks:us-east-1:123456789012:cluster/prod"
APP: Final = digest("app")


def used(resource: str, kind: str, *, group: str = "", **item: Any) -> set[tuple[str, str]]:
    """Reference and evidence of an object's usages; its reference is without the host."""
    base = {"metadata": {"name": "api", "namespace": "shop"}}
    usage = like("eks", "EKS cluster prod", arn=CLUSTER)
    found = usages_of_object((group, resource), kind, base | item, usage)
    return {(one.reference.text.removeprefix(f"{HOST}/"), one.evidence.value) for one in found}


def spec(*images: str) -> dict[str, Any]:
    """A pod's specification."""
    return {"containers": [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]}


def pod(written: str, **status: Any) -> set[tuple[str, str]]:
    """What a pod uses."""
    statuses = [{"name": "c0", **status}] if status else []
    return used("pods", "Pod", spec=spec(written), status={"containerStatuses": statuses})


TEMPLATE: Final = {"template": {"spec": spec(f"{HOST}/app:v1")}}
OWNED: Final = {"name": "api", "namespace": "shop", "ownerReferences": [{"kind": "Deployment", "name": "api"}]}


@pytest.mark.parametrize(
    ("resource", "group", "item", "evidence"),
    [
        ("deployments", "apps", {"spec": TEMPLATE}, "configured"),
        ("statefulsets", "apps", {"spec": TEMPLATE}, "configured"),
        ("daemonsets", "apps", {"spec": TEMPLATE}, "configured"),
        ("replicationcontrollers", "", {"spec": TEMPLATE}, "configured"),
        ("podtemplates", "", TEMPLATE, "configured"),
        ("replicasets", "apps", {"spec": TEMPLATE | {"replicas": 2}, "metadata": OWNED}, "configured"),
        ("replicasets", "apps", {"spec": TEMPLATE | {"replicas": 0}, "metadata": OWNED}, "rollback"),
        ("replicasets", "apps", {"spec": TEMPLATE | {"replicas": 0}}, "configured"),
        ("controllerrevisions", "apps", {"data": {"spec": TEMPLATE}}, "rollback"),
        ("jobs", "batch", {"spec": TEMPLATE}, "configured"),
        ("cronjobs", "batch", {"spec": {"suspend": True, "jobTemplate": {"spec": TEMPLATE}}}, "scheduled"),
        ("rollouts", "argoproj.io", {"spec": TEMPLATE}, "configured"),
        ("configmaps", "", {"data": {"pod.yaml": f"image: {HOST}/app:v1"}}, "configured"),
        ("persistentvolumes", "", {"spec": {"csi": {"volumeAttributes": {"image": f"{HOST}/app:v1"}}}}, "configured"),
        ("pods", "", {"spec": spec(f"{HOST}/app:v1")}, "running"),
    ],
)
def test_each_kind_uses_its_image_in_its_way(resource: str, group: str, item: Any, evidence: str) -> None:
    """Running, configured, scheduled, or to be rolled back to."""
    assert used(resource, resource.title(), group=group, **item) == {("app:v1", evidence)}


def test_every_container_and_volume_of_a_pod_counts() -> None:
    """Init and ephemeral ones, volumes that are images or whose driver mounts one."""
    whole = {
        **spec(f"{HOST}/app:v1", "nginx"),
        "initContainers": [{"name": "init", "image": f"{HOST}/init:v1"}],
        "ephemeralContainers": [{"name": "debug", "image": f"{HOST}/debug"}],
        "volumes": [
            {"name": "data", "image": {"reference": f"{HOST}/data"}},
            {"name": "csi", "csi": {"driver": "x", "volumeAttributes": {"image": f"{HOST}/csi"}}},
        ],
    }
    found = {name for name, _ in used("pods", "Pod", spec=whole)}
    assert found == {"app:v1", "init:v1", "debug", "data", "csi:*"}


@pytest.mark.parametrize(
    ("image_id", "found"),
    [
        (f"{HOST}/app@{APP}", {"app:v1", f"app@{APP}"}),
        (f"docker-pullable://{HOST}/app@{APP}", {"app:v1", f"app@{APP}"}),
        (f"mirror.example.com/app@{APP}", {"app:v1", APP}),
        (f"docker://{APP}", {"app:v1", "app:*", APP}),
        (APP, {"app:v1", "app:*", APP}),
        ("0" * 64, {"app:v1", "app:*"}),
        ("", {"app:v1"}),
    ],
)
def test_what_a_runtime_tells_counts_in_each_of_its_forms(image_id: str, found: set[str]) -> None:
    """The digest of a configuration is known to no registry, so all of the repository counts."""
    names = {name for name, _ in pod(f"{HOST}/app:v1", image=f"{HOST}/app:v1", imageID=image_id)}
    assert names == found


def test_a_mirrored_image_counts_by_its_digest() -> None:
    """The name is that of another registry."""
    assert pod("nginx:1", image="docker.io/library/nginx:1", imageID=f"docker.io/library/nginx@{APP}") == {
        (APP, "running")
    }
    assert pod("nginx:1", image="nginx:1", imageID="0" * 64) == set()


def test_the_past_is_no_use() -> None:
    """Of what Kubernetes itself makes; of custom resources, all but the conditions counts."""
    status = {"conditions": [{"message": f"{HOST}/dead:v1"}], "current": {"image": f"{HOST}/app:v2"}}
    assert used("deployments", "Deployment", group="apps", spec=TEMPLATE, status=status) == {("app:v1", "configured")}
    assert used("databases", "Database", group="example.com", status=status) == {("app:v2", "configured")}
    waiting = {"waiting": {"message": f"{HOST}/dead:v1"}}
    assert pod(f"{HOST}/app:v1", imageID="", state=waiting) == {("app:v1", "running")}
    mounts = [{"volumeStatus": {"image": {"imageRef": f"{HOST}/data@{APP}"}}}]
    assert pod("nginx", imageID="", volumeMounts=mounts) == {(f"data@{APP}", "running")}


def test_who_is_named() -> None:
    """Pods go by what makes them; the key for an accepted gap is the object's own."""
    owner = {"kind": "ReplicaSet", "name": "api-1", "controller": True}
    usage = like("eks", "EKS cluster prod", arn=CLUSTER)
    item = {"metadata": {"name": "api-1-x", "namespace": "shop", "ownerReferences": [owner]}, "spec": spec(f"{HOST}/a")}
    (one,) = usages_of_object(("", "pods"), "Pod", item, usage)
    assert one.consumer == "EKS cluster prod: pods of ReplicaSet shop/api-1"
    assert one.consumer_arn == f"{CLUSTER}/pods/shop/api-1-x"
    item = {"metadata": {"name": "c\n1"}, "spec": {"image": f"{HOST}/a"}}
    (one,) = usages_of_object(("example.com", "things"), "Thing", item, usage)
    assert one.consumer == "EKS cluster prod: Thing c\n1"
    assert one.consumer_arn == f"{CLUSTER}/things.example.com/c\n1"
    assert (one.evidence, one.in_text) == (UsageKind.CONFIGURED, True)


@pytest.mark.parametrize(
    "item",
    [
        {"metadata": "x"},
        {"metadata": {"ownerReferences": "x"}},
        {"spec": "x"},
        {"status": []},
        {"status": {"containerStatuses": {"a": 1}}},
        {"status": {"containerStatuses": ["x"]}},
        {"spec": {"containers": ["x"]}, "status": {}},
    ],
)
def test_what_has_another_form_is_an_error(item: Any) -> None:
    """Nobody knows what it uses."""
    usage = like("eks", "EKS cluster prod", arn=CLUSTER)
    with pytest.raises(ValueError, match="was expected"):
        list(usages_of_object(("", "pods"), "Pod", {"metadata": {"name": "a"}} | item, usage))
