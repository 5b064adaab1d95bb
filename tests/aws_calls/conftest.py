"""What the contract tests share: clients that are made once and scripted anew for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecr_cleaner.aws import pacing
from ecr_cleaner.aws.client import AwsClients, connect
from tests.aws_calls.script import Script
from tests.builders import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def _clients() -> AwsClients:
    made = connect(REGION, None)
    made.account_id = ACCOUNT
    return made


@pytest.fixture
def script(_clients: AwsClients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """Answers for the calls of one test, and no waiting between tries."""
    monkeypatch.setattr(pacing, "back_off", lambda _: None)
    with Script(_clients) as made:
        yield made
