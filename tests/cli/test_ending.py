"""How the command speaks to a terminal, and how it ends when something keeps it from its work."""

from __future__ import annotations

import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import FEW
from tests.fake_aws import Fault

if TYPE_CHECKING:
    from tests.cli.conftest import Command
    from tests.fake_aws import Sandbox

COLOUR = re.compile(r"\x1b\[[\d;]*3[0-7]m")
CALLS = re.compile(r"\d+ calls, now \w+ \w+")
NOBODY = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def test_a_terminal_gets_colours_and_progress(command: Command, company: Sandbox) -> None:
    """The progress is gone at the end; NO_COLOR takes the colours, --quiet the progress."""
    del company
    ended = command.on_a_terminal("plan", *FEW)
    assert ended.code == 0
    assert COLOUR.search(ended.out)
    assert CALLS.search(ended.out)
    assert "11 of 11 repositories evaluated, last shop/web" in ended.out
    plain = command.on_a_terminal("plan", *FEW, env={"NO_COLOR": "1"})
    assert plain.code == 0
    assert not COLOUR.search(plain.out)
    assert CALLS.search(plain.out)
    quiet = command.on_a_terminal("plan", *FEW, "--quiet")
    assert COLOUR.search(quiet.out)
    assert not CALLS.search(quiet.out)


def test_a_pipe_gets_neither(command: Command, company: Sandbox) -> None:
    """So that what reads it reads words."""
    del company
    ended = command.with_pipes("plan", *FEW)
    assert (ended.code, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    assert command("plan", *FEW).out == ended.out, "as the other tests run it"


def test_ctrl_c_ends_it_without_a_trace(command: Command, company: Sandbox) -> None:
    """With the exit code that shells give it; threads that ask stop asking."""
    pipe = subprocess.PIPE
    with command.start("plan", stdout=pipe, stderr=pipe) as process:
        company.before("ecs", "ListClusters", lambda _: process.send_signal(signal.SIGINT))
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "Interrupted.\n")


@pytest.mark.parametrize("words", [["plan"], ["plan", "--format", "json"], ["explain", "shop/web:live"]])
def test_no_credentials(command: Command, words: list[str]) -> None:
    """One sentence that says what to do, and nothing on standard output."""
    ended = command.with_pipes(*words, env=NOBODY)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "Error: no AWS credentials were found: log in (aws configure, aws sso login), or name some with --profile"
        " (NoCredentialsError)\n"
    )


def test_no_region(command: Command) -> None:
    """Neither an option nor the configuration names one."""
    ended = command("plan", env={"AWS_REGION": None})
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "Error: no AWS region is configured: set AWS_REGION or use --region\n"


def test_an_unknown_profile(command: Command) -> None:
    """It is named."""
    ended = command("plan", "--profile", "shpo")
    assert (ended.code, ended.out, ended.err) == (1, "", "Error: The config profile (shpo) could not be found\n")


@pytest.mark.parametrize("words", [["plan"], ["plan", "--function", "ecr-cleaner"], ["plan", "--repository", "app"]])
def test_an_expired_token(command: Command, sandbox: Sandbox, words: list[str]) -> None:
    """Whatever is asked first."""
    sandbox.inject(Fault(kind="expired_token"))
    ended = command(*words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "Error: the AWS credentials have expired: log in again (aws sso login), or name other credentials with"
        " --profile (ExpiredTokenException)\n"
    )


@pytest.mark.parametrize(
    ("words", "permission"),
    [
        (["plan"], "ecr:DescribeRegistry"),
        (["plan", "--function", "ecr-cleaner"], "lambda:GetFunctionConfiguration"),
        (["plan", "--repository", "app"], "ecr:DescribeRepositories"),
    ],
)
def test_access_denied_names_the_permission(
    command: Command, sandbox: Sandbox, words: list[str], permission: str
) -> None:
    """As IAM writes it."""
    sandbox.inject(Fault(kind="access_denied"))
    ended = command(*words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"Error: access denied: your credentials lack the permission {permission} (")
    assert ended.err.count("\n") == 1


def test_nobody_answers(command: Command) -> None:
    """A region that does not exist, or a network without a way out."""
    ended = command("plan", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "eu-nowhere-1"})
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: AWS cannot be reached; check the region and the network: ")
    assert ended.err.count("\n") == 1
