"""Cleaners that look at little but the registry: what they lose, a run of ours on the same account keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws import Fault
from tests.integration.runner import Context
from tests.prior_art import faulty, faulty_kubernetes, faulty_registry
from tests.prior_art.listing import hazard, keeps, left, named, seen, service, with_control

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

FOUND: Final = "Found unused image, should be removed"
PLATFORMS: Final = ("linux/amd64", "linux/arm64")


def parts(*indexes: str) -> list[str]:
    """The ids of indexes and of what they list."""
    return [name for index in indexes for name in (index, *(f"{index}/{platform}" for platform in PLATFORMS))]


def children(sandbox: Sandbox) -> dict[str, tuple[str, ...]]:
    """What each index of ``app`` lists."""
    return {image.digest: image.children for image in sandbox.images("app") if image.children}


@hazard("GJ-1")
def test_a_part_may_come_before_its_whole(run: Runner, sandbox: Sandbox) -> None:
    """A build pushes the manifests first and the index last, with the tag."""
    with_control(run)
    for name in ("amd64", "arm64"):
        sandbox.push("app", id=name, pushed="1m")
    assert named(sandbox, faulty_registry.orphans(seen(sandbox), children(sandbox))) == {"amd64", "arm64"}
    keeps(run, sandbox, "amd64", "arm64")
    sandbox.push("app", id="index", kind="index", children=["amd64", "arm64"], tags=["v1"])
    keeps(run, sandbox, "index", "amd64", "arm64")


@hazard("GJ-2")
def test_an_index_may_be_deployed_by_its_digest(run: Runner, sandbox: Sandbox) -> None:
    """Without a tag on it, and with all that it lists."""
    with_control(run)
    sandbox.push("app", id="pinned", kind="index", platforms=PLATFORMS, pushed="90d")
    sandbox.seed(service("web", "{registry}/app@{pinned}"))
    lost = named(sandbox, faulty_registry.orphans(seen(sandbox), children(sandbox)))
    assert lost == set(parts("pinned"))
    keeps(run, sandbox, *parts("pinned"))


@hazard("GC-3")
def test_what_an_index_lists_is_as_used_as_the_index(run: Runner, sandbox: Sandbox) -> None:
    """It has no tags of its own that anybody could name."""
    with_control(run)
    sandbox.push("app", id="used", kind="index", platforms=PLATFORMS, tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    isolated = named(sandbox, faulty_registry.isolated(seen(sandbox), ['{"Image": "app:v1"}']))
    assert isolated == {*parts("used")[1:], "unused"}
    reasons = keeps(run, sandbox, *parts("used")).kept()
    assert {reasons[digest][0] for digest in run.ids(*parts("used")[1:])} == {"part_of_image_in_use"}


@hazard("GC-4", "GCR-5")
def test_what_was_replaced_a_moment_ago_can_be_gone_back_to(run: Runner, sandbox: Sandbox) -> None:
    """The last deployments before the present one count, however old their images are."""
    with_control(run)
    sandbox.push("app", id="before", tags=["v1"], pushed="90d")
    sandbox.push("app", id="now", tags=["v2"], pushed="60d")
    revisions = [
        {"task_definition": f"web:{number}", "digests": {"web": f"{{{name}}}"}, "deployed": deployed}
        for number, name, deployed in ((2, "now", "20m"), (1, "before", "9d"))
    ]
    definitions = {f"web:{number}": {"image": f"{{registry}}/app:v{number}"} for number in (1, 2)}
    services = {"web": {"task_definition": "web:2", "revisions": revisions}}
    sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {"prod": {"services": services}}}})
    isolated = named(sandbox, faulty_registry.isolated(seen(sandbox), ['{"Image": "app:v2"}']))
    assert isolated == {"before", "unused"}
    assert faulty_registry.may_go(minutes_isolated=20)
    assert not faulty_registry.may_go(minutes_isolated=20, buffer_days=1)
    assert named(sandbox, faulty_registry.lost_by_age(seen(sandbox))) == {"before", "now", "unused"}
    keeps(run, sandbox, "before", "now")


@hazard("GC-5")
def test_who_made_a_consumer_does_not_matter(run: Runner, sandbox: Sandbox) -> None:
    """By a template, by another tool, or by hand."""
    with_control(run)
    for name in ("by-template", "by-hand"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
        sandbox.seed(service(name, f"{{registry}}/app:{name}"))
    isolated = named(sandbox, faulty_registry.isolated(seen(sandbox), ['{"Image": "app:by-template"}']))
    assert isolated == {"by-hand", "unused"}
    keeps(run, sandbox, "by-template", "by-hand")


@hazard("GC-6")
def test_a_run_ends_in_time_and_the_next_goes_on(run: Runner, sandbox: Sandbox) -> None:
    """What is left is told; and no call is made for each image."""
    names = ["app-1", "app-2", "app-3"]
    for name in names:
        run.opted_in(name)
        for number in range(20):
            sandbox.push(name, id=f"{name}-{number}", tags=[f"v{number}"], pushed="90d")
    context, run.workers = Context(), 1

    def hurry(_: object) -> None:
        context.seconds = 30

    sandbox.after("ecr", "BatchDeleteImage", hurry)
    assert faulty_registry.goes_on(seconds_left=30)
    assert len(faulty_kubernetes.reads(seen(sandbox, "app-1"))) == 20
    sandbox.clear_calls()
    outcome = run(context=context)
    assert (outcome.status, outcome.told["deferred"]) == ("incomplete", names[1:])
    assert ("ecr", "BatchGetImage") not in run.asked()
    assert len([call for call in sandbox.calls if call.service == "ecr"]) < 30
    assert run().status == "completed"
    assert run.contents() == {name: set() for name in names}


@hazard("TC-2")
@pytest.mark.usefixtures("pair_deletes")
def test_a_tag_is_named_together_with_its_image(run: Runner, sandbox: Sandbox) -> None:
    """So that one that moved names nothing any more."""
    for name in ("app", "theirs"):
        run.opted_in(name)
        sandbox.push(name, id=f"{name}-old", tags=["live"], pushed="90d")
    run.retag("theirs", BoxCleanerEnabled=None)
    ids = faulty_registry.first_tags(seen(sandbox, "theirs"), run.ids("theirs-old"))
    sandbox.push("theirs", id="theirs-new", tags=["live"])
    sandbox.client("ecr").batch_delete_image(repositoryName="theirs", imageIds=ids)
    assert left(sandbox, "theirs") == {"theirs-old": set()}, "it took the new image along"
    sandbox.before("ecr", "BatchDeleteImage", lambda _: sandbox.push("app", id="app-new", tags=["live"]))
    outcome = run()
    assert left(sandbox)["app-new"] == {"live"}
    assert (outcome.status, "ImageTagDoesNotMatchDigest" in outcome.causes) == ("failed", True)
    assert run().status == "completed"
    assert left(sandbox) == {"app-new": {"live"}}


@hazard("GCR-2")
def test_what_cannot_be_removed_keeps_its_tags(
    run: Runner, sandbox: Sandbox, pair_deletes: Literal["tag", "image"]
) -> None:
    """A part of an index, which has names of its own."""
    for name in ("app", "theirs"):
        run.opted_in(name)
        sandbox.push(name, id=f"{name}-part", tags=["v1-amd64", "amd64"], pushed="90d")
        sandbox.push(name, id=f"{name}-index", kind="index", children=[f"{name}-part"], tags=["v1"], pushed="89d")
    run.retag("theirs", BoxCleanerEnabled=None)
    sandbox.push("app", id="unused", tags=["unused"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    part = next(image for image in seen(sandbox, "theirs") if len(image.tags) == 2)
    for image_id in faulty_registry.tags_then_image(part):
        sandbox.client("ecr").batch_delete_image(repositoryName="theirs", imageIds=[image_id])
    assert "theirs-part" in left(sandbox, "theirs")
    assert len(left(sandbox, "theirs")["theirs-part"]) < 2
    keeps(run, sandbox, "app-part", "app-index")
    assert left(sandbox)["app-part"] == {"v1-amd64", "amd64"}

    # An index that comes in the last moment is the one case left: ECR refuses the image, and it is unknown whether a
    # tag named before that is gone by then. One always stays, and the run says so.
    sandbox.push("app", id="late", tags=["v2-amd64", "v2-next"], pushed="90d")
    index: dict[str, Any] = {"id": "late-index", "kind": "index", "children": ["late"], "tags": ["v2"]}
    sandbox.before("ecr", "BatchDeleteImage", lambda _: sandbox.push("app", **index))
    outcome = run()
    stayed = {"tag": 1, "image": 2}[pair_deletes]
    assert len(left(sandbox)["late"]) == stayed
    assert (outcome.status, outcome.repositories["app"]["partly_untagged"]) == ("failed", 2 - stayed)


@hazard("GCR-3")
@pytest.mark.parametrize("kind", ["throttled", "unavailable"])
def test_what_is_left_after_all_tries_fails_the_run(run: Runner, sandbox: Sandbox, kind: str) -> None:
    """It is counted with its code, and the next run tries again."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind=kind))  # type: ignore[arg-type]

    def attempt(doomed: AbstractSet[str]) -> set[str]:
        ids = [{"imageDigest": digest} for digest in sorted(doomed)]
        with pytest.raises(ClientError):
            sandbox.client("ecr").batch_delete_image(repositoryName="app", imageIds=ids)
        return set(doomed)

    assert faulty_registry.after_three_tries(run.ids("unused"), attempt) == []
    assert "unused" in left(sandbox)
    outcome = run()
    told = outcome.repositories["app"]
    assert (outcome.status, told["failed"], sum(told["failure_codes"].values())) == ("failed", 1, 1)
    sandbox.clear_faults()
    keeps(run, sandbox, "used")


@hazard("GCR-4")
def test_a_dry_run_tells_what_a_run_does(run: Runner, sandbox: Sandbox) -> None:
    """No more, and no less."""
    with_control(run)
    for name in ("used", "old"):
        sandbox.push("app", id=name, kind="index", platforms=PLATFORMS, tags=[name], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:used"))
    told = named(sandbox, faulty_registry.told_in_a_dry_run(seen(sandbox)))
    assert told == {*parts("used")[1:], *parts("old")[1:]}
    asked = [{"imageDigest": sandbox.digest(name)} for name in parts("used")[1:]]
    answer = sandbox.client("ecr").batch_delete_image(repositoryName="app", imageIds=asked)
    assert (len(answer["failures"]), faulty.reported_as_deleted(asked, answer)) == (2, asked)
    dry = run(dry_run=True).named(FOUND)
    assert named(sandbox, dry) == {*parts("old"), "unused"}
    assert keeps(run, sandbox, *parts("used")).gone == {"app": dry}
