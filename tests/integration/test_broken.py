"""Consumers that fail because of what an earlier night removed: they ring, and stop the next removal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from ecr_cleaner import cli
from ecr_cleaner.aws import client
from ecr_cleaner.cli import session
from ecr_cleaner.restore import restorer
from tests.fake_aws import Fault
from tests.integration import past
from tests.integration.meanwhile import Clock
from tests.integration.past import Past
from tests.integration.runner import REGION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_aws import Sandbox
    from tests.integration.runner import Outcome, Runner

PLACE: Final = {"bucket": past.BUCKET, "prefix": past.PREFIX}
DELETE: Final[dict[str, Any]] = {"storage": PLACE | {"history": True, "journal": True}}
ARCHIVE: Final = DELETE | {"removal_mode": "archive"}
NOT_FOUND: Final = "CannotPullContainerError: failed to resolve ref app:v1: not found"
EXITED: Final = "Essential container in task exited"


@pytest.fixture(autouse=True)
def bucket(run: Runner, sandbox: Sandbox) -> Past:
    """Of journal and history; there are two repositories, and an old image that goes in the first night."""
    made = Past(sandbox)
    run.opted_in("app")
    run.opted_in("web")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    return made


def function(sandbox: Sandbox, *, idle: bool) -> None:
    """A Lambda function names what is gone, as one does that nobody saw while it was there."""
    told = {"image": "{registry}/app:v1", "digest": sandbox.digest("old"), "idle": idle}
    sandbox.seed({"lambda": {"functions": {"f": {"versions": {"$LATEST": told}}}}})


def task(sandbox: Sandbox, **told: Any) -> None:
    """A task that stopped a moment ago."""
    definitions = {"app:1": {"image": "{registry}/app:v1", "status": "INACTIVE"}}
    stopped = {"task_definition": "app:1", "status": "STOPPED", **told}
    sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {"prod": {"tasks": [stopped]}}}})


def next_night(run: Runner, sandbox: Sandbox, **settings: Any) -> Outcome:
    """There is something else to remove by then."""
    sandbox.push("web", id="next", tags=["v9"], pushed="90d")
    return run(**settings)


def of_app(outcome: Outcome) -> set[tuple[str, str]]:
    """Kind and severity of the findings on it."""
    told = outcome.told["findings"]
    return {(one["kind"], one["severity"]) for one in told if one["subject"].startswith("app")}


@pytest.mark.parametrize("settings", [DELETE, ARCHIVE], ids=["delete", "archive"])
@pytest.mark.parametrize("who", ["lambda", "fargate", "ec2"])
def test_whoever_fails_for_want_of_what_went_stops_the_next_night(
    run: Runner, sandbox: Sandbox, settings: dict[str, Any], who: str
) -> None:
    """It says who, what, which run did it, and what to paste; nothing else goes, in no repository."""
    assert run(**settings).status == "completed"
    if who == "lambda":
        function(sandbox, idle=True)
    else:
        task(sandbox, unpulled={"app": NOT_FOUND}, launch_type=who.upper())
    outcome = next_night(run, sandbox, **settings)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert outcome.named("Found image without known use, but the run is refused") == run.ids("next")
    assert {image.status for image in sandbox.images("web")} == {"ACTIVE"}
    digest = sandbox.digest("old")
    consumer = "lambda function f, version $LATEST" if who == "lambda" else "ecs task prod/"
    assert f"{consumer}" in outcome.causes
    assert f"fails without app@{digest}" in outcome.causes
    assert ("ImageDeleted" if who == "lambda" else NOT_FOUND) in outcome.causes
    assert f"run run-1 was about to {'archive' if settings is ARCHIVE else 'delete'} it" in outcome.causes
    assert f"ecr-cleaner restore --region {REGION} --function ecr-cleaner app@{digest}" in outcome.causes
    kind = "archived_in_use" if settings is ARCHIVE else "removed_in_use"
    assert of_app(outcome) == {(kind, "problem")}
    assert outcome.told["consumers_broken"] == 1


@pytest.mark.parametrize("settings", [DELETE, ARCHIVE], ids=["delete", "archive"])
def test_it_goes_on_once_the_image_is_back(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, Any]
) -> None:
    """The command of the refusal mends it, and nobody has to confirm anything."""
    run(**settings)
    function(sandbox, idle=True)
    assert next_night(run, sandbox, **settings).status == "refused"
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(session, "connect", lambda *_: client.AwsClients())
    monkeypatch.setattr(restorer.time, "sleep", lambda _: None)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"schema_version": 1, **settings}))
    words = ["restore", "--settings", str(file), f"app@{sandbox.digest('old')}"]
    restored = CliRunner().invoke(cli.main, words)
    assert restored.exit_code == 0, restored.output
    outcome = run(**settings)
    assert (outcome.status, of_app(outcome)) == ("completed", set())
    assert "next" not in {image.digest for image in sandbox.images("web") if image.status == "ACTIVE"}
    assert [image.status for image in sandbox.images("app")] == ["ACTIVE"]


def test_it_goes_on_once_the_consumer_names_something_else(run: Runner, sandbox: Sandbox) -> None:
    """The failure is gone, and so is the refusal."""
    run(**DELETE)
    function(sandbox, idle=True)
    assert next_night(run, sandbox, **DELETE).status == "refused"
    sandbox.push("web", id="live", tags=["live"], pushed="90d")
    told = {"image": "{registry}/web:live", "idle": True}
    sandbox.seed({"lambda": {"functions": {"f": {"versions": {"$LATEST": told}}}}})
    assert run(**DELETE).gone == {"web": run.ids("next")}


@pytest.mark.parametrize("settings", [DELETE, ARCHIVE], ids=["delete", "archive"])
def test_whoever_only_names_what_went_rings(run: Runner, sandbox: Sandbox, settings: dict[str, Any]) -> None:
    """A function that is not idle has its copy and works on; it fails one day, so somebody has to know."""
    run(**settings)
    function(sandbox, idle=False)
    outcome = next_night(run, sandbox, **settings)
    assert outcome.status == "failed"
    assert "lambda function f, version $LATEST" in outcome.causes
    kind = "archived_in_use" if settings is ARCHIVE else "removed_in_use"
    assert of_app(outcome) == {(kind, "problem")}
    there = {image.status for image in sandbox.images("web")}
    assert there == ({"ARCHIVED"} if settings is ARCHIVE else set())


def test_what_somebody_else_removed_is_not_the_cleaners_doing(run: Runner, sandbox: Sandbox) -> None:
    """It is missing, which is a finding; the night goes on."""
    run.opted_in("other")
    sandbox.push("other", id="theirs", tags=["v1"], pushed="3d")
    assert run(**DELETE).gone == {"app": run.ids("old")}
    told = {"image": "{registry}/other:v1", "digest": sandbox.digest("theirs"), "idle": True}
    sandbox.seed({"lambda": {"functions": {"f": {"versions": {"$LATEST": told}}}}})
    sandbox.client("ecr").batch_delete_image(repositoryName="other", imageIds=[{"imageTag": "v1"}])
    sandbox.client("ecr").batch_delete_image(
        repositoryName="other", imageIds=[{"imageDigest": sandbox.digest("theirs")}]
    )
    outcome = next_night(run, sandbox, **DELETE)
    assert (outcome.status, outcome.gone) == ("completed", {"web": run.ids("next")})
    kinds = {one["kind"] for one in outcome.told["findings"] if one["subject"].startswith("other")}
    assert kinds == {"dangling_reference"}


@pytest.mark.parametrize("told", [{"reason": EXITED}, {"reason": EXITED, "launch_type": "EC2"}])
def test_a_task_that_stopped_for_another_reason_stops_nothing(
    run: Runner, sandbox: Sandbox, told: dict[str, Any]
) -> None:
    """It had its image: what it names and is gone by now rings, and the night goes on."""
    run(**DELETE)
    task(sandbox, **told)
    outcome = next_night(run, sandbox, **DELETE)
    assert (outcome.status, outcome.gone) == ("failed", {"web": run.ids("next")})
    assert of_app(outcome) == {("removed_in_use", "problem")}


def test_an_image_that_was_pushed_again_is_there(run: Runner, sandbox: Sandbox) -> None:
    """Whatever a task says of an hour ago."""
    run(**DELETE)
    task(sandbox, unpulled={"app": NOT_FOUND})
    sandbox.push("app", id="new", tags=["v1"], pushed="1h")
    outcome = next_night(run, sandbox, **DELETE)
    assert (outcome.status, outcome.gone) == ("completed", {"web": run.ids("next")})


def test_without_a_history_nobody_knows_who_removed_it(run: Runner, sandbox: Sandbox) -> None:
    """Then it is missing, as if anybody had."""
    run(storage=PLACE | {"journal": True})
    function(sandbox, idle=True)
    outcome = next_night(run, sandbox, storage=PLACE | {"journal": True})
    assert (outcome.status, of_app(outcome)) == ("completed", {("dangling_reference", "problem")})


def test_a_dry_run_tells_as_well(run: Runner, sandbox: Sandbox) -> None:
    """It would be refused."""
    run(**DELETE)
    function(sandbox, idle=True)
    outcome = run(dry_run=True, **DELETE)
    assert outcome.status == "refused"
    assert "fails without" in outcome.causes


def test_what_did_not_go_after_all_is_forgotten(run: Runner, sandbox: Sandbox, bucket: Past) -> None:
    """It was noted before ECR was asked, and the next look finds it there."""
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind="access_denied"))
    assert run(**DELETE).status == "failed"
    assert list(bucket.content("repositories/app.json")["removed"]) == [sandbox.digest("old")]
    sandbox.clear_faults()
    run(dry_run=True, **DELETE)
    assert "gone" not in bucket.content("repositories/app.json")


def test_whoever_fails_is_seen_before_an_index_that_cannot_be_read(run: Runner, sandbox: Sandbox) -> None:
    """The repository fails for something else; what its consumers lost holds all others back the same."""
    run(**DELETE)
    function(sandbox, idle=True)
    sandbox.push("app", id="idx", kind="index", platforms=["linux/amd64"], tags=["w"], pushed="90d")
    sandbox.inject(
        Fault(service="ecr", operation="BatchGetImage", kind="access_denied", where={"repositoryName": "app"})
    )
    outcome = next_night(run, sandbox, **DELETE)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert f"fails without app@{sandbox.digest('old')}" in outcome.causes


def test_where_nobody_knows_what_went_a_failing_consumer_stops_the_night(
    run: Runner, sandbox: Sandbox, bucket: Past
) -> None:
    """The history of the repository is lost: it may well have been the cleaner."""
    run(**DELETE)
    function(sandbox, idle=True)
    bucket.delete(bucket.key("repositories/app.json"))
    outcome = next_night(run, sandbox, **DELETE)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "it is unknown whether an earlier run removed it" in outcome.causes
    assert "lambda function f, version $LATEST fails without an image of app" in outcome.causes


@pytest.mark.parametrize("settings", [DELETE, ARCHIVE], ids=["delete", "archive"])
def test_whoever_fails_in_the_middle_of_a_run_stops_the_rest_of_it(
    run: Runner, sandbox: Sandbox, settings: dict[str, Any]
) -> None:
    """The usages are collected again, and somebody asks for what this same run removed from another repository."""
    sandbox.push("web", id="next", tags=["v9"], pushed="90d")
    run.workers = 1
    clock = Clock(run)

    def fails(_call: object) -> None:
        function(sandbox, idle=True)
        clock.shift(1)

    sandbox.after("ecr", "UpdateImageStorageClass" if settings is ARCHIVE else "BatchDeleteImage", fails)
    outcome = run(**settings)
    assert outcome.status == "refused"
    assert f"fails without app@{sandbox.digest('old')}" in outcome.causes
    assert {image.status for image in sandbox.images("web")} == {"ACTIVE"}
