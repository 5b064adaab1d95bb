"""What the generated tables of the pages say beside what the code and the Terraform files say themselves.

Each mapping has exactly the keys that its table needs: `tools.tables` fails on one that is missing or too many.
"""

from __future__ import annotations

from typing import Final

TOPICS: Final[dict[str, tuple[str, ...]]] = {
    "What is removed": (
        "dry_run",
        "default_keep_days",
        "minimum_keep_days",
        "retention_rules",
        "removal_mode",
        "delete_archived_after_days",
        "grace_days",
        "require_approval",
        "plan_expiry_hours",
    ),
    "Usage": (
        "protected_images",
        "used_images_uri",
        "used_images_max_age_hours",
        "task_definition_revisions",
        "keep_recently_used_days",
        "regions",
        "accounts",
        "organization",
        "reader_role_name",
        "accepted_gaps",
    ),
    "Limits of a run": (
        "max_removals_per_repository",
        "max_removal_percent_per_repository",
        "max_removals_per_run",
        "max_removal_percent_per_run",
        "max_usage_drop_percent",
    ),
    "Schedule": (
        "schedule_enabled",
        "schedule_expression",
        "schedule_timezone",
        "api_rate_share",
        "state_machine",
        "max_continuations",
        "reserved_concurrent_executions",
    ),
    "Alarms, notifications, events, metrics": (
        "alarm_actions",
        "ok_actions",
        "notifications_enabled",
        "notification_topic_arn",
        "notify_on",
        "event_bus_name",
        "metrics_enabled",
        "metrics_namespace",
        "dashboard_enabled",
        "log_level",
        "log_retention_days",
    ),
    "History, journal and reports": (
        "history_enabled",
        "create_bucket",
        "bucket_name",
        "bucket_region",
        "force_destroy_bucket",
        "journal_retention_days",
        "reports_enabled",
        "report_retention_days",
        "storage_price_per_gb_month",
        "savings_tag_key",
        "report_unmanaged_repositories",
    ),
    "The function's image": (
        "build_image",
        "image_uri",
        "base_image",
        "rebuild",
        "package_index_url",
        "container_tool",
        "architecture",
    ),
    "Names, network, keys, permissions": (
        "create",
        "name",
        "tags",
        "memory_size",
        "environment_variables",
        "kms_key_arn",
        "iam_role_name",
        "iam_role_path",
        "permissions_boundary_arn",
        "vpc_subnet_ids",
        "vpc_security_group_ids",
    ),
}
"""The module's inputs in the order in which they are documented."""

_MACHINE: Final = "with `state_machine`, `accounts` or `organization`"

RESOURCES: Final[dict[str, str]] = {
    "aws_cloudwatch_composite_alarm.not_run": "with a schedule that starts at least daily",
    "aws_cloudwatch_dashboard.cleaner": "with `dashboard_enabled`",
    "aws_cloudwatch_log_group.function": "always",
    "aws_cloudwatch_log_group.machine": _MACHINE,
    "aws_cloudwatch_metric_alarm.degraded": "with metrics, and `accounts` or `organization`",
    "aws_cloudwatch_metric_alarm.failed": "always",
    "aws_cloudwatch_metric_alarm.has_run": "with a schedule that starts at least daily",
    "aws_cloudwatch_metric_alarm.silent": "with a schedule that starts at least daily",
    "aws_cloudwatch_metric_alarm.tripwire": "with metrics, history and `max_usage_drop_percent`",
    "aws_cloudwatch_metric_alarm.undelivered": "always",
    "aws_dynamodb_table.lock": "always",
    "aws_ecr_repository.function": "unless `image_uri` is set",
    "aws_ecr_repository_policy.function": "unless `image_uri` is set",
    "aws_iam_policy.usage": "one for each policy of the usage sources",
    "aws_iam_role.function": "always",
    "aws_iam_role.machine": _MACHINE,
    "aws_iam_role.scheduler": "always",
    "aws_iam_role_policy.function": "always",
    "aws_iam_role_policy.machine": _MACHINE,
    "aws_iam_role_policy.scheduler": "always",
    "aws_iam_role_policy_attachment.function": "always",
    "aws_iam_role_policy_attachment.usage": "one for each policy of the usage sources",
    "aws_lambda_function.cleaner": "always",
    "aws_lambda_function_event_invoke_config.cleaner": "always",
    "aws_s3_bucket.history": "with a history, unless `bucket_name` is set",
    "aws_s3_bucket_lifecycle_configuration.history": "with the module's own bucket",
    "aws_s3_bucket_policy.history": "with the module's own bucket",
    "aws_s3_bucket_public_access_block.history": "with the module's own bucket",
    "aws_s3_bucket_server_side_encryption_configuration.history": "with the module's own bucket",
    "aws_s3_bucket_versioning.history": "with the module's own bucket",
    "aws_s3_object.marker": "with a history",
    "aws_s3_object.settings": "with a bucket; read if the settings are too long for the function's environment",
    "aws_scheduler_schedule.cleaner": "always",
    "aws_scheduler_schedule_group.cleaner": "always",
    "aws_sfn_state_machine.cleaner": _MACHINE,
    "aws_sns_topic.runs": "with `notifications_enabled`",
    "aws_sns_topic_policy.runs": "with `notifications_enabled`",
    "aws_sqs_queue.failures": "always",
    "aws_sqs_queue.undelivered": "always",
    "terraform_data.image_build": "unless `image_uri` is set",
    "terraform_data.keeps_bucket": "with the module's own bucket",
    "terraform_data.place": "always",
}
"""When each resource exists."""

STATEMENTS: Final[dict[str, tuple[str, str]]] = {
    "ReadRegistry": (
        "everything",
        "Replication rules that repeat deletions, pull-through caches, other accounts in the registry's policy",
    ),
    "ListRepositories": ("everything", "To find the repositories that opted in"),
    "ReadTagIndex": (
        "everything",
        "Which repositories may have opted in, a hundred a call; else each one is asked. The index knows no resources",
    ),
    "ReadRepositoryTags": ("this account's repositories", "The opt-in tag and the age limit"),
    "ListRegions": ("this account; unless `regions` is set", "In which regions images may be in use"),
    "DescribeRegions": ("everything; unless `regions` is set", "The same, where Account Management has no endpoint"),
    "AssumeReaders": (
        "the role `reader_role_name` in each of `accounts`; only with them",
        "Which images are in use there; that role's own policy says what may be read",
    ),
    "AssumeReadersInOrganization": (
        "the role `reader_role_name` in accounts of the own organization; only with `organization`",
        "The same",
    ),
    "ListAccounts": (
        "everything; only with `organization`",
        "Which accounts there are, and which organization a policy may name",
    ),
    "ReadUnmanagedRepositories": (
        "this account's repositories; only with `report_unmanaged_repositories = true`",
        "Findings about repositories that did not opt in; their images are listed, their manifests are not read",
    ),
    "ReadOptedInRepositories": (
        "repositories tagged `BoxCleanerEnabled = true`",
        "Their images. `BatchGetImage` reads what an index lists; `GetRepositoryPolicy` shows other accounts",
    ),
    "ReadPullTimeExclusions": (
        "everything",
        "The finding that ECR records what the function reads as pulls; such lists know no resource",
    ),
    "ReadLifecyclePolicies": (
        "repositories tagged `BoxCleanerEnabled = true`",
        "The finding that ECR's own lifecycle policy is about to expire an image in use",
    ),
    "RemoveImages": (
        (
            "repositories of this account tagged `BoxCleanerEnabled = true`; only with `dry_run = false`, and when"
            " images are archived only if `delete_archived_after_days` is set"
        ),
        "Deleting images",
    ),
    "ArchiveImages": (
        (
            "repositories of this account tagged `BoxCleanerEnabled = true`; only with `dry_run = false` and"
            ' `removal_mode = "archive"`'
        ),
        "Moving images into ECR's archive",
    ),
    "HoldLock": ("the lock table", "One run at a time"),
    "ReportFailures": ("the failure queue", "Failed runs"),
    "PublishNotifications": ("the given topic or the module's own; only with one", "A summary of runs for people"),
    "PutRunEvents": (
        (
            "the bus in `event_bus_name`, and only events of the source `ecr-cleaner` and the type `ECR Cleaner Run`;"
            " only with one"
        ),
        "An event of each run for programs",
    ),
    "ReadBucket": (
        "the bucket, under the instance's prefix; where there is one",
        (
            "The history, facts, what other invocations of a night found, the trend and the last of earlier reports,"
            " long settings, approved plans, and the journal page of a write whose answer was lost"
        ),
    ),
    "WriteHistory": (
        "the bucket, `history/` and `marker.json` under the prefix; with a history",
        "What is in use now. The role cannot list, and cannot delete objects or versions",
    ),
    "WriteFacts": (
        "the bucket, `facts/` under the prefix; where there is one",
        "What never changes, such as the images of a task definition's revision: it is not asked for every night",
    ),
    "WriteRuns": (
        "the bucket, `runs/` under the prefix; with a state machine",
        "What one invocation of a night leaves to the next",
    ),
    "WriteJournal": (
        "the bucket, `journal/` under the prefix; only with `dry_run = false`",
        "What is needed to push an image again, before it is removed",
    ),
    "WriteReports": ("the bucket, `reports/` under the prefix; with reports", "The report of each run"),
    "WritePlans": (
        "the bucket, `plans/` under the prefix; with approval and `dry_run = false`",
        "The plan of a run, and the record that it was carried out",
    ),
    "UseKey": (
        "the key in `kms_key_arn`; only with one",
        "The queue, the topic, the function's environment and the bucket are encrypted with it",
    ),
}
"""On what, and why, the function's role has each allowing statement of its own."""

DENIALS: Final[dict[str, str]] = {
    "DenyRemovalUnlessOptedIn": "Where the repository's tag `BoxCleanerEnabled` is missing or not `true`, even if the"
    " repository's own policy allows",
    "DenyChangingRepositories": "Everywhere: the role cannot opt a repository in, change it or delete it",
    "DenyChangingBuckets": "Everywhere: the role cannot delete history",
    "DenyRemovalOfOwnImage": "In the repository of the function's image, if it is in this registry",
    "DenyDeletion": "Everywhere, when images are archived and `delete_archived_after_days` is not set",
    "DenyArchiving": "Everywhere, when images are deleted",
    "DenyRemovalInDryRun": "Everywhere, while `dry_run` is true",
}
"""Where and when each statement denies."""

MACHINE: Final[dict[str, tuple[str, str]]] = {
    "InvokeFunction": ("the function", "Each step of a night"),
    "StartScans": ("the state machine itself", "An execution for each account and region to look at"),
    "FollowScans": ("the state machine's executions", "The end of these, and their stop when a person stops the night"),
    "ReportFailures": ("the failure queue", "Failed nights"),
    "DeliverLogs": ("everything; such deliveries know no resource", "The log group of the state machine"),
    "ReadItems": ("the bucket, `runs/` under the prefix", "Which accounts and regions there are to look at"),
    "UseKey": (
        "the key in `kms_key_arn`; only with one",
        "The queue's messages, the function's environment and the bucket are encrypted with it",
    ),
}
"""On what, and why, the state machine's role has each statement."""

SCHEDULE: Final[dict[str, tuple[str, str]]] = {
    "StartFunction": ("the function; without a state machine", "The nightly start"),
    "StartMachine": ("the state machine; with one", "The nightly start"),
    "ReportUndelivered": ("the queue of undelivered starts", "Starts that could not be delivered"),
    "UseKey": (
        "the key in `kms_key_arn`; only with one",
        "The queue's messages and the function's environment are encrypted with it",
    ),
}
"""On what, and why, the schedule's role has each statement."""

FINDINGS: Final[dict[str, str]] = {
    "dangling_reference": (
        "A consumer names an image of this registry that does not exist: its repository, its tag or its digest"
    ),
    "archived_in_use": "A consumer names an image in ECR's archive, from which nothing can pull",
    "removed_in_use": "A consumer names an image that an earlier run removed; the detail names the run and the time",
    "lifecycle_expires_in_use": (
        "The repository's own ECR lifecycle policy expires or archives an image in use: now (`problem`) or within 7 "
        "days (`warning`)"
    ),
    "lifecycle_rule_not_understood": (
        "A rule of a lifecycle policy has an unknown part; this rule and all after it are not evaluated"
    ),
    "open_to_other_accounts": (
        "A policy lets others pull whose consumers were not all looked at: the detail says whose, and what mends it"
    ),
    "may_be_in_use_elsewhere": (
        "Images that other accounts may pull, that no consumer names and that somebody pulled within "
        "`keep_recently_used_days`: how many, and the last one"
    ),
    "own_pulls_recorded": (
        "ECR records the reading of indexes by this role as pulls, so every index stays in repositories that other "
        "accounts may pull from; the detail has the command that mends it"
    ),
    "wide_usage": (
        "A consumer's text, or a name that cannot be read, covers more than an image: a whole repository, "
        "repositories whose names begin so, or the registry. All of it counts as in use. The detail has the consumer, "
        "the reference, what is wrong with it, and the images that would go without it; `bytes` is their size. Of a "
        "`repository:*` that a person lists it is only `info`; `wide_usages` counts the others"
    ),
    "unreadable_reference": (
        "An image name that cannot be read as it is written: only the digest in it, or the one that its runtime "
        "reports, keeps an image"
    ),
    "misconfigured_tag": (
        "A tag meant for this module cannot be read, is spelled differently, or asks for fewer days than "
        "`minimum_keep_days`"
    ),
    "orphaned_artifacts": "Signatures or attestations whose image is not in their repository; `bytes` is their size",
    "kept_without_rule": (
        "Unused artifacts, such as build caches and charts, or archived images that are kept only because no rule or "
        "setting says more; `bytes` is their size"
    ),
    "fewer_than_newest": (
        "`keep_newest` of a rule without a selector finds fewer tagged images than it asks for, while untagged ones go"
    ),
    "removals_limited": (
        "Images wait for later runs because of `max_removals_per_repository` or `max_removals_per_run`; `warning`: "
        "some that go together are more than the limit, and never go"
    ),
    "unused_accepted_gap": (
        "Nothing matches an entry of `accepted_gaps` any more: what it names is gone, or needs no entry"
    ),
    "unmanaged_storage": (
        "Storage of repositories that did not opt in, each and (`registry`) all of them; without "
        "`report_unmanaged_repositories` only their number"
    ),
    "not_determined": "Something could not be determined: a call was denied or failed, or time was short",
}
"""What each kind of finding means; what to do about it says `ecr_cleaner.report.remedies`."""
