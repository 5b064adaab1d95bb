"""What goes and what stays, under both meanings of a (digest, tag) pair."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_aws import Fault
from tests.integration.runner import REGION

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Runner

pytestmark = pytest.mark.usefixtures("pair_deletes")


def service(name: str, image: str, **more: Any) -> dict[str, Any]:
    """The ecs section for one service of the cluster prod."""
    return {
        "ecs": {
            "task_definitions": {f"{name}:1": {"image": image}},
            "clusters": {"prod": {"services": {name: {"task_definition": f"{name}:1"} | more}}},
        }
    }


def test_old_unused_images_go_and_the_rest_stays(run: Runner, sandbox: Sandbox) -> None:
    """The mission in one run."""
    run.opted_in("app")
    sandbox.repository("not-opted-in")
    for repository in ("app", "not-opted-in"):
        sandbox.push(repository, id=f"{repository}-old", tags=["v1", "v1.0"], pushed="31d")
        sandbox.push(repository, id=f"{repository}-untagged", pushed="400d")
        sandbox.push(repository, id=f"{repository}-used", tags=["v2"], pushed="60d")
        sandbox.push(repository, id=f"{repository}-young", tags=["v3"], pushed="29d")
    sandbox.seed(service("app", "{registry}/app:v2"))
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == {"app": run.ids("app-old", "app-untagged")}
    assert outcome.named("Removed unused image") == run.ids("app-old", "app-untagged")


def test_dry_run_names_exactly_what_a_run_removes(run: Runner, sandbox: Sandbox) -> None:
    """A dry run changes nothing, and a second run after the real one finds nothing more."""
    run.opted_in("app")
    sandbox.push("app", id="index", kind="index", platforms=["linux/amd64", "linux/arm64"], tags=["v1"], pushed="40d")
    sandbox.push("app", id="old", tags=["v0"], pushed="50d", size="10MB")
    dry = run(dry_run=True)
    assert dry.gone == {}
    assert {c.operation for c in sandbox.calls if c.service == "ecr"}.isdisjoint({"BatchDeleteImage"})
    named = dry.named("Found unused image, should be removed")
    line = next(entry for entry in dry.lines if getattr(entry, "tags", None) == ["v0"])
    assert (line.repository, line.age_days, line.bytes) == ("app", 50, 10_000_000)  # type: ignore[attr-defined]
    real = run()
    assert real.gone == {"app": named}
    assert run().gone == {}


@pytest.mark.parametrize(("age", "goes"), [("29d+86370s", False), ("30d+1s", True)])
def test_the_age_limit_holds(run: Runner, sandbox: Sandbox, age: str, *, goes: bool) -> None:
    """Half a minute before the limit and a second after it; test_rules.py has the exact moment."""
    run.opted_in("app")
    sandbox.push("app", id="image", tags=["v1"], pushed=age)
    assert bool(run().gone) is goes


def test_a_multi_architecture_image_goes_whole_in_one_run(run: Runner, sandbox: Sandbox) -> None:
    """Index, manifests, attestations, and signatures of both schemes; the index goes in an earlier call."""
    run.opted_in("app")
    platforms = ["linux/amd64", "linux/arm64"]
    sandbox.push("app", id="index", kind="index", platforms=platforms, attestations=True, tags=["v1"], pushed="40d")
    sandbox.push("app", id="cosign", kind="cosign", subject="index", pushed="40d")
    sandbox.push("app", id="sbom", kind="sbom", subject="index", pushed="40d")
    sandbox.push("app", id="signed-sbom", kind="signature", subject="sbom", pushed="40d")
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert sandbox.images("app") == []
    calls = [c.parameters["imageIds"] for c in sandbox.calls if c.operation == "BatchDeleteImage"]
    assert {i["imageDigest"] for i in calls[0]} == run.ids("index")
    assert run.ids("signed-sbom") == {i["imageDigest"] for i in calls[-1]}


def test_what_describes_an_image_goes_with_it_at_any_age(run: Runner, sandbox: Sandbox) -> None:
    """Signatures of yesterday, and what an index of attestations lists; all of it stays with the image in use."""
    run.opted_in("app")
    for name in ("used", "unused"):
        sandbox.push("app", id=name, tags=[name], pushed="40d")
        sandbox.push("app", id=f"{name}-cosign", kind="cosign", subject=name, pushed="1d")
        sandbox.push("app", id=f"{name}-signature", kind="signature", subject=name, pushed="1d")
        sandbox.push("app", id=f"{name}-one", kind="helm", pushed="1d")  # what no runtime can run, and names nothing
        fallback = "sha256-" + sandbox.digest(name).removeprefix("sha256:")
        children = [f"{name}-one"]
        sandbox.push("app", id=f"{name}-index", kind="index", children=children, tags=[fallback], pushed="1d")
    sandbox.seed(service("app", "{registry}/app:used"))
    before = {i.digest for i in sandbox.images("app")}
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    parts = ("", "-cosign", "-signature", "-one", "-index")
    assert outcome.gone == {"app": run.ids(*(f"unused{part}" for part in parts))}
    assert before - outcome.gone["app"] == run.ids(*(f"used{part}" for part in parts))
    sandbox.seed(service("app", "public.ecr.aws/docker/library/nginx:1"))
    assert run().gone == {"app": run.ids(*(f"used{part}" for part in parts))}


def test_what_an_image_in_use_needs_stays(run: Runner, sandbox: Sandbox) -> None:
    """Every manifest, attestation and signature of a used index, however old and untagged."""
    run.opted_in("app")
    platforms = ["linux/amd64", "linux/arm64"]
    for name, tag in (("used", "v2"), ("unused", "v1")):
        sandbox.push("app", id=name, kind="index", platforms=platforms, attestations=True, tags=[tag], pushed="90d")
        sandbox.push("app", id=f"{name}-signature", kind="cosign", subject=name, pushed="90d")
        sandbox.push("app", id=f"{name}-sbom", kind="sbom", subject=name, pushed="90d")
    sandbox.seed(service("app", "{registry}/app:v2"))
    before = {i.digest for i in sandbox.images("app")}
    gone = run().gone["app"]
    kept = before - gone
    assert run.ids("used", "used/linux/amd64", "used/linux/arm64/attestation", "used-signature", "used-sbom") <= kept
    assert len(kept) == len(gone) == 7


def test_a_tag_that_moves_before_the_removal_saves_its_new_image(run: Runner, sandbox: Sandbox) -> None:
    """CI puts the old tag on another image in the moment before the call."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["prod"], pushed="90d")
    sandbox.push("app", id="new", tags=["v2"], pushed="1d")

    def move(_: object) -> None:
        sandbox.tag("app", sandbox.digest("new"), "prod")

    sandbox.before("ecr", "BatchDeleteImage", move)
    outcome = run()
    assert sandbox.digest("new") not in outcome.gone.get("app", set())
    assert "prod" in next(i.tags for i in sandbox.images("app") if i.digest == sandbox.digest("new"))
    assert "ImageTagDoesNotMatchDigest" in str(outcome.summary)


def test_an_image_that_changed_since_it_was_judged_is_kept(run: Runner, sandbox: Sandbox) -> None:
    """Tagged again, or pulled, between the plan and the look before the removal."""
    run.opted_in("app")
    sandbox.push("app", id="tagged", tags=["v1"], pushed="90d")
    sandbox.push("app", id="removed", tags=["v2"], pushed="90d")

    def promote(_: object) -> None:
        sandbox.tag("app", sandbox.digest("tagged"), "release")

    sandbox.before("ecs", "ListClusters", lambda _: sandbox.before("ecr", "ListTagsForResource", promote))
    outcome = run()
    assert outcome.gone == {"app": run.ids("removed")}
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.named("Kept image that changed since it was evaluated") == run.ids("tagged")


def test_an_index_is_kept_when_it_alone_is_pulled(run: Runner, sandbox: Sandbox) -> None:
    """A node has the manifest of its platform already; the run's own reading of the other index keeps nothing."""
    run.opted_in("app")
    for name in ("pulled", "unused"):
        sandbox.push("app", id=name, kind="index", platforms=["linux/amd64"], tags=[name], pushed="90d")
    index = sandbox.state.region(REGION).images.of("app")[sandbox.digest("pulled")]

    def pull(_: object) -> None:
        index.pulled_at = datetime.now(UTC) + timedelta(minutes=1)  # long after the reading

    sandbox.after("ecr", "BatchGetImage", lambda _: sandbox.before("ecr", "DescribeImages", pull))
    outcome = run()
    assert outcome.gone == {"app": run.ids("unused", "unused/linux/amd64")}
    assert outcome.named("Kept image that changed since it was evaluated") == run.ids("pulled")


@pytest.mark.parametrize("removal", ["delete", "archive"])
def test_an_index_that_shares_its_manifests_is_kept_when_it_is_pulled(
    run: Runner, sandbox: Sandbox, past: Past, removal: str
) -> None:
    """Two builds differ in their attestations alone: what both list is kept for the one, and tells of the other."""
    run.opted_in("app")
    sandbox.push("app", id="base", pushed="90d")
    for name, tag in (("unused", "v1"), ("used", "v2")):
        sandbox.push("app", id=f"{name}-attestation", kind="attestation", pushed="90d")
        sandbox.push("app", id=name, kind="index", children=["base", f"{name}-attestation"], tags=[tag], pushed="90d")
    sandbox.seed(service("app", "{registry}/app:v2"))
    images = sandbox.state.region(REGION).images
    sandbox.after("ecr", "BatchGetImage", lambda _: images.pulled("app", sandbox.digest("base")))
    outcome = run(storage=past.place | {"history": True}, removal_mode=removal)
    assert (outcome.status, outcome.went) == ("completed", {})
    assert run.ids("unused") <= outcome.named("Kept image that changed since it was evaluated")


def test_more_than_one_call_of_ids(run: Runner, sandbox: Sandbox) -> None:
    """Two hundred images with two tags each: no call names more than 100 ids, no image stands in two calls."""
    run.opted_in("app")
    for number in range(200):
        sandbox.push("app", id=f"i{number}", tags=[f"v{number}", f"w{number}"], pushed="40d")
    assert len(run().gone["app"]) == 200
    calls = [c.parameters["imageIds"] for c in sandbox.calls if c.operation == "BatchDeleteImage"]
    assert all(len(ids) <= 100 for ids in calls)
    named = [digest for ids in calls for digest in {i["imageDigest"] for i in ids}]
    assert len(named) == len(set(named))


def test_an_image_with_more_tags_than_a_call_takes_is_kept_and_said(run: Runner, sandbox: Sandbox) -> None:
    """Removing it in parts could leave it with some of its tags."""
    run.opted_in("app")
    sandbox.push("app", id="many", tags=[f"t{n}" for n in range(101)], pushed="40d")
    outcome = run()
    assert outcome.gone == {}
    assert outcome.summary
    assert outcome.summary["repositories"][0]["reasons"] == {"too_many_tags": 1}


def test_an_answer_that_got_lost_is_looked_up(run: Runner, sandbox: Sandbox) -> None:
    """The removal took effect; the next try meets images that are gone, and that is no failure."""
    run.opted_in("app")
    sandbox.push("app", id="one", tags=["v1"], pushed="40d")
    sandbox.push("app", id="two", pushed="40d")
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind="lost_answer", times=1))
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == {"app": run.ids("one", "two")}
    assert outcome.summary
    assert outcome.summary["totals"]["removed"] == 2


def test_a_refused_removal_fails_the_run(run: Runner, sandbox: Sandbox) -> None:
    """A failure in a 200 answer is a failure, counted by its code."""
    run.opted_in("app")
    sandbox.push("app", id="child", pushed="40d")

    def list_it(_: object) -> None:
        sandbox.push("app", id="late-index", kind="index", children=["child"], tags=["v9"])

    sandbox.before("ecr", "BatchDeleteImage", list_it)
    outcome = run()
    assert outcome.gone == {}
    assert outcome.status == "failed"
    assert "ImageReferencedByManifestList" in outcome.causes
