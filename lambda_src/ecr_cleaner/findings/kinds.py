"""What each kind of finding means and what to do about it; `RUN_FAILING_KINDS` says which of them fail a run."""

from typing import Final, NamedTuple

from ecr_cleaner.model.finding import FindingKind


class KindDescription(NamedTuple):
    """One kind of finding, in Markdown."""

    meaning: str
    what_to_do: str


KINDS: Final = {
    FindingKind.DANGLING_REFERENCE: KindDescription(
        "A consumer names an image of this registry that does not exist: its repository, its tag or its digest",
        "Push the image again or correct the consumer: its next start fails. For a rollback "
        "target, or a family of task definitions that nothing names, it is only a `warning`",
    ),
    FindingKind.ARCHIVED_IN_USE: KindDescription(
        "A consumer names an image in ECR's archive, from which nothing can pull",
        "Run the `ecr-cleaner restore` command in the detail; it takes up to 20 minutes",
    ),
    FindingKind.REMOVED_IN_USE: KindDescription(
        "A consumer names an image that an earlier run removed; the detail names the run and the time",
        "Run the `ecr-cleaner restore` command in the detail, or let the consumer name another image",
    ),
    FindingKind.LIFECYCLE_EXPIRES_IN_USE: KindDescription(
        "The repository's own ECR lifecycle policy expires or archives an image in use: now "
        "(`problem`) or within 7 days (`warning`)",
        "Change or delete the policy: this module cleans an opted-in repository and considers use",
    ),
    FindingKind.LIFECYCLE_RULE_NOT_UNDERSTOOD: KindDescription(
        "A rule of a lifecycle policy has an unknown part; this rule and all after it are not evaluated",
        "Use ECR's own preview (`aws ecr start-lifecycle-policy-preview`)",
    ),
    FindingKind.OPEN_TO_OTHER_ACCOUNTS: KindDescription(
        "A policy lets other accounts pull; their consumers cannot be seen from here",
        "Remove the permission, or see Other accounts",
    ),
    FindingKind.MISCONFIGURED_TAG: KindDescription(
        "A tag meant for this module cannot be read, is spelled differently, or asks for fewer "
        "days than `minimum_keep_days`",
        "Correct the tag",
    ),
    FindingKind.ORPHANED_ARTIFACTS: KindDescription(
        "Signatures or attestations whose image is not in their repository; `bytes` is their size",
        "Usually nothing: they are removed by their own age. A rule's `keep_tags` keeps signatures of images elsewhere",
    ),
    FindingKind.UNMANAGED_STORAGE: KindDescription(
        "Storage of repositories that did not opt in, each and (`registry`) all of them; without "
        "`report_unmanaged_repositories` only their number",
        "Opt them in where that is right",
    ),
    FindingKind.NOT_DETERMINED: KindDescription(
        "Something could not be determined: a call was denied or failed, or time was short",
        "Correct what the detail names. Removal does not depend on it",
    ),
}
"""Of every kind."""
