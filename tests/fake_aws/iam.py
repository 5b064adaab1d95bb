"""The policies that AWS manages, made when a role first asks for one.

moto can load all 1,582 of them, but does so in every partition after every reset, which takes longer than most tests.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import Answer, Request
    from .state import Account

_PREFIX = "arn:aws:iam::aws:policy/"


@functools.cache
def _managed() -> dict[str, Any]:
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies


class IamApi:
    """Handlers by operation: moto's, after the policy that is named was made sure of."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], Answer]]:
        """The operations that name a policy by its ARN."""
        return dict.fromkeys(("AttachRolePolicy", "GetPolicy", "GetPolicyVersion"), self.forward)

    def forward(self, request: Request) -> Answer:
        """Serve with moto."""
        arn = str(request.get("PolicyArn"))
        name = arn.rpartition("/")[2]
        policies = self._account.moto("iam", "aws").managed_policies
        if arn.startswith(_PREFIX) and arn not in policies and name in _managed():
            policies[arn] = AWSManagedPolicy.from_data(name, self._account.id, "us-east-1", _managed()[name])
        return request.forward()
