"""scripts/kubernetes-inventory.py: what kubectl prints becomes an inventory, or nothing does."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecr_cleaner.reference import listed
from ecr_cleaner.usage.texts.kubernetes_manifests import images_in
from tests.builders import HOST, digest
from tests.unit.usage.texts.test_kubernetes_manifests import APART

SCRIPT: Final = Path(__file__).resolve().parents[2] / "scripts" / "kubernetes-inventory.py"
MANIFEST: Final = SCRIPT.parents[1] / "examples" / "inventory" / "cronjob.yaml"
KINDS: Final = {
    "controllerrevisions",
    "cronjobs",
    "daemonsets",
    "deployments",
    "jobs",
    "persistentvolumes",
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
    """The inventory of some objects, of which nothing is told."""
    found, said = inventory_and_told(*items)
    assert not said
    return found


def inventory_and_told(*items: Any) -> tuple[list[str], list[str]]:
    """The inventory of some objects, and the lines on standard error."""
    done = run(json.dumps({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}))
    assert done.returncode == 0
    assert all(line.startswith("kubernetes-inventory: ") for line in done.stderr.splitlines())
    return json.loads(done.stdout), [line.removeprefix("kubernetes-inventory: ") for line in done.stderr.splitlines()]


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
        (thing("Secret", data={}), "Secret shop/web: secrets are never read"),
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


def names_in(text: str) -> list[str]:
    """What the text of an annotation adds to an inventory."""
    found, _ = inventory_and_told(
        thing("Pod", spec=pod_spec("nginx")) | {"metadata": META | {"annotations": {"a": text}}}
    )
    return [name.replace(f"{HOST}/", "") for name in found if name != "nginx"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"{HOST}/app:v1", ["app:v1"]),
        (f"{HOST}/app:v1@{APP}", [f"app:v1@{APP}"]),
        (f"--image={HOST}/app@{APP},--other", [f"app@{APP}"]),
        (f"localhost:7439/{HOST}/app:v1", ["app:v1"]),
        (f"docker://{HOST}/shop/app:v1 run", ["shop/app:v1"]),
        (f'{{"image":"{HOST}/app:v1","more":["{HOST}/web:v2"]}}', ["app:v1", "web:v2"]),
        (f'{{\\"image\\":\\"{HOST}\\/app:v1\\"}}', ["app:v1"]),
        (f"image: {HOST}/app:v1\nother: x", ["app:v1"]),
        (f"csi/{HOST}%2Fapp%3Av1".replace("csi/", "csi%2F"), ["app:v1"]),
        (f"It runs {HOST}/app:v1.", ["app:v1", "app:v1."]),
        (f"{HOST}/app", ["app:*"]),
        (f"{HOST}/app: what it runs", ["app:*"]),
        (f"{HOST}/app:$(TAG)", ["app:*"]),
        (f"{HOST}/app:v1-${{BUILD}}", ["app:*"]),
        (f'{HOST}/app:v1-\'"$BUILD"', ["app:*"]),
        (f"{HOST}/app:v1/more", ["app:*"]),
        (HOST, []),
        (f"https://{HOST}/", []),
        (f"{HOST}/App:v1", []),
        ("ghcr.io/x/dkr-ecr-login", []),
    ],
)
def test_names_in_ecr_are_found_in_any_text(text: str, names: list[str]) -> None:
    """Whole ones as such; without a whole tag, every image of the repository; a host alone names none."""
    assert names_in(text) == sorted(names)


def test_a_name_whose_repository_is_not_known_is_told() -> None:
    """It cannot be in an inventory; the text may hold secrets, so it is not repeated."""
    pod = thing("Pod", spec=pod_spec("nginx") | {"hostname": f"secret {HOST}/shop/$(NAME):v1"})
    _, said = inventory_and_told(pod)
    assert said == [f"Pod shop/web: a text names an image in {HOST}/ whose repository cannot be known"]


def test_whatever_mounts_or_is_handed_an_image_counts() -> None:
    """Volumes of drivers, annotations of injectors, arguments and variables of operators."""
    spec = pod_spec("nginx") | {
        "volumes": [
            {"csi": {"driver": "container-image.csi.k8s.io", "volumeAttributes": {"image": f"{HOST}/csi:v1"}}},
            {"csi": {"driver": "other", "volumeAttributes": {"artifact.reference": f"{HOST}/weights"}}},
            {"flexVolume": {"options": {"of": f"{HOST}/flex:v1"}}},
        ],
        "initContainers": [
            {
                "name": "operator",
                "image": f"{HOST}/operator",
                "args": [f"--sidecar={HOST}/sidecar:v1"],
                "command": ["sh", "-c", f"run {HOST}/command:v1"],
                "env": [{"name": "RELATED_IMAGE", "value": f"{HOST}/related:v1"}],
            }
        ],
    }
    template = {"metadata": {"annotations": {"injector/proxyImage": f"{HOST}/proxy:v1"}}, "spec": spec}
    for item in (
        thing("Pod", **template) | {"metadata": META | template["metadata"]},
        thing("Job", spec={"template": template}),
    ):
        assert {name.removeprefix(f"{HOST}/") for name in inventory(item)} == {
            *(
                "nginx",
                "csi:v1",
                "weights:*",
                "flex:v1",
                "operator",
                "sidecar:v1",
                "command:v1",
                "related:v1",
                "proxy:v1",
            )
        }


@pytest.mark.parametrize(
    "spec",
    [
        {"csi": {"driver": "container-image.csi.k8s.io", "volumeHandle": f"{HOST}/csi:v1"}},
        {"csi": {"driver": "other", "volumeHandle": "id-1", "volumeAttributes": {"image": f"{HOST}/csi:v1"}}},
    ],
)
def test_persistent_volumes_of_such_drivers_count(spec: dict[str, Any]) -> None:
    """They are of no namespace, and what their status says is of the past."""
    volume = {
        "kind": "PersistentVolume",
        "metadata": {"name": "v"},
        "spec": spec,
        "status": {"message": f"{HOST}/old:v1"},
    }
    pod = thing("Pod", spec=pod_spec("nginx") | {"volumes": [{"persistentVolumeClaim": {"claimName": "c"}}]})
    assert inventory(pod, volume) == [f"{HOST}/csi:v1", "nginx"]
    found, said = inventory_and_told(pod)
    assert found == ["nginx"]
    assert said == ["pods claim volumes, and the input has no persistentvolumes: images that these mount are left out"]


def test_what_a_status_or_a_manager_says_is_no_use() -> None:
    """Reasons and messages name images that are dead."""
    status = {
        "conditions": [{"message": f"could not pull {HOST}/dead:v1"}],
        "containerStatuses": [
            {"imageID": "", "image": f"{HOST}/dead:v2", "state": {"waiting": {"message": f"{HOST}/dead:v3"}}}
        ],
    }
    pod = thing("Pod", spec=pod_spec("nginx"), status=status)
    pod["metadata"] = META | {"managedFields": [{"manager": f"{HOST}/dead:v4"}]}
    assert inventory(pod, thing("Deployment", spec={"template": {"spec": pod_spec("web")}}, status=status)) == [
        "nginx",
        "web",
    ]


def test_an_image_without_a_tag_is_latest_where_a_container_names_it() -> None:
    """Not the whole repository, as in a text."""
    spec = pod_spec(f"{HOST}/app") | {"volumes": [{"image": {"reference": f"{HOST}/data"}}]}
    assert inventory(thing("Pod", spec=spec)) == [f"{HOST}/app", f"{HOST}/data"]


@pytest.mark.parametrize("form", ["$({})", "${{{}}}", "${}"])
def test_variables_of_the_container_are_put_in(form: str) -> None:
    """As Kubernetes does it, and shells; what is not known stays a gap."""
    container = {
        "name": "c",
        "image": "nginx",
        "env": [
            {"name": "REGISTRY", "value": HOST},
            {"name": "BASE", "value": "$(REGISTRY)/shop"},
            {"name": "OTHER", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        ],
        "args": [f"{form.format('BASE')}/app:v1", f"{form.format('REGISTRY')}/web:{form.format('OTHER')}"],
    }
    found = inventory(thing("Pod", spec={"containers": [container]}))
    assert {f"{HOST}/shop/app:v1", f"{HOST}/web:*"} < set(found)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (f"localhost:7439/{HOST}/app:v1", [f"{HOST}/app:v1"]),
        (f"registry.corp:5000/proxy/{HOST}/app:v1@{APP}", [f"{HOST}/app:v1@{APP}"]),
        (f"https://{HOST}/app:v1", [f"{HOST}/app:v1"]),
    ],
)
def test_a_name_in_ecr_behind_another_one_counts(name: str, written: list[str]) -> None:
    """A proxy's, for example, on the container and in its status."""
    pod = thing(
        "Pod", spec=pod_spec(name), status={"containerStatuses": [{"imageID": f"localhost:1/{HOST}/app@{APP}"}]}
    )
    assert inventory(pod) == sorted([*written, f"{HOST}/app@{APP}"])


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("${PHP_FPM_IMAGE}", []),
        ("None:None", []),
        ("https://harbor.example/release/name:1.1.0", []),
        ("", []),
        ("App:v1", []),
        ("app:v1 ", []),
        ("app:", []),
        ("a//b", []),
        (f"[::1]:5000/app@{APP}", [APP]),
        (f"{HOST}/App:v1", []),
        (f"{HOST}/shop/Api:v1", []),
        (f"{HOST}/${{NAME}}:v1", []),
        (f"{HOST}/app:", [f"{HOST}/app:*"]),
        (f"{HOST}/app:${{TAG}}", [f"{HOST}/app:*"]),
        (f"{HOST}/app:v1\n", [f"{HOST}/app:*"]),
    ],
)
def test_a_name_that_no_runtime_can_pull_is_told(name: str, written: list[str]) -> None:
    """Anybody in a cluster can make such a pod; what may be ours and is odd stands for the whole repository."""
    found, said = inventory_and_told(thing("Pod", spec=pod_spec("nginx", name)))
    assert found == sorted(["nginx", *written])
    assert said == [f"Pod shop/web, container c1: {name!r} is no name of an image that a runtime can pull"]


def test_nobody_writes_lines_of_what_is_told() -> None:
    """Nor controls the terminal."""
    pod = thing("Pod", spec=pod_spec("nginx", "a\x1b[2J\nkubernetes-inventory: all is well"))
    pod["metadata"] = META | {"name": "w\x1b]0;x\x07\nkubernetes-inventory: \u202eb\ud800"}
    _, said = inventory_and_told(pod)
    assert len(said) == 1
    assert said[0].isprintable()


def test_whatever_is_written_can_be_read_by_the_function() -> None:
    """No text of a pod gives an inventory that stops every removal."""
    hostile = [
        f"{HOST}/{HOST}/app:v1",
        f"{HOST.upper()}/app:v1",
        f"x{HOST}/a-b__c.d/e:v.@{APP}",
        f"{HOST}/a:{'v' * 200}",
    ]
    found, _ = inventory_and_told(
        *(thing("Pod", spec=pod_spec("nginx", text) | {"hostname": text}) for text in hostile)
    )
    assert len(found) > len(hostile)
    for name in found:
        listed(name)


@pytest.mark.parametrize(
    "text",
    [f"{HOST}/" * 10_000, "123456789012.dkr.ecr." * 30_000, f"{HOST}/" + "a/" * 200_000, "${A}" * 100_000],
    ids=["hosts", "beginnings", "a path", "variables"],
)
def test_a_long_text_takes_time_in_proportion(text: str) -> None:
    """The run has a limit of half a minute; with the square of the length it would be minutes."""
    spec = pod_spec("nginx", text)
    spec["containers"][1] |= {"args": [text], "env": [{"name": "A", "value": "${A}" * 2_000}] * 30}
    assert "nginx" in inventory_and_told(thing("Pod", spec=spec))[0]


def covers(listed: str, named: str) -> bool:
    """Whether an item of a list stands for what a reference names."""
    if listed.endswith(":*"):  # every tag and digest, and so what is named without either
        return named == listed[:-2] or named.startswith((listed[:-1], f"{listed[:-2]}@"))
    return named.startswith(listed[:-1]) if listed.endswith("*") else named == listed


@pytest.mark.parametrize(("value", "named"), APART)
def test_what_the_function_finds_in_parts_is_listed(value: Any, named: set[str]) -> None:
    """Of a custom resource, all that the function would protect if it read the cluster itself, or more."""
    found = [name.removeprefix(f"{HOST}/") for name in inventory(thing("HelmRelease", spec=value), NGINX)]
    assert {one for one in named if not any(covers(name, one) for name in found)} == set()


NGINX: Final = thing("Pod", spec=pod_spec("nginx"))


def variable(name: str, value: str) -> dict[str, str]:
    """Of a container."""
    return {"name": name, "value": value}


APP_SOURCE: Final = {"repoURL": f"{HOST}/charts", "chart": "app", "targetRevision": "1.2.3"}


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"repository": f"{HOST}/api", "tag": "v42"}, ["api:v42"]),
        ({"repository": f"{HOST}/api", "tag": "v42", "digest": APP}, ["api:v42", f"api@{APP}"]),
        ({"repository": f"{HOST}/api", "tag": True}, ["api:*"]),
        ({"repository": f"{HOST}/api", "tag": "v42", "appVersion": "7"}, ["api:*"]),
        ({"registry": HOST, "repository": "api", "tag": 42}, ["api:42"]),
        ({"imageRegistry": HOST, "web": {"image": "web", "tag": "1"}, "api": {"image": "api"}}, ["api:*", "web:1"]),
        ([variable("REGISTRY", HOST), variable("IMAGE", "a"), variable("IMAGE", "b")], ["a:*", "b:*"]),
        (["--registry", HOST, "--image=api:v1"], ["api:v1"]),
        ({"data": {"v.yaml": f"host: {HOST}\nimage: api:v1\n"}}, ["api:v1"]),
        ({"applied": json.dumps({"registry": HOST, "repository": "api", "tag": "v1"})}, ["api:v1"]),
        (APP_SOURCE, ["charts/app:1.2.3", "charts/app:v1.2.3", "charts:*"]),
        ({"url": f"oci://{HOST}/charts"}, ["charts/*", "charts:*"]),
        ({"registry": HOST}, []),
    ],
)  # fmt: skip
def test_parts_of_a_name_are_put_together(value: Any, names: list[str]) -> None:
    """With the tag beside them, where it can be no other one's; else all of the repository counts."""
    found = inventory(thing("HelmRelease", spec=value), NGINX)
    assert [name.removeprefix(f"{HOST}/") for name in found if name.startswith(HOST)] == sorted(names)


KEYS: Final = st.sampled_from(
    [
        *("registry", "imageRegistry", "repository", "image", "apiImage", "repoURL", "url", "chart", "name", "value"),
        *("tag", "imageTag", "apiTag", "digest", "targetRevision", "version", "ref", "env", "spec", "args"),
    ]
)
LEAVES: Final = st.sampled_from(
    [
        *(HOST, f"{HOST}/shop", f"oci://{HOST}/charts", f"{HOST}/app:v1", "app", "app:v2", "v42", "1.2.3+b", APP),
        *("", "not a tag", "--repository", "--tag=v7", "$(X)", 7, True, None),
    ]
)
SCRIPTED: Final = runpy.run_path(str(SCRIPT))


@settings(max_examples=500)
@example(json.dumps({"x": {"image": f"{HOST}/shop", "name": HOST}}))
@given(
    st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(KEYS, inner, max_size=5),
            inner.map(lambda value: json.dumps({"x": value})),
        ),
        max_leaves=12,
    )
)
def test_whatever_the_function_finds_is_listed(value: Any) -> None:
    """In any object."""
    item = {"spec": value}
    told = thing("HelmRelease", **item)
    found = [name.removeprefix(f"{HOST}/") for name in SCRIPTED["of_object"](told, lambda _: None)]
    named = images_in(item)
    lost = {one.text.removeprefix(f"{HOST}/") for one in named.references} | {
        name.removeprefix(f"{HOST}/") for name in named.names if name.startswith(f"{HOST}/")
    }
    assert {one for one in lost if not any(covers(name, one) for name in found)} == set()


def test_fields_of_custom_resources_name_images() -> None:
    """Also without a registry, which a webhook may put before it; what a status says but conditions counts."""
    status = {"running": f"{HOST}/app:v2", "conditions": [{"message": f"{HOST}/dead:v1"}]}
    template = {"container": {"name": "main", "image": "app:v1"}}
    assert inventory(thing("WorkflowTemplate", spec=template, status=status)) == [f"{HOST}/app:v2", "app:v1"]


def test_too_many_names_in_parts_are_the_registry() -> None:
    """Anybody can make an object whose parts give more names than anybody can read."""
    parts = {f"{number}-image": f"app-{number}" for number in range(10_001)}
    assert f"{HOST}/*" in inventory(thing("Values", spec={"registry": HOST, "images": parts}), NGINX)


def test_an_input_that_is_nested_too_deeply_fails() -> None:
    """In one sentence."""
    assert (
        refused('{"kind": "List", "items": ' + "[" * 100_000 + "]" * 100_000 + "}") == "the input is nested too deeply"
    )


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
