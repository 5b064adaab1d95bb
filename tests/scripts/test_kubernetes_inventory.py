"""scripts/kubernetes-inventory.py: what kubectl prints becomes an inventory, or nothing does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from ecr_cleaner.reference import listed
from tests.builders import HOST, digest

SCRIPT: Final = Path(__file__).resolve().parents[2] / "scripts" / "kubernetes-inventory.py"
MANIFEST: Final = SCRIPT.parents[1] / "examples" / "inventory" / "cronjob.yaml"
KINDS: Final = {
    "controllerrevisions",
    "cronjobs",
    "daemonsets",
    "deployments",
    "jobs",
    "pods",
    "podtemplates",
    "replicasets",
    "replicationcontrollers",
    "statefulsets",
}
META: Final = {"name": "web", "namespace": "shop"}
APP: Final = digest("app")


def run(text: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a text."""
    return subprocess.run(
        [sys.executable, "-I", SCRIPT], input=text, capture_output=True, text=True, timeout=30, check=False
    )


def inventory(*items: Any) -> list[str]:
    """The inventory of some objects."""
    done = run(json.dumps({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}))
    assert (done.returncode, done.stderr) == (0, "")
    found: list[str] = json.loads(done.stdout)
    return found


def refused(text: str) -> str:
    """What the command says where it writes nothing."""
    done = run(text)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr.removeprefix("kubernetes-inventory: ").strip()


def thing(kind: str, **content: Any) -> dict[str, Any]:
    """An object."""
    return {"apiVersion": "v1", "kind": kind, "metadata": META, **content}


def pod_spec(*images: str) -> dict[str, Any]:
    """A pod's specification of these containers."""
    return {"containers": [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]}


def test_every_container_of_a_pod_counts_with_what_it_runs() -> None:
    """Init and ephemeral ones too, and volumes that are images; a container that has not started has no digest."""
    pod = thing(
        "Pod",
        spec={
            **pod_spec(f"{HOST}/app:v1", "nginx"),
            "initContainers": [{"name": "init", "image": f"{HOST}/init:v1"}],
            "ephemeralContainers": [{"name": "debug", "image": "busybox:1"}],
            "volumes": [{"name": "code", "emptyDir": {}}, {"name": "data", "image": {"reference": f"{HOST}/data:v1"}}],
        },
        status={
            "containerStatuses": [{"name": "c0", "imageID": f"{HOST}/app@{APP}"}, {"name": "c1", "imageID": ""}],
            "initContainerStatuses": [{"name": "init", "imageID": f"docker-pullable://{HOST}/init@{digest('init')}"}],
            "ephemeralContainerStatuses": [{"name": "debug", "imageID": f"docker://{digest('config')}"}],
        },
    )
    assert inventory(pod, pod) == sorted(
        [
            f"{HOST}/app:v1",
            "nginx",
            f"{HOST}/init:v1",
            "busybox:1",
            f"{HOST}/data:v1",
            f"{HOST}/app@{APP}",
            f"{HOST}/init@{digest('init')}",
            digest("config"),
        ]
    )


@pytest.mark.parametrize(
    "kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"]
)
def test_the_template_of_a_controller_counts(kind: str) -> None:
    """Also of one that is scaled to nothing, for it may be scaled up again."""
    template = {"metadata": {}, "spec": pod_spec(f"{HOST}/app:v1")}
    assert inventory(thing(kind, spec={"replicas": 0, "template": template})) == [f"{HOST}/app:v1"]


def test_the_template_of_a_cron_job_lies_deeper() -> None:
    """In that of its jobs; a pod template holds it without a specification of its own."""
    spec = {"suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod_spec("job:v1")}}}}
    assert inventory(thing("CronJob", spec=spec)) == ["job:v1"]
    assert inventory(thing("PodTemplate", template={"spec": pod_spec("job:v2")})) == ["job:v2"]


def test_revisions_hold_what_a_controller_may_be_rolled_back_to() -> None:
    """Those of sets; what others keep in revisions is theirs."""
    data = {"spec": {"template": {"$patch": "replace", "spec": pod_spec("set:v1")}}}
    own = {**META, "ownerReferences": [{"kind": "StatefulSet", "name": "web"}]}
    other = {**META, "ownerReferences": [{"kind": "VirtualMachine", "name": "web"}]}
    found = inventory(
        thing("ControllerRevision", data=data) | {"metadata": own},
        thing("ControllerRevision", data={"anything": 1}) | {"metadata": other},
        thing("Pod", spec=pod_spec("nginx")),
    )
    assert found == ["nginx", "set:v1"]


@pytest.mark.parametrize(
    "image_id",
    [
        f"{HOST}/app@{APP}",
        f"docker-pullable://{HOST}/app@{APP}",
        f"docker-image://{APP}",
        f"docker.io/library/nginx@{APP}",
        f"localhost:5000/app@{APP}",
        f"app:v1@{APP}",
        APP,
    ],
)
def test_the_function_reads_what_the_command_writes(image_id: str) -> None:
    """Every form in which runtimes tell what runs keeps its digest."""
    pod = thing("Pod", spec=pod_spec("nginx"), status={"containerStatuses": [{"imageID": image_id}]})
    found = [listed(text) for text in inventory(pod)]
    assert APP in {reference.digest for reference in found if reference}


def test_the_id_of_a_configuration_is_left_out() -> None:
    """Some runtimes tell it where an image came without a registry; no registry knows it."""
    pod = thing("Pod", spec=pod_spec("nginx"), status={"containerStatuses": [{"imageID": "0" * 64}]})
    assert inventory(pod) == ["nginx"]


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (thing("Service", spec={}), "Service shop/web: nobody knows where this kind names images"),
        ({"kind": "Pod", "spec": pod_spec("nginx")}, "Pod has no 'metadata'"),
        ({"kind": "Pod", "metadata": {}, "spec": pod_spec("nginx")}, "Pod has no 'name'"),
        (thing("Pod"), "Pod shop/web has no 'spec'"),
        (thing("Pod", spec={}), "Pod shop/web has no 'containers'"),
        (thing("Pod", spec={"containers": ["nginx"]}), "Pod shop/web: image is None, not a text"),
        (thing("Pod", spec={"containers": [{"image": 1}]}), "Pod shop/web: image is 1, not a text"),
        (thing("Deployment", spec={}), "Deployment shop/web has no 'template'"),
        (thing("CronJob", spec={"template": {}}), "CronJob shop/web has no 'jobTemplate'"),
        (
            thing("Pod", spec=pod_spec("nginx"), status={"containerStatuses": [{"imageID": "cri://app"}]}),
            "Pod shop/web: imageID 'cri://app' is no digest",
        ),
        ("Pod", "an object has no 'kind'"),
    ],
)
def test_what_is_not_understood_fails(item: Any, told: str) -> None:
    """What is not in an inventory is not protected."""
    assert refused(json.dumps({"kind": "List", "items": [item]})) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Expecting value"),
        ('{"kind": "List", "items": [', "Expecting value"),
        ("[]", "the input has no 'kind'"),
        ('{"kind": "List"}', "the input has no 'items'"),
        ('{"kind": "Status", "code": 403}', "the input must be a List of objects, got the kind 'Status'"),
        ('{"kind": "List", "items": []}', "the input names no image"),
    ],
)
def test_what_is_no_listing_fails(text: str, told: str) -> None:
    """Nothing, half of it, or an error of the cluster."""
    assert refused(text).startswith(told)


def test_the_manifest_asks_for_every_kind_and_may_list_them() -> None:
    """What is not asked for is not in the inventory; what may not be listed fails the whole command."""
    told = {one["kind"]: one for one in yaml.safe_load_all(MANIFEST.read_text())}
    assert {name for rule in told["ClusterRole"]["rules"] for name in rule["resources"]} == KINDS
    assert {verb for rule in told["ClusterRole"]["rules"] for verb in rule["verbs"]} == {"list"}
    (container,) = told["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert asked("\n".join(container["args"])) == KINDS


@pytest.mark.parametrize("path", ["docs/consumers.md", "scripts/kubernetes-inventory.py"])
def test_the_command_for_people_asks_for_every_kind(path: str) -> None:
    """The same ones as the manifest."""
    assert asked((SCRIPT.parents[1] / path).read_text()) == KINDS


def asked(text: str) -> set[str]:
    """The kinds of the one ``kubectl get`` in a text."""
    (kinds,) = re.findall(r"kubectl get ([a-z,\\\n]+) ", text)
    return set(kinds.replace("\\", "").replace("\n", "").split(","))
