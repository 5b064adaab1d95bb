"""What only a real EKS cluster can say: asked of every cluster of the region that is there, by reading alone."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509

from ecr_cleaner.errors import ClusterError
from ecr_cleaner.kubernetes import clusters, discovery, schemas
from ecr_cleaner.kubernetes.kinds import WORKLOADS, Kind, is_read
from tests.live_aws.deleting import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.kubernetes.connection import Connection
    from tests.live_aws.account import Account


def ask(account: Account) -> Iterator[Answer]:
    """Four rows for each cluster with an endpoint; nothing is made in any."""
    eks, clients = account.client("eks"), account.clients()
    for page in eks.get_paginator("list_clusters").paginate():
        for name in page["clusters"]:
            described = eks.describe_cluster(name=name)["cluster"]
            if described.get("endpoint"):
                yield from _Cluster(clients, described).answers()


@dataclass(frozen=True, slots=True)
class _Cluster:
    clients: AwsClients
    described: Mapping[str, Any]

    def answers(self) -> Iterator[Answer]:
        mode = self.described.get("accessConfig", {}).get("authenticationMode")
        about = f"EKS {self.described.get('version')}, authentication mode {mode}: "
        yield Answer(f"{about}its certificate authority has key identifiers", self._identifiers())
        yield Answer(f"{about}a token for its name is accepted", self._asked(self.described, _accepted))
        other = {**self.described, "name": f"{self.described['name']}-other"}
        yield Answer(f"{about}a token for another name is accepted", self._asked(other, _accepted))
        yield Answer(f"{about}kinds that may name images and may not be listed", self._asked(self.described, _denied))

    def _identifiers(self) -> str:
        authority = base64.b64decode(self.described["certificateAuthority"]["data"])
        found = [one for pem in x509.load_pem_x509_certificates(authority) for one in pem.extensions]
        return "yes" if any(isinstance(one.value, x509.SubjectKeyIdentifier) for one in found) else "no"

    def _asked(self, described: Mapping[str, Any], ask: Callable[[Connection], str]) -> str:
        connection = clusters.connect(self.clients, described)
        try:
            return ask(connection)
        except ClusterError as error:
            return f"no: {error}"
        finally:
            connection.close()


def _accepted(connection: Connection) -> str:
    connection.get("/api")
    return "yes"


def _denied(connection: Connection) -> str:
    kinds = [kind for kind in discovery.kinds(connection) if is_read(kind)]
    denied = [kind for kind in kinds if not _is_listed(connection, kind)]
    named = schemas.may_name_images(connection, denied)
    return ", ".join(str(kind) for kind in denied if kind in named or kind.key in WORKLOADS) or "none"


def _is_listed(connection: Connection, kind: Kind) -> bool:
    try:
        connection.get(kind.path, {"limit": "1"})
    except ClusterError as error:
        if error.status is None:
            raise
        return False
    return True
