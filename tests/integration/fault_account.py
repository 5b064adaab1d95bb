"""The account in which things go wrong: all that a run reads and removes, all that makes it speak to AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.integration import accounts, past

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox

LOCK_TABLE: Final = "cleaner-lock"
TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:runs"
SETTINGS: Final[dict[str, Any]] = {
    "event_bus_name": "default",
    "notifications": {"topic_arn": TOPIC, "on": "always"},
    "lock_table": LOCK_TABLE,
    "storage": {"bucket": past.BUCKET, "prefix": past.PREFIX, "history": True, "journal": True, "reports": True},
    "report_unmanaged_repositories": True,
}
"""Everything that makes a run speak to AWS, beside `accounts.SETTINGS`."""

ELSEWHERE: Final = "eu-west-1"

TWO_REGIONS: Final[dict[str, Any]] = SETTINGS | {"regions": ["us-east-1", ELSEWHERE]}
"""The same over one more region, in which `seed_elsewhere` lets something run."""

ABROAD: Final = "222233334444"

TWO_ACCOUNTS: Final[dict[str, Any]] = SETTINGS | {"organization": True}
"""The same over one more account, in which `seed_abroad` lets every consumer run."""

ARCHIVING: Final[dict[str, Any]] = SETTINGS | {"removal_mode": "archive"}
"""The same with the other way of removing."""

LIFECYCLE_RULE: Final[dict[str, Any]] = {
    "rulePriority": 1,
    "selection": {
        "tagStatus": "tagged",
        "tagPatternList": ["live"],
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 30,
    },
    "action": {"type": "expire"},
}
"""Of ``site``: it takes what a service there uses."""


def seed(sandbox: Sandbox, *, whole: bool = True) -> dict[str, set[str]]:
    """An empty account's content: repositories with everything that a run reads and removes, and every consumer.

    Args:
        sandbox: An empty account.
        whole: With every consumer; without them a run over the rest takes a fifth of the time.

    Returns:
        Repository to the digests that nothing needs; all the rest must stay, whatever happens.
    """
    if whole:
        accounts.seed(sandbox)
    past.Past(sandbox)
    # Runs before this one are remembered: that they may not be read is no beginning.
    trend = {f"{past.PREFIX}reports/trend.json": {"json": {"schema_version": 1, "runs": []}}}
    sandbox.seed({"s3": {past.BUCKET: trend}})
    opted_in = {"BoxCleanerEnabled": "true"}
    platforms = ["linux/amd64", "linux/arm64"]
    site = [
        {"id": "site-index", "kind": "index", "platforms": platforms, "tags": ["v1", "v1.0"], "pushed": "90d"},
        {"id": "site-old", "tags": ["v2"], "pushed": "80d"},
        {"id": "site-used", "tags": ["live"], "pushed": "70d"},
        {"id": "site-fresh", "tags": ["v3"], "pushed": "1d"},
    ]
    sandbox.seed(
        {
            "repositories": {
                "site": {
                    "tags": opted_in,
                    "images": site,
                    "policy": _policy("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
                    "lifecycle": [LIFECYCLE_RULE],
                },
                "idle": {"tags": opted_in, "images": [{"id": "idle", "tags": ["v1"], "pushed": "90d"}]},
                # Of somebody else, who did not opt in.
                "other": {"images": [{"id": "other", "tags": ["v1"], "pushed": "900d"}]},
            },
            "pull_through_cache": [
                {"ecrRepositoryPrefix": f"cached-{name}", "upstreamRegistryUrl": "public.ecr.aws"} for name in "ab"
            ],
            "ecs": {
                "task_definitions": {"site:1": {"image": "{registry}/site:live"}},
                "clusters": {
                    "site": {
                        "services": {"site": {"task_definition": "site:1"}},
                        "tasks": [{"task_definition": "site:1", "digests": {"site": "{site-used}"}}],
                    }
                },
            },
        }
    )
    # A policy that there is not would be an error instead of an answer, which nothing could spoil.
    policy = json.dumps(_policy("ecr:ReplicateImage", Resource="*"))
    sandbox.client("ecr").put_registry_policy(policyText=policy)
    sandbox.client("sns").create_topic(Name=TOPIC.rpartition(":")[2])
    make_lock_table(sandbox)
    index = next(image for image in sandbox.images("site") if image.digest == sandbox.digest("site-index"))
    return {
        **({"app": {sandbox.digest("unused")}} if whole else {}),
        "idle": {sandbox.digest("idle")},
        "site": {sandbox.digest("site-old"), index.digest, *index.children},
    }


def make_lock_table(sandbox: Sandbox) -> None:
    """The table of the lock, as Terraform makes it."""
    sandbox.client("dynamodb").create_table(
        TableName=LOCK_TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )


def seed_elsewhere(sandbox: Sandbox) -> dict[str, set[str]]:
    """The same account without the consumers, and another region, in which runs what is old and used nowhere else.

    Returns:
        As `seed` does.
    """
    unused = seed(sandbox, whole=False)
    sandbox.push("site", id="site-elsewhere", tags=["elsewhere"], pushed="90d")
    service = {
        "task_definition": "far:1",
        "revisions": [{"task_definition": "far:1", "digests": {"far": "{site-elsewhere}"}}],
    }
    ecs = {
        "task_definitions": {"far:1": {"image": "{home}/site:elsewhere"}},
        "clusters": {"far": {"services": {"far": service}}},
    }
    sandbox.seed({"region": ELSEWHERE, "ecs": ecs})
    return unused


def seed_abroad(sandbox: Sandbox) -> dict[str, set[str]]:
    """The same account without the consumers, and another one of its organization, which has all of them.

    That account may pull from ``app`` by its id, and from ``mirror/tools`` as any account of the organization may.

    Returns:
        As `seed` does.
    """
    unused = seed(sandbox, whole=False)
    sandbox.seed({"organization": {"delegates": ["123456789012"]}, "accounts": {ABROAD: {"reader": True}}})
    told = accounts.every_consumer()
    repositories = told.pop("repositories")
    organization = {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    for name, more in (("app", {"Principal": {"AWS": ABROAD}}), ("mirror/tools", {"Condition": organization})):
        statement = {"Effect": "Allow", "Principal": "*", "Action": actions} | more
        repositories[name]["policy"] = {"Version": "2012-10-17", "Statement": [statement]}
    only_at_home = {"extra", "inventory", "pod"}
    repositories["app"]["images"] = [one for one in repositories["app"]["images"] if one["id"] not in only_at_home]
    # Inspector is asked of the registry's images alone; lists are the function's own.
    sandbox.seed({"repositories": repositories, "inspector": told.pop("inspector")})
    for section in ("eks", "s3"):
        del told[section]
    accounts.seed(sandbox, _moved(told), ABROAD)
    return {**unused, "app": {sandbox.digest("unused")}}


def _moved(told: Any) -> Any:
    """What is told of the registry's account, as it is of the other one."""
    if isinstance(told, dict):
        return {_moved(key): _moved(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_moved(one) for one in told]
    return told.replace("123456789012", ABROAD) if isinstance(told, str) else told


def _policy(*actions: str, **more: str) -> dict[str, Any]:
    """Lets the account itself do something."""
    principal = {"AWS": "arn:aws:iam::123456789012:root"}
    statement = {"Sid": "Own", "Effect": "Allow", "Principal": principal, "Action": list(actions), **more}
    return {"Version": "2012-10-17", "Statement": [statement]}
