"""Mistakes that several cleaners share: what they lose in an account, a run of ours on the same account keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.fake_aws import Fault
from tests.prior_art import faulty, faulty_ecs, faulty_kubernetes, faulty_registry
from tests.prior_art.listing import account, hazard, keeps, left, named, seen, service, with_control

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

FOUND: Final = "Found unused image, should be removed"


@hazard("MH-1", "KC-1", "PX-1")
@pytest.mark.parametrize("told", [{}, {"DRY_RUN": "0"}, {"DRY_RUN": "no"}, {"DRY_RUN": " false"}])
def test_nothing_goes_until_somebody_says_so(run: Runner, sandbox: Sandbox, told: dict[str, str]) -> None:
    """A run that nobody told anything names what it would remove, and removes nothing."""
    with_control(run)
    assert faulty.deletes(None)
    assert faulty_ecs.deletes_always(told)
    environment = {"DEFAULT_KEEP_DAYS": "30"}
    outcome = keeps_all(run, sandbox, environment | told)
    assert outcome == run.ids("unused")
    keeps(run, sandbox, environment=environment | {"DRY_RUN": "false"})


def keeps_all(run: Runner, sandbox: Sandbox, environment: dict[str, str]) -> set[str]:
    """What a run names that removes nothing."""
    before = left(sandbox)
    outcome = run(environment=environment)
    assert (outcome.status, left(sandbox)) == ("completed", before)
    return outcome.named(FOUND)


@hazard("KN-4")
def test_false_is_no_dry_run(run: Runner, sandbox: Sandbox) -> None:
    """The word is taken for what it says; then all the rest is."""
    with_control(run)
    assert faulty_kubernetes.only_tells("false")
    keeps(run, sandbox, environment={"DEFAULT_KEEP_DAYS": "30", "DRY_RUN": "false"})


@hazard("IM-5", "MH-4", "PX-2", "GC-2")
@pytest.mark.parametrize(
    ("service_name", "operation", "status"),
    [
        ("ecr", "DescribeRepositories", "refused"),
        ("ecs", "ListClusters", "refused"),
        ("ecr", "ListTagsForResource", "failed"),
        ("ecr", "DescribeImages", "failed"),
        ("ecr", "BatchDeleteImage", "failed"),
    ],
)
def test_a_run_that_could_not_do_its_work_fails(
    run: Runner, sandbox: Sandbox, service_name: str, operation: str, status: str
) -> None:
    """The function raises, so that Lambda counts an error and its alarm rings."""
    with_control(run)
    assert faulty_ecs.exit_status([f"{operation} failed"]) == 0
    sandbox.inject(Fault(service=service_name, operation=operation, kind="access_denied"))
    outcome = run()
    assert outcome.error is not None
    assert (outcome.status, outcome.gone) == (status, {})
    assert "AccessDenied" in outcome.causes or outcome.causes.startswith("permissions are missing: ")
    assert operation in outcome.causes or operation == "BatchDeleteImage"
    sandbox.clear_faults()
    keeps(run, sandbox)


@hazard("KC-8", "GC-1")
def test_what_stayed_is_told_as_a_failure(run: Runner, sandbox: Sandbox) -> None:
    """ECR answers with success and says inside which images it did not remove."""
    with_control(run)
    sandbox.push("app", id="listed", pushed="90d")
    sandbox.push("app", id="index", kind="index", children=["listed"], tags=["v1"], pushed="1d")
    digest = sandbox.digest("listed")
    asked = [{"imageDigest": digest}]
    answer = sandbox.client("ecr").batch_delete_image(repositoryName="app", imageIds=asked)
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageReferencedByManifestList"]
    assert faulty.reported_as_deleted(asked, answer) == asked
    assert faulty_registry.told_as_deleted([digest], answer["failures"]) == 1
    outcome = keeps(run, sandbox, "listed", "index")
    assert outcome.repositories["app"]["removals"] == {"removed": 1}, "what would be refused is not even tried"

    sandbox.push("app", id="unlisted", pushed="90d")

    def list_it(_: object) -> None:
        sandbox.push("app", id="late", kind="index", children=["unlisted"], tags=["v2"])

    sandbox.before("ecr", "BatchDeleteImage", list_it)
    outcome = run()
    told = outcome.repositories["app"]
    assert (outcome.status, told["removed"], told["failed"]) == ("failed", 0, 1)
    assert told["failure_codes"] == {"ImageReferencedByManifestList": 1}
    assert "unlisted" in left(sandbox)


@hazard("PU-3", "KN-1", "TC-1")
@pytest.mark.parametrize("used", ["{registry}/app:release-1", "{registry}/app@{used}"], ids=["tag", "digest"])
def test_every_tag_of_an_image_counts_and_its_digest_too(run: Runner, sandbox: Sandbox, used: str) -> None:
    """Whichever of its names was deployed, all of them stay."""
    with_control(run)
    sandbox.push("app", id="used", tags=["build-77", "release-1"], pushed="90d")
    sandbox.seed(service("web", used))
    texts = faulty.texts_in_use(account(sandbox))
    assert named(sandbox, faulty_ecs.lost_by_first_tag(seen(sandbox), texts)) == {"used", "unused"}
    keeps(run, sandbox, "used")
    assert left(sandbox) == {"used": {"build-77", "release-1"}}
