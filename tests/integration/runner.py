"""Runs the real handler against the sandbox and tells what it left behind."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecr_cleaner import compose, handler
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import RunFailedError
from ecr_cleaner.model.scan import SourceStatus
from ecr_cleaner.run import pipeline
from ecr_cleaner.run.context import WORKERS
from ecr_cleaner.settings import loader
from ecr_cleaner.usage.scanner import LocalScanner
from tests.fake_aws.aws import ACCOUNT
from tests.integration import accounts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import pytest

    from ecr_cleaner.model.result import RunResult
    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.run.context import RunContext
    from tests.fake_aws import Sandbox

REGION = "us-east-1"
ARN = f"arn:aws:ecr:{REGION}:123456789012:repository/"


@dataclass
class Context:
    """What Lambda tells of an invocation: here only its id and how much time is left."""

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
        result: What the handler returned; None if it raised.
        error: What the handler raised, if it did.
        lines: Log records of the package.
        gone: Repository to the digests that went.
        archived: Repository to the digests that went into ECR's archive.
    """

    summary: dict[str, Any] | None
    result: dict[str, Any] | None
    error: RunFailedError | None
    lines: list[logging.LogRecord]
    gone: dict[str, set[str]] = field(default_factory=dict)
    archived: dict[str, set[str]] = field(default_factory=dict)

    @property
    def went(self) -> dict[str, set[str]]:
        """Repository to the digests that nobody can pull any more: gone or archived."""
        names = self.gone.keys() | self.archived.keys()
        return {name: self.gone.get(name, set()) | self.archived.get(name, set()) for name in names}

    @property
    def told(self) -> dict[str, Any]:
        """The summary of a run that began."""
        assert self.summary is not None
        return self.summary

    @property
    def status(self) -> str:
        """The run's status, as result or error tell it."""
        if self.error is not None:
            return str(json.loads(str(self.error))["status"])
        assert self.result is not None
        return str(self.result["status"])

    @property
    def causes(self) -> str:
        """All causes in one text."""
        return " | ".join(json.loads(str(self.error))["causes"]) if self.error else ""

    @property
    def sources(self) -> dict[str, dict[str, Any]]:
        """What the summary says of each source, and of each cluster as ``eks <cluster>``; in one account and region."""
        named = {" ".join(filter(None, (one["source"], one["cluster"]))): one for one in self.told["sources"]}
        assert len(named) == len(self.told["sources"])
        return named

    @property
    def repositories(self) -> dict[str, dict[str, Any]]:
        """What the summary says of each repository."""
        return {repository["name"]: repository for repository in self.told["repositories"]}

    def found(self, kind: str) -> dict[str, dict[str, Any]]:
        """The findings of a kind, by their subject."""
        return {finding["subject"]: finding for finding in self.told["findings"] if finding["kind"] == kind}

    def named(self, text: str) -> set[str]:
        """Digests that log lines with this text name."""
        return {str(vars(line)["digest"]) for line in self.lines if line.getMessage() == text}

    def kept(self) -> dict[str, tuple[str, str]]:
        """Digest to (reason, evidence) of every image that is kept."""
        lines = [vars(line) for line in self.lines if line.getMessage() == "Kept image"]
        return {line["digest"]: (line["reason"], "; ".join(line["evidence"])) for line in lines}


class Runner:
    """Runs the handler with the environment that Terraform would set.

    Attributes:
        clock: Of the runs.
        execute: Runs.
        workers: Repositories that are read and removed from side by side; 1 where a test lets time pass by calls.
        standing: Members of ``ECR_CLEANER_SETTINGS`` of every run, unless it says otherwise.
    """

    def __init__(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        self.sandbox = sandbox
        self.clock: Callable[[], datetime] = utc_now
        self.execute: Callable[[RunContext], RunResult] = pipeline.run
        self.workers = WORKERS
        self.standing: dict[str, Any] = {}
        self._monkeypatch = monkeypatch
        self._caplog = caplog

    def __call__(
        self,
        *,
        dry_run: bool = False,
        keep_days: str = "30",
        event: object = None,
        context: Context | None = None,
        environment: dict[str, str] | None = None,
        start: Callable[[object], dict[str, Any]] | None = None,
        **document: Any,
    ) -> Outcome:
        """Run once.

        Args:
            dry_run: As the variable says.
            keep_days: ``DEFAULT_KEEP_DAYS``.
            event: ``{}`` if None.
            context: Lambda's; 15 minutes are left unless it says otherwise.
            environment: In place of all that this would set.
            start: Gets the event in place of the handler, as a state machine does.
            document: Further members of ``ECR_CLEANER_SETTINGS``; over the account of every consumer they come beside
                what it takes to see all of them.
        """
        standing = self.standing | (accounts.SETTINGS if accounts.is_seeded(self.sandbox) else {})
        told = environment or {
            "DRY_RUN": "true" if dry_run else "false",
            "DEFAULT_KEEP_DAYS": keep_days,
            "ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 1} | standing | document),
        }
        self._point_at_sandbox(told)
        before, archive = self.contents(), self.contents("ARCHIVED")
        self._caplog.clear()
        result, error = None, None
        with self._caplog.at_level(logging.DEBUG, logger="ecr_cleaner"):
            try:
                asked = event if event is not None else {}
                result = start(asked) if start else self.invoke(asked, context or Context())
            except RunFailedError as raised:
                error = raised
        lines = [record for record in self._caplog.records if record.name == "ecr_cleaner"]
        summaries = [vars(line)["summary"] for line in lines if line.getMessage() == "Run summary"]
        after = self.contents()
        gone = _without(before, after)
        archived = _without(self.contents("ARCHIVED"), archive)
        return Outcome(summaries[-1] if summaries else None, result, error, lines, gone, archived)

    def invoke(self, event: object, context: Context) -> dict[str, Any]:
        """Invoke the handler, in the environment of the latest run.

        Raises:
            RunFailedError: What the handler raises.
        """
        return handler.handler(event, context, self.clock, lambda ctx: self.execute(replace(ctx, workers=self.workers)))

    def usages(self, environment: dict[str, str]) -> tuple[Usage, ...]:
        """Ask who uses what, as a run in an environment does, and nothing else; every source has to answer."""
        self._point_at_sandbox(environment)
        told, _ = loader.for_invocation(environment, {}, compose.KNOWN_SOURCES, compose.read_object)
        clients = AwsClients()
        clients.account_id = ACCOUNT
        scan = LocalScanner(clients, told, "run-1", self.clock).scan(self.clock())
        assert {outcome.status for outcome in scan.outcomes} <= {SourceStatus.COMPLETE, SourceStatus.DISABLED}
        return scan.usages

    def _point_at_sandbox(self, environment: dict[str, str]) -> None:
        for name, value in (environment | {"AWS_ENDPOINT_URL": self.sandbox.endpoint, "AWS_REGION": REGION}).items():
            self._monkeypatch.setenv(name, value)

    def contents(self, *statuses: str) -> dict[str, set[str]]:
        """Every repository with the digests that lie in it, or those in some status."""
        names = self.sandbox.state.repositories(REGION)
        return {
            name: {image.digest for image in self.sandbox.images(name) if not statuses or image.status in statuses}
            for name in list(names)
        }

    def opted_in(self, name: str, **tags: str) -> None:
        """Make a repository that opted in."""
        self.sandbox.repository(name, tags={"BoxCleanerEnabled": "true"} | tags)

    def ids(self, *names: str) -> set[str]:
        """The digests of some scenario images."""
        return {self.sandbox.digest(name) for name in names}

    def asked(self, service: str | None = None) -> set[tuple[str, str]]:
        """(service, operation) of every call so far, or of one service's."""
        return {(c.service, c.operation) for c in self.sandbox.calls if service in {None, c.service}}

    def retag(self, repository: str, **tags: str | None) -> None:
        """Set tags of a repository as a person would; None takes one away. Blanks in keys are underscores."""
        client = self.sandbox.client("ecr")
        client.untag_resource(resourceArn=ARN + repository, tagKeys=[key for key, value in tags.items() if not value])
        kept = [{"Key": key, "Value": value} for key, value in tags.items() if value]
        if kept:
            client.tag_resource(resourceArn=ARN + repository, tags=kept)


def _without(contents: dict[str, set[str]], others: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is in one and not in the other; no repository without any."""
    left = {name: digests - others.get(name, set()) for name, digests in contents.items()}
    return {name: digests for name, digests in left.items() if digests}
