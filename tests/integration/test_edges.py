"""What lies at the edges: answers that are almost whole, things that move while a call is tried again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import pytest

from ecr_cleaner.aws import client as aws_client
from ecr_cleaner.clock import utc_now
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.settings.schema import UsedImagesLocation
from ecr_cleaner.usage import catalog
from ecr_cleaner.usage.scanner import LocalScanner
from tests.fake_aws import Fault
from tests.integration import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner


class Spoil(Protocol):
    """Changes what clients read of an operation's answers."""

    def __call__(self, service: str, operation: str, react: Callable[[dict[str, Any]], object]) -> None:
        """From now on, until the test ends."""


@pytest.fixture
def spoil(run: Runner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spoil]:
    """Clients are kept from test to test: what is registered with one is taken back."""
    del run
    spoiled: dict[tuple[int, str], tuple[Any, str, str]] = {}

    def start(service: str, operation: str, react: Callable[[dict[str, Any]], object]) -> None:
        make = aws_client.AwsClients._make
        event, unique = f"after-call.{service}.{operation}", f"spoil-{operation}"

        def made(clients: aws_client.AwsClients, name: str, attempts: int, **config: Any) -> Any:
            client = make(clients, name, attempts, **config)
            if name == service:
                client.meta.events.register(event, lambda parsed, **_: react(parsed), unique_id=unique)
                spoiled[id(client), unique] = client, event, unique
            return client

        monkeypatch.setattr(aws_client.AwsClients, "_make", made)

    yield start
    for client, event, unique in spoiled.values():
        client.meta.events.unregister(event, unique_id=unique)


def one_task(sandbox: Sandbox) -> None:
    """A standalone task that holds the only use of an old image, by its digest."""
    sandbox.push("app", id="live", pushed="90d")
    sandbox.push("app", id="moved", tags=["job"], pushed="1d")
    sandbox.seed(
        {
            "ecs": {
                "task_definitions": {"job:1": {"image": "{registry}/app:job"}},
                "clusters": {"prod": {"tasks": [{"task_definition": "job:1", "digests": {"job": "{live}"}}]}},
            }
        }
    )


def one_service(sandbox: Sandbox) -> None:
    """A service at zero, whose revision holds the only use of an old image."""
    sandbox.push("app", id="live", pushed="90d")
    sandbox.push("app", id="moved", tags=["job"], pushed="1d")
    revision = {"task_definition": "job:1", "digests": {"job": "{live}"}, "deployed": "2d"}
    sandbox.seed(
        {
            "ecs": {
                "task_definitions": {"job:1": {"image": "{registry}/app:job"}},
                "clusters": {
                    "prod": {"services": {"s": {"task_definition": "job:1", "desired": 0, "revisions": [revision]}}}
                },
            }
        }
    )


def test_a_running_task_that_cannot_be_described_stops_all_removal(run: Runner, sandbox: Sandbox, spoil: Spoil) -> None:
    """It is listed once more; only of stopped tasks ECS forgets, and nobody knows the image of one that runs."""
    run.opted_in("app")
    one_task(sandbox)

    def missing(answer: dict[str, Any]) -> None:
        answer["failures"] = [{"arn": task["taskArn"], "reason": "MISSING"} for task in answer["tasks"]]
        answer["tasks"] = []

    spoil("ecs", "DescribeTasks", missing)
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "DescribeTasks does not find" in outcome.causes


@pytest.mark.parametrize(
    ("operation", "result", "seed"),
    [
        ("DescribeTasks", "tasks", one_task),
        ("DescribeServices", "services", one_service),
        ("DescribeServiceRevisions", "serviceRevisions", one_service),
    ],
)
def test_less_than_asked_for_is_no_answer(
    run: Runner,
    sandbox: Sandbox,
    spoil: Spoil,
    *,
    operation: str,
    result: str,
    seed: Callable[[Sandbox], None],
) -> None:
    """Even without a word about what was left out."""
    run.opted_in("app")
    seed(sandbox)
    spoil("ecs", operation, lambda answer: answer.update({result: []}))
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert re.search(r"described 0 of [1-9]\d* and gave no reason for the rest", outcome.causes)


def test_a_member_missing_deep_inside_is_reported(run: Runner, sandbox: Sandbox, spoil: Spoil) -> None:
    """Like every other answer that is not whole, and never as a crash without a summary."""
    run.opted_in("app")
    one_service(sandbox)

    def nameless(answer: dict[str, Any]) -> None:
        for service in answer["services"]:
            del service["serviceName"]

    spoil("ecs", "DescribeServices", nameless)
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "serviceName" in outcome.causes


def test_a_lambda_version_whose_digest_nobody_tells_stops_all_removal(
    run: Runner, sandbox: Sandbox, spoil: Spoil
) -> None:
    """The tag it was made from may point elsewhere by now."""
    run.opted_in("app")
    sandbox.push("app", id="live", pushed="90d")
    sandbox.push("app", id="new", tags=["v1"], pushed="1d")
    version = {"image": "{registry}/app:v1", "digest": "{live}"}
    sandbox.seed({"lambda": {"functions": {"f": {"versions": {"$LATEST": version}}}}})

    def no_hex(answer: dict[str, Any]) -> None:
        for function in answer["Functions"]:
            function["CodeSha256"] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

    spoil("lambda", "ListFunctions", no_hex)
    assert run(dry_run=True).status == "completed"
    spoil("lambda", "GetFunction", lambda answer: answer["Code"].pop("ResolvedImageUri", None))
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})


def test_a_digest_seen_under_another_name_is_in_use(run: Runner, sandbox: Sandbox) -> None:
    """A proxy before ECR hides the name, not what was pulled."""
    run.opted_in("app")
    sandbox.push("app", id="live", tags=["v1"], pushed="90d")
    task = {"task_definition": "web:1", "digests": {"web": "{live}"}}
    sandbox.seed(
        {
            "ecs": {
                "task_definitions": {"web:1": {"image": "registry.example.com/app:v1"}},
                "clusters": {"prod": {"tasks": [task]}},
            }
        }
    )
    assert run().gone == {}


@pytest.mark.usefixtures("pair_deletes")
def test_what_was_pushed_again_while_an_answer_was_lost_stays(run: Runner, sandbox: Sandbox) -> None:
    """No call that removes is repeated without another look."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    manifest = sandbox.images("app")[0].manifest.body.decode()

    def push_again(_: object) -> None:
        sandbox.client("ecr").put_image(repositoryName="app", imageManifest=manifest, imageTag="v1")

    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind="lost_answer", times=1))
    sandbox.after("ecr", "BatchDeleteImage", push_again)
    run()
    assert [image.digest for image in sandbox.images("app")] == [sandbox.digest("old")]


def test_what_was_tagged_while_a_call_was_throttled_stays(run: Runner, sandbox: Sandbox) -> None:
    """The look before the second try sees the tag."""
    run.opted_in("app")
    sandbox.push("app", id="old", pushed="90d")
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind="throttled", times=1))
    sandbox.after("ecr", "BatchDeleteImage", lambda _: sandbox.tag("app", sandbox.digest("old"), "release"))
    outcome = run()
    assert (outcome.status, outcome.gone) == ("completed", {})


@pytest.mark.parametrize("kind", ["throttled", "internal_error", "unavailable", "reset", "lost_answer"])
@pytest.mark.usefixtures("pair_deletes")
def test_a_removal_that_fails_for_a_moment_is_tried_again(run: Runner, sandbox: Sandbox, kind: Any) -> None:
    """Each time after another look, and without a failed run."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1", "v2"], pushed="90d")
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind=kind, times=2))
    outcome = run()
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("old")})


@pytest.mark.parametrize("region", ["me-west-1", "sa-west-1", "xx-newer-than-botocore-1"])
def test_of_a_region_that_the_metadata_does_not_know_nothing_is_absent(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that reaches ECR alone must not look like a region without consumers.

    What a person names in the settings is known without asking anybody.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(aws_client, "MAX_ATTEMPTS", 1)
    session = boto3.Session(region_name=region)
    assert session.region_name == region
    settings = Settings(used_images=UsedImagesLocation(**accounts.SETTINGS["used_images"]))
    clients = aws_client.AwsClients(session)
    clients.account_id = "123456789012"
    scan = LocalScanner(clients, settings, "run-1", utc_now).scan(utc_now())
    assert len(scan.failures) == len([source for source in catalog.SOURCES if source.service])
    assert {one.source for one in scan.outcomes if one.status != "failed"} == {"protected_images"}


def test_an_index_of_artifacts_is_an_artifact(run: Runner, sandbox: Sandbox) -> None:
    """Provider mirrors and the like: nobody knows who uses them, and their parts are nothing without the index."""
    run.opted_in("mirror")
    sandbox.push("mirror", id="linux", kind="helm", pushed="90d")
    sandbox.push("mirror", id="darwin", kind="helm", pushed="90d")
    sandbox.push("mirror", id="provider", kind="index", children=["linux", "darwin"], tags=["1.2.3"], pushed="90d")
    outcome = run()
    assert outcome.gone == {}
    assert {reason for reason, _ in outcome.kept().values()} == {"not_a_container_image"}


def test_signatures_in_a_repository_of_their_own_stay(run: Runner, sandbox: Sandbox) -> None:
    """Of what they sign nothing is known there, unless a usage names its digest."""
    run.opted_in("app")
    run.opted_in("signatures")
    sandbox.push("app", id="live", tags=["v1"], pushed="90d")
    sandbox.push("signatures", id="sig", kind="cosign", subject="live", pushed="90d")
    sandbox.push("signatures", id="sbom", kind="sbom", subject="live", pushed="90d")
    version = {"image": "{registry}/app:v1", "digest": "{live}"}
    sandbox.seed({"lambda": {"functions": {"f": {"versions": {"$LATEST": version}}}}})
    assert run().gone == {}
    sandbox.push("signatures", id="tool", tags=["tool"], pushed="90d")
    assert run().gone == {"signatures": run.ids("tool")}, "used are those whose subject is"
    sandbox.push("signatures", id="orphan", kind="cosign", subject="sha256:" + "e" * 64, pushed="90d")
    sandbox.push("signatures", id="another", tags=["another"], pushed="90d")
    assert run().gone == {"signatures": run.ids("another", "orphan")}, "beside images an orphan is one"


def test_a_child_restored_from_the_archive_waits_for_its_index(run: Runner, sandbox: Sandbox) -> None:
    """It was uploaded before the index, whenever it was restored."""
    run.opted_in("app")
    archived = {"status": "ARCHIVED", "archived": "200d"}
    platforms = ["linux/amd64"]
    sandbox.push("app", id="index", kind="index", platforms=platforms, tags=["v1"], pushed="300d", **archived)
    child = next(i for i in sandbox.images("app") if i.digest == sandbox.digest("index/linux/amd64"))
    child.status, child.archived_at = "ACTIVE", None
    child.activated_at = datetime.now(UTC) - timedelta(days=60)
    outcome = run()
    assert outcome.gone == {}
    assert outcome.kept()[child.digest][0] == "may_be_part_of_archived_index"
