"""What one command prints another accepts, and `explain` answers for every image that a person may ask about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.cli.exit_codes import ExitCode
from tests.cli.conftest import FEW, NAME
from tests.fake_aws import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Command
    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

NAMED = re.compile(r"[a-z0-9/._-]+(?::[\w.-]+|@sha256:[0-9a-f]{12,64})")


@pytest.fixture
def shop(sandbox: Sandbox) -> Sandbox:
    """Two old images, one with a tag."""
    sandbox.repository("app", tags={"BoxCleanerEnabled": "true"})
    sandbox.push("app", id="one", tags=["v1"], pushed="90d")
    sandbox.push("app", id="two", pushed="80d")
    return sandbox


def test_every_name_that_is_printed_is_accepted(
    command: Command, company: Sandbox, past: Past, night: Callable[..., Outcome], deploy: Callable[..., Any]
) -> None:
    """Those of the tables of plan and usage, and of history."""
    company.clear_calls()
    deploy(storage=past.place | {"history": True, "journal": True})
    night(dry_run=True)
    wide = {"COLUMNS": "400"}
    cells = re.compile(r"^│ *(?:remove|keep|in grace) *│ (.*?) *│", re.MULTILINE)
    printed = {
        name
        for cell in cells.findall(command("plan", "--function", NAME, "--all", env=wide).out)
        for name in re.sub(r"\(and \d+ more tags\)", "", cell).split()
    }
    assert len(printed) > 50
    of_usage = re.findall(r"^│ (\S.*?) *│ (?:present|archived|missing)", command("usage", env=wide).out, re.MULTILINE)
    assert of_usage
    of_history = re.findall(r"^(\S+@\S+)", command("history", "--function", NAME, "shop/web").out, re.MULTILINE)
    assert of_history
    shown = {name for cell in of_usage for name in cell.split()}
    assert all(NAMED.fullmatch(name) for name in {*printed, *shown, *of_history})
    some = [*sorted(printed)[::12], *sorted(shown)[::6], of_history[0]]
    for name in some:
        assert command("explain", "--function", NAME, name).code in {0, ExitCode.NOT_FOUND}, name
    (listed, *_) = command("plan", "--function", NAME, "--format", "json").plan["images"]
    for digest in (listed["digest"], listed["digest"][:19], listed["digest"][7:19]):
        found = command("explain", "--function", NAME, digest, "--format", "json")
        assert [one["digest"] for one in found.plan["images"]] == [listed["digest"]]


def test_what_did_not_opt_in_is_judged_as_if(command: Command, sandbox: Sandbox) -> None:
    """With the exact value that is missing, and the call that opts in."""
    sandbox.repository("shop", tags={"BoxCleanerEnabled": "True"})
    sandbox.repository("plain")
    for name in ("shop", "plain"):
        sandbox.push(name, tags=["v1"], pushed="90d")
    ended = command("explain", *FEW, "shop:v1")
    assert ended.code == 0
    assert "REMOVE  shop:v1" in ended.out
    assert "tag 'BoxCleanerEnabled' = 'True' does not opt in: only BoxCleanerEnabled = true does" in ended.out
    assert "`ecr-cleaner opt-in shop`" in ended.out
    assert "The verdict above is what would hold if it had opted in." in ended.out
    assert "the tag BoxCleanerEnabled = true is missing" in command("explain", *FEW, "plain:v1").out


def test_what_is_skipped_says_why(command: Command, company: Sandbox) -> None:
    """The image is shown all the same, with what would include its repository."""
    ended = command("explain", "partners/connector:" + _tag(company, "partners/connector"))
    assert ended.code == 0
    assert "KEEP  partners/connector:" in ended.out
    assert "Nothing in partners/connector is removed, for it is skipped: its policy lets" in ended.out
    assert 'accepted_gaps = { "other_accounts:partners/connector" = "<reason>" } would include it' in ended.out


def _tag(sandbox: Sandbox, repository: str) -> str:
    return next(tag for image in sandbox.images(repository) for tag in image.tags)


def test_a_name_without_a_tag_lists_them(command: Command, shop: Sandbox) -> None:
    """The one that runtimes assume is not assumed here, neither by explain nor by restore."""
    del shop
    for words in (["explain"], ["restore", "--check"]):
        ended = command(*words, "app")
        assert (ended.code, ended.out) == (2, "")
        assert "app is a repository: name a tag or digest, for latest is not assumed; tags there: v1" in ended.err


@pytest.mark.usefixtures("shop")
def test_an_image_that_is_not_there_says_where_was_looked(command: Command) -> None:
    """And which option would know more; a name like it is shown for a repository that does not exist."""
    ended = command("explain", *FEW, "app:v9")
    assert ended.code == ExitCode.NOT_FOUND
    assert "NOT THERE  app:v9" in ended.out
    assert "looked at: account 123456789012, region us-east-1" in ended.out
    assert "not known: what was there before: --function NAME or --settings FILE names" in ended.out
    assert "There is no repository apps in us-east-1; names like it: app." in command("explain", *FEW, "apps:v1").out
    nowhere = command("explain", *FEW, "sha256:0123456789ab")
    assert (nowhere.code, nowhere.out) == (ExitCode.NOT_FOUND, "")
    assert (
        "no image in the 1 repositories of us-east-1 has a digest that begins with sha256:0123456789ab" in nowhere.err
    )


def test_an_image_that_went_is_told_with_when_and_why(
    command: Command, shop: Sandbox, past: Past, run: Runner, deploy: Callable[..., Any]
) -> None:
    """By history and journal, by whatever it was called; and what could not be read is said."""
    deploy(storage=past.place | {"history": True, "journal": True})
    digest = shop.digest("one")
    assert run(storage=past.place | {"history": True, "journal": True}).status == "completed"
    for name in ("app:v1", f"app@{digest[:19]}", digest[7:20]):
        ended = command("explain", "--function", NAME, name)
        assert ended.code == ExitCode.NOT_FOUND
        assert f"{digest} (v1)" in ended.out
        assert re.search(r"run \S+ was about to delete it 20\d\d-\d\d-\d\d \d\d:\d\d UTC", ended.out)
        assert "looked at: " in ended.out
        assert "history since" in ended.out
    for name in ("app:v1", f"app@{digest[:19]}", digest[7:20]):
        assert "state: missing" in command("history", "--function", NAME, name).out
    shop.inject(Fault(service="s3", operation="ListObjectsV2", kind="access_denied"))
    ended = command("explain", "--function", NAME, "app:v1")
    assert "not known: the journal could not be read: access denied: your credentials lack the permission" in ended.out


def test_what_is_in_grace_says_since_when_and_until_when(
    command: Command, shop: Sandbox, past: Past, night: Callable[..., Outcome], deploy: Callable[..., Any]
) -> None:
    """It goes in the first run after that."""
    del shop
    deploy(storage=past.place | {"history": True}, grace_days=3)
    night(dry_run=True, grace_days=3)
    ended = command("explain", "--function", NAME, "app:v1")
    assert ended.code == 0
    assert "IN GRACE  app:v1" in ended.out
    assert "found unneeded since 20" in ended.out
    assert "goes     in the first run after 20" in ended.out


def test_restore_says_which_option_knows_what_went(command: Command, shop: Sandbox) -> None:
    """Without it there is no journal to look in."""
    del shop
    ended = command("restore", "--check", "app:v9")
    assert ended.code == ExitCode.NOT_FOUND
    assert "what was removed is in the journal: --function NAME or --settings FILE names the bucket" in ended.err
    assert "history needs a place to look: --function NAME or --settings FILE" in command("history", "app").err
