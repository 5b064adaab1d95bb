"""Cleaners that look at pods: what their rules lose in an account, a run of ours on the same account keeps.

While there is a cluster that cannot be read, nothing goes until a person has seen to it. The same references count
wherever they can be seen.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.prior_art import faulty_kubernetes, faulty_registry
from tests.prior_art.faulty_kubernetes import Pod
from tests.prior_art.listing import (
    HOST,
    SEEN_BY_A_PERSON,
    hazard,
    keeps,
    left,
    named,
    pods_count,
    seen,
    service,
    with_control,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

EVERYWHERE: Final[dict[str, Any]] = {"repositories": ["*"]}

OVERLOOKED: Final = {
    "namespace": (faulty_kubernetes.in_namespaces, Pod(f"{HOST}/app:v1", namespace="shop")),
    "daemon": (faulty_kubernetes.without_daemons, Pod(f"{HOST}/app:v1", owner="DaemonSet")),
    "initial container": (faulty_kubernetes.main_containers, Pod(f"{HOST}/app:v1", initial=True)),
    "pending": (faulty_kubernetes.main_containers, Pod(f"{HOST}/app:v1", phase="Pending")),
}
"""A rule, and a pod that it overlooks."""


@hazard("KC-2", "SE-3", "IM-4")
@pytest.mark.parametrize(("rule", "pod"), OVERLOOKED.values(), ids=OVERLOOKED)
def test_no_pod_is_overlooked(run: Runner, sandbox: Sandbox, rule: Callable[[list[Pod]], list[str]], pod: Pod) -> None:
    """Whatever its namespace, its controller, its phase or its container."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.push("app", id="ordinary", tags=["v2"], pushed="90d")
    ordinary = Pod(f"{HOST}/app:v2")
    in_use = faulty_kubernetes.names_matched(rule([pod, ordinary]))
    assert named(sandbox, faulty_kubernetes.lost_by_names(seen(sandbox), in_use)) == {"used", "unused"}
    pods_count(run, sandbox, pod.image, ordinary.image)
    keeps(run, sandbox, "used", "ordinary", **SEEN_BY_A_PERSON)


@hazard("IM-4")
def test_every_container_of_a_task_definition_counts(run: Runner, sandbox: Sandbox) -> None:
    """What runs before the others, and beside them; also while no task runs."""
    with_control(run)
    containers = {"migrate": "{registry}/app:migrate", "web": "{registry}/app:web", "proxy": "{registry}/app:proxy"}
    for name in containers:
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    pods = [Pod(f"{HOST}/app:{name}", initial=name == "migrate") for name in containers]
    in_use = faulty_kubernetes.names_matched(faulty_kubernetes.main_containers(pods))
    assert named(sandbox, faulty_kubernetes.lost_by_names(seen(sandbox), in_use)) == {"migrate", "unused"}
    services = {"web": {"task_definition": "web:1", "desired": 0}}
    definitions = {"web:1": {"containers": containers}}
    sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {"prod": {"services": services}}}})
    keeps(run, sandbox, *containers)


READINGS: Final = {
    "KC": faulty_kubernetes.names_matched,
    "SE": faulty_kubernetes.names_split,
    "SG": faulty_kubernetes.names_with_tags,
}
"""Ways to read a reference for its tag."""


@hazard("KC-3", "SE-2", "SG-4")
@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
def test_an_image_counts_that_runs_by_digest(
    run: Runner, sandbox: Sandbox, reading: Callable[[list[str]], set[tuple[str, str]]]
) -> None:
    """With a tag of its own, without one, and with both in the reference."""
    with_control(run)
    sandbox.push("app", id="tagged", tags=["v1"], pushed="90d")
    sandbox.push("app", id="untagged", pushed="90d")
    sandbox.push("app", id="moved-on", pushed="90d")
    sandbox.push("app", id="by-tag", tags=["v2"], pushed="90d")
    texts = [f"{HOST}/app@{sandbox.digest(name)}" for name in ("tagged", "untagged")]
    texts += [f"{HOST}/app:v0@{sandbox.digest('moved-on')}", f"{HOST}/app:v2"]
    lost = named(sandbox, faulty_kubernetes.lost_by_names(seen(sandbox), reading(texts)))
    assert lost == {"tagged", "untagged", "moved-on", "unused"}
    pods_count(run, sandbox, *texts)
    keeps(run, sandbox, "tagged", "untagged", "moved-on", "by-tag", **SEEN_BY_A_PERSON)


@hazard("KC-4")
def test_a_registry_of_another_partition_counts(run: Runner, sandbox: Sandbox) -> None:
    """Its host ends otherwise."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    text = f"{HOST}.cn/app:v1"
    in_use = faulty_kubernetes.names_matched([text])
    assert named(sandbox, faulty_kubernetes.lost_by_names(seen(sandbox), in_use)) == {"used", "unused"}
    pods_count(run, sandbox, text)
    keeps(run, sandbox, "used", **SEEN_BY_A_PERSON)


@hazard("KC-5")
def test_many_images_to_be_kept_hide_none_to_be_removed(run: Runner, sandbox: Sandbox) -> None:
    """All of a repository is judged before anything is counted."""
    run.opted_in("app")
    kept = [f"kept-{number}" for number in range(100)]
    for name in kept:
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    sandbox.push("app", id="unused", tags=["v1"], pushed="60d")
    assert faulty_kubernetes.oldest_first(seen(sandbox), lambda image: image.tags[0].startswith("kept-")) == []
    keeps(run, sandbox, *kept, retention_rules=[EVERYWHERE | {"tags": ["kept-*"], "keep": True}])


@hazard("KC-6")
def test_a_pattern_that_cannot_be_read_stops_the_run(run: Runner, sandbox: Sandbox) -> None:
    """It is told with all other problems before anything is read."""
    with_control(run)
    sandbox.push("app", id="kept", tags=["v1"], pushed="90d")
    with pytest.raises(AttributeError):
        faulty_kubernetes.kept_by("v[0-9*", ["v1"])
    sandbox.clear_calls()
    outcome = run(retention_rules=[EVERYWHERE | {"tags": ["v[0-9*"], "keep": True}])
    assert (outcome.status, outcome.gone, sandbox.calls) == ("failed", {}, [])
    assert "ECR_CLEANER_SETTINGS: retention_rules: 0: tags: 0: " in outcome.causes
    keeps(run, sandbox, "kept", retention_rules=[EVERYWHERE | {"tags": ["v?"], "keep": True}])


@hazard("KC-7")
def test_what_was_read_in_one_registry_goes_in_no_other(run: Runner, sandbox: Sandbox) -> None:
    """The same names and digests lie in both; each call of a run is of one account and one region."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    elsewhere = "eu-west-1"
    sandbox.repository("app", region=elsewhere)
    for name, tag in (("used", "v1"), ("unused", "unused")):
        sandbox.push("app", region=elsewhere, id=name, tags=[tag], pushed="90d")
    there = {image.digest for image in sandbox.images("app", region=elsewhere)}
    assert there == run.ids("used", "unused")
    plan = faulty_kubernetes.call_for(elsewhere, "app", there)
    doomed = {image_id["imageDigest"] for image_id in plan["imageIds"]}
    assert elsewhere not in str(plan)
    assert named(sandbox, doomed & {image.digest for image in sandbox.images("app")}) == {"used", "unused"}
    sandbox.clear_calls()
    keeps(run, sandbox, "used")
    assert {image.digest for image in sandbox.images("app", region=elsewhere)} == there
    assert {call.region for call in sandbox.calls} == {"us-east-1"}
    assert not [call for call in sandbox.calls if "registryId" in call.parameters]


@hazard("KN-2")
def test_the_age_that_was_told_holds(run: Runner, sandbox: Sandbox) -> None:
    """Whether it was told for all, by a rule, or by the repository itself."""
    with_control(run)
    sandbox.push("app", id="young", tags=["v1"], pushed="20d")
    assert {i.tags[0] for i in seen(sandbox) if faulty_kubernetes.too_old(i, keep_days=30)} == {"v1", "unused"}
    keeps(run, sandbox, "young")
    keeps(run, sandbox, "young", keep_days="7", retention_rules=[EVERYWHERE | {"keep_days": 21}])
    run.retag("app", BoxCleanerEnabled="true", BoxCleanerKeepDays="21")
    keeps(run, sandbox, "young", keep_days="7")


@pytest.fixture
def far_east() -> Iterator[None]:
    """A clock on the wall that is fourteen hours ahead of UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "AHEAD-14")
        time.tzset()
        yield
    time.tzset()


@hazard("KN-3")
@pytest.mark.usefixtures("far_east")
def test_the_clock_on_the_wall_ages_nothing(run: Runner, sandbox: Sandbox) -> None:
    """Ages are those of UTC."""
    with_control(run)
    sandbox.push("app", id="young", tags=["v1"], pushed="29d+12h")
    ages = {i.tags[0]: faulty_kubernetes.age_by_wall_clock(i.pushed_at).days for i in sandbox.images("app")}
    assert ages == {"v1": 30, "unused": 90}
    keeps(run, sandbox, "young")


@hazard("KN-5", "GCR-1")
def test_only_what_opted_in_is_cleaned(run: Runner, sandbox: Sandbox) -> None:
    """By its own tag, and a rule holds for whole names."""
    with_control(run)
    names = ["app", "app-prod", "application", "other"]
    for name in names[1:]:
        sandbox.repository(name, tags={"Team": "shop"})
        sandbox.push(name, id=name, tags=["v1"], pushed="90d")
    assert faulty_kubernetes.repositories_cleaned(run.contents()) == names
    assert faulty_registry.below("app", run.contents()) == names[:3]
    keeps(run, sandbox)
    assert [set(left(sandbox, name)) for name in names] == [set(), *({name} for name in names[1:])]
    run.opted_in("app/base")
    sandbox.push("app/base", id="base", tags=["v1"], pushed="20d")
    run.opted_in("app-next")
    sandbox.push("app-next", id="next", tags=["v1"], pushed="20d")
    keeps(run, sandbox, retention_rules=[{"repositories": ["app", "app/*"], "keep_days": 10}])
    assert (left(sandbox, "app/base"), set(left(sandbox, "app-next"))) == ({}, {"next"})


@hazard("KN-6")
def test_an_artifact_is_not_read(run: Runner, sandbox: Sandbox) -> None:
    """Listing tells what it refers to; only indexes are read, many in one call."""
    with_control(run)
    sandbox.push("app", id="used", kind="index", platforms=["linux/amd64"], tags=["v1"], pushed="90d")
    artifacts = [f"sbom-{number}" for number in range(30)]
    for name in artifacts:
        sandbox.push("app", id=name, kind="sbom", subject="used", pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    theirs = faulty_kubernetes.reads(image for image in seen(sandbox) if not image.tags)
    assert len(theirs) == 31
    sandbox.clear_calls()
    keeps(run, sandbox, "used", "used/linux/amd64", *artifacts)
    ours = [call.parameters["imageIds"] for call in sandbox.calls if call.operation == "BatchGetImage"]
    assert ours == [[{"imageDigest": sandbox.digest("used")}]]
    pulled = {image.digest for image in sandbox.images("app") if image.pulled_at}
    assert named(sandbox, pulled) == {"used"}


@hazard("SE-1")
def test_what_was_pushed_a_moment_ago_can_be_deployed(run: Runner, sandbox: Sandbox) -> None:
    """An age limit holds whether or not anybody told one."""
    with_control(run)
    sandbox.push("app", id="next", tags=["v2"], pushed="1m")
    assert named(sandbox, faulty_kubernetes.lost_at_any_age(seen(sandbox), set())) == {"next", "unused"}
    keeps(run, sandbox, "next")
    outcome = run(keep_days="0")
    assert (outcome.status, outcome.gone) == ("failed", {})
