"""What AWS's messages say of a denied call."""

from __future__ import annotations

from typing import Final

import pytest
from botocore.exceptions import ClientError

from ecr_cleaner.aws.denials import denial_of
from ecr_cleaner.aws.errors import is_denied
from ecr_cleaner.model.scan import Denial, PolicyType

ROLE: Final = "arn:aws:sts::123456789012:assumed-role/cleaner"
SCP: Final = "arn:aws:organizations::987654321098:policy/o-qv5af4abcd/service_control_policy/p-2kgnabcd"


def refused(message: str) -> ClientError:
    """The error of a denied call."""
    return ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, "ListServices")


def told(ending: str, on: str = " on resource: arn:aws:apprunner:us-east-1:123456789012:service/*") -> Denial:
    """What a message of AWS says."""
    message = f"User: {ROLE}/run-1 is not authorized to perform: apprunner:ListServices{on}{ending}"
    return denial_of(refused(message), "apprunner:Unknown")


@pytest.mark.parametrize("policy", [policy for policy in PolicyType if policy is not PolicyType.UNKNOWN])
@pytest.mark.parametrize("on", ["", " on resource: *"])
def test_every_type_of_policy_is_told_apart(policy: PolicyType, on: str) -> None:
    """Whether it denies the action or does not allow it; the name of the session does not matter."""
    article = "an" if policy is PolicyType.IDENTITY else "a"
    denied = told(f" with an explicit deny in {article} {policy}", on)
    assert denied == Denial("apprunner:ListServices", ROLE, policy, is_explicit=True)
    missing = told(f" because no {policy} allows the apprunner:ListServices action", on)
    assert missing == Denial("apprunner:ListServices", ROLE, policy)


def test_the_policy_itself_is_named_where_aws_names_it() -> None:
    """In messages within one account or organization."""
    denial = told(f" with an explicit deny in a service control policy: {SCP}")
    assert (denial.policy_arn, denial.policy) == (SCP, PolicyType.SERVICE_CONTROL)


@pytest.mark.parametrize("message", ["", "as scripted", "no identity-based policy"])
def test_a_message_without_a_cause_blames_no_policy(message: str) -> None:
    """The permission is then the one that the operation needs."""
    assert denial_of(refused(message), "apprunner:ListServices") == Denial("apprunner:ListServices")


def test_who_has_no_session_is_named_as_aws_names_it() -> None:
    """A user on the command line."""
    user = "arn:aws:iam::123456789012:user/jo"
    message = f"User: {user} is not authorized to perform: lambda:ListFunctions because no session policy allows it"
    assert denial_of(refused(message), "").principal == user


def test_an_operation_that_the_service_does_not_know_is_not_denied() -> None:
    """The code is the same; no policy would mend it."""
    assert is_denied(refused("not authorized"))
    assert not is_denied(refused("Unable to determine service/operation name to be authorized"))
