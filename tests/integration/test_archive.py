"""Archive instead of delete: what goes there, what keeps it, what follows, and what rings."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from ecr_cleaner import cli
from ecr_cleaner.aws import client
from ecr_cleaner.cli import session
from ecr_cleaner.restore import restorer
from tests.integration import past
from tests.integration.past import Past
from tests.integration.runner import REGION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_aws import Sandbox
    from tests.fake_aws.recorder import Call
    from tests.integration.runner import Runner

PLACE: Final = {"bucket": past.BUCKET, "prefix": past.PREFIX}
SETTINGS: Final[dict[str, Any]] = {"storage": PLACE | {"history": True, "journal": True}, "removal_mode": "archive"}
AFTER: Final = SETTINGS | {"delete_archived_after_days": 90}


@pytest.fixture(autouse=True)
def bucket(sandbox: Sandbox) -> Past:
    """Of journal and history."""
    return Past(sandbox)


def archived(sandbox: Sandbox, name: str = "app") -> set[str]:
    """The digests that lie in the archive."""
    return {image.digest for image in sandbox.images(name) if image.status == "ARCHIVED"}


def everything(run: Runner, sandbox: Sandbox) -> set[str]:
    """Old images of every kind, some of them in use; returns those that are not needed."""
    run.opted_in("app")
    platforms = ["linux/amd64", "linux/arm64"]
    for name in ("unused", "used"):
        sandbox.push("app", id=name, kind="index", platforms=platforms, tags=[name], pushed="90d")
        sandbox.push("app", id=f"{name}-signature", kind="signature", subject=name, pushed="89d")
    sandbox.push("app", id="plain", tags=["plain", "v1"], pushed="90d")
    sandbox.push("app", id="untagged", pushed="90d")
    sandbox.push("app", id="young", tags=["young"], pushed="3d")
    service = {
        "task_definitions": {"app:1": {"image": "{registry}/app:used"}},
        "clusters": {"prod": {"services": {"app": {"task_definition": "app:1"}}}},
    }
    sandbox.seed({"ecs": service})
    return run.ids("unused", "unused/linux/amd64", "unused/linux/arm64", "unused-signature", "plain", "untagged")


def use(sandbox: Sandbox, tag: str) -> None:
    """A Lambda function names an image."""
    sandbox.seed({"lambda": {"functions": {"f": {"versions": {"$LATEST": {"image": f"{{registry}}/app:{tag}"}}}}}})


def test_what_is_old_and_unused_is_archived_and_the_rest_is_not(run: Runner, sandbox: Sandbox) -> None:
    """In the order of a removal; nothing is gone, and the tags stay."""
    unused = everything(run, sandbox)
    before = {image.digest: sorted(image.tags) for image in sandbox.images("app")}
    outcome = run(**SETTINGS)
    assert (outcome.status, outcome.causes, outcome.gone) == ("completed", "", {})
    assert archived(sandbox) == unused
    assert {image.digest: sorted(image.tags) for image in sandbox.images("app")} == before
    assert outcome.named("Archived unused image") == unused
    told = outcome.repositories["app"]
    assert (told["removable"], told["archived"], told["removed"]) == (6, 6, 0)
    order = [c.parameters["imageId"]["imageDigest"] for c in sandbox.calls if c.operation == "UpdateImageStorageClass"]
    index = order.index(sandbox.digest("unused"))
    assert all(index < order.index(sandbox.digest(f"unused/linux/{child}")) for child in ("amd64", "arm64"))
    assert index < order.index(sandbox.digest("unused-signature"))
    assert ("ecr", "BatchDeleteImage") not in run.asked()
    again = run(**SETTINGS)
    assert (again.status, again.repositories["app"]["removable"]) == ("completed", 0)


def test_a_dry_run_archives_nothing(run: Runner, sandbox: Sandbox) -> None:
    """It names what would go."""
    unused = everything(run, sandbox)
    outcome = run(dry_run=True, **SETTINGS)
    assert (outcome.status, archived(sandbox)) == ("completed", set())
    assert outcome.named("Found unused image, should be removed") == unused


def test_what_lies_there_for_long_is_deleted(run: Runner, sandbox: Sandbox) -> None:
    """More than so many days, index first; the rest stays."""
    unused = everything(run, sandbox)
    run(**AFTER)
    assert archived(sandbox) == unused
    assert run(**AFTER).gone == {}
    for image in sandbox.images("app"):
        if image.archived_at:
            image.archived_at -= timedelta(days=89)
            image.pulled_at = None  # the run's own reading is long ago by then
    assert run(**AFTER).gone == {}
    for image in sandbox.images("app"):
        if image.archived_at:
            image.archived_at -= timedelta(days=2)
    assert run(**SETTINGS).gone == {}, "null: what is archived stays"
    outcome = run(**AFTER)
    assert (outcome.status, outcome.causes, outcome.gone) == ("completed", "", {"app": unused})


@pytest.mark.parametrize("why", ["used", "tagged", "short", "restored", "needed", "unknown list"])
def test_what_is_archived_and_needed_is_never_deleted(run: Runner, sandbox: Sandbox, why: str) -> None:
    """In use, kept by a rule, not there for long, or a part of something that stays."""
    run.opted_in("app")
    there: dict[str, Any] = {"pushed": "400d", "status": "ARCHIVED", "archived": "200d"}
    settings = dict(AFTER)
    match why:
        case "tagged":
            settings["retention_rules"] = [{"repositories": ["*"], "tags": ["v*"], "keep": True}]
        case "short":
            there["archived"] = "89d"
        case "restored":
            there |= {"status": "ACTIVE", "activated": "2d"}
        case "unknown list":
            there |= {"kind": "index", "platforms": ["linux/amd64"]}
    sandbox.push("app", id="attic", tags=["v1"], **there)
    if why == "used":
        use(sandbox, "v1")
    if why == "needed":
        sandbox.push("app", id="index", kind="index", children=["attic"], tags=["multi"], pushed="3d")
    outcome = run(**settings)
    assert outcome.gone == {}
    assert (outcome.status == "failed") is (why == "used")


def test_what_lies_there_comes_back_whole(run: Runner, sandbox: Sandbox) -> None:
    """An index goes into the archive: what it lists and what signs it is not deleted from there that night."""
    run.opted_in("app")
    there = {"pushed": "400d", "status": "ARCHIVED", "archived": "200d"}
    sandbox.push("app", id="child", **there)
    sandbox.push("app", id="index", kind="index", children=["child"], tags=["multi"], pushed="300d")
    sandbox.push("app", id="signature", kind="signature", subject="index", **there)
    outcome = run(**AFTER)
    assert (outcome.status, outcome.gone) == ("completed", {})
    assert archived(sandbox) == run.ids("child", "index", "signature")
    assert outcome.repositories["app"]["removals"] == {"archived": 1, "holder_kept": 2}


def test_an_archived_image_that_somebody_names_rings(run: Runner, sandbox: Sandbox) -> None:
    """The run fails and says who, what, and how to bring it back; everything else is done. Then it is quiet again."""
    run.opted_in("app")
    sandbox.push("app", id="attic", tags=["v1"], pushed="400d", status="ARCHIVED", archived="20d")
    sandbox.push("app", id="unused", tags=["v0"], pushed="400d")
    use(sandbox, "v1")
    outcome = run(**SETTINGS)
    assert outcome.status == "failed"
    digest = sandbox.digest("attic")
    assert (
        "app:v1: it is archived, so nothing can pull it; in use by lambda function f, version $LATEST: "
        f"ecr-cleaner restore --region us-east-1 --function ecr-cleaner app@{digest}" in outcome.causes
    )
    assert outcome.told["consumers_broken"] == 1
    assert archived(sandbox) == run.ids("attic", "unused")
    image = next(image for image in sandbox.images("app") if image.digest == digest)
    image.status = "ACTIVATING"
    assert run(**SETTINGS).status == "completed", "it is on its way back"


def test_a_text_that_covers_everything_names_no_archived_image(run: Runner, sandbox: Sandbox) -> None:
    """It keeps what lies there, and does not ring."""
    run.opted_in("app")
    sandbox.push("app", id="attic", tags=["v1"], pushed="400d", status="ARCHIVED", archived="200d")
    outcome = run(protected_images=["app:*"], **AFTER)
    assert (outcome.status, outcome.gone) == ("completed", {})


def test_what_was_archived_comes_back(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With all that belongs to it, and is young then."""
    everything(run, sandbox)
    before = {image.digest: (image.manifest.body, sorted(image.tags)) for image in sandbox.images("app")}
    run(**SETTINGS)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(session, "connect", lambda *_: client.AwsClients())
    monkeypatch.setattr(restorer.time, "sleep", lambda _: None)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"schema_version": 1, **SETTINGS}))
    for name in ("unused", "plain"):
        result = CliRunner().invoke(cli.main, ["restore", f"app:{name}", "--settings", str(file)])
        assert result.exit_code == 0, result.output
    assert archived(sandbox) == run.ids("untagged")
    assert {image.digest: (image.manifest.body, sorted(image.tags)) for image in sandbox.images("app")} == before
    assert run(**SETTINGS).repositories["app"]["removable"] == 0


def test_an_index_that_was_archived_is_still_known(run: Runner, sandbox: Sandbox, bucket: Past) -> None:
    """Its list was remembered, so what is older is not kept for fear that it may be a part of it."""
    run.opted_in("app")
    sandbox.push("app", id="older", tags=["v1"], pushed="400d")
    sandbox.push("app", id="index", kind="index", platforms=["linux/amd64"], tags=["multi"], pushed="300d")
    use(sandbox, "v1")
    run(**SETTINGS)
    assert archived(sandbox) == run.ids("index", "index/linux/amd64")
    sandbox.client("lambda").delete_function(FunctionName="f")
    # By now nobody used it for long.
    bucket.passes(days=30)
    outcome = run(keep_recently_used_days=0, max_usage_drop_percent=None, **SETTINGS)
    assert outcome.status == "completed", outcome.causes
    assert archived(sandbox) == run.ids("index", "index/linux/amd64", "older")


@pytest.mark.parametrize("change", ["pulled", "tagged", "pushed"])
def test_what_changes_meanwhile_stays(run: Runner, sandbox: Sandbox, change: str) -> None:
    """The look is that of a removal, and comes again after every ten calls."""
    run.opted_in("app")
    for number in range(12):
        sandbox.push("app", tags=[f"v{number}"], pushed="90d")
    calls: list[str] = []
    changed: set[str] = set()

    def interfere(call: Call) -> None:
        calls.append(call.operation)
        if len(calls) != 10:
            return
        victim = next(image for image in sandbox.images("app") if image.status == "ACTIVE")
        changed.add(victim.digest)
        if change == "tagged":
            body = victim.manifest.body.decode()
            sandbox.client("ecr").put_image(repositoryName="app", imageManifest=body, imageTag="new")
        elif change == "pulled":
            victim.pulled_at = datetime.now(UTC) + timedelta(hours=1)
        else:
            victim.pushed_at = datetime.now(UTC)

    sandbox.after("ecr", "UpdateImageStorageClass", interfere, lasting=True)
    outcome = run(**SETTINGS)
    assert outcome.status == "completed"
    assert len(changed) == 1
    assert archived(sandbox) == {image.digest for image in sandbox.images("app")} - changed
    assert outcome.repositories["app"]["removals"] == {"archived": 11, "changed": 1}


def test_what_hangs_on_an_index_that_is_restored_meanwhile_stays(run: Runner, sandbox: Sandbox) -> None:
    """A person brings it back at once: it needs its manifests and signatures where they are."""
    run.opted_in("app")
    sandbox.push("app", id="index", kind="index", platforms=["linux/amd64"], tags=["v1"], pushed="90d")
    sandbox.push("app", id="signature", kind="signature", subject="index", pushed="89d")

    def bring_back(_: Call) -> None:
        sandbox.client("ecr").update_image_storage_class(
            repositoryName="app", imageId={"imageDigest": sandbox.digest("index")}, targetStorageClass="STANDARD"
        )

    sandbox.after("ecr", "UpdateImageStorageClass", bring_back)
    outcome = run(**SETTINGS)
    assert archived(sandbox) == set()
    moved = [c.parameters["imageId"] for c in sandbox.calls if c.operation == "UpdateImageStorageClass"]
    assert moved == [{"imageDigest": sandbox.digest("index")}] * 2
    assert outcome.repositories["app"]["removals"] == {"archived": 1, "holder_kept": 2}
