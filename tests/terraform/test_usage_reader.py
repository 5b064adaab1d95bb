"""The modules of the role by which other accounts are read: applied, and what they refuse."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.fake_aws.aws import ACCOUNT
from tests.fake_aws.identities import key_of
from tests.terraform.attached import attached
from tools import reader
from tools.stack import Stack, TerraformError
from tools.terraform import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_aws import Sandbox
    from tools.terraform import Terraform

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

OTHER, STACKED, ELSEWHERE, CLOSED = "222233334444", "333344445555", "444455556666", "555566667777"
UNIT: Final = "ou-a1b2-c3d4e5f6"
CLEANER: Final = f"arn:aws:iam::{ACCOUNT}:role/service/ecr-cleaner-us-east-1"
PEOPLE: Final = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Platform_*",
    f"arn:aws:iam::{STACKED}:user/jo",
)
ORGANIZATION: Final = "o-a1b2c3d4e5"
GOOD: Final = {
    "cleaner_role_arn": CLEANER,
    "additional_principal_arns": [*PEOPLE],
    "organization_id": ORGANIZATION,
    "role_name": "registry-reader",
    "tags": {"team": "platform"},
}
READER, STACKSET = "usage-reader", "usage-reader-stackset"
UNITS: Final = {"organizational_unit_ids": [UNIT]}

REFUSED: Final[list[tuple[str, dict[str, Any], str]]] = [
    (READER, {"additional_principal_arns": ["arn:aws:iam::111122223333:role/*"]}, "in whose names * stands for any"),
    (READER, {"additional_principal_arns": ["111122223333"]}, 'got ["111122223333"]'),
    (READER, {"cleaner_role_arn": "arn:aws:iam::111122223333:role/ecr-*"}, "the output role_arn of the module, got"),
    (READER, {"cleaner_role_arn": "arn:aws:sts::111122223333:assumed-role/a/b"}, 'got "arn:aws:sts::111122223333:'),
    (READER, {"eks_clusters": ["a b"]}, 'eks_clusters must be names of EKS clusters, got ["a b"]'),
    (READER, {"organization_id": "r-a1b2"}, 'the id of an organization such as o-a1b2c3d4e5, got "r-a1b2"'),
    (READER, {"permissions_boundary_arn": "boundary"}, 'must be the ARN of an IAM policy, got "boundary"'),
    (READER, {"role_name": "service/reader"}, 'letters, digits and _ + = , . @ -, got "service/reader"'),
    (STACKSET, {"call_as": "self"}, 'call_as must be SELF or DELEGATED_ADMIN, got "self"'),
    (STACKSET, {"cleaner_role_arn": ""}, 'the output role_arn of the module, got ""'),
    (STACKSET, {"name": "1st"}, 'digits and hyphens, beginning with a letter, got "1st"'),
    (STACKSET, {"organizational_unit_ids": []}, "at least one id such as ou-a1b2-c3d4e5f6 or r-a1b2, got []"),
    (STACKSET, {"organizational_unit_ids": ["222233334444"]}, 'or r-a1b2, got ["222233334444"]'),
    (STACKSET, {"role_name": ""}, 'letters, digits and _ + = , . @ -, got ""'),
    (STACKSET, {"stack_region": "Ireland"}, 'must be the name of a region such as eu-west-1, got "Ireland"'),
]
"""Of each input what a plan refuses, and what it says."""

MOST_CHARACTERS: Final = 51_200
"""Of a template that is not in a bucket
(https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html)."""


@dataclass(slots=True)
class Readers(Stack):
    """A root that calls the two modules.

    Attributes:
        calls: Name of each call to its module and the inputs.
    """

    calls: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def override(self, **arguments: Any) -> None:
        """Writes the root; takes no arguments, because the calls have them."""
        assert not arguments, arguments
        self.folder.mkdir(parents=True, exist_ok=True)
        modules = {
            name: {
                "source": os.path.relpath(ROOT / "modules" / module, self.folder),
                "providers": {"aws": "aws.workload" if module == READER else "aws.management"},
                **inputs,
            }
            for name, (module, inputs) in self.calls.items()
        }
        providers = [
            self._provider(f'alias = "{alias}"') | {"access_key": key_of(account)}
            for alias, account in {"workload": OTHER, "management": ACCOUNT}.items()
        ]
        root = {
            "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
            "provider": {"aws": providers},
            "module": modules,
            "output": {name: {"value": f"${{module.{name}}}"} for name in modules},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(root, indent=2))


@pytest.fixture(scope="module")
def stack(
    sandbox: Sandbox,
    terraform: Terraform,
    terraform_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Readers]:
    """In another account the role with all that may be said, and with nothing; in more of them by a stack set."""
    sandbox.seed(
        {
            "organization": {"id": ORGANIZATION},
            "accounts": {
                OTHER: {"holds": [{"eks": {"clusters": ["prod"], "described": {"prod": {"status": "CREATING"}}}}]},
                STACKED: {"unit": UNIT},
                ELSEWHERE: {},
                CLOSED: {"unit": UNIT, "state": "CLOSED"},
            },
        }
    )
    sandbox.account(ACCOUNT, unit=UNIT)
    stack = Readers(
        tmp_path_factory.mktemp("readers") / "root",
        sandbox.endpoint,
        terraform,
        terraform_environment,
        calls={
            "reader": (READER, GOOD | {"eks_clusters": ["prod"]}),
            "plain": (READER, {"cleaner_role_arn": CLEANER}),
            "stackset": (STACKSET, GOOD | UNITS),
        },
    )
    stack.init()
    with attached(stack.folder, stack.environment) as stack.environment:
        stack.apply()
        yield stack
        stack.destroy(refresh=False)
    for account in (OTHER, STACKED):
        assert sandbox.client("iam", account=account).list_roles()["Roles"] == []


def role_of(sandbox: Sandbox, name: str, account: str = OTHER) -> tuple[dict[str, Any], dict[str, Any]]:
    """Whom a role trusts, and what it may do."""
    iam = sandbox.client("iam", account=account)
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    policy = iam.get_role_policy(RoleName=name, PolicyName="read-usages")["PolicyDocument"]
    return trust, policy


def test_the_role_trusts_the_cleaner_and_whom_else_it_is_told(stack: Readers, sandbox: Sandbox) -> None:
    """By conditions on the account, so that a role that is made anew by the same name is still trusted."""
    assert stack.outputs()["reader"] == {
        "role_arn": f"arn:aws:iam::{OTHER}:role/registry-reader",
        "role_name": "registry-reader",
    }
    of_us = {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
    trust, _ = role_of(sandbox, "registry-reader")
    assert trust["Statement"] == [
        {
            "Sid": "OnlyCleaner",
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]},
            "Action": ["sts:AssumeRole"],
            "Condition": {"ArnEquals": {"aws:PrincipalArn": [CLEANER]}, **of_us},
        },
        {
            "Sid": "People",
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{STACKED}:root"]},
            "Action": ["sts:AssumeRole"],
            "Condition": {"ArnLike": {"aws:PrincipalArn": [*PEOPLE]}, **of_us},
        },
    ]
    plain, _ = role_of(sandbox, "ecr-cleaner-reader")
    (only,) = plain["Statement"]
    assert (only["Sid"], only["Condition"]) == ("OnlyCleaner", {"ArnEquals": {"aws:PrincipalArn": [CLEANER]}})


def test_the_role_reads_what_the_sources_read_in_its_own_account(stack: Readers, sandbox: Sandbox) -> None:
    """In every region."""
    assert stack.resources()
    for name in ("registry-reader", "ecr-cleaner-reader"):
        _, policy = role_of(sandbox, name)
        expected = [
            one | {"Resource": [text.format(partition="aws", account=OTHER) for text in one["Resource"]]}
            for one in reader.statements()
        ]
        assert policy["Statement"] == expected
        assert len(json.dumps(policy, separators=(",", ":"))) <= reader.INLINE_CHARACTERS


def test_clusters_let_the_role_look(stack: Readers, sandbox: Sandbox) -> None:
    """In the group that the printed role is bound to."""
    role = stack.outputs()["reader"]["role_arn"]
    eks = sandbox.client("eks", account=OTHER)
    assert eks.describe_access_entry(clusterName="prod", principalArn=role)["accessEntry"]["kubernetesGroups"] == [
        "ecr-cleaner"
    ]


@pytest.mark.parametrize("account", [OTHER, STACKED])
@pytest.mark.parametrize(
    ("role", "error"),
    [
        ("service/ecr-cleaner-us-east-1", None),
        ("aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Platform_0123456789abcdef", None),
        ("ecr-cleaner-us-east-1", "AccessDenied"),
        ("service/ecr-cleaner-us-east-12", "AccessDenied"),
        ("aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Other_0123456789abcdef", "AccessDenied"),
    ],
)
def test_nobody_else_assumes_it(stack: Readers, sandbox: Sandbox, account: str, role: str, error: str | None) -> None:
    """Whichever way it was made, and whatever else runs in the cleaner's account."""
    assert stack.resources()
    caller = sandbox.role(role)
    sts = sandbox.client(
        "sts",
        aws_access_key_id=caller.access_key,
        aws_secret_access_key=caller.secret_key,
        aws_session_token=caller.token,
    )
    asked = {"RoleArn": f"arn:aws:iam::{account}:role/registry-reader", "RoleSessionName": "ecr-cleaner-1"}
    if error is None:
        arn = sts.assume_role(**asked)["AssumedRoleUser"]["Arn"]
        assert arn == f"arn:aws:sts::{account}:assumed-role/registry-reader/ecr-cleaner-1"
    else:
        with pytest.raises(sts.exceptions.ClientError, match=error):
            sts.assume_role(**asked)


def test_the_stack_set_makes_the_same_role(stack: Readers, sandbox: Sandbox) -> None:
    """Whichever way it is rolled out: the same trust, the same policy, each for its own account."""
    by_module, by_stack = (role_of(sandbox, "registry-reader", account) for account in (OTHER, STACKED))
    assert by_stack[0] == by_module[0]
    told = json.loads(json.dumps(by_module[1]).replace(OTHER, STACKED))
    ordered = [sorted(policy["Statement"], key=lambda one: str(one["Sid"])) for policy in (told, by_stack[1])]
    assert ordered[0] == ordered[1]
    assert told["Version"] == by_stack[1]["Version"]
    (made,) = json.loads(stack.outputs()["stackset"]["template"])["Resources"].values()
    assert made["Properties"]["Tags"] == [{"Key": "team", "Value": "platform"}]


def test_the_stack_set_reaches_the_accounts_of_its_unit(stack: Readers, sandbox: Sandbox) -> None:
    """By itself, also those that come later: neither the management account, nor one that is closed."""
    client = sandbox.client("cloudformation")
    told = client.describe_stack_set(StackSetName="ecr-cleaner-reader")["StackSet"]
    assert told["TemplateBody"] == stack.outputs()["stackset"]["template"]
    assert len(told["TemplateBody"]) <= MOST_CHARACTERS
    assert told["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
    assert (told["PermissionModel"], told["Capabilities"]) == ("SERVICE_MANAGED", ["CAPABILITY_NAMED_IAM"])
    instances = client.list_stack_instances(StackSetName="ecr-cleaner-reader")["Summaries"]
    assert [(one["Account"], one["Region"]) for one in instances] == [(STACKED, "us-east-1")]


def test_a_second_plan_is_empty(stack: Readers) -> None:
    """Also beside the role that CloudFormation names by itself."""
    assert stack.changes() == ""


@pytest.mark.parametrize("name", ["additional_principal_arns", "cleaner_role_arn", "organization_id", "role_name"])
def test_both_modules_take_the_same(name: str) -> None:
    """What each of them is told of the role, with the same rules."""
    blocks = [
        (ROOT / "modules" / module / "variables.tf")
        .read_text()
        .partition(f'variable "{name}" {{')[2]
        .partition("\n}\n")[0]
        for module in (READER, STACKSET)
    ]
    assert blocks[0] == blocks[1] != ""


@pytest.mark.parametrize("module", [READER, STACKSET])
def test_inputs_are_held_against_what_aws_takes(
    sandbox: Sandbox,
    terraform: Terraform,
    terraform_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    module: str,
) -> None:
    """Every bad one is refused by one plan, and told with what it has to be."""
    cases = [(inputs, reason) for name, inputs, reason in REFUSED if name == module]
    good = {"cleaner_role_arn": CLEANER} | (UNITS if module == STACKSET else {})
    calls = {f"case_{number}": (module, good | inputs) for number, (inputs, _) in enumerate(cases)}
    folder = tmp_path_factory.mktemp("refused") / "root"
    stack = Readers(folder, sandbox.endpoint, terraform, terraform_environment, calls=calls)
    stack.init()
    with attached(folder, stack.environment) as stack.environment, pytest.raises(TerraformError) as refused:
        stack.changes()
    said = re.sub(r"\s*\n[\s\N{BOX DRAWINGS LIGHT VERTICAL}]*", " ", str(refused.value))
    assert [reason for _, reason in cases if reason not in said] == [], said
