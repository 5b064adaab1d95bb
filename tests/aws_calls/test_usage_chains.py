"""How chains of calls are followed: every page, every item, and every place where one names an image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError, SourceError
from ecr_cleaner.model.usage import Reference, Usage
from ecr_cleaner.usage.declarative import Call, Chain, DeclarativeCollector, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant, RequiredField
from ecr_cleaner.usage.texts.mentions import EVERYTHING
from ecr_cleaner.usage.texts.search import find
from tests.aws_calls.consumers import APP, account, anywhere, every_form, tagged, told, unreadable, written
from tests.builders import ACCOUNT, HOST, NOW, REGION

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

EMR: Final = "emr-serverless"
GONE: Final = "ResourceNotFoundException"
LISTING: Final = Call("ListApplications", items="applications[]", params={"maxResults": 50})
GETTING: Final = Call(
    "GetApplication",
    items="application",
    params_from={"applicationId": "id"},
    images=(
        Images("imageConfiguration.imageUri", digest="imageConfiguration.resolvedImageDigest"),
        Images("imageConfiguration.imageUri", at="workerTypeSpecifications{}"),
    ),
)
USER: Final = f"arn:aws:iam::{ACCOUNT}:role/analyst"
ASKED: Final = {"maxResults": 50}


def application(name: str = "a1", /, **more: Any) -> dict[str, Any]:
    """What both calls tell of an application."""
    told = {
        "arn": f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:/applications/{name}",
        "releaseLabel": "emr-7",
        "type": "spark",
    }
    return {**told, "state": "STOPPED", "createdAt": NOW, "updatedAt": NOW, **more}


def listed(script: Script, *pages: list[str]) -> None:
    """The applications, by id."""
    told = [[application(name, id=name) for name in page] for page in pages or (["a1"],)]
    script.pages(EMR, "list_applications", "applications", *told, **ASKED)


def got(script: Script, of: str = "a1", /, **more: Any) -> None:
    """An application is asked for."""
    told = {"application": application(of, applicationId=of, **more)}
    script.answer(EMR, "get_application", told, applicationId=of)


def cut_short(script: Script, told: dict[str, Any]) -> None:
    """An application is asked for, and what is told may be anything."""
    whole = {"application": application(applicationId="a1")}
    script.cut_short(EMR, "get_application", told, whole, applicationId="a1")


def image(text: str, digest: str | None = None) -> dict[str, str]:
    """An image as it is configured."""
    return {"imageUri": text} | ({} if digest is None else {"resolvedImageDigest": digest})


def used(script: Script, *calls: Call, consumer: str = "application {id}") -> list[Usage]:
    """What the chain of these calls uses."""
    chain = Chain(consumer, calls or (LISTING, GETTING))
    return list(DeclarativeCollector("emr", EMR, (chain,))(account(script)))


def usage(reference: Reference, name: str = "a1") -> Usage:
    """A usage by an application."""
    return Usage(reference, "emr", f"application {name}")


def test_a_source_says_what_its_chains_call_and_read(script: Script) -> None:
    """Every place of an image, and the items where nothing is read of them; asked, it follows each chain."""
    grants = (Grant("Everything", ("emr-serverless:ListApplications", "emr-serverless:GetApplication")),)
    text = Call("ListApplications", items="applications[]", digests=("arn",), texts=("name",))
    chains = Chain("application {id}", (LISTING, GETTING)), Chain("application {id}", (text,))
    made = source("emr", "EMR", "Its images", EMR, grants, *chains)
    assert (made.name, made.title, made.protects, made.service, made.grants, made.proof) == (
        *("emr", "EMR", "Its images", EMR),
        *(grants, "model"),
    )
    assert set(made.fields) == {
        RequiredField(EMR, "ListApplications", "applications[]"),
        RequiredField(EMR, "GetApplication", "application.imageConfiguration.imageUri"),
        RequiredField(EMR, "GetApplication", "application.imageConfiguration.resolvedImageDigest"),
        RequiredField(EMR, "GetApplication", "application.workerTypeSpecifications{}.imageConfiguration.imageUri"),
        RequiredField(EMR, "ListApplications", "applications[].arn"),
        RequiredField(EMR, "ListApplications", "applications[].name"),
    }
    listed(script)
    got(script, imageConfiguration=image(tagged("v1")))
    told = application("a2", id="a2", name=f"runs {tagged('v2')}", arn=APP)
    script.answer(EMR, "list_applications", {"applications": [told]})
    references = (anywhere(), *find(tagged("v2")))
    assert list(made.collect(account(script))) == [usage(written()), *(usage(one, "a2") for one in references)]


def test_every_page_and_every_place_counts(script: Script) -> None:
    """Each item of the listing is asked about; the second page's too."""
    listed(script, ["a1"], ["a2"])
    workers = {"DRIVER": image(tagged("driver")), "EXECUTOR": image(tagged("executor"))}
    got(
        script,
        imageConfiguration=image(tagged("v1"), APP),
        workerTypeSpecifications={kind: {"imageConfiguration": one} for kind, one in workers.items()},
    )
    got(script, "a2", imageConfiguration=image(tagged("v2")))
    assert used(script) == [
        usage(written()),
        usage(written(tag=None, of=APP)),
        *(usage(written(tagged(tag), tag)) for tag in ("driver", "executor")),
        usage(written(tagged("v2"), "v2"), "a2"),
    ]


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"workerTypeSpecifications": {}},
        {"imageConfiguration": {"imageUri": "", "resolvedImageDigest": ""}},
        {"imageConfiguration": {"imageUri": None, "resolvedImageDigest": None}},
    ],
)
def test_an_item_without_image_uses_nothing(script: Script, told: dict[str, Any]) -> None:
    """Services leave out what does not apply, or say nothing in it."""
    listed(script)
    cut_short(script, {"application": told})
    assert used(script, LISTING, replace(GETTING, digests=("imageConfiguration.resolvedImageDigest",))) == []


@every_form
def test_every_form_of_an_image(script: Script, text: str, references: tuple[Reference, ...]) -> None:
    """As it is configured."""
    listed(script)
    got(script, imageConfiguration=image(text))
    assert used(script) == list(map(usage, references))


@unreadable
def test_an_image_that_cannot_be_read_stops_nothing(
    script: Script, text: str, references: tuple[Reference, ...]
) -> None:
    """What may be ECR's protects its repository."""
    listed(script)
    got(script, imageConfiguration=image(text))
    assert told(used(script), text, references)


def test_a_digest_that_cannot_be_read_is_of_any_image(script: Script) -> None:
    """Beside an image or alone, it is not taken for one that is not there."""
    listed(script)
    got(script, imageConfiguration=image(tagged("v1"), "sha256:12"))
    (beside,) = used(script)
    assert beside.reference.text == f"{HOST}/app:*"
    assert beside.problem.endswith("a digest is sha256:<64 hex digits>")
    listed(script)
    (alone,) = used(script, Call("ListApplications", items="applications[]", params=ASKED, digests=("arn",)))
    assert (alone.reference, "any image may be meant" in alone.problem) == (EVERYTHING, True)


@pytest.mark.parametrize("path", ["name", "tags"], ids=["text", "structure"])
def test_a_text_is_searched(script: Script, path: str) -> None:
    """Whatever it is part of; it needs not be an image's name as a whole."""
    listed(script)
    got(script, name=f"runs {tagged('v1')} daily", tags={"image": tagged("v1"), "none": ""})
    getting = Call("GetApplication", items="application", params_from={"applicationId": "id"}, texts=(path,))
    assert used(script, LISTING, getting) == list(map(usage, find(tagged("v1"))))


def test_an_item_may_be_a_text(script: Script) -> None:
    """It is called what it says, and asked for by that; items may lie deeper than the listing."""
    told = [[application(name, id=name, name=f"the-{name}") for name in page] for page in (["a1"], ["a2"])]
    script.pages(EMR, "list_applications", "applications", *told, **ASKED)
    for name in ("the-a1", "the-a2"):
        got(script, name, imageConfiguration=image(tagged("v1")))
    listing = Call("ListApplications", items="applications[].name", params=ASKED)
    getting = Call("GetApplication", items="application", params_from={"applicationId": ""}, images=GETTING.images)
    assert used(script, listing, getting, consumer="application {}") == [
        usage(written(), name) for name in ("the-a1", "the-a2")
    ]


# What an answer must have


def test_what_was_deleted_since_it_was_listed_is_passed_over(script: Script) -> None:
    """The next one is read."""
    listed(script, ["a1", "a2"])
    script.refuse(EMR, "get_application", GONE, applicationId="a1")
    got(script, "a2", imageConfiguration=image(tagged("v1")))
    listed(script, ["a2"])
    assert used(script) == [usage(written(), "a2")]


def test_what_is_listed_and_not_found_is_an_error(script: Script) -> None:
    """The service contradicts itself, or it was deleted and made anew."""
    listed(script, ["a1", "a2"])
    script.refuse(EMR, "get_application", GONE, applicationId="a1")
    got(script, "a2", imageConfiguration=image(tagged("v1")))
    listed(script, ["a1"])
    with pytest.raises(AwsError, match=GONE):
        used(script)


def test_what_is_deleted_while_it_is_listed_is_passed_over_whole(script: Script) -> None:
    """Its second page is refused, so what its first one named is not needed any more either."""
    run = application(applicationId="a1", id="r1", createdBy=USER, executionRole=USER, stateDetails=tagged("v1"))
    runs = Call("ListJobRuns", items="jobRuns[]", params_from={"applicationId": "id"}, texts=("stateDetails",))
    listed(script)
    script.answer(EMR, "list_job_runs", {"jobRuns": [run], "nextToken": "more"}, applicationId="a1")
    script.refuse(EMR, "list_job_runs", GONE, applicationId="a1", nextToken="more")
    listed(script, [])
    assert used(script, LISTING, runs) == []


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("list_applications", GONE),
        ("list_applications", "AccessDeniedException"),
        ("get_application", "AccessDeniedException"),
        ("get_application", "InternalServerException"),
    ],
)
def test_a_refused_call_is_an_error(script: Script, method: str, code: str) -> None:
    """Denied is not gone; nor is a first listing, which has no name that could be wrong."""
    if method == "get_application":
        listed(script)
    script.refuse(EMR, method, code)
    with pytest.raises(AwsError, match=code):
        used(script)


def test_a_listing_that_never_ends_is_no_answer(script: Script) -> None:
    """The same token again and again."""
    script.endless(EMR, "list_applications", "applications", **ASKED)
    with pytest.raises(IncompleteAnswerError, match="ListApplications"):
        used(script)


def test_an_answer_without_its_items_is_no_answer(script: Script) -> None:
    """It was cut short, and does not say that there is nothing."""
    script.cut_short(EMR, "list_applications", {}, {"applications": []}, **ASKED)
    with pytest.raises(
        IncompleteAnswerError, match="Incomplete response from ListApplications: field 'applications' is missing"
    ):
        used(script)
    listed(script)
    cut_short(script, {})
    with pytest.raises(
        IncompleteAnswerError, match="Incomplete response from GetApplication: field 'application' is missing"
    ):
        used(script)


@pytest.mark.parametrize("item", [{}, {"id": None}, {"name": "a1"}])
def test_an_item_that_cannot_be_asked_about_is_an_error(script: Script, item: dict[str, Any]) -> None:
    """It lacks what the next call wants to know, so nobody knows what it uses."""
    script.cut_short(EMR, "list_applications", {"applications": [item]}, {"applications": []}, **ASKED)
    with pytest.raises(SourceError, match=r"^GetApplication cannot be called: no earlier response had id$"):
        used(script)


@pytest.mark.parametrize(
    "told",
    [
        {"application": ["a1"]},
        {"application": {"imageConfiguration": tagged("v1")}},
        {"application": {"workerTypeSpecifications": [{"imageConfiguration": image(tagged("v1"))}]}},
    ],
)
def test_an_answer_that_is_not_what_the_chain_says_is_an_error(script: Script, told: dict[str, Any]) -> None:
    """A list for a structure, a text for a structure, a list for a map: what it names would be passed over."""
    listed(script)
    cut_short(script, told)
    with pytest.raises(
        SourceError, match=r"^a response of emr-serverless does not match its service model: on the way of "
    ):
        used(script)
