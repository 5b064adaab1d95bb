"""App Runner services that run an image, the paused ones included."""

from collections.abc import Iterator
from typing import Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, arn_of, usages_of

_NAME: Final = "apprunner"


def collect(context: SourceContext) -> Iterator[Usage]:
    """The image of every service.

    Yields:
        Usages of the kind ``configured``.
    """
    apprunner = context.aws.client("apprunner")
    services = responses.paged(apprunner, "ListServices", "ServiceSummaryList", MaxResults=20)
    for summary in services:
        answer = apprunner.describe_service(ServiceArn=responses.member(summary, "ServiceArn", "ListServices"))
        service = responses.member(answer, "Service", "DescribeService")
        configuration = responses.member(service, "SourceConfiguration", "DescribeService")
        if "ImageRepository" in configuration:  # absent on services built from a source repository
            image = responses.member(configuration["ImageRepository"], "ImageIdentifier", "DescribeService")
            consumer = f"app runner service {responses.member(service, 'ServiceName', 'DescribeService')}"
            yield from usages_of(image, source=_NAME, consumer=consumer)


SOURCES: Final = (
    Source(
        name=_NAME,
        title="App Runner services, paused ones too",
        protects="The configured image",
        service="apprunner",
        grants=(
            Grant("ListAppRunnerServices", ("apprunner:ListServices",)),
            Grant("ReadAppRunnerServices", ("apprunner:DescribeService",), arn_of("apprunner", "service/*")),
        ),
        fields=(
            RequiredField("apprunner", "ListServices", "ServiceSummaryList[].ServiceArn"),
            RequiredField(
                "apprunner", "DescribeService", "Service.SourceConfiguration.ImageRepository.ImageIdentifier"
            ),
        ),
        collect=collect,
    ),
)
