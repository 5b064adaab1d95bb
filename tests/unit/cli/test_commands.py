"""The cleaner's eyes from a terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ProfileNotFound
from click.testing import CliRunner

from ecr_cleaner import __version__, cli
from ecr_cleaner.approval.policy import NoApproval
from ecr_cleaner.aws.pacing import Pacer
from ecr_cleaner.cli import session
from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.errors import CleanerError
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.result import RepositoryResult, RunResult
from ecr_cleaner.report import html_page
from ecr_cleaner.run import pipeline
from tests.builders import ACCOUNT, HOST, NOW, REGION, digest, image, repository, usage
from tests.unit.report.test_html_page import Parser, carried

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from ecr_cleaner.run.context import RunContext

KEPT = image("kept", tags=["v2", "latest"], repository="shop/api")
GOES = image("goes", tags=["v1"], repository="shop/api")


class Registry:
    """What the command line finds instead of a run.

    Attributes:
        change: Attributes of the summary at the end of the run.
        error: What connecting raises.
        asked: Settings, repositories, region and profile of the last run.
    """

    def __init__(self) -> None:
        self.change: dict[str, Any] = {}
        self.error: Exception | None = None
        self.asked: dict[str, Any] = {}

    def connect(self, region: str | None, profile: str | None) -> object:
        """As aws has it."""
        if self.error:
            raise self.error
        self.asked.update(region=region, profile=profile)
        registry = SimpleNamespace(describe_registry=lambda: {"registryId": ACCOUNT})
        return SimpleNamespace(region=region or REGION, client=lambda _: registry, pacer=Pacer())

    def run(self, ctx: RunContext) -> RunResult:
        """In the place of the pipeline."""
        assert (ctx.history, ctx.application, ctx.journal) == (None, None, None)
        assert isinstance(ctx.approval, NoApproval)
        assert ctx.seconds_left() > 1e9
        self.asked.update(settings=ctx.settings, only=ctx.only)
        result = RunResult(ctx.run_id, ctx.settings.dry_run, ctx.clients.region)
        result = replace(result, **self.change)
        if ctx.only is None or "shop/api" in ctx.only:
            plan = evaluate(
                repository("shop/api", ctx.settings.default_keep_days),
                RepositorySnapshot((KEPT, GOES)),
                [usage(tag="v2", repository="shop/api")],
                NOW,
            )
            ctx.reporter.evaluated(plan, dry_run=True, refused=bool(result.refusals))
            result = replace(result, repositories={"shop/api": RepositoryResult("shop/api").with_plan(plan)})
        if ctx.store_report is not None:
            stored = ctx.store_report(result)
            result = replace(result, report=stored.location, problems=(*result.problems, *stored.problems))
        ctx.reporter.run(result)
        return result


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """One repository with an image in use and one that is not."""
    made = Registry()
    monkeypatch.setattr(session, "connect", made.connect)
    monkeypatch.setattr(pipeline, "run", made.run)
    return made


def run(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, words, env={"COLUMNS": "200"})


def test_the_version_is_told() -> None:
    """As any command does."""
    result = run("--version")
    assert (result.exit_code, result.output) == (0, f"ecr-cleaner, version {__version__}\n")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["plan", "-h"], ["explain", "--help"], ["usage", "-h"]])
def test_every_command_has_help(words: list[str]) -> None:
    """With every option described."""
    result = run(*words)
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_plan_writes_a_page(registry: Registry, tmp_path: Path) -> None:
    """Beside what it prints, with everything in it."""
    del registry
    file = tmp_path / "page.html"
    result = run("plan", "--html", str(file))
    assert result.exit_code == 0, result.output
    assert "old and unused" in result.output
    parser = Parser()
    parser.feed(file.read_text())
    assert len(json.loads(carried(parser))["images"]) == 2


def test_a_page_that_cannot_be_written_is_told_before_anybody_is_asked(registry: Registry, tmp_path: Path) -> None:
    """As with the other files."""
    del registry
    result = run("plan", "--html", str(tmp_path / "nowhere" / "page.html"))
    assert result.exit_code == 2
    assert "is in a folder that does not exist" in result.output


def test_a_page_that_fails_at_the_end_fails_the_plan(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the cause, after the plan."""
    del registry

    def fail(*_: object) -> None:
        message = "no space left on device"
        raise OSError(message)

    monkeypatch.setattr(html_page, "write", fail)
    result = run("plan", "--html", str(tmp_path / "page.html"))
    assert result.exit_code == 1
    assert "old and unused" in result.output
    assert "the report could not be written: " in result.output


def test_plan_shows_every_image(registry: Registry) -> None:
    """With verdict, reason and evidence, if one asks for all of them."""
    result = run("plan", "--all")
    assert result.exit_code == 0, result.output
    for part in (
        "shop/api  (default: keeps 30 days)",
        "remove",
        "shop/api:v1",
        "old and unused",
        "in use: ecs service prod/app",
    ):
        assert part in result.output
    assert "in use: ecs service prod/app" not in run("plan").output, "what goes is shown by default"
    assert "status: completed" in result.output
    assert registry.asked["only"] is None


@pytest.mark.usefixtures("registry")
def test_plan_as_json_is_one_document() -> None:
    """Nothing else stands on standard output."""
    result = run("plan", "--format", "json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["status"] == "completed"
    assert found["dry_run"] is True
    assert [(i["tags"], i["verdict"], i["reason"], i["evidence"]) for i in found["images"]] == [
        (["latest", "v2"], "keep", "in_use", ["ecs service prod/app"]),
        (["v1"], "remove", "old_and_unused", []),
    ]


@pytest.mark.parametrize("words", [["plan"], ["plan", "--format", "json"], ["explain", "shop/api:v1"]])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"refusals": ["source ecs: denied"]}, 5),
        ({"problems": ["repository bad: bad tag"]}, 1),
        ({"deferred": ["other"]}, 3),
    ],
)
def test_the_exit_code_says_how_it_ended(
    registry: Registry, words: list[str], change: dict[str, list[str]], code: int
) -> None:
    """Each status has a code of its own; the causes are printed."""
    registry.change = {name: tuple(lines) for name, lines in change.items()}
    result = run(*words)
    assert result.exit_code == code
    assert all(line in result.output for key, lines in change.items() if key != "deferred" for line in lines)


@pytest.mark.parametrize("words", [["plan"], ["plan", "--format", "json"], ["explain", "shop/api:v1"]])
def test_nothing_here_removes_anything(registry: Registry, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """Whatever the environment of the shell says."""
    monkeypatch.setenv("DRY_RUN", "false")
    run(*words)
    assert registry.asked["settings"].dry_run is True


def test_options_reach_the_run(registry: Registry) -> None:
    """Region, profile, age limit, and what a person takes out."""
    words = ["--region", "eu-west-1", "--profile", "shop", "--keep-days", "7"]
    words += ["--accept-gap", "source:ecs", "--accept-gap", "source:lambda", "--accept-gap", "eks:*"]
    words += ["--protected-image", "api:v1", "--protected-image", "web:*"]
    words += ["--used-images-uri", "s3://lists/in/use/", "--used-images-max-age-hours", "6"]
    assert run("plan", *words).exit_code == 0
    settings = registry.asked["settings"]
    assert (registry.asked["region"], registry.asked["profile"]) == ("eu-west-1", "shop")
    assert settings.default_keep_days == 7
    assert list(settings.accepted_gaps) == ["eks:*", "source:ecs", "source:lambda"]
    assert settings.protected_images == {"api:v1", "web:*"}
    assert settings.used_images.model_dump() == {"bucket": "lists", "prefix": "in/use/", "max_age_hours": 6}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--keep-days", "0"], "0"),
        (["--keep-days", "90d"], "90d"),
        (["--keep-days", "100000"], "100000"),
        (["--accept-gap", "source:ec2"], "ec2"),
        (["--accept-gap", "source:eks"], "eks"),
        (["--accept-gap", "ecs:*"], "ecs"),
        (["--protected-image", "Api"], "Api"),
        (["--used-images-uri", "s3://lists"], "s3://lists"),
        (["--used-images-uri", "s3://lists/in/*/"], "in/*/"),
        (["--used-images-max-age-hours", "0"], "0"),
        (["--dry-run"], "--dry-run"),
    ],
)
@pytest.mark.parametrize("command", [["plan"], ["explain", "shop/api:v1"]])
def test_wrong_options_are_wrong_usage(registry: Registry, command: list[str], words: list[str], named: str) -> None:
    """Exit code 2, and nobody is asked anything."""
    result = run(*command, *words)
    assert result.exit_code == 2
    assert named in result.output
    assert registry.asked == {}


@pytest.mark.parametrize(
    "name",
    [
        "shop/api:v2",
        "shop/api:latest",
        f"shop/api@{digest('kept')}",
        f"shop/api@{digest('kept')[:19]}",
        f"shop/api@{digest('kept')[7:14]}",
        f"shop/api:anything@{digest('kept')}",
        f"{HOST}/shop/api:v2",
        f"https://{HOST}/shop/api:v2",
    ],
)
@pytest.mark.parametrize("account", [ACCOUNT, None])
def test_explain_finds_an_image_however_it_is_written(registry: Registry, name: str, account: str | None) -> None:
    """By tag, by digest or its beginning, with and without the registry's host."""
    registry.change = {"account_id": account}
    result = run("explain", name)
    assert result.exit_code == 0, result.output
    assert "KEEP  shop/api:latest" in result.output
    assert "ecs service prod/app" in result.output
    assert registry.asked["only"] == {"shop/api"}


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (
            HOST.replace(ACCOUNT, "999999999999"),
            f"account 999999999999, region {REGION}, but this is account {ACCOUNT}, region {REGION}",
        ),
        (
            HOST.replace(REGION, "eu-west-1"),
            f"account {ACCOUNT}, region eu-west-1, but this is account {ACCOUNT}, region {REGION}",
        ),
    ],
)
def test_an_image_of_another_registry_is_not_mixed_up(registry: Registry, host: str, words: str) -> None:
    """An image of the same name lies here, and what holds for it says nothing about the other one."""
    registry.change = {"account_id": ACCOUNT}
    result = run("explain", f"{host}/shop/api:v1")
    assert result.exit_code == 2
    assert words in result.output
    assert "REMOVE" not in result.output


@pytest.mark.usefixtures("registry")
def test_explain_says_what_would_go() -> None:
    """And why."""
    result = run("explain", "shop/api:v1")
    assert result.exit_code == 0
    assert "REMOVE  shop/api:v1" in result.output
    assert "old_and_unused" in result.output


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shop/api:v9", "shop/api holds no such image."),
        (f"shop/api@{digest('nobody')}", "shop/api holds no such image."),
        ("shop/web:v1", f"There is no repository shop/web in {REGION}."),
    ],
)
def test_an_image_that_is_not_there_fails(name: str, words: str) -> None:
    """A script must not take it for "would not go"."""
    result = run("explain", name)
    assert result.exit_code == 6
    assert words in result.output


@pytest.mark.parametrize(
    "name",
    [
        "",
        "App:v1",
        "app:",
        "app@sha256:abc",
        "app:v1 app:v2",
        f"{HOST}/",
        "x.dkr.ecr.y/app",
        "app:*",
        "app@sha256:",
        "sha256:abc",
    ],
)
def test_what_is_no_image_name_is_wrong_usage(registry: Registry, name: str) -> None:
    """The message quotes what was written and nothing that was not."""
    result = run("explain", name)
    assert result.exit_code == 2
    assert repr(name) in result.output
    assert "000000000000" not in result.output
    assert registry.asked == {}


def test_a_missing_image_name_is_wrong_usage(registry: Registry) -> None:
    """Nothing to explain."""
    assert run("explain").exit_code == 2
    assert registry.asked == {}


@pytest.mark.parametrize(
    "error", [ProfileNotFound(profile="shop"), CleanerError("no AWS region is configured: set AWS_REGION")]
)
@pytest.mark.parametrize("words", [["plan"], ["explain", "shop/api:v1"]])
def test_what_keeps_it_from_starting_is_one_line(registry: Registry, words: list[str], error: Exception) -> None:
    """No trace of Python."""
    registry.error = error
    result = run(*words)
    assert (result.exit_code, result.output) == (1, f"Error: {error}\n")
