"""S3 is moto's, with one thing made as strict as AWS is: of two conditional writes at once, one wins.

One thing is left out: moto reads bucket policies without their conditions, so that "deny without TLS" would deny
everything. The sandbox decides over no permissions; what it records is held against policies elsewhere.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import Answer, Request


def _undecided(*_: object, **__: object) -> PermissionResult:
    return PermissionResult.NEUTRAL


FakeBucket.get_permission = _undecided


class S3Api:
    """Handlers by operation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def handlers(self) -> dict[str, Callable[[Request], Answer]]:
        """The operations that change an object."""
        return dict.fromkeys(("CopyObject", "DeleteObject", "PutObject"), self.one_at_a_time)

    def one_at_a_time(self, request: Request) -> Answer:
        """Serve with moto, which compares first and writes later."""
        with self._lock:
            return request.forward()
