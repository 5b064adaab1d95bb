"""Elastic Beanstalk application versions that are an image.

What a source bundle names (``Dockerrun.aws.json``, ``docker-compose.yml``, a ``Dockerfile``) is in S3, and no API
returns it.
"""

from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant

SOURCES: Final = (
    source(
        "elasticbeanstalk",
        "Elastic Beanstalk application versions made from an image",
        "The image of every version, deployed or not; images that a source bundle names are not seen",
        "elasticbeanstalk",
        (
            # Not limited to a version: IAM's resource for the action is optional.
            Grant("ReadElasticBeanstalk", ("elasticbeanstalk:DescribeApplicationVersions",)),
        ),
        Chain(
            "elastic beanstalk application version {ApplicationName}:{VersionLabel}",
            (
                Call(
                    "DescribeApplicationVersions",
                    items="ApplicationVersions[]",
                    # Without it there are no pages: all come in one response.
                    params={"MaxRecords": 1000},
                    images=(Images("Uri", at="ImageSource"),),
                ),
            ),
        ),
    ),
)
