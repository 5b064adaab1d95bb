"""The installed command, as a person starts it, against the sandbox."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from ecr_cleaner.cli import main
from ecr_cleaner.usage.catalog import EXCLUDABLE
from tests.integration.fixtures import night, no_grace, past, run, running_sandbox, sandbox
from tools.loopback import FOLDER
from tools.processes import byte_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

__all__ = ["night", "no_grace", "past", "run", "running_sandbox", "sandbox"]

SOURCE: Final = Path(__file__).parents[2] / "lambda_src"
SCENARIOS: Final = Path(__file__).parents[1] / "fake_aws" / "scenarios"
ROLE: Final = "arn:aws:iam::123456789012:role/function"
NAME: Final = "ecr-cleaner"
OTHERS: Final = sorted(EXCLUDABLE - {"apprunner"})
"""Sources that a test need not ask which is about something else: making their clients takes most of a plan's time."""

GAPS: Final = {f"source:{name}": "not what this test is about" for name in OTHERS}

FEW: Final = tuple(word for name in OTHERS for word in ("--accept-gap", f"source:{name}"))
"""The same as words of the command."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the command ended.

    Attributes:
        code: Its exit code.
        out: Standard output; with a terminal, everything.
        err: Standard error.
    """

    code: int
    out: str
    err: str

    @property
    def plan(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def verdicts(self) -> dict[str, tuple[str, str]]:
        """Digest to verdict and reason, of the JSON document."""
        return {one["digest"]: (one["verdict"], one["reason"]) for one in self.plan["images"]}


def in_this_process(*words: str, env: Mapping[str, str] | None = None, stdin: str = "") -> Ended:
    """Run the command without a process of its own, with nothing of this one's environment; it reads no terminal.

    Raises:
        Exception: Whatever the command would have died of.
    """
    told = dict.fromkeys(os.environ) | dict(env or {})
    result = CliRunner(catch_exceptions=False).invoke(main, words, input=stdin, env=told)
    return Ended(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command as pip makes it from what the distribution says."""
    scripts = tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]["scripts"]
    maker = import_module("pip._vendor.distlib.scripts").ScriptMaker(None, str(tmp_path_factory.mktemp("bin")))
    maker.variants = {""}
    made = [Path(path) for name, entry in scripts.items() for path in maker.make(f"{name} = {entry}")]
    assert [path.name for path in made] == ["ecr-cleaner"]
    return made[0]


class Command:
    """Starts the command with nothing of this process's environment.

    Attributes:
        environment: Of the command.
    """

    def __init__(self, script: Path, sandbox: Sandbox, home: Path) -> None:
        self._script = script
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": f"{SOURCE}:{FOLDER}",
            **byte_code(),
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_ENDPOINT_URL": sandbox.endpoint,
        }

    def __call__(self, *words: str, env: Mapping[str, str | None] | None = None, stdin: str = "") -> Ended:
        """Run it without a process of its own: starting Python and reading the service models takes longer than it."""
        return in_this_process(*words, env=self._told(env), stdin=stdin)

    def start(self, *words: str, env: Mapping[str, str | None] | None = None, **streams: Any) -> subprocess.Popen[str]:
        """Start a process; a variable that is None is not set."""
        return subprocess.Popen([self._script, *words], env=self._told(env), text=True, **streams)

    def with_pipes(self, *words: str, env: Mapping[str, str | None] | None = None, stdin: str = "") -> Ended:
        """Run a process with pipes, as a script does."""
        pipe = subprocess.PIPE
        with self.start(*words, env=env, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            out, err = process.communicate(stdin, timeout=120)
        return Ended(process.returncode, out, err)

    def on_a_terminal(self, *words: str, env: Mapping[str, str | None] | None = None) -> Ended:
        """Run it on a terminal, as a person does."""
        ours, theirs = pty.openpty()
        told = {"TERM": "xterm-256color", "COLUMNS": "150", "LINES": "50"} | dict(env or {})
        with self.start(*words, env=told, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            shown = b""
            try:
                while read := os.read(ours, 65536):
                    shown += read
            except OSError:  # how Linux says that nobody holds the other end any more
                pass
            finally:
                os.close(ours)
        return Ended(process.returncode, shown.decode(), "")

    def _told(self, env: Mapping[str, str | None] | None) -> dict[str, str]:
        return {name: value for name, value in (self.environment | dict(env or {})).items() if value is not None}


@pytest.fixture
def command(installed: Path, run: Runner, sandbox: Sandbox, tmp_path: Path) -> Command:
    """The command, pointed at an empty account; without a process of its own it waits as little as `run`."""
    del run
    home = tmp_path / "home"
    home.mkdir()
    return Command(installed, sandbox, home)


@pytest.fixture
def company(sandbox: Sandbox) -> Sandbox:
    """The account of the example company."""
    sandbox.seed(SCENARIOS / "company.yaml")
    return sandbox


@pytest.fixture
def deploy(sandbox: Sandbox) -> Callable[..., dict[str, str]]:
    """Deploys a function with an environment as Terraform writes it, and returns that environment; it has no grace."""

    def deployed(*, keep_days: str = "30", dry_run: str = "false", **document: Any) -> dict[str, str]:
        told = {
            "DRY_RUN": dry_run,
            "DEFAULT_KEEP_DAYS": keep_days,
            "ECR_CLEANER_SETTINGS": json.dumps(
                {"schema_version": 1, "grace_days": 0, "accepted_gaps": GAPS} | document
            ),
        }
        if "settings_object" in document:
            told["ECR_CLEANER_SETTINGS"] = json.dumps({"schema_version": 1} | document)
        as_it_is(told)
        return told

    def as_it_is(environment: dict[str, str]) -> None:
        sandbox.repository("platform/cleaner")
        sandbox.push("platform/cleaner", tags=["v1"], pushed="90d")
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]}
        sandbox.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(trust))
        sandbox.client("lambda").create_function(
            FunctionName=NAME,
            Role=ROLE,
            PackageType="Image",
            Code={"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/platform/cleaner:v1"},
            Environment={"Variables": environment},
        )
        sandbox.clear_calls()

    return deployed
