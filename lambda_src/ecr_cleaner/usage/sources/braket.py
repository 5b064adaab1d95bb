"""Braket hybrid jobs that have not ended and run in a custom image."""

from typing import Final

from ecr_cleaner.model.usage import UsageKind
from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant, arn_of
from ecr_cleaner.usage.texts.search import Grammar

SOURCES: Final = (
    source(
        "braket",
        "Braket hybrid jobs not yet over",
        "The container image of every job that waits or runs",
        "braket",
        (
            Grant("SearchBraketJobs", ("braket:SearchJobs",)),
            Grant("ReadBraketJobs", ("braket:GetJob",), arn_of("braket", "job/*")),
        ),
        Chain(
            "braket job {jobName}",
            (
                Call(
                    "SearchJobs",
                    items="jobs[]",
                    # Jobs can be searched by ARN and time, not by status
                    # (https://docs.aws.amazon.com/braket/latest/APIReference/API_SearchJobsFilter.html).
                    params={"filters": [], "maxResults": 100},
                    terminal_states={"status": frozenset({"COMPLETED", "FAILED", "CANCELLED"})},
                ),
                Call(
                    "GetJob",
                    required_member="jobArn",
                    params_from={"jobArn": "jobArn"},
                    images=(Images("uri", at="algorithmSpecification.containerImage"),),
                    grammar=Grammar.VARIABLES,
                    evidence=UsageKind.RUNNING,
                ),
            ),
        ),
    ),
)
