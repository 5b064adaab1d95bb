"""CloudWatch's composite alarms and the keys of log groups: moto keeps both and only does not know the calls.

What the alarms' rules name is checked as AWS does: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.cloudwatch.responses import CloudWatchResponse

from .aws import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import Answer, Request
    from .state import Account

CloudWatchResponse.put_composite_alarm = CloudWatchResponse.put_metric_alarm

_NAMED = re.compile(r"\b(?:ALARM|OK|INSUFFICIENT_DATA)\(\"?([^\")]+)\"?\)")


class CloudWatchApi:
    """Handlers by service and operation."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def put_composite_alarm(self, request: Request) -> Answer:
        """A rule may name only alarms that exist."""
        named = _NAMED.findall(str(request.get("AlarmRule")))
        known = self._account.moto("cloudwatch", request.region).alarms
        if not named or (unknown := [name for name in named if name not in known]):
            raise AwsError(
                "ValidationError", f"AlarmRule contains alarms that do not exist: {unknown if named else []}"
            )
        return request.forward()

    def associate_kms_key(self, request: Request) -> dict[str, Any]:
        """A log group gets a key, or another one."""
        groups = self._account.moto("logs", request.region).groups
        name = request.get("logGroupName")
        if name not in groups:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
        groups[name].kms_key_id = request.get("kmsKeyId")
        return {}

    def handlers(self) -> dict[str, dict[str, Callable[[Request], Any]]]:
        """The operations that are not left to moto."""
        return {
            "cloudwatch": {"PutCompositeAlarm": self.put_composite_alarm},
            "logs": {"AssociateKmsKey": self.associate_kms_key},
        }
