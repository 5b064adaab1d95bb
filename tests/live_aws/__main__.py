"""``python -m tests.live_aws``: see ``make test-live-aws``."""

from __future__ import annotations

import functools
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from tests.live_aws import accounts, clusters, deleting, policy, regions
from tests.live_aws.account import Account, RefusedError
from tests.live_aws.denials import Denials
from tools.processes import StoppedError, stoppable
from tools.terraform import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.live_aws.deleting import Answer


OTHER_VARIABLE: Final = "ECR_CLEANER_OTHER_AWS_ACCOUNT"
"""Names an account that has the role of modules/usage-reader and lets these credentials assume it, if there is one."""


def main(environment: Mapping[str, str]) -> int:
    """Asks everything and prints a table; returns the exit status."""
    try:
        account = Account(environment)
    except RefusedError as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    sys.stdout.write(f"Account {account.number}, {account.region}; everything is named {account.name}.\n\n")
    status = 0
    with stoppable() as deafen, account:
        try:
            _print(_answers(account, environment.get(OTHER_VARIABLE)), datetime.now(UTC))
        except (StoppedError, ToolError, BotoCoreError, ClientError) as error:
            sys.stderr.write(f"\nNot all was asked: {error}\n")
            status = 1
        finally:
            deafen()  # removing everything again is not cut off
    for leftover in account.leftovers:
        sys.stderr.write(f"Could not be removed again, please do it: {leftover}\n")
    return 1 if account.leftovers else status


def _answers(account: Account, other: str | None) -> Iterator[Answer]:
    yield from deleting.ask(account)

    @functools.cache
    def planned(dry_run: bool) -> dict[str, object]:  # noqa: FBT001 - the module's input
        return policy.planned(account, dry_run=dry_run, own_repository=f"{account.name}/own")

    yield from Denials(account, planned).ask()
    yield from clusters.ask(account)
    yield from regions.ask(account)
    yield from accounts.ask(account, other)


def _print(answers: Iterator[Answer], when: datetime) -> None:
    sys.stdout.write("| Asked of AWS | On | Answer |\n|---|---|---|\n")
    for one in answers:
        sys.stdout.write(f"| {one.question} | {when:%Y-%m-%d} | {one.answer} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(os.environ))
