"""How it is asked whether a consumer got its image, of which all else is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.errors import OutOfTimeError
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.usage import states
from tests.builders import ACCOUNT, REGION, usage

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

ASKED: Final = {"FunctionName": "api", "Qualifier": "$LATEST"}
KNOWN: Final = replace(
    usage(tag="v1", consumer="lambda function api, version $LATEST"),
    target=ScanTarget(ACCOUNT, REGION),
    unasked="api:$LATEST",
)


@pytest.mark.parametrize(
    ("configuration", "says"),
    [
        ({}, ""),
        ({"StateReasonCode": "Idle"}, ""),
        ({"StateReasonCode": "ImageDeleted"}, "StateReasonCode ImageDeleted"),
        ({"LastUpdateStatusReasonCode": "ImageDeleted"}, "LastUpdateStatusReasonCode ImageDeleted"),
    ],
)
def test_a_function_says_whether_it_found_its_image(script: Script, configuration: dict[str, Any], says: str) -> None:
    """In the same call that tells everything else."""
    script.aws.account_id = ACCOUNT
    script.answer("lambda", "get_function", {"Configuration": configuration}, **ASKED)
    assert states.ask(script.aws, KNOWN) == says


def test_a_function_that_is_gone_fails_no_more(script: Script) -> None:
    """Since it was listed."""
    script.aws.account_id = ACCOUNT
    script.refuse("lambda", "get_function", "ResourceNotFoundException", **ASKED)
    assert states.ask(script.aws, KNOWN) == ""


@pytest.mark.parametrize("is_denied", [True, False])
def test_a_function_that_cannot_be_asked_may_fail(script: Script, *, is_denied: bool) -> None:
    """So nothing goes."""
    script.aws.account_id = ACCOUNT
    if is_denied:
        script.refuse("lambda", "get_function", "AccessDeniedException", **ASKED)
    else:
        script.answer("lambda", "get_function", {}, **ASKED)
    says = states.ask(script.aws, KNOWN)
    assert says.startswith("it is not known whether it works: ")
    assert ("AccessDeniedException" if is_denied else "Incomplete response") in says


def test_without_time_nobody_is_asked(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is for the run to handle."""
    script.aws.account_id = ACCOUNT

    def too_late(_: str) -> None:
        raise OutOfTimeError("GetFunction")

    monkeypatch.setattr(script.aws, "client", too_late)
    with pytest.raises(OutOfTimeError):
        states.ask(script.aws, KNOWN)
