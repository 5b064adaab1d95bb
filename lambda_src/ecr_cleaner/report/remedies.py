"""What to do about each kind of finding, and how soon: for the page of a report, mails and docs/results.md."""

from collections.abc import Mapping
from typing import Final

from ecr_cleaner.model.finding import FindingKind

WHAT_TO_DO: Final[Mapping[FindingKind, str]] = {
    FindingKind.DANGLING_REFERENCE: (
        "Now, for a `problem`: push the image again or correct the consumer: its next start fails. For a rollback "
        "target, or a family of task definitions that nothing names, it is only a `warning`"
    ),
    FindingKind.ARCHIVED_IN_USE: "Now: run the `ecr-cleaner restore` command in the detail; it takes up to 20 minutes",
    FindingKind.REMOVED_IN_USE: (
        "Now: run the `ecr-cleaner restore` command in the detail, or let the consumer name another image"
    ),
    FindingKind.LIFECYCLE_EXPIRES_IN_USE: (
        "Now, for a `problem`: change or delete the policy: this module cleans an opted-in repository and considers use"
    ),
    FindingKind.LIFECYCLE_RULE_NOT_UNDERSTOOD: (
        "In the morning: use ECR's own preview (`aws ecr start-lifecycle-policy-preview`)"
    ),
    FindingKind.OPEN_TO_OTHER_ACCOUNTS: "In the morning: remove the permission, or see Other accounts",
    FindingKind.MAY_BE_IN_USE_ELSEWHERE: (
        "Nothing; where nobody should pull these, find out who does: their events in CloudTrail have the caller"
    ),
    FindingKind.OWN_PULLS_RECORDED: "In the morning: run the command in the detail, once per account and region",
    FindingKind.WIDE_USAGE: (
        "In the morning: name a complete reference there: host, repository, and tag or digest. Or accept the "
        "consumer by `usage:<ARN>` in `accepted_gaps`"
    ),
    FindingKind.UNREADABLE_REFERENCE: "In the morning: correct the name on the consumer that the detail names",
    FindingKind.MISCONFIGURED_TAG: "In the morning: correct the tag",
    FindingKind.ORPHANED_ARTIFACTS: (
        "Nothing: they are removed by their own age. A rule with `keep = true` keeps those of images elsewhere"
    ),
    FindingKind.KEPT_WITHOUT_RULE: "Nothing, or add the rule or the setting in the detail",
    FindingKind.FEWER_THAN_NEWEST: (
        "In the morning: tag each build, or add the rule in the detail, which counts untagged ones"
    ),
    FindingKind.REMOVALS_LIMITED: (
        "Nothing; for a `warning`, raise the limit to the number in the detail, for a night or for good"
    ),
    FindingKind.UNUSED_ACCEPTED_GAP: "In the morning: remove the entry, so that it hides nothing later",
    FindingKind.UNMANAGED_STORAGE: "In the morning: opt them in where that is right",
    FindingKind.NOT_DETERMINED: "In the morning: correct what the detail names. Removal does not depend on it",
}
"""It begins with when: now (something is broken), in the morning, or nothing."""
