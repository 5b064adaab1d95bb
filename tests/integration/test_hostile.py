"""What those may choose who may push an image or write a list: a manifest, the name of an object."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from ecr_cleaner.aws import client as aws_client
from ecr_cleaner.aws.s3 import ListedObject
from ecr_cleaner.cli import main
from ecr_cleaner.cli import session as sessions
from ecr_cleaner.publish import announce
from ecr_cleaner.report import mail
from ecr_cleaner.usage import used_images_objects
from ecr_cleaner.usage.sources import used_images
from tests.integration.runner import REGION
from tests.unit.test_printable import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.report.invocation import InvocationResult
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

# As botocore returns them: it asks for URL encoding and decodes the keys.
ESCAPES: Final = "lists/\x1b]0;owned\x07\x1b[2J\u202e.json"
LINES: Final = "lists/note\n\nEverything is in order.\r\n.json"
HALF: Final = "lists/half \ud83d.json"
NO_LIST: Final = f"{ESCAPES}\n\nEverything is in order.\n"
"""A note of every run names it."""
PLACE: Final = {"bucket": "lists", "prefix": "lists/", "max_age_hours": 24}


@pytest.fixture
def manifests(run: Runner, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the members of every index that is read from now on end with; clients are kept from test to test."""
    del run
    added: list[str] = []
    made: list[Any] = []
    make, event = aws_client.AwsClients._make, "after-call.ecr.BatchGetImage"

    def add(parsed: dict[str, Any], **_: object) -> None:
        for one in parsed.get("images", ()):
            one["imageManifest"] = one["imageManifest"][:-1] + "".join(added) + "}"

    def hooked(clients: aws_client.AwsClients, name: str, attempts: int, **config: Any) -> Any:
        client = make(clients, name, attempts, **config)
        if name == "ecr":
            client.meta.events.register(event, add, unique_id="hostile")
            made.append(client)
        return client

    monkeypatch.setattr(aws_client.AwsClients, "_make", hooked)
    yield added
    for client in made:
        client.meta.events.unregister(event, unique_id="hostile")


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        (',"x":' + "[" * 100_000 + "]" * 100_000, "it is nested more than 100 deep"),
        (',"x":' + "[" * 800 + "]" * 800, "it is nested more than 100 deep"),
        (',"x":' + "9" * 5000, "is not a list of manifests"),
        (',"x":NaN', "NaN is no number of JSON"),
        (',"manifests":null', "an object has two members with the same name"),
        (',"Manifests":[]', "an object has two members with the same name"),
        (',"x":"', "is not a list of manifests"),
    ],
    ids=["deep", "less deep", "a long number", "no number", "twice", "twice in other letters", "cut short"],
)
def test_an_odd_manifest_stops_its_repository_alone(
    run: Runner, sandbox: Sandbox, manifests: list[str], members: str, cause: str
) -> None:
    """Whoever may push to one repository does not decide over all others."""
    run.opted_in("app")
    sandbox.push("app", id="unused", tags=["unused"], pushed="90d")
    run.opted_in("other")
    sandbox.push("other", id="index", kind="index", platforms=["linux/amd64"], tags=["i"], pushed="90d")
    manifests.append(members)
    outcome = run()
    assert (outcome.status, outcome.gone) == ("failed", {"app": run.ids("unused")})
    assert f"repository other: the index other@{sandbox.digest('index')} is not a list of manifests: " in outcome.causes
    assert cause in outcome.causes
    manifests.clear()
    assert set(run().gone) == {"other"}


@pytest.fixture
def named(run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of used images with such names."""
    run.opted_in("app")
    sandbox.push("app", id="used", tags=["used"], pushed="90d")
    sandbox.push("app", id="unused", tags=["unused"], pushed="90d")
    stored = tuple(ListedObject(key, datetime.now(UTC)) for key in (ESCAPES, LINES, HALF, NO_LIST))
    monkeypatch.setattr(used_images_objects.Listing, "read", lambda *_: stored)
    monkeypatch.setattr(used_images, "_body", lambda *_: b'["app:used"]')
    monkeypatch.setenv("AWS_ENDPOINT_URL", sandbox.endpoint)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(sessions, "connect", lambda *_: aws_client.AwsClients())


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    "words",
    [("explain", "app:used"), ("plan",), ("usage",), ("plan", "--format", "json"), ("usage", "--format", "json")],
)
def test_no_name_of_an_object_controls_a_terminal(words: tuple[str, ...]) -> None:
    """Neither by itself nor out of a document that another program shows."""
    result = CliRunner().invoke(main, [*words, "--used-images-uri", "s3://lists/lists/"], env={"COLUMNS": "500"})
    assert (result.exit_code, result.exception) == (0, None)
    assert all(line.isprintable() for line in result.output.split("\n"))
    assert not any(line.strip().startswith("Everything") for line in result.output.split("\n"))
    assert "list" in result.output
    if "json" in words:
        assert all(leaf.isprintable() for leaf in leaves(json.loads(result.output)))


@pytest.mark.usefixtures("named")
def test_no_name_of_an_object_writes_lines_of_a_mail(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor of the log, nor the function's result; and what has it as evidence is kept and remembered all the same."""
    endings: list[InvocationResult] = []

    def announced(_clients: object, _settings: object, ending: InvocationResult, *_: object) -> InvocationResult:
        endings.append(ending)
        return ending

    monkeypatch.setattr(announce, "announce", announced)
    outcome = run(used_images=PLACE)
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("unused")})
    assert all(leaf.isprintable() for line in outcome.lines for leaf in leaves(vars(line)))
    assert all(leaf.isprintable() for leaf in leaves(outcome.result))
    (ending,) = endings
    text = mail.text(ending)
    assert (
        "what is not *.json is not read: 1 under s3://lists/lists/, such as lists/?]0;owned??[2J?.json  Every" in text
    )
    assert "\nEverything is in order." not in text
    assert all(line.isprintable() for line in text.split("\n"))
