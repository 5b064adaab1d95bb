"""What went that should not have: what the journal has of it, and how far it comes back."""

from __future__ import annotations

import gzip
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
from tests.integration.past import Past
from tests.integration.runner import REGION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

PLACE: Final = {"bucket": past.BUCKET, "prefix": past.PREFIX}
SETTINGS: Final[dict[str, Any]] = {"storage": PLACE | {"history": True, "journal": True}}


@pytest.fixture
def bucket(sandbox: Sandbox) -> Past:
    """Of journal and history."""
    return Past(sandbox)


@pytest.fixture
def command(run: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Runs the command line against the account, with a copy of the settings; waiting takes no time."""
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"schema_version": 1, **SETTINGS}))
    monkeypatch.setenv("AWS_ENDPOINT_URL", run.sandbox.endpoint)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(session, "connect", lambda *_: client.AwsClients())
    monkeypatch.setattr(restorer.time, "sleep", lambda _: None)

    def go(*words: str) -> Result:
        return CliRunner().invoke(cli.main, [*words, "--settings", str(file)])

    return go


def contents(sandbox: Sandbox, name: str = "app") -> dict[str, tuple[bytes, str, list[str]]]:
    """Digest to bytes, media type and tags of every image."""
    return {i.digest: (i.manifest.body, i.media_type, sorted(i.tags)) for i in sandbox.images(name)}


def told(result: Result) -> dict[str, str]:
    """Digest to outcome, in the order in which they ended."""
    return {one["digest"]: one["outcome"] for one in json.loads(result.stdout)["images"]}


def everything(run: Runner, sandbox: Sandbox) -> None:
    """An image with two tags, an index with signed manifests, an untagged one; all of it old."""
    run.opted_in("app")
    sandbox.push("app", id="plain", tags=["v1", "v1.0"], pushed="90d")
    sandbox.push("app", id="untagged", pushed="90d")
    platforms = ["linux/amd64", "linux/arm64"]
    sandbox.push("app", id="index", kind="index", platforms=platforms, attestations=True, tags=["multi"], pushed="80d")
    sandbox.push("app", id="signature", kind="signature", subject="index", pushed="79d")
    sandbox.push("app", id="cosign", kind="cosign", subject="plain", pushed="79d")
    sandbox.push("app", id="docker", media="docker", tags=["d"], pushed="79d")


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("pair_deletes", ["tag", "image"])
def test_what_went_comes_back_byte_for_byte(
    run: Runner, sandbox: Sandbox, command: Callable[..., Result], pair_deletes: Any
) -> None:
    """With the same tags, and with what belongs to it; doing it again changes nothing."""
    sandbox.pair_deletes = pair_deletes
    everything(run, sandbox)
    before = contents(sandbox)
    outcome = run(**SETTINGS)
    assert (outcome.status, outcome.causes, contents(sandbox)) == ("completed", "", {})
    assert all("journal" not in note for note in outcome.told["notes"])
    checked = command("restore", "app:multi", "--check", "--format", "json")
    assert set(told(checked).values()) == {"possible"}
    assert contents(sandbox) == {}, "a check changes nothing"
    restored = command("restore", "app:multi", "--format", "json")
    assert restored.exit_code == 0, restored.output
    order = list(told(restored))
    index, signature = sandbox.digest("index"), sandbox.digest("signature")
    assert order[-2:] == [index, signature], "what it lists, itself, what refers to it"
    assert len(order) == 6
    assert command("restore", "app:v1.0").exit_code == 0
    assert command("restore", f"app@{sandbox.digest('untagged')}").exit_code == 0
    assert command("restore", "app:d").exit_code == 0
    assert contents(sandbox) == before
    again = command("restore", "app:multi", "--format", "json")
    assert (again.exit_code, set(told(again).values())) == (0, {"present"})
    assert contents(sandbox) == before
    # What was pushed anew is young, so the next night leaves it alone.
    assert run(**SETTINGS).gone == {}


@pytest.mark.usefixtures("bucket")
def test_what_ecr_does_not_hold_any_more_does_not_come_back(
    run: Runner, sandbox: Sandbox, command: Callable[..., Result]
) -> None:
    """It says which layers are gone, and that a deletion cannot be reversed; the index of a lost manifest waits."""
    everything(run, sandbox)
    lost = next(i for i in sandbox.images("app") if i.digest == sandbox.digest("index/linux/amd64"))
    run(**SETTINGS)
    sandbox.ecr.lost_layers.add(lost.manifest.layers[1])
    for words in (["--check"], []):
        result = command("restore", "app:multi", *words)
        assert result.exit_code == 1
        assert f"ECR no longer has 1 of its layers ({lost.manifest.layers[1]})" in result.output
        assert "a deletion cannot be reversed" in result.output
    assert f"images that it lists were not restored: {lost.digest}" in result.output
    assert sandbox.digest("index") not in contents(sandbox)
    unknown = command("restore", "app:unheard-of")
    assert unknown.exit_code == 6
    assert "neither the repository nor the journal knows" in unknown.output


@pytest.mark.usefixtures("bucket")
def test_a_tag_that_another_image_has_by_now_stays_there(
    run: Runner, sandbox: Sandbox, command: Callable[..., Result]
) -> None:
    """Bringing back what was `latest` once must not change what is `latest` now."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["latest", "v1"], pushed="90d")
    run(**SETTINGS)
    new = sandbox.push("app", tags=["latest"], pushed="1d")
    result = command("restore", "app:v1")
    assert result.exit_code == 3, result.output
    assert f"its tag latest belongs to {new} now and stays there" in result.output
    tags = {digest: tags for digest, (_, _, tags) in contents(sandbox).items()}
    assert tags == {new: ["latest"], sandbox.digest("old"): ["v1"]}


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("archived", [False, True], ids=["active", "archived"])
def test_a_tag_that_moves_while_an_image_comes_back_stays_there(
    run: Runner, sandbox: Sandbox, command: Callable[..., Result], archived: Any
) -> None:
    """Whose a tag is, is asked directly before it is put: what an index lists comes first, and a build is quicker."""
    run.opted_in("app")
    sandbox.push("app", id="old", kind="index", platforms=["linux/amd64"], tags=["latest", "v1"], pushed="90d")
    run(**SETTINGS)
    status = {"status": "ARCHIVED", "archived": "1d"} if archived else {}
    # When the manifest that the index lists is back.
    sandbox.after("ecr", "PutImage", lambda _: sandbox.push("app", id="new", tags=["latest"], pushed="1d", **status))
    result = command("restore", "app:v1")
    new = sandbox.digest("new")
    assert result.exit_code == 3, result.output
    assert f"its tag latest belongs to {new} now and stays there" in result.output
    tags = {digest: tags for digest, (_, _, tags) in contents(sandbox).items()}
    assert tags == {new: ["latest"], sandbox.digest("old"): ["v1"], sandbox.digest("old/linux/amd64"): []}


@pytest.mark.usefixtures("bucket")
def test_an_image_whose_every_tag_moves_comes_back_without(
    run: Runner, sandbox: Sandbox, command: Callable[..., Result]
) -> None:
    """It can be pulled by its digest, and once it is there the same holds for the tags that it lost."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["latest"], pushed="90d")
    old = sandbox.digest("old")
    run(**SETTINGS)

    def built(name: str) -> Callable[[object], object]:
        return lambda _: sandbox.push("app", id=name, tags=["latest"], pushed="1d")

    # Between the list of what is there and the question whose the tag is.
    sandbox.after("ecr", "DescribeImages", built("new"))
    result = command("restore", f"app@{old}")
    new = sandbox.digest("new")
    assert (result.exit_code, f"its tag latest belongs to {new} now" in result.output) == (3, True)
    assert {one: tags for one, (_, _, tags) in contents(sandbox).items()} == {new: ["latest"], old: []}
    sandbox.client("ecr").batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "latest"}])
    sandbox.after("ecr", "DescribeImages", built("newer"))
    result = command("restore", f"app@{old}")
    assert (result.exit_code, "is present" in result.output) == (3, True)
    assert contents(sandbox)[sandbox.digest("newer")][2] == ["latest"]


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("kind", ["access_denied", "missing_member"])
def test_whoever_cannot_be_asked_whose_a_tag_is_puts_none(
    run: Runner, sandbox: Sandbox, command: Callable[..., Result], kind: Any
) -> None:
    """In doubt it stays where it is."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    # Or there would be no answer that can lack its images: nobody has the tag.
    sandbox.push("app", id="young", tags=["v0"], pushed="1d")
    run(**SETTINGS)

    def build(_: object) -> None:
        sandbox.tag("app", sandbox.digest("young"), "v1")
        sandbox.inject(Fault(service="ecr", operation="DescribeImages", kind=kind))

    # The first call lists the repository.
    sandbox.after("ecr", "DescribeImages", build)
    result = command("restore", f"app@{sandbox.digest('old')}", "--format", "json")
    assert (result.exit_code, told(result)) == (1, {sandbox.digest("old"): "failed"})
    assert set(contents(sandbox)) == {sandbox.digest("young")}


@pytest.mark.usefixtures("bucket")
def test_lost_tags_come_back(run: Runner, sandbox: Sandbox, command: Callable[..., Result]) -> None:
    """Of an image that is there itself."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1", "v2"], pushed="90d")
    run(**SETTINGS)
    command("restore", "app:v1")
    sandbox.client("ecr").batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v2"}])
    result = command("restore", f"app@{sandbox.digest('old')}", "--format", "json")
    assert told(result) == {sandbox.digest("old"): "tagged"}
    assert contents(sandbox)[sandbox.digest("old")][2] == ["v1", "v2"]


def test_what_is_archived_is_activated(run: Runner, sandbox: Sandbox, command: Callable[..., Result]) -> None:
    """With what its list names, which can be read only then; waiting is optional."""
    Past(sandbox)
    run.opted_in("app")
    archived = {"status": "ARCHIVED", "archived": "9d"}
    sandbox.push("app", id="index", kind="index", platforms=["linux/amd64"], tags=["multi"], pushed="80d", **archived)
    sandbox.push("app", id="plain", tags=["v1"], pushed="80d", **archived)
    result = command("restore", "app:multi", "--format", "json")
    assert result.exit_code == 0, result.output
    assert told(result) == {
        sandbox.digest("index"): "activated",
        sandbox.digest("index/linux/amd64"): "activated",
    }
    result = command("restore", "app:v1", "--no-wait")
    assert result.exit_code == 3
    assert "is being activated" in result.output
    result = command("restore", "app:v1")
    assert (result.exit_code, "can be pulled" in result.output) == (0, True)
    assert {image.status for image in sandbox.images("app")} == {"ACTIVE"}


def test_history_tells_what_is_known(run: Runner, sandbox: Sandbox, command: Callable[..., Result]) -> None:
    """Who used it last, which tags it lost, when and why it went; of one image, or of a whole repository."""
    bucket = Past(sandbox)
    run.opted_in("app")
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.push("app", id="old", tags=["v0"], pushed="90d")
    service = {
        "task_definitions": {"app:1": {"image": "{registry}/app:v1"}},
        "clusters": {"prod": {"services": {"app": {"task_definition": "app:1"}}}},
    }
    sandbox.seed({"ecs": service})
    run(**SETTINGS)
    told = json.loads(command("history", "app", "--format", "json").stdout)["images"]
    by = {one["digest"]: one for one in told}
    used, old = by[sandbox.digest("used")], by[sandbox.digest("old")]
    assert (used["state"], old["state"]) == ("present", "missing")
    assert any("ecs service prod/app" in consumer for consumer in used["by"])
    assert (old["tags"], old["journal"]["action"], old["journal"]["reason"]) == (["v0"], "delete", "old_and_unused")
    assert (old["journal"]["run_id"], old["journal"]["has_manifest"]) == ("run-1", True)
    one = command("history", "app:v0")
    assert "state: missing" in one.output
    assert "run run-1 was about to delete it" in one.output
    assert "last seen in use" not in one.output
    assert "last seen in use" in command("history", f"app@{sandbox.digest('used')}").output
    nothing = command("history", "app:never")
    assert nothing.exit_code == 6
    assert nothing.output.startswith("Nothing is known of app:never.\nlooked at: history since ")
    key = bucket.key(".json.gz")
    bucket.write(key, bucket.read(key)[:40])
    spoiled = command("history", "app")
    assert f"Skipped: s3://{past.BUCKET}/{key} is not a page of the journal" in spoiled.output


def test_nothing_goes_that_could_not_be_written_down(run: Runner, sandbox: Sandbox) -> None:
    """The run fails and names why; the next one catches up."""
    bucket = Past(sandbox)
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    assert run(storage=PLACE | {"history": True}).gone == {"app": run.ids("old")}, "without a journal it goes"
    assert not any(key.endswith(".gz") for key in bucket.objects())
    sandbox.push("app", id="next", tags=["v2"], pushed="90d")
    sandbox.inject(Fault(service="s3", operation="PutObject", kind="access_denied"))
    outcome = run(storage=PLACE | {"journal": True})
    assert (outcome.status, outcome.gone) == ("failed", {})
    assert "repository app: 1 images could not be removed (NotWritten x1)" in outcome.causes
    assert outcome.named("Kept unused image because it could not be journalled") == run.ids("next")
    sandbox.clear_faults()
    # By the next night its own reading is long ago.
    (image,) = sandbox.images("app")
    image.pulled_at = None
    assert run(storage=PLACE | {"journal": True}).gone == {"app": run.ids("next")}


def test_what_was_written_down_and_did_not_go_is_there(
    run: Runner, sandbox: Sandbox, command: Callable[..., Result]
) -> None:
    """A run that is cut off between the two leaves a page of the journal that says nothing wrong."""
    bucket = Past(sandbox)
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind="access_denied"))
    outcome = run(**SETTINGS)
    assert (outcome.status, outcome.gone) == ("failed", {})
    assert len([key for key in bucket.objects() if key.endswith(".gz")]) == 1
    assert "is present" in command("restore", "app:v1").output
    assert "state: present" in command("history", "app:v1").output
    sandbox.clear_faults()
    assert run(**SETTINGS).gone == {}, "its own reading of last night counts as a pull while it looked"


def test_a_page_holds_all_of_a_batch(run: Runner, sandbox: Sandbox) -> None:
    """One object for a repository and a batch."""
    bucket = Past(sandbox)
    run.opted_in("team/app")
    for number in range(130):
        sandbox.push("team/app", tags=[f"v{number}"], pushed="90d")
    run(storage=PLACE | {"journal": True})
    pages = {key: json.loads(gzip.decompress(body)) for key, body in bucket.objects().items() if key.endswith(".gz")}
    assert sorted(len(page["content"]["images"]) for page in pages.values()) == [30, 100]
    assert all("/run-1/team/app/" in key for key in pages)
