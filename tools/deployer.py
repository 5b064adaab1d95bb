"""What applying, changing and destroying the module takes, as a policy and as a table.

`tests/iam` tries the policy with every call of a real apply, change and destroy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

NAME: Final = "ecr-cleaner"
"""The module's input ``name`` as it is by default; whoever has another one replaces it."""

POLICY_CHARACTERS: Final = 6144
"""What a managed policy may hold (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one kind of resource takes.

    Attributes:
        sid: Of the statement.
        when: The service, and when it is needed if not always.
        prefix: Of the actions.
        actions: Without their prefix.
        resources: What follows ``arn:*:``; none: everything.
        on: The resources in words.
        condition: Of the statement.
    """

    sid: str
    when: str
    prefix: str
    actions: str
    resources: tuple[str, ...]
    on: str
    condition: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def names(self) -> list[str]:
        """The actions, in order, without their prefix."""
        return sorted(set(self.actions.split()))


GRANTS: Final = (
    Grant(
        "Function",
        "Lambda",
        "lambda",
        """CreateFunction DeleteFunction DeleteFunctionConcurrency DeleteFunctionEventInvokeConfig GetFunction
        GetFunctionConfiguration GetFunctionEventInvokeConfig ListTags ListVersionsByFunction PutFunctionConcurrency
        PutFunctionEventInvokeConfig TagResource UntagResource UpdateFunctionCode UpdateFunctionConfiguration
        UpdateFunctionEventInvokeConfig""",
        (f"lambda:*:*:function:{NAME}",),
        "the function `name`",
    ),
    Grant(
        "Roles",
        "IAM, roles",
        "iam",
        """AttachRolePolicy CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DetachRolePolicy
        GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies
        PutRolePermissionsBoundary PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy UpdateRole
        UpdateRoleDescription""",
        (f"iam::*:role/{NAME}-*",),
        "roles that begin with `name`, below `iam_role_path`; with `iam_role_name` that one",
    ),
    Grant(
        "PassRoles",
        "IAM, for function, schedule and state machine",
        "iam",
        "PassRole",
        (f"iam::*:role/{NAME}-*",),
        "the same, passed to Lambda, EventBridge Scheduler and Step Functions",
        (
            (
                "StringEquals",
                "iam:PassedToService",
                ("lambda.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"),
            ),
        ),
    ),
    Grant(
        "Policies",
        "IAM, policies",
        "iam",
        """CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion
        ListPolicyVersions TagPolicy UntagPolicy""",
        (f"iam::*:policy/{NAME}-*",),
        "policies that begin with `name`, below `iam_role_path`",
    ),
    Grant(
        "Schedule",
        "EventBridge Scheduler",
        "scheduler",
        """CreateSchedule CreateScheduleGroup DeleteSchedule DeleteScheduleGroup GetSchedule GetScheduleGroup
        ListTagsForResource TagResource UntagResource UpdateSchedule""",
        (f"scheduler:*:*:schedule/{NAME}/{NAME}", f"scheduler:*:*:schedule-group/{NAME}"),
        "the schedule and its group",
    ),
    Grant(
        "Machine",
        "Step Functions, with a state machine",
        "states",
        """CreateStateMachine DeleteStateMachine DescribeStateMachine ListStateMachineVersions ListTagsForResource
        TagResource UntagResource UpdateStateMachine""",
        (f"states:*:*:stateMachine:{NAME}",),
        "the state machine `name`",
    ),
    Grant(
        "Queues",
        "SQS",
        "sqs",
        "CreateQueue DeleteQueue GetQueueAttributes GetQueueUrl ListQueueTags SetQueueAttributes TagQueue UntagQueue",
        (f"sqs:*:*:{NAME}-*",),
        "queues that begin with `name`",
    ),
    Grant(
        "Lock",
        "DynamoDB",
        "dynamodb",
        """CreateTable DeleteTable DescribeContinuousBackups DescribeTable DescribeTimeToLive ListTagsOfResource
        TagResource UntagResource UpdateTable UpdateTimeToLive""",
        (f"dynamodb:*:*:table/{NAME}-lock",),
        "`name`-lock",
    ),
    Grant(
        "Alarms",
        "CloudWatch",
        "cloudwatch",
        """DeleteAlarms DeleteDashboards GetDashboard ListTagsForResource PutCompositeAlarm PutDashboard PutMetricAlarm
        TagResource UntagResource""",
        (f"cloudwatch:*:*:alarm:{NAME}-*", f"cloudwatch::*:dashboard/{NAME}-*"),
        "alarms and the dashboard",
    ),
    Grant(
        "Logs",
        "CloudWatch Logs; the key's actions with `kms_key_arn`",
        "logs",
        """AssociateKmsKey CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DisassociateKmsKey ListTagsForResource
        PutRetentionPolicy TagResource UntagResource""",
        tuple(
            f"logs:*:*:log-group:/aws/{place}/{NAME}{end}"
            for place in ("lambda", "vendedlogs/states")
            for end in ("", ":*")
        ),
        "`/aws/lambda/name`, `/aws/vendedlogs/states/name`",
    ),
    Grant(
        "Bucket",
        "S3, for the module's bucket",
        "s3",
        """CreateBucket DeleteBucket DeleteBucketPolicy GetAccelerateConfiguration GetBucketAcl GetBucketCORS
        GetBucketLogging GetBucketObjectLockConfiguration GetBucketPolicy GetBucketPublicAccessBlock
        GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration
        GetLifecycleConfiguration GetReplicationConfiguration ListBucket ListBucketVersions PutBucketPolicy
        PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning PutEncryptionConfiguration
        PutLifecycleConfiguration""",
        (f"s3:::{NAME}-*",),
        "the bucket",
    ),
    Grant(
        "Objects",
        "S3, for its objects",
        "s3",
        "DeleteObject DeleteObjectVersion GetObject GetObjectTagging PutObject PutObjectTagging",
        (f"s3:::{NAME}-*/ecr-cleaner/*",),
        "`marker.json`, `settings.json`; all of them with `force_destroy_bucket`",
    ),
    Grant(
        "Topic",
        "SNS, with `notifications_enabled`",
        "sns",
        "CreateTopic DeleteTopic GetTopicAttributes ListTagsForResource SetTopicAttributes TagResource UntagResource",
        (f"sns:*:*:{NAME}-runs",),
        "the topic",
    ),
    Grant(
        "Repository",
        "ECR, unless `image_uri` is set; to push, those of layers and `PutImage`",
        "ecr",
        """CreateRepository DeleteRepository DeleteRepositoryPolicy DescribeImages DescribeRepositories
        GetRepositoryPolicy ListTagsForResource SetRepositoryPolicy TagResource UntagResource
        BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload InitiateLayerUpload PutImage
        UploadLayerPart""",
        (f"ecr:*:*:repository/{NAME}",),
        "the repository `name`",
    ),
    Grant("RegistryToken", "ECR, unless `image_uri` is set", "ecr", "GetAuthorizationToken", (), "everything"),
    Grant("DescribeAlarms", "CloudWatch", "cloudwatch", "DescribeAlarms", (), "everything"),
    Grant("DescribeLogGroups", "CloudWatch Logs", "logs", "DescribeLogGroups", (), "everything"),
    Grant(
        "ValidateMachine",
        "Step Functions, with a state machine",
        "states",
        "ValidateStateMachineDefinition",
        (),
        "everything",
    ),
    Grant(
        "DescribeNetwork",
        "EC2, with `vpc_subnet_ids`",
        "ec2",
        "DescribeNetworkInterfaces DescribeSecurityGroups DescribeSubnets DescribeVpcs",
        (),
        "everything",
    ),
    Grant("Identity", "STS", "sts", "GetCallerIdentity", (), "everything"),
)


def policy() -> dict[str, Any]:
    """The policy of whoever applies a module with the default name and its own bucket, and without a key.

    Raises:
        ValueError: It does not fit into one.
    """
    narrow = [_statement(grant) for grant in GRANTS if grant.resources]
    wide = sorted(f"{grant.prefix}:{name}" for grant in GRANTS if not grant.resources for name in grant.names())
    everything = {"Sid": "KnowsNoResource", "Effect": "Allow", "Action": wide, "Resource": "*"}
    told = {"Version": "2012-10-17", "Statement": [*narrow, everything]}
    if (size := len(json.dumps(told, separators=(",", ":")))) > POLICY_CHARACTERS:
        raise ValueError(f"the policy for applying does not fit into one: {size}")
    return told


def _statement(grant: Grant) -> dict[str, Any]:
    condition = {test: {key: list(values)} for test, key, values in grant.condition}
    return {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": [f"{grant.prefix}:{name}" for name in grant.names()],
        "Resource": [f"arn:*:{resource}" for resource in grant.resources],
        **({"Condition": condition} if condition else {}),
    }
