"""What only AWS can say of other accounts; everything is only read, and only one role is assumed."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from ecr_cleaner.settings.schema import SettingsDocument
from tests.live_aws.deleting import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live_aws.account import Account

ROLE: Final[str] = SettingsDocument().reader_role_name
_NUMBER: Final = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")


def ask(account: Account, other: str | None) -> Iterator[Answer]:
    """How AWS words a role that cannot be assumed, which states accounts have, and whether the role can be assumed.

    Args:
        account: Of the credentials.
        other: Id of an account that has the role and lets these credentials assume it; None: there is none.
    """
    yield Answer("AssumeRole of a role that does not exist", _assumed(account, account.number, account.name))
    yield Answer("Accounts that ListAccounts names, by State and Status", _states(account))
    if other is not None:
        yield Answer(f"AssumeRole of {ROLE} in another account", _assumed(account, other, ROLE))


def _assumed(account: Account, owner: str, role: str) -> str:
    arn = f"arn:{account.partition}:iam::{owner}:role/{role}"
    try:
        made = account.client("sts").assume_role(RoleArn=arn, RoleSessionName=account.name)
        found = account.client("sts", made["Credentials"]).get_caller_identity()["Account"]
    except ClientError as error:
        return _told(error)
    return "a session of that account" if found == owner else "a session of another account"


def _states(account: Account) -> str:
    found: Counter[str] = Counter()
    try:
        for page in account.client("organizations").get_paginator("list_accounts").paginate():
            found.update(f"{one.get('State', 'none')} and {one.get('Status', 'none')}" for one in page["Accounts"])
    except ClientError as error:
        return f"not asked: {_told(error)}"
    return ", ".join(f"{states}: {number}" for states, number in sorted(found.items())) or "none"


def _told(error: ClientError) -> str:
    """Code and message, without anybody's account number."""
    told = error.response["Error"]
    return _NUMBER.sub("<account>", f"{told.get('Code')}: {told.get('Message', '')}")
