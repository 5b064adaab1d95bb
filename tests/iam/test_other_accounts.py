"""Whose roles the function may assume: the listed accounts', or its organization's, by one name, and nobody else's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.usage.catalog import SOURCES
from tests.iam.simulator import ACCOUNT, ROLE, Request, decide
from tools.generate import READER_FILE, REGION_READS

if TYPE_CHECKING:
    from tests.iam.conftest import Rendered

pytestmark = pytest.mark.terraform

ASSUME: Final = "sts:AssumeRole"
OURS, THEIRS = "o-a1b2c3d4e5", "o-z9y8x7w6v5"
LISTED, OTHER = "222233334444", "999988887777"
READER: Final = json.loads(READER_FILE.read_text())
TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": ASSUME,
            "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}},
        }
    ],
}
"""As the role has it; tests/terraform applies it."""


def assuming(mode: str, account: str, role: str, organization: str | None = OURS, caller: str = ROLE) -> Request:
    """A request to assume a role of an account, which belongs to an organization or to none."""
    context = {"aws:PrincipalOrgID": OURS, "aws:PrincipalArn": caller}
    context |= {} if organization is None else {"aws:ResourceOrgID": organization}
    return Request(mode, ASSUME, f"arn:aws:iam::{account}:role/{role}", owner=account, trust="trust", context=context)


ALLOWED: Final = (
    ("accounts", LISTED, "ecr-cleaner-reader", OURS),
    ("accounts", LISTED, "ecr-cleaner-reader", THEIRS),
    ("accounts", LISTED, "ecr-cleaner-reader", None),
    ("organization", OTHER, "registry-reader", OURS),
)
DENIED: Final = (
    ("accounts", LISTED, "ecr-cleaner-reader2", OURS),
    ("accounts", LISTED, "path/ecr-cleaner-reader", OURS),
    ("accounts", OTHER, "ecr-cleaner-reader", OURS),
    ("organization", OTHER, "registry-reader", THEIRS),
    ("organization", OTHER, "registry-reader", None),
    ("organization", OTHER, "ecr-cleaner-reader", OURS),
    ("real", LISTED, "ecr-cleaner-reader", OURS),
)
"""Mode, account, role, and the organization of the account."""


def test_only_these_roles_are_assumed(rendered: Rendered) -> None:
    """By both policies together: the function's, and the trust of a role that trusts the function."""
    asked = [assuming(*one) for one in (*ALLOWED, *DENIED)]
    decided = decide(rendered.policies | {"trust": TRUST}, asked)
    assert decided == ["Allowed"] * len(ALLOWED) + ["ImplicitlyDenied"] * len(DENIED)


def test_another_role_of_the_account_is_not_trusted(rendered: Rendered) -> None:
    """Although it may assume whatever trusts it."""
    other = f"{ROLE}-2"
    asked = [assuming("accounts", LISTED, "ecr-cleaner-reader", caller=other)]
    assert decide(rendered.policies | {"trust": TRUST}, asked, principal=other) == ["ImplicitlyDenied"]


@pytest.mark.parametrize("action", ["organizations:ListAccounts", "organizations:DescribeOrganization"])
def test_the_organization_is_read_only_where_it_is_looked_at(rendered: Rendered, action: str) -> None:
    """And nothing of it otherwise."""
    asked = [Request(mode, action) for mode in ("organization", "accounts", "real")]
    assert decide(rendered.policies, asked) == ["Allowed", "ImplicitlyDenied", "ImplicitlyDenied"]


def test_the_reader_may_what_the_sources_ask_and_no_more() -> None:
    """Every action of every source in other accounts; test_role.py tries them with recorded calls."""
    asked = [source for source in SOURCES if not source.home_only]
    wanted = {action for source in asked for grant in source.granted("other") for action in grant.actions}
    allowed = {action for statement in READER["Statement"] for action in statement["Action"]}
    assert allowed == wanted - {"s3:GetObject", "s3:ListBucket"} | set(REGION_READS)
    assert "lambda:GetFunction" not in allowed, "it hands out where code can be downloaded"
