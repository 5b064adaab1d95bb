"""Connects to an EKS cluster as DescribeCluster describes it."""

import base64
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from ecr_cleaner.aws.client import AWS_HOSTS, AwsClients
from ecr_cleaner.errors import ClusterError
from ecr_cleaner.kubernetes import tls
from ecr_cleaner.kubernetes.connection import Connection
from ecr_cleaner.kubernetes.token import ClusterToken
from ecr_cleaner.printable import printable

_HOSTS: Final = tuple(host if ".api." in host else f".eks{host}" for host in AWS_HOSTS)
"""How endpoints of clusters end: ``.eks.amazonaws.com``, ``.api.aws``, and their like in other partitions."""


def connect(clients: AwsClients, cluster: Mapping[str, Any], before: Callable[[], None] = lambda: None) -> Connection:
    """Connect to a cluster.

    Args:
        clients: Whose credentials the cluster has to know.
        cluster: As DescribeCluster returns it.
        before: Called before each try of each request.

    Raises:
        ClusterError: What describes the cluster lacks something, or its endpoint is not one of EKS.
    """
    endpoint = cluster.get("endpoint")
    authority = (cluster.get("certificateAuthority") or {}).get("data")
    if not endpoint or not authority:
        message = "DescribeCluster returns no endpoint or no certificate authority of it"
        raise ClusterError(message)
    host = urlsplit(endpoint).hostname or ""
    if not host.endswith(_HOSTS):
        message = (
            f"its endpoint is on the host {printable(host[:255])!r}, which is not one of EKS: nothing is sent there"
        )
        raise ClusterError(message)
    try:
        context = tls.trusting(base64.b64decode(authority).decode("ascii"))
    except (ssl.SSLError, ValueError):  # also if it is no base64
        message = "its certificate authority cannot be read"
        raise ClusterError(message) from None
    # Local clusters on Outposts are known to the authenticator by their id.
    name = cluster["id"] if cluster.get("outpostConfig") else cluster["name"]
    return Connection(endpoint, context, ClusterToken(clients, str(name)), before=before)
