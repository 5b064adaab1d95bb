"""``ecr-cleaner usage``, as a person would run it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from ecr_cleaner.cli import main
from ecr_cleaner.cli import session as sessions
from tests.fake_aws import Fault
from tests.integration import accounts
from tests.integration.runner import REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from ecr_cleaner.aws.client import AwsClients
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

COMPANY = Path(__file__).parents[1] / "fake_aws" / "scenarios" / "company.yaml"


@pytest.fixture
def usage(run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command against the sandbox."""
    del run  # for its clients, which wait for nothing
    monkeypatch.setenv("AWS_ENDPOINT_URL", sandbox.endpoint)
    monkeypatch.setenv("AWS_REGION", REGION)
    from ecr_cleaner.aws import client  # noqa: PLC0415 - patched by `run`

    def connect(_region: str | None, _profile: str | None) -> AwsClients:
        return client.AwsClients()

    monkeypatch.setattr(sessions, "connect", connect)

    def go(*words: str) -> Result:
        return CliRunner().invoke(main, ["usage", *words], env={"COLUMNS": "200"})

    return go


def images(result: Result) -> dict[tuple[str, str], dict[str, Any]]:
    """What the document says, by repository and name."""
    return {(one["repository"], one["name"]): one for one in json.loads(result.output)["images"]}


@pytest.fixture
def small(sandbox: Sandbox) -> Sandbox:
    """Consumers of images that are there, archived, and gone, in repositories of which none opted in."""
    sandbox.repository("app")
    sandbox.push("app", id="live", tags=["live", "v2"], pushed="90d")
    sandbox.push("app", id="cold", tags=["cold"], pushed="90d", status="ARCHIVED", archived="9d")
    sandbox.push("app", id="unused", tags=["v1"], pushed="90d")
    sandbox.repository("functions")
    sandbox.push("functions", id="function", pushed="90d")
    definitions = {f"{name}:1": {"image": f"{{registry}}/{image}"} for name, image in USES.items()}
    services = {name: {"task_definition": f"{name}:1"} for name in USES}
    version = {"image": "{registry}/functions:old", "digest": "{function}"}
    sandbox.seed(
        {
            "ecs": {"task_definitions": definitions, "clusters": {"prod": {"services": services}}},
            "lambda": {"functions": {"f": {"versions": {"$LATEST": version}}}},
        }
    )
    return sandbox


USES = {"web": "app:live", "cold": "app:cold", "tag": "app:v9", "gone": "gone:v1"}


def test_every_image_that_is_named_is_told(usage: Callable[..., Result], small: Sandbox) -> None:
    """With who names it; what nobody names is left out."""
    result = usage("--format", "json")
    assert result.exit_code == 0, result.output
    found = images(result)
    assert {name: one["state"] for name, one in found.items()} == {
        ("app", "live, v2"): "present",
        ("app", "cold"): "archived",
        ("app", "v9"): "missing",
        ("functions", small.digest("function")): "present",
        ("functions", "old"): "missing",
        ("gone", "v1"): "no_repository",
    }
    assert found["app", "live, v2"]["digest"] == small.digest("live")
    consumers = found["app", "live, v2"]["consumers"]
    assert {one["source"] for one in consumers} == {"ecs", "ecs_families"}
    assert {one["evidence"] for one in consumers} == {"configured"}
    assert any("ecs service prod/web" in one["consumer"] for one in consumers)
    assert {one["source"] for one in found["functions", small.digest("function")]["consumers"]} == {"lambda"}


@pytest.mark.usefixtures("small")
def test_what_nothing_can_pull_is_told_alone(usage: Callable[..., Result]) -> None:
    """That is what somebody has to mend."""
    found = images(usage("--format", "json", "--unresolved"))
    assert set(found) == {("app", "cold"), ("app", "v9"), ("functions", "old"), ("gone", "v1")}


@pytest.mark.usefixtures("small")
def test_one_can_ask_about_some_repositories(usage: Callable[..., Result], sandbox: Sandbox) -> None:
    """Then the others are not read."""
    sandbox.clear_calls()
    found = images(usage("--format", "json", "--repository", "functions", "--repository", "gone"))
    assert {repository for repository, _ in found} == {"functions", "gone"}
    listed = {c.parameters["repositoryName"] for c in sandbox.calls if c.operation == "DescribeImages"}
    assert listed == {"functions"}
    assert images(usage("--format", "json", "--repository", "nobody-knows")) == {}


@pytest.mark.usefixtures("small")
def test_a_table_for_people(usage: Callable[..., Result]) -> None:
    """Grouped by repository."""
    result = usage()
    assert result.exit_code == 0
    for part in (
        "app",
        "app:live app:v2",
        "present",
        "archived",
        "missing",
        "no such repository",
        "lambda function f",
        "configured",
    ):
        assert part in result.output
    told = " ".join(result.output.split())
    slowest = re.findall(r"slowest: \w+ in (\S+): \d+\.\d s, \d+ calls, 0 throttled, 0 facts", told)
    assert slowest == [f"123456789012/{REGION}"] * 3
    assert "6 images in use by" in result.output
    assert "status: completed" in result.output


def test_a_digest_alone_is_sought_everywhere(usage: Callable[..., Result], sandbox: Sandbox) -> None:
    """And where nothing holds it, that is said: it may lie in another region."""
    sandbox.repository("copies")
    sandbox.push("copies", id="copy", pushed="90d")
    lost = "sha256:" + "e" * 64
    result = usage("--format", "json", "--protected-image", sandbox.digest("copy"), "--protected-image", lost)
    found = images(result)
    assert {name: one["state"] for name, one in found.items()} == {
        ("copies", sandbox.digest("copy")): "present",
        ("(any repository)", lost): "not_read",
    }


def test_what_names_many_images_is_told(usage: Callable[..., Result], sandbox: Sandbox) -> None:
    """Every image of a repository."""
    sandbox.repository("app")
    found = images(usage("--format", "json", "--protected-image", "app:*"))
    assert {name: one["state"] for name, one in found.items()} == {("app", "*"): "many"}


def test_a_name_without_a_registry_may_be_another_ones(usage: Callable[..., Result], sandbox: Sandbox) -> None:
    """It is no missing image of this one."""
    sandbox.repository("app")
    assert images(usage("--format", "json", "--unresolved", "--protected-image", "library/nginx:1")) == {}


def test_what_a_cache_would_fetch_is_not_missing(usage: Callable[..., Result], small: Sandbox) -> None:
    """The first pull brings it."""
    small.seed({"pull_through_cache": [{"ecrRepositoryPrefix": "ROOT", "upstreamRegistryUrl": "public.ecr.aws"}]})
    assert set(images(usage("--format", "json", "--unresolved"))) == {("app", "cold")}


def test_half_of_it_is_told_as_half(usage: Callable[..., Result], small: Sandbox) -> None:
    """A source or a repository that does not answer: exit code 1, and what is known."""
    small.inject(Fault(service="lambda", operation="ListFunctions", kind="access_denied"))
    small.inject(
        Fault(service="ecr", operation="DescribeImages", kind="access_denied", where={"repositoryName": "app"})
    )
    result = usage("--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.output)
    assert document["status"] == "failed"
    named = [cause.split(":")[0] for cause in document["causes"]]
    assert named == ["permissions are missing", "repository app"]
    assert {one["state"] for (repository, _), one in images(result).items() if repository == "app"} == {"not_read"}
    assert "source lambda" in usage().output


def test_a_registry_that_does_not_answer_is_one_line(usage: Callable[..., Result], small: Sandbox) -> None:
    """No traceback."""
    small.inject(Fault(service="ecr", operation="DescribeRegistry", kind="access_denied"))
    result = usage()
    assert result.exit_code == 1
    assert "AccessDeniedException" in result.output
    assert "Traceback" not in result.output


def test_the_company(usage: Callable[..., Result], sandbox: Sandbox) -> None:
    """Every image that a run keeps for a usage is shown, in every repository."""
    sandbox.seed(COMPANY)
    result = usage("--format", "json")
    assert result.exit_code == 0, result.output
    repositories = {repository for repository, _ in images(result)}
    assert {"shop/api", "shop/search", "shop/web", "media/thumbnails"} <= repositories


def test_what_begins_alike_is_told(usage: Callable[..., Result], sandbox: Sandbox) -> None:
    """A text with a placeholder in the name covers every repository of that beginning."""
    accounts.seed(sandbox)
    place = accounts.SETTINGS["used_images"]
    result = usage("--format", "json", "--used-images-uri", f"s3://{place['bucket']}/{place['prefix']}")
    assert result.exit_code == 0, result.output
    assert any(one["state"] == "many" and one["repository"].endswith("*") for one in images(result).values())


THERE = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
FOR_THERE = ("--for-registry", "210987654321/us-east-1", "--used-images")


@pytest.fixture
def elsewhere(sandbox: Sandbox) -> Sandbox:
    """A service and a task that run images of a registry in another account, and one that runs an image of this one."""
    sandbox.repository("app")
    sandbox.push("app", tags=["v1"], pushed="90d")
    definitions = {"web:1": {"image": f"{THERE}/shop/api:v7"}, "own:1": {"image": "{registry}/app:v1"}}
    running = {"task_definition": "web:1", "service": "web", "digests": {"web": "sha256:" + "7" * 64}}
    services = {name: {"task_definition": f"{name}:1"} for name in ("web", "own")}
    clusters = {"prod": {"services": services, "tasks": [running]}}
    sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": clusters}})
    return sandbox


@pytest.mark.usefixtures("elsewhere")
def test_a_list_of_used_images_is_written_for_another_registry(usage: Callable[..., Result], tmp_path: Path) -> None:
    """By tag and by the digest that runs; what is of this registry is not in it."""
    file = tmp_path / "used-images.json"
    result = usage(*FOR_THERE, str(file))
    assert result.exit_code == 0, result.output
    written = json.loads(file.read_text())
    assert f"{THERE}/shop/api:v7" in written
    assert any(name.endswith("@sha256:" + "7" * 64) for name in written)
    assert not any("app:v1" in name for name in written)
    assert f"written: {file}, {len(written)} references" in result.output
    assert "put it under used_images_uri of 210987654321/us-east-1" in result.output


def test_no_list_is_written_if_a_source_fails(usage: Callable[..., Result], elsewhere: Sandbox, tmp_path: Path) -> None:
    """What is not in it would not be protected; an older one stays, and grows too old there."""
    file = tmp_path / "used-images.json"
    file.write_text("[]")
    elsewhere.inject(Fault(service="lambda", operation="ListFunctions", kind="access_denied"))
    result = usage(*FOR_THERE, str(file))
    assert result.exit_code == 1
    assert "no list was written, because what is not in it is not protected: permissions are missing" in result.output
    assert file.read_text() == "[]"
    assert list(tmp_path.iterdir()) == [file]


def test_no_list_is_written_where_it_could_not_name_everything(
    usage: Callable[..., Result], sandbox: Sandbox, tmp_path: Path
) -> None:
    """A name that is put together of anything; it says which consumer, and what accepts it."""
    accounts.seed(sandbox)
    place = accounts.SETTINGS["used_images"]
    given = ("--used-images-uri", f"s3://{place['bucket']}/{place['prefix']}")
    result = usage(*FOR_THERE, str(tmp_path / "used-images.json"), *given)
    assert result.exit_code == 1
    assert "no list was written, because it cannot name what these use: " in result.output
    assert "usage:arn:aws:" in result.output
    assert list(tmp_path.iterdir()) == []


def test_no_list_is_needed_where_nothing_is_used(usage: Callable[..., Result], small: Sandbox, tmp_path: Path) -> None:
    """An empty one would stop every run there; both options belong together."""
    del small
    file = tmp_path / "used-images.json"
    result = usage(
        "--for-registry", "999999999999/us-east-1", "--used-images", str(file), "--accept-gap", "source:lambda"
    )
    assert result.exit_code == 6
    assert "Nothing here uses an image of 999999999999/us-east-1" in result.output
    assert not file.exists()
    for words in (FOR_THERE[:2], (FOR_THERE[2], str(file)), (*FOR_THERE, str(file), "--unresolved")):
        wrong = usage(*words)
        assert wrong.exit_code == 2
        assert "--for-registry and --used-images need each other" in wrong.output
