"""Whole runs of the real handler against the sandbox."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import boto3
import pytest

from ecr_cleaner import aws, handler
from ecr_cleaner.errors import RunFailedError
from tests.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Context:
    """What Lambda tells of an invocation: here only how much time is left."""

    aws_request_id: str = "run-1"
    seconds: float = 900.0

    def get_remaining_time_in_millis(self) -> int:
        """As Lambda has it."""
        return int(self.seconds * 1000)


@dataclass
class Outcome:
    """How a run ended and what it left behind.

    Attributes:
        summary: The JSON summary that was logged; None if the run never began.
        error: What the handler raised, if it did.
        lines: Log records of the package.
        gone: Repository to the digests that went.
    """

    summary: dict[str, Any] | None
    error: RunFailedError | None
    lines: list[logging.LogRecord]
    gone: dict[str, set[str]] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The run's status, as result or error tell it."""
        if self.error is not None:
            return str(json.loads(str(self.error))["status"])
        assert self.summary is not None
        return str(self.summary["status"])

    @property
    def causes(self) -> str:
        """All causes in one text."""
        return " | ".join(json.loads(str(self.error))["causes"]) if self.error else ""

    def named(self, text: str) -> set[str]:
        """Digests that log lines with this text name."""
        return {line.digest for line in self.lines if line.getMessage() == text}  # type: ignore[attr-defined]


class Runner:
    """Runs the handler with the environment that Terraform would set."""

    def __init__(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        self.sandbox = sandbox
        self._monkeypatch = monkeypatch
        self._caplog = caplog

    def __call__(
        self,
        *,
        dry_run: bool = False,
        keep_days: str = "30",
        event: object = None,
        context: Context | None = None,
        **document: Any,
    ) -> Outcome:
        """Run once; `document` adds to ``ECR_CLEANER_SETTINGS``."""
        environment = {
            "DRY_RUN": "true" if dry_run else "false",
            "DEFAULT_KEEP_DAYS": keep_days,
            "ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 1} | document),
            "AWS_ENDPOINT_URL": self.sandbox.endpoint,
            "AWS_REGION": "us-east-1",
        }
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)
        before = self.contents()
        self._caplog.clear()
        error = None
        with self._caplog.at_level(logging.DEBUG, logger="ecr_cleaner"):
            try:
                handler.handler(event if event is not None else {}, context or Context())
            except RunFailedError as raised:
                error = raised
        lines = [record for record in self._caplog.records if record.name == "ecr_cleaner"]
        summaries = [line.summary for line in lines if line.getMessage() == "Run summary"]  # type: ignore[attr-defined]
        after = self.contents()
        gone = {name: digests - after.get(name, set()) for name, digests in before.items()}
        return Outcome(summaries[-1] if summaries else None, error, lines, {n: d for n, d in gone.items() if d})

    def contents(self) -> dict[str, set[str]]:
        """Every repository with the digests that lie in it."""
        client = self.sandbox.client("ecr")
        found: dict[str, set[str]] = {}
        for page in client.get_paginator("describe_repositories").paginate():
            for repository in page["repositories"]:
                name = repository["repositoryName"]
                found[name] = {image.digest for image in self.sandbox.images(name)}
        return found

    def opted_in(self, name: str, **tags: str) -> None:
        """Make a repository that opted in."""
        self.sandbox.repository(name, tags={"BoxCleanerEnabled": "true"} | tags)

    def ids(self, *names: str) -> set[str]:
        """The digests of some scenario images."""
        return {self.sandbox.digest(name) for name in names}


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="session")
def _session() -> boto3.Session:
    # One for all tests: reading the service models takes longer than a whole run.
    return boto3.Session()


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Sandbox:
    """An empty account."""
    _sandbox.reset()
    return _sandbox


@pytest.fixture
def run(
    sandbox: Sandbox,
    _session: boto3.Session,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Runner:
    """Runs the handler against the account, without long waits between tries."""
    monkeypatch.setattr(aws.boto3, "Session", lambda: _session)
    monkeypatch.setattr(aws, "MAX_ATTEMPTS", 2)
    monkeypatch.setattr(aws, "READ_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(aws.Pacer, "wait", lambda *_: None)
    return Runner(sandbox, monkeypatch, caplog)


@pytest.fixture(params=["tag", "image"])
def pair_deletes(request: pytest.FixtureRequest, sandbox: Sandbox) -> Literal["tag", "image"]:
    """Both meanings that AWS's documentation leaves to a (digest, tag) pair; removal must be right under either."""
    sandbox.pair_deletes = request.param
    return sandbox.pair_deletes
