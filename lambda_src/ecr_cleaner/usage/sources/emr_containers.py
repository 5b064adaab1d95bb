"""EMR on EKS: job runs that have not ended, interactive endpoints, and job templates.

Images are Spark properties (``spark.kubernetes.container.image``) in configurations and parameters; pod templates are
in S3 and are not read.
"""

from typing import Final

from ecr_cleaner.model.usage import UsageKind
from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.source import Grant, arn_of

_CLUSTERS: Final = Call(
    "ListVirtualClusters",
    items="virtualClusters[]",
    params={"states": ["RUNNING", "TERMINATING", "ARRESTED"]},
)

SOURCES: Final = (
    source(
        "emr_containers",
        "EMR on EKS job runs not over, endpoints and job templates",
        "Images that configurations, job drivers and parameters name; pod templates are not seen",
        "emr-containers",
        (
            Grant("ListEmrContainers", ("emr-containers:ListJobTemplates", "emr-containers:ListVirtualClusters")),
            Grant(
                "ReadEmrContainers",
                (
                    "emr-containers:DescribeJobRun",
                    "emr-containers:DescribeManagedEndpoint",
                    "emr-containers:ListJobRuns",
                    "emr-containers:ListManagedEndpoints",
                ),
                arn_of("emr-containers", "/virtualclusters/*"),
            ),
            Grant(
                "ReadEmrContainersTemplates",
                ("emr-containers:DescribeJobTemplate",),
                arn_of("emr-containers", "/jobtemplates/*"),
            ),
        ),
        Chain(
            "emr on eks job run {id}",
            (
                _CLUSTERS,
                Call(
                    "ListJobRuns",
                    items="jobRuns[]",
                    params_from={"virtualClusterId": "id"},
                    params={"states": ["PENDING", "SUBMITTED", "RUNNING", "CANCEL_PENDING"]},
                ),
                Call(
                    "DescribeJobRun",
                    items="jobRun",
                    params_from={"virtualClusterId": "virtualClusterId", "id": "id"},
                    texts=("configurationOverrides", "jobDriver"),
                    evidence=UsageKind.RUNNING,
                ),
            ),
        ),
        Chain(
            "emr on eks endpoint {id}",
            (
                _CLUSTERS,
                Call(
                    "ListManagedEndpoints",
                    items="endpoints[]",
                    params_from={"virtualClusterId": "id"},
                    params={"states": ["CREATING", "ACTIVE", "TERMINATING"]},
                ),
                Call(
                    "DescribeManagedEndpoint",
                    items="endpoint",
                    params_from={"virtualClusterId": "virtualClusterId", "id": "id"},
                    texts=("configurationOverrides",),
                ),
            ),
        ),
        Chain(
            "emr on eks job template {id}",
            (
                Call("ListJobTemplates", items="templates[]"),
                Call(
                    "DescribeJobTemplate",
                    items="jobTemplate",
                    params_from={"id": "id"},
                    texts=("jobTemplateData",),
                    # Set if EMR may not use the template's key: then the content is not returned.
                    error_fields=("decryptionError",),
                ),
            ),
        ),
    ),
)
