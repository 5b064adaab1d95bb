"""devopsbox-io/aws-ecr-cleaner: what its rules lose in an account, a run of ours on the same account keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from botocore.exceptions import ClientError

from ecr_cleaner.aws import client
from ecr_cleaner.usage import catalog
from tests.fake_aws import Fault
from tests.integration import accounts
from tests.prior_art import faulty
from tests.prior_art.listing import account, every_consumer_by_tag, hazard, left, named, seen, service, with_control

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.fake_aws.faults import Kind
    from tests.integration.runner import Runner

pytestmark = pytest.mark.usefixtures("pair_deletes")


def deletions(sandbox: Sandbox) -> list[list[dict[str, str]]]:
    """The image ids that each deleting call named."""
    return [call.parameters["imageIds"] for call in sandbox.calls if call.operation == "BatchDeleteImage"]


@hazard("DB-1")
def test_a_tag_that_moved_takes_no_new_image_along(run: Runner, sandbox: Sandbox) -> None:
    """CI pushes a tag again in the moment before the call that removes."""
    with_control(run)
    sandbox.push("app", id="old", tags=["prod"], pushed="90d")
    listed = account(sandbox)
    doomed = faulty.doomed_tags(listed.images, faulty.texts_in_use(listed))
    lost: set[str] = set()

    def push_again(_: object) -> None:
        sandbox.push("app", id="new", tags=["prod"])
        lost.update(faulty.deleted_by_tag(doomed, seen(sandbox)))

    sandbox.before("ecr", "BatchDeleteImage", push_again)
    outcome = run()
    assert named(sandbox, lost) == {"new", "unused"}
    assert left(sandbox) == {"new": {"prod"}, "old": set()}
    assert "ImageTagDoesNotMatchDigest" in outcome.causes


@hazard("DB-2")
def test_an_image_in_use_under_one_tag_keeps_its_others(run: Runner, sandbox: Sandbox) -> None:
    """The next rollback, or the next deployment, may name any of them."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1", "release-1", "latest"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    listed = account(sandbox)
    used = sandbox.digest("used")
    doomed = faulty.doomed_tags(listed.images, faulty.texts_in_use(listed))
    assert doomed == {(used, "release-1"), (used, "latest"), (sandbox.digest("unused"), "unused")}
    assert run().status == "completed"
    assert left(sandbox) == {"used": {"v1", "release-1", "latest"}}


FOUND: Final = {"service", "revision", "lambda", "apprunner"}
"""Consumers whose image a service's own task definition, a function's newest version, or App Runner names."""


@hazard("DB-3")
def test_everything_that_ecs_runs_or_will_run_counts(run: Runner, sandbox: Sandbox) -> None:
    """Deployments, task sets, rollback targets, tasks without a service, and what starts at some time."""
    every_consumer_by_tag(sandbox)
    lost = named(sandbox, faulty.lost_by_tags(account(sandbox)))
    assert lost == {*accounts.IN_APP, "unused"} - FOUND
    before = left(sandbox)
    assert run().status == "completed"
    assert left(sandbox) == {name: tags for name, tags in before.items() if name != "unused"}


@hazard("DB-4")
def test_every_version_of_a_function_counts_by_what_it_resolved_to(run: Runner, sandbox: Sandbox) -> None:
    """A published version, and the digest that a function keeps though its tag has moved on."""
    with_control(run)
    sandbox.push("app", id="published", tags=["v1"], pushed="90d")
    sandbox.push("app", id="newest", tags=["v2"], pushed="60d")
    sandbox.push("app", id="resolved", pushed="90d")
    sandbox.push("app", id="pushed-again", tags=["live"], pushed="60d")
    functions = {
        "resize": {"versions": {"$LATEST": {"image": "{registry}/app:v2"}, "1": {"image": "{registry}/app:v1"}}},
        "mail": {"versions": {"$LATEST": {"image": "{registry}/app:live", "digest": "{resolved}"}}},
    }
    sandbox.seed({"lambda": {"functions": functions}})
    assert named(sandbox, faulty.lost_by_tags(account(sandbox))) == {"published", "resolved", "unused"}
    assert run().status == "completed"
    assert set(left(sandbox)) == {"published", "newest", "resolved", "pushed-again"}


WRITTEN: Final = {
    "tag and digest": "{registry}/app:v1@{used}",
    "no tag": "{registry}/app",
    "FIPS": "{account}.dkr.ecr-fips.{region}.amazonaws.com/app:v1",
    "dual-stack": "{account}.dkr-ecr.{region}.on.aws/app:v1",
    "dual-stack FIPS": "{account}.dkr-ecr-fips.{region}.on.aws/app:v1",
    "dual-stack by digest": "{account}.dkr-ecr.{region}.on.aws/app@{used}",
}
"""Ways to write the image ``used``, whose tags are ``v1`` and ``latest``."""


@hazard("DB-5")
@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_a_reference_counts_however_it_is_written(run: Runner, sandbox: Sandbox, written: str) -> None:
    """All of them name one image of one registry."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1", "latest"], pushed="90d")
    sandbox.seed(service("web", written))
    assert named(sandbox, faulty.lost_by_tags(account(sandbox))) == {"used", "unused"}
    assert run().status == "completed"
    assert left(sandbox) == {"used": {"v1", "latest"}}


@hazard("DB-5")
def test_what_a_moved_tag_was_resolved_to_counts(run: Runner, sandbox: Sandbox) -> None:
    """ECS starts every later task of a deployment by the digest that the tag had then."""
    with_control(run)
    sandbox.push("app", id="deployed", tags=["live"], pushed="90d")
    sandbox.push("app", id="pushed-again", tags=["live"], pushed="60d")
    revision = {"task_definition": "web:1", "digests": {"web": "{deployed}"}, "deployed": "80d"}
    sandbox.seed(service("web", "{registry}/app:live", desired=0, revisions=[revision]))
    assert named(sandbox, faulty.lost_by_tags(account(sandbox))) == {"deployed", "unused"}
    assert run().status == "completed"
    assert left(sandbox) == {"deployed": set(), "pushed-again": {"live"}}


@hazard("DB-6")
def test_what_was_refused_is_no_removal(run: Runner, sandbox: Sandbox) -> None:
    """It is counted by its code and fails the run; the manifests of an index in use are not even asked for."""
    with_control(run)
    sandbox.push("app", id="used", kind="index", platforms=["linux/amd64", "linux/arm64"], tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    before, tonight = left(sandbox), faulty.lost_by_tags(account(sandbox))
    assert named(sandbox, tonight) == {"unused", "used/linux/amd64", "used/linux/arm64"}
    asked = [{"imageDigest": sandbox.digest(f"used/{platform}")} for platform in ("linux/amd64", "linux/arm64")]
    answer = sandbox.client("ecr").batch_delete_image(repositoryName="app", imageIds=asked)
    assert faulty.reported_as_deleted(asked, answer) == asked
    assert left(sandbox) == before
    assert faulty.lost_by_tags(account(sandbox)) == tonight, "and so every night"

    sandbox.push("app", id="listed", pushed="90d")
    sandbox.clear_calls()

    def list_it(_: object) -> None:
        sandbox.push("app", id="index", kind="index", children=["listed"], tags=["v2"])

    sandbox.before("ecr", "BatchDeleteImage", list_it)
    outcome = run()
    assert set(left(sandbox)) == {*before, "listed", "index"} - {"unused"}
    assert outcome.status == "failed"
    told = outcome.repositories["app"]
    assert (told["removed"], told["failed"]) == (1, 1)
    assert told["failure_codes"] == {"ImageReferencedByManifestList": 1}
    named_by_calls = {image_id["imageDigest"] for ids in deletions(sandbox) for image_id in ids}
    assert named(sandbox, named_by_calls) == {"unused", "listed"}


NO_LIMITS: Final = {"-1": "1m", "0": "1m", "90d": "60d", "ninety": "60d", "": "60d"}
"""What is no age limit, and the age of an image that is lost by taking it for one or by falling back to 30 days."""


@hazard("DB-7")
@pytest.mark.parametrize(("limit", "age"), NO_LIMITS.items())
def test_a_tag_that_is_no_age_limit_stops_its_repository(run: Runner, sandbox: Sandbox, limit: str, age: str) -> None:
    """It is never replaced by another number, and it fails the run; the other repositories are cleaned."""
    with_control(run)
    run.opted_in("limited", BoxCleanerKeepDays=limit)
    sandbox.push("limited", id="young", tags=["v1"], pushed=age)
    lost = faulty.lost_by_tags(account(sandbox, "limited"), faulty.age_limit(limit))
    assert named(sandbox, lost) == {"young"}
    outcome = run()
    assert left(sandbox, "limited") == {"young": {"v1"}}
    assert left(sandbox) == {}
    assert outcome.status == "failed"
    problem = f"tag BoxCleanerKeepDays must be a whole number of days from 1 to 99999, got {limit!r}"
    assert f"repository limited: {problem}" in outcome.causes


@hazard("DB-7")
@pytest.mark.parametrize(("limit", "age"), NO_LIMITS.items())
def test_a_variable_that_is_no_age_limit_stops_the_run(run: Runner, sandbox: Sandbox, limit: str, age: str) -> None:
    """Nothing is even looked at; with a number, only what is older goes."""
    with_control(run)
    sandbox.push("app", id="young", tags=["v1"], pushed=age)
    lost = faulty.lost_by_tags(account(sandbox), faulty.age_limit(limit))
    assert named(sandbox, lost) == {"young", "unused"}
    sandbox.clear_calls()
    outcome = run(keep_days=limit)
    assert (sandbox.calls, outcome.gone, outcome.status) == ([], {}, "failed")
    assert f"DEFAULT_KEEP_DAYS must be a whole number of days from 1 to 99999, got {limit!r}" in outcome.causes
    assert run(keep_days="89").status == "completed"
    assert left(sandbox) == {"young": {"v1"}}


def fill_three_repositories(run: Runner) -> None:
    """``app-1`` to ``app-3``, each with an image of the same name that nothing needs."""
    for name in ("app-1", "app-2", "app-3"):
        run.opted_in(name)
        run.sandbox.push(name, id=name, tags=["v1"], pushed="90d")


@hazard("DB-8")
@pytest.mark.parametrize("kind", ["access_denied", "internal_error", "throttled"])
def test_a_repository_that_fails_ends_no_other_ones_turn(run: Runner, sandbox: Sandbox, kind: Kind) -> None:
    """The run goes on, and fails at its end with the name."""
    fill_three_repositories(run)
    assert faulty.cleaned_until("app-2", run.contents()) == ["app-1"]
    sandbox.inject(Fault(service="ecr", operation="DescribeImages", kind=kind, where={"repositoryName": "app-2"}))
    outcome = run()
    assert outcome.gone == {name: run.ids(name) for name in ("app-1", "app-3")}
    assert outcome.status == "failed"
    assert "repository app-2: DescribeImages failed" in outcome.causes


@hazard("DB-8")
def test_a_repository_that_vanishes_ends_no_other_ones_turn(run: Runner, sandbox: Sandbox) -> None:
    """Somebody deletes it while the run looks at it: there is nothing left to fail."""
    fill_three_repositories(run)
    assert faulty.cleaned_until("app-2", run.contents()) == ["app-1"]

    def delete(_: object) -> None:
        sandbox.client("ecr").delete_repository(repositoryName="app-2", force=True)

    sandbox.after("ecr", "DescribeRepositories", delete)
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert run.contents() == {"app-1": set(), "app-3": set()}


@hazard("DB-8")
def test_removing_takes_few_calls_and_throttling_is_mended(run: Runner, sandbox: Sandbox) -> None:
    """A hundred ids a call; a call that is too fast is made again instead of ending the run."""
    for name in ("app", "theirs"):
        run.opted_in(name)
        for number in range(40):
            tags = [f"{word}-{number}" for word in ("v", "build", "commit")]
            sandbox.push(name, id=f"{name}-{number}", tags=tags, pushed="90d")
    run.retag("theirs", BoxCleanerEnabled=None)
    sandbox.throttle("ecr", "BatchDeleteImage", burst=10, refill=1)
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind="throttled", times=1))
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert left(sandbox) == {}
    assert [len(ids) for ids in deletions(sandbox)] == [99, 99, 21], "the first was throttled"

    calls = faulty.calls_by_tag(seen(sandbox, "theirs"))
    assert len(calls) == 120

    def tag_by_tag() -> None:
        for image_id in calls:
            sandbox.client("ecr").batch_delete_image(repositoryName="theirs", imageIds=[image_id])

    with pytest.raises(ClientError, match="ThrottlingException"):
        tag_by_tag()
    assert left(sandbox, "theirs")


@hazard("DB-9")
def test_whether_a_region_has_a_service_is_asked_of_nobody_else(run: Runner, sandbox: Sandbox) -> None:
    """The permissions to read the consumers are enough."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed({"apprunner": {"services": {"landing": {"image": "{registry}/app:v1"}}}})
    sandbox.inject(Fault(service="ssm", kind="access_denied"))
    with pytest.raises(ClientError, match="AccessDenied"):
        sandbox.client("ssm").get_parameters_by_path(
            Path="/aws/service/global-infrastructure/services/apprunner/regions"
        )
    permissions = {permission for source in catalog.SOURCES for permission in source.permissions}
    assert faulty.sources_asked(permissions) == []
    assert faulty.sources_asked(permissions | {"ssm:GetParametersByPath"})
    sandbox.clear_calls()
    assert run().status == "completed"
    assert run.asked("ssm") == set()
    assert ("apprunner", "ListServices") in run.asked()
    assert left(sandbox) == {"used": {"v1"}}


@hazard("DB-9")
def test_a_region_without_a_service_is_cleaned_all_the_same(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the SDK's own list says so and nobody answers, nothing there can use an image."""
    with_control(run)
    monkeypatch.setattr(client.AwsClients, "offered_in_region", lambda _, name, *_regions: name != "apprunner")
    monkeypatch.setenv("AWS_ENDPOINT_URL_APPRUNNER", "http://127.0.0.1:9")
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.sources["apprunner"]["outcome"] == "not_offered"
    assert left(sandbox) == {}
