"""Where restore and history look, and what they refuse before they do."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from ecr_cleaner import cli, history_reader
from ecr_cleaner.cli import journal_place, session
from ecr_cleaner.errors import AbsentError, HistoryError
from ecr_cleaner.objects import Stored
from tests.builders import ACCOUNT, HOST, REGION

if TYPE_CHECKING:
    from click.testing import Result

PLACE = {"bucket": "shared", "prefix": "ecr-cleaner/1/"}


class Clients:
    """Answers with what a test sets."""

    region = REGION

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self.environment = environment
        self.named: list[str] = []

    def client(self, _: str) -> Clients:
        """Of whichever service."""
        return self

    def describe_registry(self) -> dict[str, Any]:
        """As ECR has it."""
        return {"registryId": ACCOUNT}

    def get_function_configuration(self, **asked: str) -> dict[str, Any]:
        """As Lambda has it."""
        self.named.append(asked["FunctionName"])
        return {} if self.environment is None else {"Environment": {"Variables": self.environment}}


def run(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, words, env={"COLUMNS": "200"})


@pytest.mark.parametrize("name", ["restore", "history"])
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["UPPER"], "is not an image name"),
        (["app", "--journal", "s3://bucket"], "is no place of a journal"),
        (["app", "--journal", "s3://bucket/prefix"], "is no place of a journal"),
        (["app", "--journal", "s3://bucket/prefix/", "--function", "f"], "exclude each other"),
        ([f"{HOST.replace(REGION, 'eu-west-1')}/app:v1"], "lies in 123456789012 eu-west-1, but this is"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, words: list[str], problem: str
) -> None:
    """In one line; nothing is asked."""
    monkeypatch.setattr(session, "connect", lambda *_: Clients())
    result = run(name, *words)
    assert result.exit_code in {1, 2}
    assert problem in result.output


def test_history_needs_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to guess."""
    monkeypatch.setattr(session, "connect", lambda *_: Clients())
    assert "name the place of the history" in run("history", "app").output


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"journal": PLACE}, ("shared", "ecr-cleaner/1/")),
        ({"history": PLACE}, ("shared", "ecr-cleaner/1/")),
        ({"history": None}, (None, "")),
    ],
)
def test_the_place_is_the_functions(document: dict[str, Any], expected: tuple[str | None, str]) -> None:
    """As its environment says."""
    clients = Clients({"ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 1} | document)})
    connection: Any = SimpleNamespace(clients=clients)
    found = journal_place.of_function(connection, "cleaner")
    assert ((found.bucket, found.prefix), clients.named) == (expected, ["cleaner"])


def test_a_function_that_is_no_cleaner_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not taken for one without a journal."""
    monkeypatch.setattr(session, "connect", lambda *_: Clients({"ECR_CLEANER_SETTINGS": '{"what": 1}'}))
    result = run("history", "app", "--function", "other")
    assert result.exit_code == 1
    assert "the settings of the function other cannot be understood" in result.output


STARTED = b'{"schema_version":1,"state":"started","history_id":"12345678","started_at":"2026-01-01T00:00:00Z"}'


@pytest.mark.parametrize(
    "objects", [{}, {"p/marker.json": b'{"schema_version":1,"state":"new"}'}, {"p/marker.json": STARTED}]
)
def test_what_is_not_remembered_is_nothing(monkeypatch: pytest.MonkeyPatch, objects: dict[str, bytes]) -> None:
    """Without a history, before its first run, and of a repository that it does not know."""

    def read(_: object, bucket: str, key: str) -> Stored:
        if key not in objects:
            raise AbsentError(f"s3://{bucket}/{key}")
        return Stored(objects[key], "1")

    monkeypatch.setattr(history_reader.objects, "read", read)
    clients: Any = Clients()
    assert history_reader.read(clients, "b", "p/", "app") is None


def test_a_history_that_is_not_whole_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spoiled is not empty."""
    monkeypatch.setattr(history_reader.objects, "read", lambda *_: Stored(b"{", "1"))
    clients: Any = Clients()
    with pytest.raises(HistoryError, match=r"marker\.json cannot be understood"):
        history_reader.read(clients, "b", "p/", "app")
