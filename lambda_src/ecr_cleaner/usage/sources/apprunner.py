"""App Runner services that run an image, the paused ones included."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, arn_of, usages_of
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar

_NAME: Final = "apprunner"
_TEXTS: Final = FreeText(
    "apprunner",
    "DescribeService",
    "Service",
    Grammar.VARIABLES,
    images=("SourceConfiguration.ImageRepository.ImageIdentifier",),
)


def collect(context: SourceContext) -> Iterator[Usage]:
    """The image of every service.

    Returns:
        Usages of the kind ``configured``.
    """
    listing = partial(context.named, _NAME, "ListServices", "ServiceSummaryList", "ServiceArn", MaxResults=20)
    return of_each(context, listing, _of_service)


def _of_service(context: SourceContext, arn: str) -> Iterator[Usage]:
    apprunner = context.aws.client(_NAME)
    service = responses.member(apprunner.describe_service(ServiceArn=arn), "Service", "DescribeService")
    configuration = responses.member(service, "SourceConfiguration", "DescribeService")
    consumer = f"app runner service {responses.member(service, 'ServiceName', 'DescribeService')}"
    yield from usages_of_texts(_TEXTS, service, apprunner, like(_NAME, consumer))
    if "ImageRepository" in configuration:  # absent on services built from a source repository
        image = responses.member(configuration["ImageRepository"], "ImageIdentifier", "DescribeService")
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
        texts=(_TEXTS,),
    ),
)
