"""``ecr-cleaner plan``, as a person runs it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import FEW, SCENARIOS
from tests.fake_aws import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command
    from tests.fake_aws import Sandbox

READING = ("BatchGet", "Describe", "Get", "List", "Search")


def test_a_plan_shows_every_repository_and_the_totals(command: Command, company: Sandbox) -> None:
    """As tables that a person reads, with the settings it rests on; nothing is asked that does not read."""
    ended = command.with_pipes("plan")
    assert (ended.code, ended.err) == (0, "")
    assert "shop/web  (default: keeps 30 days)" in ended.out
    assert "shop/payments  (the repository's tag: keeps 60 days)" in ended.out
    assert ended.out.startswith(
        "account 123456789012, region us-east-1: 17 repositories with 69 images, 23.3 GiB; 14 opt"
    )
    assert re.search(r"│ remove +│ shop/web:release-88 +│ 300 d", ended.out)
    assert "│ keep" not in ended.out
    assert re.search(r"│ shop/web +│ +6 │ +2 │ +4 │", ended.out)
    assert re.search(r"│ all +│ +62 │ +35 │ +27 │", ended.out)
    assert re.search(r"settings: options \(sha256 [0-9a-f]{12}\)", ended.out)
    assert "\nstatus: completed\nnext: " in ended.out
    assert {call.operation for call in company.calls if not call.operation.startswith(READING)} == set()


def test_a_plan_as_json_says_which_settings_it_rests_on(command: Command) -> None:
    """Their source, all their values, and a hash that only other settings change."""
    one = command("plan", "--format", "json", "--accept-gap", "eks:*", "--accept-gap", "other_accounts:*")
    other = command("plan", "--format", "json", "--accept-gap", "other_accounts:*", "--accept-gap", "eks:*")
    third = command("plan", "--format", "json", "--accept-gap", "eks:*")
    told = one.plan["settings"]
    assert (told["source"], told["name"]) == ("options", None)
    assert told["values"]["default_keep_days"] == 30
    assert told["values"]["accepted_gaps"] == dict.fromkeys(
        ["eks:*", "other_accounts:*"], "accepted on the command line"
    )
    assert "dry_run" not in told["values"]
    assert re.fullmatch(r"[0-9a-f]{64}", told["sha256"])
    assert other.plan["settings"] == told
    assert third.plan["settings"]["sha256"] != told["sha256"]
    assert one.plan["only"] == []


@pytest.mark.parametrize(
    ("words", "code"), [([], 0), (["--detailed-exitcode"], 4), (["--format", "json", "--detailed-exitcode"], 4)]
)
def test_a_script_can_tell_whether_something_would_go(
    command: Command, sandbox: Sandbox, words: list[str], code: int
) -> None:
    """Only if it asks for it; where nothing goes both say 0."""
    sandbox.repository("app", tags={"BoxCleanerEnabled": "true"})
    sandbox.push("app", tags=["v1"], pushed="10d")
    assert command("plan", *FEW, *words).code == 0
    sandbox.push("app", tags=["v2"], pushed="90d")
    assert command("plan", *FEW, *words).code == code


@pytest.mark.parametrize("words", [[], ["--detailed-exitcode"]])
def test_a_plan_that_is_not_complete_is_no_plan(command: Command, company: Sandbox, words: list[str]) -> None:
    """What would go then rests on usages that are not complete: exit code 5, whatever the script asks for."""
    company.inject(Fault(service="ecs", operation="ListClusters", kind="access_denied"))
    ended = command("plan", *words)
    assert ended.code == 5
    assert "ecs:ListClusters (source ecs," in " ".join(ended.out.split())
    assert "A run would be refused: it would remove nothing." in ended.out
    assert "status: refused" in ended.out


def test_a_repository_that_cannot_be_judged_fails_the_plan(command: Command, sandbox: Sandbox) -> None:
    """The others are in it all the same."""
    sandbox.seed(SCENARIOS / "bad-tag.yaml")
    ended = command("plan", *FEW, "--detailed-exitcode")
    assert ended.code == 1
    assert "got '90d'" in ended.out
    assert re.search(r"│ shop/good +│ +2 │ +1 │ +1 │", ended.out)
    assert "status: failed" in ended.out


def test_some_repositories_alone(command: Command, company: Sandbox) -> None:
    """What lies in the others is not even listed."""
    ended = command("plan", *FEW, "--format", "json", "--repository", "shop/web", "--repository", "shop/payments")
    assert ended.code == 0
    assert [one["name"] for one in ended.plan["repositories"]] == ["shop/payments", "shop/web"]
    assert ended.plan["only"] == ["shop/payments", "shop/web"]
    listed = {call.parameters["repositoryName"] for call in company.calls if call.operation == "DescribeImages"}
    assert listed == {"shop/payments", "shop/web"}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("shop/wbe", "there is no repository shop/wbe in us-east-1; opted in: "),
        ("research/models", "research/models did not opt in (tag BoxCleanerEnabled = true): --as-if-opted-in re"),
    ],
)
def test_an_unknown_repository_is_answered_with_those_there_are(
    command: Command, company: Sandbox, name: str, problem: str
) -> None:
    """A name with a slip, or of a repository that did not opt in, must not look like "nothing would go"."""
    del company
    ended = command("plan", "--format", "json", "--repository", "shop/web", "--repository", name)
    assert (ended.code, ended.out) == (2, "")
    assert problem in ended.err
    assert "shop/payments, shop/search, shop/web" in ended.err


@pytest.mark.parametrize("words", [[], ["--format", "json"]])
def test_the_plan_goes_into_a_file(command: Command, company: Sandbox, tmp_path: Path, words: list[str]) -> None:
    """The same as without it; the terminal shows the totals, and nothing else lies beside the file."""
    del company
    folder = tmp_path / "plans"
    folder.mkdir()
    (folder / "plan").write_text("an older one")
    ended = command("plan", *FEW, *words, "--output", str(folder / "plan"))
    assert (ended.code, ended.err) == (0, "")
    written = (folder / "plan").read_text()
    assert [path.name for path in folder.iterdir()] == ["plan"]
    assert "release-88" in written
    assert "release-88" not in ended.out
    assert ended.out.endswith(f"status: completed\nwritten: {folder / 'plan'}\n")
    if words:
        assert json.loads(written)["settings"]["source"] == "options"
    else:
        assert "\nstatus: completed\nnext: " in written
        assert "\x1b" not in written


def test_a_file_that_cannot_be_written_is_told_before_anybody_is_asked(
    command: Command, company: Sandbox, tmp_path: Path
) -> None:
    """A folder, a device, a folder that is not there."""
    company.clear_calls()
    for place, why in (
        (tmp_path, "is a folder"),
        (tmp_path / "nowhere" / "plan", "is in a folder that does not exist"),
        ("/dev/null", "is not a regular file"),
    ):
        ended = command("plan", "--output", str(place))
        assert ended.code == 2
        assert f"Invalid value for '--output': {place} {why}" in ended.err
    assert company.calls == []


def test_a_plan_that_cannot_be_made_leaves_the_older_file(command: Command, company: Sandbox, tmp_path: Path) -> None:
    """Whole, and alone."""
    company.inject(Fault(service="ecr", operation="DescribeRegistry", kind="access_denied"))
    folder = tmp_path / "plans"
    folder.mkdir()
    (folder / "plan").write_text("an older one")
    assert command("plan", "--output", str(folder / "plan")).code == 1
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"plan": "an older one"}
