"""CloudFormation's stack sets with service-managed permissions, whose templates make roles; nothing else of it.

They reach the accounts of organizational units, and never the management account
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html). Every
operation has ended when it is answered.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .accounts import ROOT
from .aws import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .accounts import Accounts
    from .aws import Request

_ORGANIZATIONS_ROLE: Final = (
    "role/aws-service-role/stacksets.cloudformation.amazonaws.com/AWSServiceRoleForCloudFormationStackSetsOrgAdmin"
)
_KEPT: Final = ("AutoDeployment", "Capabilities", "Description", "PermissionModel", "Tags", "TemplateBody")


@dataclass(slots=True)
class StackSet:
    """A stack set.

    Attributes:
        id: As CloudFormation has it.
        told: What it was made with.
        instances: The organizational unit of each stack, by account and region.
    """

    id: str
    told: dict[str, Any]
    instances: dict[tuple[str, str], str] = field(default_factory=dict)


class StackSets(dict[str, StackSet]):
    """Those of one account and region, by name."""


class StackSetsApi:
    """Handlers by operation."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served; moto's own need libraries that the sandbox does without."""
        return {
            "CreateStackInstances": self.create_instances,
            "CreateStackSet": self.create,
            "DeleteStackInstances": self.delete_instances,
            "DeleteStackSet": self.delete,
            "DescribeStackSet": self.describe,
            "DescribeStackSetOperation": self.describe_operation,
            "ListStackInstances": self.list_instances,
        }

    def create(self, request: Request) -> dict[str, Any]:
        """By the organization's management account."""
        sets = self._sets(request)
        name = str(request.get("StackSetName"))
        if name in sets:
            raise AwsError("NameAlreadyExistsException", f"The Name {name} already exists in {request.account}")
        told = {key: request.get(key) for key in _KEPT if request.get(key) is not None}
        if told.get("PermissionModel") != "SERVICE_MANAGED":
            raise NotImplementedError("stack sets with roles of their own")
        json.loads(told["TemplateBody"])
        sets[name] = StackSet(f"{name}:{uuid.uuid4()}", told)
        return {"StackSetId": sets[name].id}

    def describe(self, request: Request) -> dict[str, Any]:
        """With the role that CloudFormation has in the organization."""
        found, name = self._found(request), str(request.get("StackSetName"))
        told = {
            **found.told,
            "StackSetName": name,
            "StackSetId": found.id,
            "StackSetARN": f"arn:aws:cloudformation:{request.region}:{request.account}:stackset/{found.id}",
            "Status": "ACTIVE",
            "AdministrationRoleARN": f"arn:aws:iam::{request.account}:{_ORGANIZATIONS_ROLE}",
        }
        return {"StackSet": told}

    def create_instances(self, request: Request) -> dict[str, Any]:
        """In the open accounts of some organizational units."""
        found, units = self._found(request), _units(request)
        for account, told in list(self._accounts.told.items()):
            within = {told.unit, ROOT} & set(units)
            if within and self._is_reached(account):
                for region in request.get("Regions", []):
                    found.instances[account, region] = within.pop()
                self._make(account, json.loads(found.told["TemplateBody"]))
        return {"OperationId": str(request.get("OperationId") or uuid.uuid4())}

    def delete_instances(self, request: Request) -> dict[str, Any]:
        """With what they made."""
        found, units = self._found(request), _units(request)
        roles = [one["Properties"]["RoleName"] for one in json.loads(found.told["TemplateBody"])["Resources"].values()]
        for account, region in [key for key, unit in found.instances.items() if unit in units]:
            del found.instances[account, region]
            for name in roles:
                self._accounts.remove_role(account, name)
        return {"OperationId": str(request.get("OperationId") or uuid.uuid4())}

    def describe_operation(self, request: Request) -> dict[str, Any]:
        """It has succeeded."""
        asked = {"OperationId": request.get("OperationId"), "StackSetId": self._found(request).id}
        return {"StackSetOperation": asked | {"Status": "SUCCEEDED"}}

    def list_instances(self, request: Request) -> dict[str, Any]:
        """All in one page, or those of an account or a region."""
        found = self._found(request)
        wanted = (request.get("StackInstanceAccount"), request.get("StackInstanceRegion"))
        summaries = [
            {
                "StackSetId": found.id,
                "Account": account,
                "Region": region,
                "OrganizationalUnitId": unit,
                "Status": "CURRENT",
                "StackId": f"arn:aws:cloudformation:{region}:{account}:stack/StackSet-{found.id.replace(':', '/')}",
            }
            for (account, region), unit in sorted(found.instances.items())
            if wanted[0] in {None, account} and wanted[1] in {None, region}
        ]
        return {"Summaries": summaries}

    def delete(self, request: Request) -> dict[str, Any]:
        """Without any stack left."""
        if self._found(request).instances:
            raise AwsError("StackSetNotEmptyException", "StackSet is not empty")
        del self._sets(request)[str(request.get("StackSetName"))]
        return {}

    def _sets(self, request: Request) -> StackSets:
        organization = self._accounts.organization
        if request.get("CallAs", "SELF") == "DELEGATED_ADMIN":
            if organization is None or request.account not in organization.delegates:
                raise AwsError("ValidationError", "Account used is not a delegated administrator")
        elif organization is None or request.account != organization.management:
            raise AwsError("ValidationError", "You must be the management account of an organization to use stack sets")
        return self._accounts.state(request.account).store(request.region, StackSets)

    def _found(self, request: Request) -> StackSet:
        name = str(request.get("StackSetName"))
        found = self._sets(request).get(name)
        if found is None:
            raise AwsError("StackSetNotFoundException", f"StackSet {name} not found", 404)
        return found

    def _is_reached(self, account: str) -> bool:
        organization = self._accounts.organization
        is_management = organization is not None and account == organization.management
        return self._accounts.is_member(account) and self._accounts.is_open(account) and not is_management

    def _make(self, account: str, template: dict[str, Any]) -> None:
        for one in template["Resources"].values():
            if one["Type"] != "AWS::IAM::Role":
                raise NotImplementedError(f"a stack with {one['Type']}")
            properties = _resolved(one["Properties"], account)
            self._accounts.add_role(account, properties["RoleName"], properties["AssumeRolePolicyDocument"])
            iam = self._accounts.state(account).moto("iam", "aws")
            for inline in properties["Policies"]:
                iam.put_role_policy(properties["RoleName"], inline["PolicyName"], json.dumps(inline["PolicyDocument"]))


def _units(request: Request) -> list[str]:
    units: list[str] = (request.get("DeploymentTargets") or {}).get("OrganizationalUnitIds", [])
    if not units:
        raise AwsError("ValidationError", "OrganizationalUnitIds are required")
    return units


def _resolved(value: Any, account: str) -> Any:
    match value:
        case {"Fn::Sub": str(text)}:
            return text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", account)
        case dict():
            return {key: _resolved(one, account) for key, one in value.items()}
        case list():
            return [_resolved(one, account) for one in value]
    return value
