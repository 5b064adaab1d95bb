"""Where restore and history look, and what they refuse before they do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from ecr_cleaner import cli
from ecr_cleaner.cli import session
from ecr_cleaner.registry import images
from tests.builders import ACCOUNT, HOST, REGION

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


class Clients:
    """Answers with what a test sets."""

    region = REGION

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self.environment = environment
        self.named: list[str] = []
        self.listed: list[tuple[str, str]] = []

    def client(self, _: str) -> Clients:
        """Of whichever service."""
        return self

    def describe_registry(self) -> dict[str, Any]:
        """As ECR has it."""
        return {"registryId": ACCOUNT}

    def get_function_configuration(self, **asked: str) -> dict[str, Any]:
        """As Lambda has it."""
        self.named.append(asked["FunctionName"])
        answer = {"FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{asked['FunctionName']}"}
        return answer if self.environment is None else answer | {"Environment": {"Variables": self.environment}}

    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        """As S3 has it: there is nothing."""
        self.listed.append((asked["Bucket"], asked["Prefix"]))
        return {"KeyCount": 0, "IsTruncated": False}

    def describe_images(self, **_: Any) -> dict[str, Any]:
        """As ECR has it: there is nothing."""
        return {"imageDetails": []}


def run(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, words, env={"COLUMNS": "200"})


@pytest.mark.parametrize("name", ["restore", "history"])
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["UPPER"], "is not an image name"),
        (
            [f"{HOST.replace(REGION, 'eu-west-1')}/app:v1", "--function", "f"],
            "is in account 123456789012, region eu-west-1, but this is",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, words: list[str], problem: str
) -> None:
    """In one line; nothing is looked at."""
    monkeypatch.setattr(session, "connect", lambda *_: Clients({"ECR_CLEANER_SETTINGS": '{"schema_version": 1}'}))
    result = run(name, *words)
    assert result.exit_code in {1, 2}
    assert problem in result.output


@pytest.mark.parametrize("name", ["restore", "history"])
def test_settings_come_from_one_place(tmp_path: Path, name: str) -> None:
    """As with the other commands."""
    file = tmp_path / "settings.json"
    file.write_text('{"schema_version": 1}')
    result = run(name, "app", "--settings", str(file), "--function", "f")
    assert (result.exit_code, "--function and --settings exclude each other" in result.output) == (2, True)


def test_history_needs_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to guess."""
    monkeypatch.setattr(session, "connect", lambda *_: Clients())
    result = run("history", "app")
    assert (
        result.exit_code,
        "--function NAME or --settings FILE names the bucket of history and journal" in result.output,
    ) == (2, True)


@pytest.mark.parametrize("name", ["restore", "history"])
def test_the_place_is_the_functions(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As its environment says; there may be a journal without a history."""
    document = {"schema_version": 1, "storage": {"bucket": "shared", "prefix": "j/", "journal": True}}
    clients = Clients({"ECR_CLEANER_SETTINGS": json.dumps(document)})
    monkeypatch.setattr(session, "connect", lambda *_: clients)
    monkeypatch.setattr(images, "images", lambda *_: iter(()))
    result = run(name, "app:v1", "--function", "cleaner")
    assert clients.named == ["cleaner"]
    assert clients.listed == [("shared", "j/journal/")]
    assert result.exit_code == 6


def test_a_function_that_is_no_cleaner_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not taken for one without a journal."""
    monkeypatch.setattr(session, "connect", lambda *_: Clients({"ECR_CLEANER_SETTINGS": '{"what": 1}'}))
    result = run("history", "app", "--function", "other")
    assert result.exit_code == 1
    assert "function other: " in result.output
