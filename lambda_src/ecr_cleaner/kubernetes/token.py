"""The bearer token of an EKS cluster: a presigned GetCallerIdentity, made without any call.

https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html;
https://github.com/kubernetes-sigs/aws-iam-authenticator, pkg/token/token.go.
"""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ecr_cleaner.aws.client import AwsClients

PREFIX: Final = "k8s-aws-v1."
HEADER: Final = "x-k8s-aws-id"
RENEW_AFTER_SECONDS: Final = 14 * 60
"""STS takes a presigned request for 15 minutes, whatever it says of its own expiry."""

_EXPIRES_SECONDS: Final = 60


@dataclass(slots=True)
class ClusterToken:
    """A token that is made anew when it is about to expire.

    Attributes:
        clients: Whose credentials sign, for the Security Token Service of their region.
        cluster: The cluster's name; of a local cluster on Outposts its id.
        clock: Seconds, monotonic.
    """

    clients: AwsClients
    cluster: str
    clock: Callable[[], float] = time.monotonic
    _made: tuple[float, str] | None = None

    def __call__(self) -> str:
        """The token. It is a secret: no message may have it.

        Raises:
            AwsError: There are no credentials.
        """
        now = self.clock()
        if self._made is None or now - self._made[0] >= RENEW_AFTER_SECONDS:
            self._made = now, _token(self.clients, self.cluster)
        return self._made[1]


def _token(clients: AwsClients, cluster: str) -> str:
    sts = clients.client("sts")
    events = sts.meta.events
    # Registered twice, a handler with an id still runs once.
    events.register("provide-client-params.sts.GetCallerIdentity", _take_name, unique_id="ecr-cleaner-eks-name")
    events.register("before-sign.sts.GetCallerIdentity", _sign_name, unique_id="ecr-cleaner-eks-header")
    url = sts.generate_presigned_url(
        "get_caller_identity", Params={HEADER: cluster}, ExpiresIn=_EXPIRES_SECONDS, HttpMethod="GET"
    )
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def _take_name(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if HEADER in params:
        context[HEADER] = params.pop(HEADER)


def _sign_name(request: Any, **_: object) -> None:
    if HEADER in request.context:
        request.headers[HEADER] = request.context[HEADER]
