"""App Runner services that run an image, the paused ones included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecr_cleaner import aws
from ecr_cleaner.usage.base import Account, Field, Grant, Source, usages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model import Usage

_NAME: Final = "apprunner"


def collect(account: Account) -> Iterator[Usage]:
    """The image of every service.

    Yields:
        Usages of the kind ``configured``.
    """
    apprunner = account.aws.client("apprunner")
    services = aws.paged(
        apprunner,
        "ListServices",
        "ServiceSummaryList",
        token="NextToken",  # noqa: S106 - the name of a page token
        MaxResults=20,
    )
    for summary in services:
        answer = apprunner.describe_service(ServiceArn=aws.member(summary, "ServiceArn", "ListServices"))
        service = aws.member(answer, "Service", "DescribeService")
        configuration = aws.member(service, "SourceConfiguration", "DescribeService")
        if "ImageRepository" in configuration:  # absent on services built from a source repository
            image = aws.member(configuration["ImageRepository"], "ImageIdentifier", "DescribeService")
            consumer = f"app runner service {aws.member(service, 'ServiceName', 'DescribeService')}"
            yield from usages_of(image, source=_NAME, consumer=consumer)


SOURCES: Final = (
    Source(
        name=_NAME,
        title="App Runner services, paused ones too",
        protects="The configured image",
        service="apprunner",
        grants=(
            Grant("ListAppRunnerServices", ("apprunner:ListServices",)),
            Grant(
                "ReadAppRunnerServices",
                ("apprunner:DescribeService",),
                "arn:{partition}:apprunner:{region}:{account}:service/*",
            ),
        ),
        fields=(
            Field("apprunner", "ListServices", "ServiceSummaryList[].ServiceArn"),
            Field("apprunner", "DescribeService", "Service.SourceConfiguration.ImageRepository.ImageIdentifier"),
        ),
        collect=collect,
    ),
)
