"""EMR Serverless: custom images of applications, the stopped ones included, and of job runs that have not ended."""

from typing import Final

from ecr_cleaner.model.usage import UsageKind
from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant, arn_of

# The digest is absent until an application has started; until then only the tag is known.
_IMAGES: Final = (
    Images("imageConfiguration.imageUri", digest="imageConfiguration.resolvedImageDigest"),
    Images(
        "imageConfiguration.imageUri", at="workerTypeSpecifications{}", digest="imageConfiguration.resolvedImageDigest"
    ),
)

_APPLICATIONS: Final = Call(
    "ListApplications",
    items="applications[]",
    # A terminated application cannot be started again.
    params={"states": ["CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED"], "maxResults": 50},
)

SOURCES: Final = (
    source(
        "emr_serverless",
        "EMR Serverless applications, stopped ones too",
        "The images of applications and of their workers, as written and as resolved; those of job runs not over",
        "emr-serverless",
        (
            Grant("ListEmrServerless", ("emr-serverless:ListApplications",)),
            Grant(
                "ReadEmrServerless",
                ("emr-serverless:GetApplication", "emr-serverless:GetJobRun", "emr-serverless:ListJobRuns"),
                arn_of("emr-serverless", "/applications/*"),
            ),
        ),
        Chain(
            "emr serverless application {id}",
            (
                _APPLICATIONS,
                Call("GetApplication", items="application", params_from={"applicationId": "id"}, images=_IMAGES),
            ),
        ),
        Chain(
            "emr serverless job run {applicationId}:{id}",
            (
                _APPLICATIONS,
                Call(
                    "ListJobRuns",
                    items="jobRuns[]",
                    params_from={"applicationId": "id"},
                    params={
                        "states": ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING", "QUEUED"],
                        "maxResults": 50,
                    },
                ),
                Call(
                    "GetJobRun",
                    items="jobRun",
                    params_from={"applicationId": "applicationId", "jobRunId": "id"},
                    images=_IMAGES,
                    evidence=UsageKind.RUNNING,
                ),
            ),
        ),
    ),
)
