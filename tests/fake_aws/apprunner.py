"""App Runner, which moto does not have: the two calls that tell which images run.

A scenario's ``apprunner`` section::

    services:
      landing: {image: "{registry}/web/landing:v3", status: RUNNING, auto_deploy: true}
      docs: {image: "public.ecr.aws/nginx/nginx:1", type: ECR_PUBLIC}
      legacy: {code: "https://github.com/example/legacy"}
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .aws import AwsError
from .paging import page

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

_SUMMARY = ("ServiceName", "ServiceId", "ServiceArn", "ServiceUrl", "CreatedAt", "UpdatedAt", "Status")


@dataclass(slots=True)
class AppRunner:
    """Services by ARN, as DescribeService shows them."""

    services: dict[str, dict[str, Any]] = field(default_factory=dict)


class AppRunnerApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served."""
        return {"DescribeService": self.describe_service, "ListServices": self.list_services}

    def load(self, region: str, told: Mapping[str, Any], now: dt.datetime) -> None:
        """Add the services of a section; a service told again is replaced."""
        store = self._account.store(region, AppRunner)
        for name, service in told["services"].items():
            if unknown := sorted(set(service) - {"image", "type", "status", "auto_deploy", "code"}):
                raise ValueError(f"an App Runner service has no {', '.join(unknown)}")
            identity = hashlib.sha256(name.encode()).hexdigest()[:32]
            arn = f"arn:aws:apprunner:{region}:{self._account.id}:service/{name}/{identity}"
            source: dict[str, Any] = {"AutoDeploymentsEnabled": bool(service.get("auto_deploy", False))}
            if "code" in service:
                source["CodeRepository"] = {
                    "RepositoryUrl": service["code"],
                    "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
                }
            else:
                source["ImageRepository"] = {
                    "ImageIdentifier": service["image"],
                    "ImageConfiguration": {"Port": "8080"},
                    "ImageRepositoryType": service.get("type", "ECR"),
                }
            store.services[arn] = {
                "ServiceName": name,
                "ServiceId": identity,
                "ServiceArn": arn,
                "ServiceUrl": f"{identity[:10]}.{region}.awsapprunner.com",
                "CreatedAt": now,
                "UpdatedAt": now,
                "Status": service.get("status", "RUNNING"),
                "SourceConfiguration": source,
                "InstanceConfiguration": {"Cpu": "1024", "Memory": "2048"},
            }

    def list_services(self, request: Request) -> dict[str, Any]:
        """20 a page; deleted services stay listed for a while."""
        services = self._account.store(request.region, AppRunner).services
        shown, token = page(request, services, str, size=20, token="NextToken", limit="MaxResults")
        listed = [{key: services[arn][key] for key in _SUMMARY} for arn in shown]
        return {"ServiceSummaryList": listed, "NextToken": token}

    def describe_service(self, request: Request) -> dict[str, Any]:
        """One service."""
        arn = str(request.get("ServiceArn"))
        service = self._account.store(request.region, AppRunner).services.get(arn)
        if service is None:
            raise AwsError("ResourceNotFoundException", f"No service with ARN {arn}")
        return {"Service": service}
