"""Several accounts: whose credentials a call has says what it sees, and STS gives a session only as AWS does."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.kubernetes.token import ClusterToken
from tests.fake_aws import Fault
from tests.fake_aws.accounts import FUNCTION, READER
from tests.fake_aws.aws import ACCOUNT
from tests.fake_aws.identities import key_of
from tests.fake_kubernetes import FakeCluster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fake_aws import Sandbox
    from tests.fake_aws.identities import Credentials

OTHER, THIRD = "222233334444", "333344445555"
ROLE: Final = f"arn:aws:iam::{OTHER}:role/{READER}"
HOME: Final = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """One account."""
    running.reset()
    return running


def signed(credentials: Credentials | Mapping[str, Any]) -> dict[str, Any]:
    """For a client."""
    if isinstance(credentials, dict):
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        key, secret, token = (credentials[name] for name in names)
    else:
        key, secret, token = credentials.access_key, credentials.secret_key, credentials.token  # type: ignore[union-attr]
    return {"aws_access_key_id": key, "aws_secret_access_key": secret, "aws_session_token": token}


def assumed(sandbox: Sandbox, role: str = ROLE, client: Any = None, **more: Any) -> dict[str, Any]:
    """The credentials of a session."""
    sts = client or sandbox.client("sts")
    made: dict[str, Any] = sts.assume_role(**{"RoleArn": role, "RoleSessionName": "ecr-cleaner-1"} | more)
    return dict(made["Credentials"])


def refusal(sandbox: Sandbox, role: str = ROLE, client: Any = None, **more: Any) -> tuple[str, str]:
    """Code and message of an AssumeRole that fails."""
    with pytest.raises(ClientError) as caught:
        assumed(sandbox, role, client, **more)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def denied(role: str, caller: str = f"arn:aws:iam::{ACCOUNT}:user/sandbox") -> tuple[str, str]:
    """In AWS's words, as people quote them: https://github.com/CrowdStrike/cloud-resource-estimator/issues/25."""
    return "AccessDenied", f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}"


def test_each_account_has_its_own(sandbox: Sandbox) -> None:
    """In our stores and in moto's, in each region; an image is looked up in the registry that the reference names."""
    sandbox.account(OTHER, name="production")
    sandbox.repository("app")
    digest = sandbox.push("app", id="v1", tags=["v1"])
    held = {
        "ecs": {
            "task_definitions": {"api:1": {"image": "{home}/app:v1"}},
            "clusters": {"prod": {"services": {"api": {"task_definition": "api:1"}}}},
        },
        "lambda": {"functions": {"resize": {"versions": {"$LATEST": {"image": "{registry}/app:v1"}}}}},
        "scheduler": {"schedules": {"nightly": {"task_definition": "api:1"}}},
        "codebuild": {"projects": {"build": {"image": "{registry}/app@{v1}"}}},
    }
    sandbox.seed(held, account=OTHER)
    sandbox.seed({"region": "eu-west-1", "pipes": {"pipes": {"p": {"task_definition": "api:1"}}}}, account=OTHER)

    def here(service: str, account: str = OTHER, region: str = "us-east-1") -> Any:
        return sandbox.client(service, region, account=account)

    service = here("ecs").describe_services(cluster="prod", services=["api"])["services"][0]
    assert service["serviceArn"] == f"arn:aws:ecs:us-east-1:{OTHER}:service/prod/api"
    definition = here("ecs").describe_task_definition(taskDefinition="api:1")["taskDefinition"]
    assert definition["containerDefinitions"][0]["image"] == f"{HOME}/app:v1"
    (function,) = here("lambda").list_functions()["Functions"]
    assert function["FunctionArn"] == f"arn:aws:lambda:us-east-1:{OTHER}:function:resize"
    assert function["CodeSha256"] == digest.removeprefix("sha256:")
    (schedule,) = here("scheduler").list_schedules()["Schedules"]
    assert schedule["Arn"] == f"arn:aws:scheduler:us-east-1:{OTHER}:schedule/default/nightly"
    (project,) = here("codebuild").batch_get_projects(names=["build"])["projects"]
    assert project["arn"].split(":")[4] == OTHER
    assert project["environment"]["image"] == f"{HOME}/app@{digest}"
    (pipe,) = here("pipes", region="eu-west-1").list_pipes()["Pipes"]
    assert pipe["Arn"] == f"arn:aws:pipes:eu-west-1:{OTHER}:pipe/p"
    assert here("pipes").list_pipes()["Pipes"] == []
    sandbox.repository("own", account=OTHER)
    (repository,) = here("ecr").describe_repositories()["repositories"]
    assert repository["repositoryUri"] == f"{OTHER}.dkr.ecr.us-east-1.amazonaws.com/own"
    assert here("ecr").describe_registry()["registryId"] == OTHER
    for nothing in (
        here("ecs", ACCOUNT).list_clusters()["clusterArns"],
        here("lambda", ACCOUNT).list_functions()["Functions"],
        here("scheduler", ACCOUNT).list_schedules()["Schedules"],
    ):
        assert nothing == []
    (mine,) = here("ecr", ACCOUNT).describe_repositories()["repositories"]
    assert mine["repositoryName"] == "app"


def test_moto_serves_each_account(sandbox: Sandbox) -> None:
    """What has no handler of ours, too."""
    sandbox.account(OTHER)
    sandbox.client("sqs", account=OTHER).create_queue(QueueName="jobs")
    (url,) = sandbox.client("sqs", account=OTHER).list_queues()["QueueUrls"]
    assert f"/{OTHER}/jobs" in url
    assert "QueueUrls" not in sandbox.client("sqs").list_queues()
    role = sandbox.client("iam", account=OTHER).create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{OTHER}:role/r"
    # Names of buckets are global.
    sandbox.client("s3").create_bucket(Bucket="one")
    assert sandbox.client("s3", account=OTHER).list_objects_v2(Bucket="one")["KeyCount"] == 0


def test_calls_and_faults_know_the_account(sandbox: Sandbox) -> None:
    """So does the error, which names who was denied what."""
    sandbox.account(OTHER, reader=True)
    sandbox.inject(Fault(service="ecs", operation="ListClusters", kind="access_denied", account=OTHER))
    abroad = sandbox.client("ecs", **signed(assumed(sandbox)))
    with pytest.raises(ClientError) as caught:
        abroad.list_clusters()
    who = f"arn:aws:sts::{OTHER}:assumed-role/{READER}/ecr-cleaner-1"
    assert f"User: {who} is not authorized to perform: ecs:ListClusters" in str(caught.value)
    sandbox.client("ecs").list_clusters()
    made = [(call.operation, call.account, call.error) for call in sandbox.calls]
    assert made == [
        ("AssumeRole", ACCOUNT, None),
        ("ListClusters", OTHER, "AccessDeniedException"),
        ("ListClusters", ACCOUNT, None),
    ]


def test_a_session_is_of_the_roles_account(sandbox: Sandbox) -> None:
    """And says so."""
    sandbox.account(OTHER, reader=True)
    made = sandbox.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="ecr-cleaner-1", DurationSeconds=900)
    left = made["Credentials"]["Expiration"] - dt.datetime.now(dt.UTC)
    assert dt.timedelta(seconds=890) < left <= dt.timedelta(seconds=900)
    told = sandbox.client("sts", **signed(made["Credentials"])).get_caller_identity()
    assert (told["Account"], told["Arn"]) == (OTHER, made["AssumedRoleUser"]["Arn"])
    assert told["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/{READER}/ecr-cleaner-1"
    own = sandbox.client("sts").get_caller_identity()
    assert (own["Account"], own["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/sandbox")


def test_nobody_is_let_in_without_a_role_that_trusts_them(sandbox: Sandbox) -> None:
    """An account that is not known, one without the role, one that is closed or not open yet: the same answer."""
    sandbox.account(OTHER, reader=True)
    sandbox.account(THIRD)
    for role in (
        f"arn:aws:iam::{THIRD}:role/{READER}",
        f"arn:aws:iam::444455556666:role/{READER}",
        f"arn:aws:iam::{OTHER}:role/other",
        f"arn:aws:iam::{OTHER}:role/path/{READER}",
    ):
        assert refusal(sandbox, role) == denied(role)
    for state in ("SUSPENDED", "CLOSED", "PENDING_ACTIVATION"):
        sandbox.account(OTHER, state=state)
        assert refusal(sandbox) == denied(ROLE)
    for state in ("?FROZEN", "PENDING_CLOSURE"):
        sandbox.account(OTHER, state=state)
        assumed(sandbox)
    stranger = sandbox.role("other")
    caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/other/sandbox"
    assert refusal(sandbox, client=sandbox.client("sts", **signed(stranger))) == denied(ROLE, caller)
    assumed(sandbox, client=sandbox.client("sts", **signed(sandbox.role(FUNCTION))))
    sandbox.accounts.remove_role(OTHER)
    assert refusal(sandbox) == denied(ROLE)


@pytest.mark.parametrize(
    ("statement", "lets"),
    [
        ({"Principal": {"AWS": ACCOUNT}}, True),
        ({"Principal": {"AWS": [f"arn:aws:iam::{THIRD}:root", f"arn:aws:iam::{ACCOUNT}:root"]}}, True),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{FUNCTION}"}}, True),
        ({"Principal": {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/{FUNCTION}/sandbox"}}, True),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}}, False),
        ({"Principal": {"AWS": THIRD}}, False),
        ({"Principal": {"Service": "lambda.amazonaws.com"}}, False),
        ({"Principal": "*"}, True),
        ({"Action": "sts:TagSession"}, False),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-other"}}}, False),
        ({"Condition": {"StringLike": {"aws:principalorgid": ["o-x", "o-exa*"]}}}, True),
        ({"Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-exampleorgid/*"}}}, True),
        ({"Condition": {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{FUNCTION}"}}}, True),
        ({"Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/ecr-*"}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/ecr-*"}}}, False),
        ({"Condition": {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{FUNCTION}"}}}, False),
        ({"Condition": {"StringEquals": {"sts:ExternalId": "secret"}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"sts:ExternalId": "secret"}}}, True),
        ({"Condition": {"Null": {"sts:ExternalId": "true"}}}, True),
    ],
)
def test_trust_policies_are_read_as_aws_reads_them(sandbox: Sandbox, statement: dict[str, Any], lets: bool) -> None:  # noqa: FBT001
    """Principals and conditions; a member of an organization asks."""
    sandbox.account(OTHER)
    sandbox.seed({"organization": {"management": OTHER}})
    whole = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"} | statement
    sandbox.accounts.add_role(OTHER, READER, {"Statement": whole})
    sts = sandbox.client("sts", **signed(sandbox.role(FUNCTION)))
    if lets:
        assumed(sandbox, client=sts)
    else:
        assert refusal(sandbox, client=sts)[0] == "AccessDenied"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*"}
    sandbox.accounts.add_role(OTHER, READER, {"Statement": [whole, deny]})
    assert refusal(sandbox, client=sts)[0] == "AccessDenied"


def test_an_external_id_has_to_be_the_one(sandbox: Sandbox) -> None:
    """And somebody outside the organization has no PrincipalOrgID."""
    sandbox.account(OTHER)
    sandbox.accounts.add_reader(OTHER, conditions={"StringEquals": {"sts:ExternalId": "secret"}})
    assert refusal(sandbox) == denied(ROLE)
    assert refusal(sandbox, ExternalId="wrong") == denied(ROLE)
    assumed(sandbox, ExternalId="secret")
    sandbox.seed({"organization": {}})
    sandbox.accounts.add_reader(OTHER)
    assumed(sandbox)
    sandbox.accounts.tell(ACCOUNT, member=False)
    assert refusal(sandbox) == denied(ROLE)


def test_a_trust_policy_that_is_not_understood_is_told(sandbox: Sandbox) -> None:
    """Rather than denied: the test would be about something else than it says."""
    sandbox.account(OTHER)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    odd = {"DateLessThan": {"aws:CurrentTime": "2030-01-01"}}
    sandbox.accounts.add_role(OTHER, READER, {"Statement": [statement | {"Condition": odd}]})
    assert refusal(sandbox)[0] == "InternalFailure"
    with pytest.raises(ExceptionGroup):
        sandbox.must_be_well()


def test_a_session_lasts_as_long_as_sts_lets_it(sandbox: Sandbox) -> None:
    """15 minutes to what the role allows, and an hour at most for whoever is a role already."""
    sandbox.account(OTHER, reader=True)
    why = (
        "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint:"
        " Member must have value greater than or equal to 900"
    )
    unchecked = sandbox.client("sts", config=Config(parameter_validation=False))
    assert refusal(sandbox, client=unchecked, DurationSeconds=899) == ("ValidationError", why)
    assert refusal(sandbox, client=unchecked, DurationSeconds=43_201)[0] == "ValidationError"
    exceeded = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    assert refusal(sandbox, DurationSeconds=3_601) == ("ValidationError", exceeded)
    iam = sandbox.client("iam", account=OTHER)
    iam.update_role(RoleName=READER, MaxSessionDuration=7200)
    assumed(sandbox, DurationSeconds=7_200)
    chained = sandbox.client("sts", **signed(sandbox.role(FUNCTION)))
    limit = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    assert refusal(sandbox, client=chained, DurationSeconds=3_601) == ("ValidationError", limit)
    assumed(sandbox, client=chained, DurationSeconds=3_600)
    assert refusal(sandbox, "arn:aws:iam::1:role/x-is-too-short")[0] == "ValidationError"
    assert refusal(sandbox, client=unchecked, RoleSessionName="with blanks in it")[0] == "ValidationError"


def test_a_session_that_is_over_or_not_known_is_refused(sandbox: Sandbox) -> None:
    """By each protocol's own code; a token has to be the one that came with its key."""
    sandbox.account(OTHER, reader=True)
    keys = signed(assumed(sandbox))
    over = signed(sandbox.role(READER, account=OTHER, seconds=-1))
    wrong = keys | {"aws_session_token": "another"}
    unknown = keys | {"aws_access_key_id": "ASIA2222222222222222"}
    nobody = {"aws_access_key_id": key_of("999999999999")}
    for options, codes in (
        (over, ("ExpiredTokenException", "ExpiredTokenException", "ExpiredToken")),
        (wrong, ("UnrecognizedClientException", "UnrecognizedClientException", "InvalidClientTokenId")),
        (unknown, ("UnrecognizedClientException", "UnrecognizedClientException", "InvalidClientTokenId")),
        (nobody, ("UnrecognizedClientException", "UnrecognizedClientException", "InvalidClientTokenId")),
    ):
        calls = [("ecs", "list_clusters"), ("lambda", "list_functions"), ("sts", "get_caller_identity")]
        for (service, operation), code in zip(calls, codes, strict=True):
            with pytest.raises(ClientError) as caught:
                getattr(sandbox.client(service, **options), operation)()
            assert caught.value.response["Error"]["Code"] == code


def test_sts_and_sessions_need_the_region(sandbox: Sandbox) -> None:
    """The account of the role has to have the region active; elsewhere it may be asked, and there it means nobody."""
    sandbox.account(OTHER, reader=True)
    sandbox.seed({"regions": {"af-south-1": "DISABLED", "eu-south-1": "ENABLED"}}, account=OTHER)
    why = (
        f"STS is not activated in this region for account:{OTHER}."
        " Your account administrator can activate STS in this region using the IAM Console."
    )
    assert refusal(sandbox, client=sandbox.client("sts", "af-south-1")) == ("RegionDisabledException", why)
    keys = signed(assumed(sandbox, client=sandbox.client("sts", "eu-south-1")))
    assert sandbox.client("ecs", "eu-south-1", **keys).list_clusters()["clusterArns"] == []
    with pytest.raises(ClientError) as caught:
        sandbox.client("ecs", "af-south-1", **keys).list_clusters()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_an_account_that_closes_ends_its_sessions(sandbox: Sandbox) -> None:
    """Whatever they ask from then on is refused."""
    sandbox.account(OTHER, reader=True)
    ecs = sandbox.client("ecs", **signed(assumed(sandbox)))
    assert ecs.list_clusters()["clusterArns"] == []
    sandbox.account(OTHER, state="CLOSED")
    with pytest.raises(ClientError) as caught:
        ecs.list_clusters()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_what_makes_no_sense_is_refused_when_it_is_told(sandbox: Sandbox) -> None:
    """Ids, states, keys, and accounts nobody told of."""
    with pytest.raises(ValueError, match="an account's id has 12 digits, got '22223333444'"):
        sandbox.account("22223333444")
    with pytest.raises(ValueError, match="the state of an account is never OPEN"):
        sandbox.account(OTHER, state="OPEN")
    with pytest.raises(ValueError, match="an account has no role"):
        sandbox.seed({"accounts": {OTHER: {"role": "x"}}})
    with pytest.raises(ValueError, match="an organization has no root"):
        sandbox.seed({"organization": {"root": "r-1"}})
    with pytest.raises(LookupError, match=f"there is no account {THIRD}"):
        sandbox.seed({}, account=THIRD)
    sandbox.account(OTHER)
    with pytest.raises(ValueError, match="tells of no accounts"):
        sandbox.seed({"accounts": {THIRD: {}}}, account=OTHER)


def test_a_scenario_tells_of_accounts(sandbox: Sandbox) -> None:
    """With what they hold; a reset forgets them."""
    definition = {"task_definitions": {"api:1": {"image": "{home}/app:{v1}"}}}
    held = [{"region": "eu-west-1", "ecs": definition}]
    sandbox.seed(
        {
            "repositories": {"app": {"images": [{"id": "v1", "tags": ["v1"]}]}},
            "organization": {"id": "o-company1234", "management": THIRD},
            "accounts": {OTHER: {"name": "production", "reader": True, "holds": held}, THIRD: {}},
        }
    )
    keys = signed(assumed(sandbox))
    listed = sandbox.client("ecs", "eu-west-1", **keys).list_task_definitions()["taskDefinitionArns"]
    assert listed == [f"arn:aws:ecs:eu-west-1:{OTHER}:task-definition/api:1"]
    policy = sandbox.client("iam", account=OTHER).get_role(RoleName=READER)["Role"]["AssumeRolePolicyDocument"]
    assert "o-company1234" in json.dumps(policy)
    sandbox.reset()
    assert refusal(sandbox) == denied(ROLE)
    sandbox.account(OTHER, reader=True)
    assert sandbox.client("ecs", "eu-west-1", account=OTHER).list_task_definitions()["taskDefinitionArns"] == []


MANAGEMENT: Final = "999988887777"


@pytest.fixture
def organization(sandbox: Sandbox) -> Sandbox:
    """The registry's account may list the accounts of its organization; one account is not in it."""
    accounts: dict[str, Any] = {
        MANAGEMENT: {},
        OTHER: {"name": "production", "unit": "ou-exam-1"},
        THIRD: {"member": False},
    }
    sandbox.seed({"organization": {"management": MANAGEMENT, "delegates": [ACCOUNT]}, "accounts": accounts})
    return sandbox


def test_the_organization_is_told_to_its_members(organization: Sandbox) -> None:
    """And only to them."""
    for account in (ACCOUNT, OTHER, MANAGEMENT):
        told = organization.client("organizations", account=account).describe_organization()["Organization"]
        assert (told["Id"], told["MasterAccountId"]) == ("o-exampleorgid", MANAGEMENT)
    for call in ("describe_organization", "list_accounts"):
        with pytest.raises(ClientError) as caught:
            getattr(organization.client("organizations", account=THIRD), call)()
        assert caught.value.response["Error"]["Code"] == "AWSOrganizationsNotInUseException"


def test_its_accounts_are_listed_to_whom_that_is_delegated(organization: Sandbox) -> None:
    """With their states, in pages that may be empty and go on."""
    states = {"SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION", "?FROZEN"}
    for number, state in enumerate(sorted(states)):
        organization.account(f"55556666777{number}", state=state)
    for account in (OTHER, THIRD):
        with pytest.raises(ClientError) as caught:
            organization.client("organizations", account=account).list_accounts()
        code = "AccessDeniedException" if account == OTHER else "AWSOrganizationsNotInUseException"
        assert caught.value.response["Error"]["Code"] == code
    client = organization.client("organizations")
    organization.inject(Fault(service="organizations", kind="empty_page_with_token", times=1))
    pages = list(client.get_paginator("list_accounts").paginate())
    assert pages[0]["Accounts"] == []
    (listed,) = (page["Accounts"] for page in pages[1:])
    shown = {one["Id"]: one["State"] for one in listed}
    assert shown == {
        **dict.fromkeys((ACCOUNT, MANAGEMENT, OTHER), "ACTIVE"),
        **{f"55556666777{number}": state.strip("?") for number, state in enumerate(sorted(states))},
    }
    told = next(one for one in listed if one["Id"] == OTHER)
    assert (told["Name"], told["Status"]) == ("production", "ACTIVE")
    assert told["Arn"] == f"arn:aws:organizations::{MANAGEMENT}:account/o-exampleorgid/{OTHER}"
    for number in range(20):
        organization.account(f"6666777788{number:02}")
    assert [len(page["Accounts"]) for page in client.get_paginator("list_accounts").paginate()] == [20, 8]
    organization.seed({"organization": {"management": MANAGEMENT, "delegates": [ACCOUNT], "shows": ["State"]}})
    assert "Status" not in client.list_accounts()["Accounts"][0]
    with pytest.raises(ClientError):
        client.list_accounts(MaxResults=20, NextToken="another")


def test_without_an_organization_nobody_is_in_one(sandbox: Sandbox) -> None:
    """As long as none is made by calls, which moto takes."""
    client = sandbox.client("organizations")
    with pytest.raises(ClientError) as caught:
        client.describe_organization()
    assert caught.value.response["Error"]["Code"] == "AWSOrganizationsNotInUseException"
    made = client.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    assert client.describe_organization()["Organization"]["Id"] == made


def test_regions_are_enabled_by_account(sandbox: Sandbox) -> None:
    """Opt-in regions differ; the sandbox's own region is there for everybody."""
    sandbox.account(OTHER)
    sandbox.seed({"regions": {"eu-south-1": "ENABLED"}})
    sandbox.seed({"regions": {"eu-south-1": "DISABLED", "af-south-1": "ENABLED"}}, account=OTHER)

    def regions(account: str) -> dict[str, str]:
        listed = sandbox.client("account", account=account).list_regions()["Regions"]
        return {one["RegionName"]: one["RegionOptStatus"] for one in listed}

    assert regions(ACCOUNT) == {"us-east-1": "ENABLED_BY_DEFAULT", "eu-south-1": "ENABLED"}
    assert regions(OTHER) == {"us-east-1": "ENABLED_BY_DEFAULT", "eu-south-1": "DISABLED", "af-south-1": "ENABLED"}
    with pytest.raises(ClientError) as caught:
        sandbox.client("account").list_regions(AccountId=OTHER)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_cluster_knows_which_account_and_role_signed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is of its account may ask; of another account the roles that have an access entry."""
    sandbox.account(OTHER, reader=True)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    cluster = FakeCluster(account=OTHER, caller=sandbox.accounts.identities.signer)

    def asked(credentials: Mapping[str, Any]) -> int:
        session = boto3.Session(region_name="us-east-1", **credentials)
        token = ClusterToken(AwsClients(session), cluster.name)()
        return cluster.answer("GET", "/api", "", {"authorization": f"Bearer {token}"}).status

    reader = signed(assumed(sandbox))
    assert asked(reader) == 200
    assert cluster.callers == [ROLE]
    function = signed(sandbox.role(FUNCTION))
    assert asked(function) == 401
    own = f"arn:aws:iam::{ACCOUNT}:role/{FUNCTION}"
    assert cluster.refusals == [f"{own} of account {ACCOUNT} has no access entry"]
    cluster.principals.add(own)
    assert asked(function) == 200
    assert asked(reader | {"aws_session_token": "another"}) == 401
    assert asked(signed(sandbox.role(READER, account=OTHER, seconds=-1))) == 401
    assert cluster.described()["arn"] == f"arn:aws:eks:us-east-1:{OTHER}:cluster/{cluster.name}"
