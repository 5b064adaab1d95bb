"""How App Runner is read: every service, and the image of those that have one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.model.usage import Reference, Usage
from ecr_cleaner.usage.sources import apprunner
from tests.aws_calls.consumers import account, tagged, written
from tests.builders import ACCOUNT, NOW, REGION

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

LISTING: Final = {"MaxResults": 20}


def arn(name: str) -> str:
    """The ARN of a service."""
    return f"arn:aws:apprunner:{REGION}:{ACCOUNT}:service/{name}/{'0' * 32}"


def image(text: str) -> dict[str, Any]:
    """The source of a service that runs an image."""
    return {"ImageRepository": {"ImageIdentifier": text, "ImageRepositoryType": "ECR"}}


def answer(source: dict[str, Any], name: str = "shop-web", status: str = "RUNNING") -> dict[str, Any]:
    """A service as DescribeService tells it."""
    told = {
        "ServiceName": name,
        "ServiceId": "0" * 32,
        "ServiceArn": arn(name),
        "CreatedAt": NOW,
        "UpdatedAt": NOW,
        "Status": status,
        "SourceConfiguration": source,
        "InstanceConfiguration": {},
        "AutoScalingConfigurationSummary": {},
        "NetworkConfiguration": {},
    }
    return {"Service": told}


def listed(script: Script, *names: str) -> None:
    """The services, on one page."""
    script.pages("apprunner", "list_services", "ServiceSummaryList", summaries(*names), **LISTING)


def summaries(*names: str) -> list[dict[str, str]]:
    """Services as they are listed."""
    return [{"ServiceArn": arn(name)} for name in names]


def described(script: Script, source: dict[str, Any], name: str = "shop-web", status: str = "RUNNING") -> None:
    """The service is asked for, and this is its source."""
    script.answer("apprunner", "describe_service", answer(source, name, status), ServiceArn=arn(name))


def used(script: Script) -> list[Usage]:
    """What App Runner uses."""
    return list(apprunner.collect(account(script)))


def usage(reference: Reference, name: str = "shop-web") -> Usage:
    """A usage by a service."""
    return Usage(reference, "apprunner", f"app runner service {name}")


@pytest.mark.parametrize("status", ["RUNNING", "PAUSED", "OPERATION_IN_PROGRESS", "CREATE_FAILED"])
def test_a_service_uses_its_image_whatever_its_status(script: Script, status: str) -> None:
    """One that is paused pulls it when it is resumed."""
    listed(script, "shop-web")
    described(script, image(tagged("v1")), status=status)
    assert used(script) == [usage(written())]


def test_a_service_that_is_built_from_code_uses_no_image(script: Script) -> None:
    """And the next one does."""
    repository = {"RepositoryUrl": "https://example.com/web", "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"}}
    listed(script, "shop-built", "shop-web")
    described(script, {"CodeRepository": repository}, "shop-built")
    described(script, image(tagged("v1")))
    assert used(script) == [usage(written())]


def test_services_are_read_page_by_page(script: Script) -> None:
    """Twenty a page, more App Runner refuses; the second page's service counts."""
    first = {"ServiceSummaryList": summaries("shop-web"), "NextToken": "more"}
    script.answer("apprunner", "list_services", first, **LISTING)
    described(script, image(tagged("v1")))
    script.answer(
        "apprunner", "list_services", {"ServiceSummaryList": summaries("shop-api")}, **LISTING, NextToken="more"
    )
    described(script, image(tagged("v2")), "shop-api")
    assert used(script) == [usage(written()), usage(written(tagged("v2"), "v2"), "shop-api")]
