"""EKS: clusters that are named, connected, described or served, and their access entries, which moto lacks.

Scenario section; the API of a served cluster holds its manifests, and knows whoever the sandbox's token service knows::

    eks: {clusters: [data], connected: [on-premises], described: {data: {status: UPDATING}}, served: {platform: [
      {apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly, namespace: shop}, spec: {...}}]}}
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.fake_kubernetes import FakeCluster, FakeServer
from tests.fake_kubernetes.certificates import authority

from .aws import AwsError
from .paging import page

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .accounts import Accounts
    from .aws import Answer, Request
    from .state import Account

_POLICY: Final = re.compile(r"arn:aws:eks::aws:cluster-access-policy/AmazonEKS[A-Za-z]+Policy")
_SECONDS: Final = 1_700_000_000.0


@dataclass(slots=True)
class Eks:
    """Clusters of a region.

    Attributes:
        clusters: Names of those beside the ones that moto made.
        connected: Names of those that run elsewhere.
        described: What is told of some.
        entries: Access entries by cluster and principal.
        policies: Associated policies by cluster and principal.
    """

    clusters: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)
    described: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    policies: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


class EksApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account, accounts: Accounts, host: Callable[[], str]) -> None:
        self._account, self._accounts = account, accounts
        self._host = host
        self._servers: list[FakeServer] = []

    def close(self) -> None:
        """Serve no cluster any more."""
        while self._servers:
            self._servers.pop().__exit__()

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any] | Answer]]:
        """The operations that are not left to moto."""
        return {
            "ListClusters": self.list_clusters,
            "DescribeCluster": self.describe_cluster,
            "CreateAccessEntry": self.create_access_entry,
            "DescribeAccessEntry": self.describe_access_entry,
            "DeleteAccessEntry": self.delete_access_entry,
            "AssociateAccessPolicy": self.associate_access_policy,
            "ListAssociatedAccessPolicies": self.list_associated_access_policies,
            "DisassociateAccessPolicy": self.disassociate_access_policy,
        }

    def load(self, region: str, told: Mapping[str, Any], _: dt.datetime) -> None:
        """Add clusters. Of those of which no more is told, the endpoint is private and leads nowhere."""
        store = self._account.store(region, Eks)
        store.described.update(told.get("described") or {})
        store.clusters.extend(told.get("clusters") or [])
        store.connected.extend(told.get("connected") or [])
        for name, manifests in (told.get("served") or {}).items():
            cluster = FakeCluster(
                name=name,
                region=region,
                account=self._account.id,
                sts_hosts=[self._host()],
                caller=self._accounts.identities.signer,
            )
            for manifest in manifests:
                cluster.apply(manifest)
            self._servers.append(FakeServer(cluster).__enter__())
            store.clusters.append(name)
            store.described[name] = cluster.described()

    def list_clusters(self, request: Request) -> dict[str, Any]:
        """100 a page; connected clusters only if all are asked for."""
        include = request.get("include", [])
        if include not in ([], ["all"]):
            raise AwsError("InvalidParameterException", "include must be all.")
        store = self._account.store(request.region, Eks)
        names = [
            *store.clusters,
            *(store.connected if include else []),
            *self._account.moto("eks", request.region).clusters,
        ]
        shown, token = page(request, names, str, size=100)
        return {"clusters": shown, "nextToken": token}

    def describe_cluster(self, request: Request) -> dict[str, Any] | Answer:
        """One cluster; those of moto are described by moto."""
        store, name = self._account.store(request.region, Eks), str(request.get("name", ""))
        if name not in {*store.clusters, *store.connected}:
            if name in self._account.moto("eks", request.region).clusters:
                return request.forward()
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        return {"cluster": self._described(request.region, name)}

    def create_access_entry(self, request: Request) -> dict[str, Any]:
        """Groups of Kubernetes itself are refused, and so is a cluster that goes by its ConfigMap."""
        store, key = self._entry_of(request, must_exist=False)
        groups = request.get("kubernetesGroups", []) or []
        mode = self._described(request.region, key[0]).get("accessConfig", {}).get("authenticationMode")
        if mode == "CONFIG_MAP":
            message = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP]"
            raise AwsError("InvalidRequestException", message)
        if any(group.startswith("system:") for group in groups):
            raise AwsError("InvalidParameterException", "The kubernetes group name may not begin with system:")
        if key in store.entries:
            raise AwsError("ResourceInUseException", "The specified access entry resource is already in use", 409)
        principal = f"{key[1].split(':')[4]}/{key[1].rpartition('/')[2]}"
        arn = self._account.arn("eks", request.region, f"access-entry/{key[0]}/role/{principal}/x")
        store.entries[key] = {
            "clusterName": key[0],
            "principalArn": key[1],
            "kubernetesGroups": groups,
            "accessEntryArn": arn,
            "createdAt": _SECONDS,
            "modifiedAt": _SECONDS,
            "tags": request.get("tags", {}) or {},
            "username": f"{key[1].replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/{{{{SessionName}}}}",
            "type": request.get("type", "STANDARD") or "STANDARD",
        }
        return {"accessEntry": store.entries[key]}

    def describe_access_entry(self, request: Request) -> dict[str, Any]:
        """One entry."""
        store, key = self._entry_of(request)
        return {"accessEntry": store.entries[key]}

    def delete_access_entry(self, request: Request) -> dict[str, Any]:
        """With its policies."""
        store, key = self._entry_of(request)
        del store.entries[key]
        store.policies.pop(key, None)
        return {}

    def associate_access_policy(self, request: Request) -> dict[str, Any]:
        """Of Amazon's policies alone."""
        store, key = self._entry_of(request)
        policy = str(request.get("policyArn", ""))
        if not _POLICY.fullmatch(policy):
            raise AwsError("InvalidParameterException", "The policyArn parameter format is not valid")
        associated = {
            "policyArn": policy,
            "accessScope": request.get("accessScope", {}),
            "associatedAt": _SECONDS,
            "modifiedAt": _SECONDS,
        }
        store.policies.setdefault(key, {})[policy] = associated
        return {"clusterName": key[0], "principalArn": key[1], "associatedAccessPolicy": associated}

    def list_associated_access_policies(self, request: Request) -> dict[str, Any]:
        """100 a page."""
        store, key = self._entry_of(request)
        policies = list(store.policies.get(key, {}).values())
        shown, token = page(request, policies, lambda one: str(one["policyArn"]), size=100)
        return {"clusterName": key[0], "principalArn": key[1], "associatedAccessPolicies": shown, "nextToken": token}

    def disassociate_access_policy(self, request: Request) -> dict[str, Any]:
        """One policy."""
        store, key = self._entry_of(request)
        if store.policies.get(key, {}).pop(str(request.get("policyArn", "")), None) is None:
            raise AwsError("ResourceNotFoundException", "The specified policyArn is not associated", 404)
        return {}

    def _described(self, region: str, name: str) -> dict[str, Any]:
        store = self._account.store(region, Eks)
        cluster: dict[str, Any] = {
            "name": name,
            "arn": f"arn:aws:eks:{region}:{self._account.id}:cluster/{name}",
            "status": "ACTIVE",
        }
        if name in store.connected:
            cluster["connectorConfig"] = {
                "provider": "OTHER",
                "roleArn": f"arn:aws:iam::{self._account.id}:role/connects",
            }
        else:
            trusted = base64.b64encode(authority().pem.encode()).decode()
            cluster["endpoint"] = f"https://{name}.gr7.{region}.eks.amazonaws.com".lower()
            cluster["certificateAuthority"] = {"data": trusted}
            cluster["accessConfig"] = {"authenticationMode": "API"}
            cluster["resourcesVpcConfig"] = {"endpointPublicAccess": False, "publicAccessCidrs": []}
        return {**cluster, **store.described.get(name, {})}

    def _entry_of(self, request: Request, *, must_exist: bool = True) -> tuple[Eks, tuple[str, str]]:
        store = self._account.store(request.region, Eks)
        name, principal = str(request.get("clusterName", "")), str(request.get("principalArn", ""))
        if name not in store.clusters:
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        if must_exist and (name, principal) not in store.entries:
            message = f"The specified principalArn could not be found: {principal}"
            raise AwsError("ResourceNotFoundException", message, 404)
        return store, (name, principal)
