"""What tests of whole runs stand on; a folder that needs them imports them into its conftest.py."""

from __future__ import annotations

import gc
import os
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
import pytest
from botocore import auth, useragent
from botocore.retries import standard

from ecr_cleaner.aws import client as aws_client
from ecr_cleaner.aws import pacing
from tests.fake_aws import Sandbox, models
from tests.fake_kubernetes import resolving
from tests.integration.machine import Machine
from tests.integration.past import Past
from tests.integration.runner import Context, Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.runner import Outcome


_MOST_FOREIGN: Final = 150
"""How many clients of other accounts are kept from test to test: a company's would take half a gigabyte."""

_Session: Final = boto3.Session

_CLIENTS: Final[list[tuple[Sandbox, dict[Any, Any]]]] = []
"""Those of the last sandbox, kept from test to test: making one for every service takes longer than several runs."""


@pytest.fixture(scope="module")
def running_sandbox(pytestconfig: pytest.Config) -> Iterator[Sandbox]:
    """A sandbox for all tests of a module, and mostly for those of the next one."""
    pytestconfig.add_cleanup(Sandbox.stop_kept)
    with Sandbox.kept() as running:
        yield running


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """An empty account, in which nothing failed unnoticed in the end."""
    running_sandbox.reset()
    yield running_sandbox
    running_sandbox.must_be_well()


@pytest.fixture
def run(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Runner:
    """Runs the handler against the account, without long waits between tries."""
    monkeypatch.setattr(aws_client.boto3, "Session", _session_of)
    monkeypatch.setattr(aws_client, "MAX_ATTEMPTS", 2)
    resolving(monkeypatch)
    monkeypatch.setattr(pacing.Pacer, "hold", lambda *_: None)
    monkeypatch.setattr(pacing, "back_off", lambda _: None)
    monkeypatch.setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0)
    # Nobody checks a signature here or reads who asks, and both are an eighth of a run.
    monkeypatch.setattr(auth.SigV4Auth, "canonical_request", lambda *_: "")
    monkeypatch.setattr(auth.SigV4Auth, "signature", lambda *_: "unsigned")
    monkeypatch.setattr(useragent.UserAgentString, "to_string", lambda _: "tests")
    make = aws_client.AwsClients._make
    made = _clients(sandbox)

    def once(clients: aws_client.AwsClients, service: str, attempts: int, **config: Any) -> Any:
        time_out = config.get("read_timeout", aws_client.READ_TIMEOUT_SECONDS)
        whose = clients.account_id if clients.is_foreign else clients.session
        key = whose, service, clients.region, attempts, time_out, _endpoints()
        client, before = made.get(key) or (make(clients, service, attempts, **config), None)
        if clients.is_foreign:
            # Another run has another session in that account.
            client._request_signer._credentials = clients.session.get_credentials()  # noqa: SLF001 - made once
        if before is None:
            sandbox.shorten(client)
        else:
            client.meta.events.unregister("before-send", before.pace)
            client.meta.events.unregister("response-received", before.pacer.note_response)
        made[key] = client, clients
        return client

    monkeypatch.setattr(aws_client.AwsClients, "_make", once)
    return Runner(sandbox, monkeypatch, caplog)


def _clients(sandbox: Sandbox) -> dict[Any, Any]:
    """Those that were made for a sandbox; the ones of an earlier sandbox are forgotten."""
    if not _CLIENTS or _CLIENTS[0][0] is not sandbox:
        _CLIENTS[:] = [(sandbox, {})]
        # What is left would slow every later test down: garbage collection looks at all of it again and again.
        gc.collect()
    made = _CLIENTS[0][1]
    foreign = [key for key in made if isinstance(key[0], str)]
    if len(foreign) > _MOST_FOREIGN:
        for key in foreign:
            del made[key]
        gc.collect()
    return made


def _session_of(**named: Any) -> boto3.Session:
    """A session; one that comes with its own credentials, as those of other accounts do, is made each time."""
    return _Session(**named) if "botocore_session" in named else _session(_aws() if named else None, **named)


@cache
def _session(_: frozenset[tuple[str, str]] | None, **named: Any) -> boto3.Session:
    """The function's session, or that of whoever names a region or a profile in an environment; clients go with it."""
    return models.session(**named)


def _aws() -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))


def _endpoints() -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in _aws() if name.startswith("AWS_ENDPOINT_URL"))


@pytest.fixture(autouse=True)
def no_grace(request: pytest.FixtureRequest) -> None:
    """What nothing needs goes in the first run that finds it so: grace has tests of its own."""
    if "run" in request.fixturenames:
        request.getfixturevalue("run").standing = {"grace_days": 0}


@pytest.fixture
def past(sandbox: Sandbox) -> Past:
    """A bucket in which no history has begun."""
    return Past(sandbox)


@pytest.fixture
def night(run: Runner, past: Past) -> Callable[..., Outcome]:
    """One real run with a history."""

    def go(**more: Any) -> Outcome:
        return run(storage=past.place | {"history": True}, **more)

    return go


@pytest.fixture
def machine(sandbox: Sandbox, run: Runner) -> Machine:
    """The state machine around the real handler; ``run(start=machine)`` is a night of it."""
    return Machine(sandbox, lambda payload: run.invoke(payload, Context(str(uuid.uuid4()))))


@pytest.fixture(params=["tag", "image"])
def pair_deletes(request: pytest.FixtureRequest, sandbox: Sandbox) -> Literal["tag", "image"]:
    """Both meanings that AWS's documentation leaves to a (digest, tag) pair; removal must be right under either."""
    sandbox.pair_deletes = request.param
    return sandbox.pair_deletes
