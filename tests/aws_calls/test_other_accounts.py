"""How a role of another account is assumed, and what becomes of its credentials."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from ecr_cleaner.aws.client import AwsClients, connect
from ecr_cleaner.aws.other_accounts import OtherAccounts
from ecr_cleaner.errors import IncompleteAnswerError, WrongAccountError
from ecr_cleaner.model.usage import ScanTarget
from tests.aws_calls.script import Script
from tests.builders import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER: Final = "222233334444"
OPT_IN: Final = "eu-south-1"
SECRET: Final = "a-very-secret-key"
ASKED: Final[dict[str, Any]] = {
    "RoleArn": f"arn:aws:iam::{OTHER}:role/ecr-cleaner-reader",
    "RoleSessionName": "ecr-cleaner-run-1",
    "DurationSeconds": 3600,
}


def given(number: int = 1, lasts: timedelta = timedelta(hours=1), account: str = OTHER) -> dict[str, Any]:
    """As AssumeRole has it."""
    return {
        "Credentials": {
            "AccessKeyId": f"ASIAEXAMPLE0000{number}",
            "SecretAccessKey": SECRET,
            "SessionToken": f"token {number}",
            "Expiration": datetime.now(UTC) + lasts,
        },
        "AssumedRoleUser": {
            "AssumedRoleId": "AROAEXAMPLE00001:ecr-cleaner-run-1",
            "Arn": f"arn:aws:sts::{account}:assumed-role/ecr-cleaner-reader/ecr-cleaner-run-1",
        },
    }


@pytest.fixture
def home() -> AwsClients:
    """The clients of a run in a region that not every account has enabled."""
    made = connect(OPT_IN, None)
    made.account_id = ACCOUNT
    made.other_accounts = OtherAccounts(made, "ecr-cleaner-reader", "run-1")
    return made


@pytest.fixture
def script(home: AwsClients) -> Iterator[Script]:
    """What its own region's service is asked."""
    with Script(home) as made:
        yield made


@pytest.fixture
def default(home: AwsClients) -> Iterator[Script]:
    """What the service of a region is asked that every account can use."""
    with Script(home.for_target(ScanTarget(ACCOUNT, "us-east-1"))) as made:
        yield made


def keys(clients: AwsClients) -> tuple[str, str]:
    """With which key and token the clients sign now."""
    frozen = clients.session.get_credentials().get_frozen_credentials()
    return frozen.access_key, frozen.token


def test_a_role_is_assumed_once_for_all_regions_of_an_account(home: AwsClients, script: Script) -> None:
    """By the service of the function's own region, for an hour, under the name of the run."""
    script.answer("sts", "assume_role", given(), **ASKED)
    there, further = (home.for_target(ScanTarget(OTHER, region)) for region in (OPT_IN, "eu-west-1"))
    assert keys(there) == keys(further) == ("ASIAEXAMPLE00001", "token 1")
    assert there.session is further.session is not home.session
    assert (there.target, there.is_home, there.is_foreign) == (ScanTarget(OTHER, OPT_IN), False, True)
    assert there.caller == f"the role ecr-cleaner-reader of account {OTHER}"
    assert further.client("ecs").meta.region_name == "eu-west-1"
    assert home.session.get_credentials().access_key != "ASIAEXAMPLE00001"


def test_service_models_are_read_once_for_all_accounts(home: AwsClients, script: Script) -> None:
    """They take most of the time that a client takes."""
    script.answer("sts", "assume_role", given(), **ASKED)
    there = home.for_target(ScanTarget(OTHER, OPT_IN))
    loaders = [one.session._session.get_component("data_loader") for one in (home, there)]  # noqa: SLF001
    assert loaders[0] is loaders[1]


def test_a_session_that_is_about_to_expire_is_renewed(home: AwsClients, script: Script) -> None:
    """A run may last longer than a session."""
    script.answer("sts", "assume_role", given(1, timedelta(minutes=5)), **ASKED)
    script.answer("sts", "assume_role", given(2), **ASKED)
    there = home.for_target(ScanTarget(OTHER, OPT_IN))
    assert keys(there) == ("ASIAEXAMPLE00002", "token 2")
    assert keys(there) == ("ASIAEXAMPLE00002", "token 2")


@pytest.mark.parametrize("code", ["RegionDisabledException", "InvalidClientTokenId"])
def test_a_region_that_an_account_never_enabled_is_gone_round(
    home: AwsClients, script: Script, default: Script, code: str
) -> None:
    """The credentials of any region are good in all of them."""
    script.refuse("sts", "assume_role", code, **ASKED)
    default.answer("sts", "assume_role", given(), **ASKED)
    assert keys(home.for_target(ScanTarget(OTHER, "eu-west-1")))[1] == "token 1"


def test_whoever_is_denied_is_not_asked_elsewhere(home: AwsClients, script: Script) -> None:
    """The answer would be the same; the next scan asks again."""
    for _ in range(2):
        script.refuse("sts", "assume_role", "AccessDenied", "User: x is not authorized", **ASKED)
        with pytest.raises(ClientError, match="AccessDenied"):
            home.for_target(ScanTarget(OTHER, OPT_IN))


def test_the_name_of_a_session_is_cut_and_has_no_character_that_it_may_not_have(script: Script) -> None:
    """64 of them: letters, digits and ``_+=,.@-``."""
    accounts = OtherAccounts(script.aws, "reader", "a run/" + 64 * "x")
    asked = {**ASKED, "RoleArn": f"arn:aws:iam::{OTHER}:role/reader"}
    name = f"ecr-cleaner-a-run-{64 * 'x'}"[:64]
    script.answer("sts", "assume_role", given(), **(asked | {"RoleSessionName": name}))
    accounts(OTHER)


@pytest.mark.parametrize("missing", ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"])
def test_credentials_that_are_not_whole_are_none(home: AwsClients, script: Script, missing: str) -> None:
    """A response that was cut short; what it has is not told."""
    answer = given()
    del answer["Credentials"][missing]
    script.cut_short("sts", "assume_role", answer, given(), **ASKED)
    with pytest.raises(IncompleteAnswerError, match=missing) as caught:
        home.for_target(ScanTarget(OTHER, OPT_IN))
    assert SECRET not in str(caught.value)


def test_a_response_that_is_no_xml_is_not_quoted(home: AwsClients, script: Script) -> None:
    """It has the credentials in it; botocore's error quotes all of it."""
    script.break_off("sts", "AssumeRole", ResponseParserError(f"invalid XML received: <SecretAccessKey>{SECRET}"))
    with pytest.raises(IncompleteAnswerError) as caught:
        home.for_target(ScanTarget(OTHER, OPT_IN))
    told: BaseException | None = caught.value
    while told is not None:
        assert SECRET not in str(told)
        told = told.__cause__ or told.__context__


def test_a_session_of_another_account_is_not_taken_for_it(home: AwsClients, script: Script) -> None:
    """What it does not see would look unused."""
    script.answer("sts", "assume_role", given(account="555566667777"), **ASKED)
    with pytest.raises(WrongAccountError, match=f"is in account 555566667777, not in {OTHER}"):
        home.for_target(ScanTarget(OTHER, OPT_IN))


@pytest.fixture
def profile(home: AwsClients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """A person's profile, used in place of the role; what was called with which region and key."""
    config = tmp_path / "config"
    config.write_text("[profile shop]\naws_access_key_id = AKIASHOP\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    home.profiles = {OTHER: "shop"}
    home.other_accounts = OtherAccounts(home, "ecr-cleaner-reader", "run-1", home.profiles)
    called: list[tuple[str, str, str]] = []

    def answer(client: Any, operation: str, _: dict[str, Any]) -> dict[str, str]:
        called.append((operation, client.meta.region_name, client._get_credentials().access_key))  # noqa: SLF001
        return {"Account": OTHER}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    return called


def test_a_profile_takes_the_place_of_the_role(home: AwsClients, profile: list[tuple[str, str, str]]) -> None:
    """Once it has shown to be of the account."""
    there = home.for_target(ScanTarget(OTHER, "eu-west-1"))
    home.for_target(ScanTarget(OTHER, OPT_IN))
    assert profile == [("GetCallerIdentity", OPT_IN, "AKIASHOP")]
    assert (there.caller, there.session.get_credentials().access_key) == ("the profile shop", "AKIASHOP")


@pytest.mark.usefixtures("profile")
def test_a_profile_of_another_account_is_refused(home: AwsClients) -> None:
    """It would be looked at in place of the other."""
    home.profiles = {"555566667777": "shop"}
    home.other_accounts = OtherAccounts(home, "ecr-cleaner-reader", "run-1", home.profiles)
    with pytest.raises(WrongAccountError, match=f"profile shop is in account {OTHER}, not in 555566667777"):
        home.for_target(ScanTarget("555566667777", OPT_IN))


def test_clients_that_were_released_are_made_anew(home: AwsClients) -> None:
    """What was answered stays known; those of the run's own target are always needed."""
    there = home.for_target(ScanTarget(ACCOUNT, "eu-west-1"))
    there.answered.add("ecs:ListClusters")
    before, own = there.client("ecs"), home.client("ecs")
    there.release()
    home.release()
    assert home.for_target(there.target) is there
    assert there.client("ecs") is not before
    assert home.client("ecs") is own
    assert there.answered == {"ecs:ListClusters"}
