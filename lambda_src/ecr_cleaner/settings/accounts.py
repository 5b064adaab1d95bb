"""Which other accounts the settings may name, and the role by which they are read."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, ValidationInfo

from ecr_cleaner.schema import refuse
from ecr_cleaner.settings.gaps import ACCOUNT


def _are_other_accounts(value: object, info: ValidationInfo) -> object:
    # One sentence with all that is wrong.
    if not isinstance(value, list | tuple):
        refuse('must be a list of account ids such as ["222233334444"]')
    named = tuple(value)
    rules = {
        "must be ids of AWS accounts, of 12 digits": all(
            isinstance(one, str) and re.fullmatch(ACCOUNT, one) for one in named
        ),
        "must name each account once": len({*map(str, named)}) == len(named),
        "must be empty with organization, which looks at every account": not (named and info.data.get("organization")),
    }
    if broken := [rule for rule, holds in rules.items() if not holds]:
        refuse("; ".join(broken))
    return named


OtherAccounts = Annotated[tuple[str, ...], BeforeValidator(_are_other_accounts)]
"""What ``accounts`` may name; the loader's `refuse_own_account` refuses the registry's own."""

ROLE_NAME: Final = r"^[A-Za-z0-9_+=,.@-]{1,64}$"
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""
