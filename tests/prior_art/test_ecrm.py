"""fujiwara/ecrm: what its rules lose in an account, a run of ours on the same account keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws import Fault
from tests.integration.meanwhile import Clock
from tests.prior_art import faulty, faulty_ecs
from tests.prior_art.faulty_ecs import Scan
from tests.prior_art.listing import account, hazard, keeps, left, named, seen, service, with_control

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.fake_aws.faults import Kind
    from tests.integration.runner import Runner

EVERYTHING: Final = Scan(clusters=("*",), families=("*",))
FOUND: Final = "Found unused image, should be removed"


def lost(sandbox: Sandbox, scan: Scan | None = None) -> set[str]:
    """The images that go by texts, by their names; families are not named unless a test is about them."""
    found = account(sandbox)
    return named(sandbox, faulty_ecs.lost_by_texts(found.images, faulty_ecs.texts_scanned(found, scan or Scan())))


HOSTS: Final = {
    "China": "{account}.dkr.ecr.{region}.amazonaws.com.cn",
    "FIPS": "{account}.dkr.ecr-fips.{region}.amazonaws.com",
    "dual-stack": "{account}.dkr-ecr.{region}.on.aws",
    "dual-stack FIPS": "{account}.dkr-ecr-fips.{region}.on.aws",
    "European Sovereign Cloud": "{account}.dkr.ecr.{region}.amazonaws.eu",
}
"""Other ways to write the host of a registry."""


@hazard("EM-1")
@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_every_host_of_a_registry_counts(run: Runner, sandbox: Sandbox, host: str) -> None:
    """Account and region tell a registry, not the text around them."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed(service("web", f"{host}/app:v1"))
    assert lost(sandbox) == {"used", "unused"}
    keeps(run, sandbox, "used")


@hazard("EM-2")
def test_a_tag_beside_a_digest_hides_neither(run: Runner, sandbox: Sandbox) -> None:
    """The digest counts, and so does what the tag points to by now."""
    with_control(run)
    sandbox.push("app", id="deployed", tags=["live"], pushed="90d")
    sandbox.push("app", id="pushed-again", tags=["live"], pushed="60d")
    sandbox.seed(service("web", "{registry}/app:live@{deployed}"))
    assert lost(sandbox) == {"deployed", "pushed-again", "unused"}
    keeps(run, sandbox, "deployed", "pushed-again")


@hazard("EM-3")
@pytest.mark.parametrize(
    ("scan", "overlooked"),
    [
        (Scan(clusters=(), families=("job",)), {"service", "later"}),
        (Scan(clusters=("stage-*",), families=("job",)), {"service", "later"}),
        (Scan(), {"scheduled"}),
        (Scan(families=("job",), functions=False), {"function"}),
        (None, {"later"}),
    ],
    ids=["no clusters", "a pattern that fits none", "no task definitions", "no functions", "names of an earlier day"],
)
def test_everything_is_looked_at_and_nothing_has_to_be_named(
    run: Runner, sandbox: Sandbox, scan: Scan | None, overlooked: set[str]
) -> None:
    """What a person forgets, or makes tomorrow, is in use all the same."""
    with_control(run)
    for name in ("service", "scheduled", "function", "later"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:service"))
    sandbox.seed({"ecs": {"task_definitions": {"job:1": {"image": "{registry}/app:scheduled"}}}})
    sandbox.seed({"events": {"rules": {"nightly": {"targets": [{"task_definition": "job:1"}]}}}})
    sandbox.seed({"lambda": {"functions": {"f": {"versions": {"$LATEST": {"image": "{registry}/app:function"}}}}}})
    scan = scan or faulty_ecs.generated(account(sandbox))
    later = {"later:1": {"image": "{registry}/app:later"}}
    cluster = {"services": {"later": {"task_definition": "later:1"}}}
    sandbox.seed({"ecs": {"task_definitions": later, "clusters": {"made-later": cluster}}})
    assert lost(sandbox, EVERYTHING) == {"unused"}
    assert lost(sandbox, scan) == {*overlooked, "unused"}
    keeps(run, sandbox, "service", "scheduled", "function", "later")


@hazard("EM-4")
def test_every_version_counts_by_the_digest_it_was_made_from(run: Runner, sandbox: Sandbox) -> None:
    """The oldest of many, and one whose tag has moved on."""
    with_control(run)
    versions = {str(number): {"image": f"{{registry}}/app:v{number}"} for number in range(1, 8)}
    for number in versions:
        sandbox.push("app", id=f"v{number}", tags=[f"v{number}"], pushed="90d")
    sandbox.push("app", id="resolved", pushed="90d")
    sandbox.push("app", id="pushed-again", tags=["live"], pushed="60d")
    latest = {"image": "{registry}/app:live", "digest": "{resolved}"}
    sandbox.seed({"lambda": {"functions": {"resize": {"versions": {**versions, "$LATEST": latest}}}}})
    assert lost(sandbox) == {"v1", "v2", "resolved", "unused"}
    keeps(run, sandbox, *(f"v{number}" for number in versions), "resolved", "pushed-again")


@hazard("EM-5")
@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_a_task_set_without_tasks_counts(run: Runner, sandbox: Sandbox, controller: str) -> None:
    """With these controllers a service has task sets in place of deployments."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sets = [{"task_definition": "web:1", "status": "PRIMARY"}]
    sandbox.seed(service("web", "{registry}/app:v1", controller=controller, desired=0, task_sets=sets))
    assert lost(sandbox) == {"used", "unused"}
    keeps(run, sandbox, "used")


@hazard("EM-5")
def test_how_many_stay_is_no_size_of_a_page(run: Runner, sandbox: Sandbox) -> None:
    """More may be kept than a page holds."""
    run.opted_in("app")
    sandbox.push("app", id="unused", pushed="90d")
    sandbox.push("app", id="kept", tags=["v1"], pushed="90d")
    with pytest.raises(ClientError, match="between 1 and 100"):
        sandbox.client("ecs").list_task_definitions(**faulty_ecs.page_of(2000))
    keeps(run, sandbox, "kept", retention_rules=[{"repositories": ["*"], "keep_newest": 2000}])


@hazard("EM-6")
def test_an_unused_index_goes_whole_in_one_run(run: Runner, sandbox: Sandbox) -> None:
    """The index in an earlier call than what it lists, and what is refused is never told as removed."""
    platforms = ["linux/amd64", "linux/arm64"]
    for name in ("app", "theirs"):
        run.opted_in(name)
        sandbox.push(name, id=f"{name}-index", kind="index", platforms=platforms, tags=["v1"], pushed="90d")
    run.retag("theirs", BoxCleanerEnabled=None)
    indexes = {image.digest: image.children for image in sandbox.images("theirs") if image.children}
    asked = faulty_ecs.children_first(indexes)
    answer = sandbox.client("ecr").batch_delete_image(repositoryName="theirs", imageIds=asked)
    assert faulty.reported_as_deleted(asked, answer) == asked
    assert set(left(sandbox, "theirs")) == {f"theirs-index/{platform}" for platform in platforms}
    outcome = keeps(run, sandbox)
    assert outcome.repositories["app"]["removals"] == {"removed": 3}


@hazard("EM-7")
def test_a_signature_goes_with_its_image_and_an_artifact_if_it_may(run: Runner, sandbox: Sandbox) -> None:
    """Cosign's signatures look like images of their own; charts are shown with the reason why they stay."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.push("app", id="signature", kind="cosign", subject="used", pushed="90d")
    sandbox.push("app", id="chart", kind="helm", tags=["1.0.0"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    assert named(sandbox, faulty_ecs.aged_out(seen(sandbox), run.ids("used"))) == {"signature", "unused"}
    reasons = keeps(run, sandbox, "used", "signature", "chart").kept()
    assert reasons[sandbox.digest("signature")][0] == "part_of_image_in_use"
    assert reasons[sandbox.digest("chart")][0] == "not_a_container_image"
    keeps(
        run,
        sandbox,
        "used",
        "signature",
        retention_rules=[{"repositories": ["*"], "artifact_types": ["*"], "keep_days": 30}],
    )


@hazard("EM-8")
@pytest.mark.parametrize("kind", ["missing_member", "cut_short", "malformed"])
def test_an_index_that_cannot_be_read_stops_its_repository(run: Runner, sandbox: Sandbox, kind: Kind) -> None:
    """Nobody knows what it lists; with an answer that is whole, its parts stay and the rest goes."""
    with_control(run)
    sandbox.push("app", id="used", kind="index", platforms=["linux/amd64"], tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    index = next(image.manifest.body.decode() for image in sandbox.images("app") if image.children)
    assert named(sandbox, faulty_ecs.listed_by([index])) == {"used/linux/amd64"}
    assert faulty_ecs.listed_by([None, index[:-9], '{"errors": []}']) == set()
    assert "used/linux/amd64" in lost(sandbox)
    sandbox.inject(Fault(service="ecr", operation="BatchGetImage", kind=kind))
    outcome = run()
    assert (outcome.status, outcome.gone) == ("failed", {})
    assert "repository app: " in outcome.causes
    sandbox.clear_faults()
    keeps(run, sandbox, "used", "used/linux/amd64")


@hazard("EM-9")
def test_a_plan_is_made_anew_and_says_what_and_why(run: Runner, sandbox: Sandbox) -> None:
    """What a dry run named yesterday is removed only if it is unused today as well."""
    with_control(run)
    sandbox.push("app", id="deployed", tags=["v1"], pushed="90d")
    planned = run(dry_run=True).named(FOUND)
    assert planned == run.ids("deployed", "unused")
    assert faulty_ecs.shown(planned) == "2 images"
    sandbox.seed(service("web", "{registry}/app:v1"))
    assert named(sandbox, faulty_ecs.carried_out(planned, seen(sandbox))) == {"deployed", "unused"}
    kept = keeps(run, sandbox, "deployed").kept()
    reason, evidence = kept[sandbox.digest("deployed")]
    assert (reason, "ecs service prod/web" in evidence) == ("in_use", True)


@hazard("EM-9")
def test_what_was_deployed_while_a_run_took_its_time_is_seen(run: Runner, sandbox: Sandbox) -> None:
    """Usages that are out of date are collected again before anything goes; ten minutes pass at once here."""
    with_control(run)
    sandbox.push("app", id="deployed", tags=["v1"], pushed="90d")
    plan = faulty_ecs.lost_by_texts(seen(sandbox), set())
    deployed: list[object] = []
    clock = Clock(run)

    def deploy(call: object) -> None:
        sandbox.seed(service("web", "{registry}/app:v1"))
        clock.shift(1)
        deployed.append(call)

    # The listing after the sources were asked is the one that verdicts are made from.
    sandbox.before("ecs", "ListClusters", lambda _: sandbox.before("ecr", "DescribeImages", deploy))
    keeps(run, sandbox, "deployed")
    assert deployed
    assert named(sandbox, faulty_ecs.carried_out(plan, seen(sandbox))) == {"deployed"}
