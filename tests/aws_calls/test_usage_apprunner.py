"""How App Runner is read: every service, and the image of those that have one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError, UnreadableReferenceError
from ecr_cleaner.model.usage import Reference, Usage
from ecr_cleaner.usage.sources import apprunner
from tests.aws_calls.consumers import account, every_form, tagged, unreadable, written
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


def test_without_services_nothing_is_used(script: Script) -> None:
    """An answer all the same."""
    listed(script)
    assert used(script) == []


@pytest.mark.parametrize("status", ["RUNNING", "PAUSED", "OPERATION_IN_PROGRESS", "CREATE_FAILED"])
def test_a_service_uses_its_image_whatever_its_status(script: Script, status: str) -> None:
    """One that is paused pulls it when it is resumed."""
    listed(script, "shop-web")
    described(script, image(tagged("v1")), status=status)
    assert used(script) == [usage(written())]


@every_form
def test_every_form_of_an_image(script: Script, text: str, references: tuple[Reference, ...]) -> None:
    """An image of ECR Public protects nothing."""
    listed(script, "shop-web")
    described(script, image(text))
    assert used(script) == list(map(usage, references))


@unreadable
def test_an_image_that_cannot_be_read_is_an_error(script: Script, text: str) -> None:
    """Nobody knows what it protects."""
    listed(script, "shop-web")
    described(script, image(text))
    with pytest.raises(UnreadableReferenceError):
        used(script)


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


def test_a_listing_that_never_ends_is_no_answer(script: Script) -> None:
    """The same token again and again."""
    script.endless("apprunner", "list_services", "ServiceSummaryList", **LISTING)
    with pytest.raises(IncompleteAnswerError, match="ListServices"):
        used(script)


@pytest.mark.parametrize(
    ("page", "missing"),
    [
        ({}, "ServiceSummaryList"),
        ({"ServiceSummaryList": [{"ServiceName": "shop-web"}]}, "ServiceArn"),
    ],
)
def test_a_listing_that_lacks_a_member_is_no_answer(script: Script, page: dict[str, Any], missing: str) -> None:
    """It does not say that there are no services."""
    script.cut_short("apprunner", "list_services", page, {"ServiceSummaryList": []}, **LISTING)
    with pytest.raises(IncompleteAnswerError, match=f"ListServices lacks '{missing}'"):
        used(script)


@pytest.mark.parametrize(
    ("told", "missing"),
    [
        ({}, "Service"),
        ({"Service": {"ServiceName": "shop-web"}}, "SourceConfiguration"),
        ({"Service": {"ServiceName": "shop-web", "SourceConfiguration": {"ImageRepository": {}}}}, "ImageIdentifier"),
        ({"Service": {"SourceConfiguration": image("nginx")}}, "ServiceName"),
    ],
)
def test_a_service_that_lacks_a_member_is_no_answer(script: Script, told: dict[str, Any], missing: str) -> None:
    """It does not say that the service has no image."""
    listed(script, "shop-web")
    whole = answer(image("nginx"))
    script.cut_short("apprunner", "describe_service", told, whole, ServiceArn=arn("shop-web"))
    with pytest.raises(IncompleteAnswerError, match=f"DescribeService lacks '{missing}'"):
        used(script)


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "InternalServiceErrorException"]
)
@pytest.mark.parametrize("method", ["list_services", "describe_service"])
def test_a_refused_call_is_an_error(script: Script, method: str, code: str) -> None:
    """Denied is not "there are none"; nor is a service that vanished while it was read."""
    if method == "describe_service":
        listed(script, "shop-web")
    script.refuse("apprunner", method, code)
    with pytest.raises(AwsError, match=code):
        used(script)
