"""How task definitions are read: once each, and gone only if no listing has them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError, SourceError
from ecr_cleaner.usage.task_definitions import TaskDefinition, TaskDefinitions
from ecr_cleaner.usage.texts.search import SearchResult
from tests.aws_calls.consumers import defines, definition, tagged, undefined

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

API = definition("api:42")
STATUSES = ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS")


def listing(status: str, family: str = "api") -> dict[str, Any]:
    """How the revisions of a family in a state are asked for."""
    return {"familyPrefix": family, "status": status, "maxResults": 100}


def refused(script: Script, name: str = API) -> None:
    """ECS does not describe the task definition."""
    script.refuse("ecs", "describe_task_definition", "ClientException", taskDefinition=name)


def names(*images: str) -> TaskDefinition:
    """What is read of a task definition with these images and no other texts."""
    return TaskDefinition(images, SearchResult(()))


def lists(script: Script, status: str, *pages: list[str]) -> None:
    """The family's revisions in a state are listed."""
    script.pages("ecs", "list_task_definitions", "taskDefinitionArns", *pages, **listing(status))


@pytest.mark.parametrize("name", [API, "api:42", "api"])
def test_the_images_are_those_of_all_containers_as_written(script: Script, name: str) -> None:
    """ARN, family:revision and family go to ECS as they are."""
    defines(script, name, tagged("v1"), "nginx", tagged("v1"))
    assert TaskDefinitions(script.aws).read(name) == names(tagged("v1"), "nginx", tagged("v1"))


def test_a_task_definition_is_read_once(script: Script) -> None:
    """Also when several sources ask for it at the same time; another one is another question."""
    defines(script, API, tagged("v42"))
    script.linger("ecs", "DescribeTaskDefinition", 0.1)
    read = TaskDefinitions(script.aws)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read.read, [API] * 40)) == {names(tagged("v42"))}
    defines(script, definition("api:43"), tagged("v43"))
    assert read.read(definition("api:43")) == names(tagged("v43"))


@pytest.mark.parametrize("name", [API, "api:42"])
def test_the_newest_of_a_family_is_described_once_for_all(script: Script, name: str) -> None:
    """Most services have that one: it is asked for by its family, and nobody asks for its number any more."""
    defines(script, "api", tagged("v42"), arn=API)
    read = TaskDefinitions(script.aws, asks_family_first=True)
    assert read.read(name) == names(tagged("v42")) == read.read("api")


def test_one_that_is_not_the_newest_is_described_beside_it(script: Script) -> None:
    """And so is each one of a family that has no active revision, or of another account or region."""
    defines(script, "api", tagged("v43"), arn=definition("api:43"))
    defines(script, API, tagged("v42"), arn=API)
    refused(script, "web")
    defines(script, definition("web:1"), tagged("v1"))
    there = API.replace("us-east-1", "eu-west-1")
    defines(script, there, tagged("v44"), arn=there)
    read = TaskDefinitions(script.aws, asks_family_first=True)
    found = [read.read(name) for name in (API, "api", definition("web:1"), there)]
    assert found == [names(tagged(tag)) for tag in ("v42", "v43", "v1", "v44")]


def test_one_that_no_listing_has_is_gone(script: Script) -> None:
    """Nothing can be started from it; that is asked once, too."""
    undefined(script, API)
    read = TaskDefinitions(script.aws)
    assert read.read(API) is None
    assert read.read(API) is None


def test_a_family_is_gone_without_an_active_revision(script: Script) -> None:
    """A family alone means its newest active revision: the other states do not count."""
    refused(script, "api")
    lists(script, "ACTIVE", [])
    assert TaskDefinitions(script.aws).read("api") is None


@pytest.mark.parametrize("name", [API, "api:42"])
@pytest.mark.parametrize("status", STATUSES)
def test_one_that_is_listed_but_not_described_is_unknown(script: Script, name: str, status: str) -> None:
    """In whichever state: a service may go on starting tasks from it."""
    refused(script, name)
    for earlier in STATUSES[: STATUSES.index(status)]:
        lists(script, earlier, [])
    lists(script, status, [definition("api:41"), API])
    with pytest.raises(SourceError, match=f"^task definition {name} is listed but cannot be described: .*as scripted"):
        TaskDefinitions(script.aws).read(name)


def test_a_family_that_is_listed_but_not_described_is_unknown(script: Script) -> None:
    """Whatever its active revision is."""
    refused(script, "api")
    lists(script, "ACTIVE", [definition("api:1")])
    with pytest.raises(SourceError, match="task definition api is listed"):
        TaskDefinitions(script.aws).read("api")


def test_its_neighbours_in_the_listings_do_not_count(script: Script) -> None:
    """ECS lists by the beginning of the name: other families come along, and other revisions."""
    refused(script)
    lists(script, "ACTIVE", [definition("api-worker:42"), definition("api:4")])
    lists(script, "INACTIVE", [definition("api:420")])
    lists(script, "DELETE_IN_PROGRESS", [])
    assert TaskDefinitions(script.aws).read(API) is None


def test_the_listings_are_read_page_by_page(script: Script) -> None:
    """One on the second page is listed as well."""
    refused(script)
    lists(script, "ACTIVE", [definition("api:41")], [API])
    with pytest.raises(SourceError, match="is listed"):
        TaskDefinitions(script.aws).read(API)


def test_a_listing_that_never_ends_proves_nothing(script: Script) -> None:
    """The same token again and again."""
    refused(script)
    script.endless("ecs", "list_task_definitions", "taskDefinitionArns", **listing("ACTIVE"))
    with pytest.raises(IncompleteAnswerError, match="ListTaskDefinitions"):
        TaskDefinitions(script.aws).read(API)


def test_a_listing_that_was_cut_short_proves_nothing(script: Script) -> None:
    """A page without its items is not an empty one."""
    refused(script)
    script.cut_short("ecs", "list_task_definitions", {}, **listing("ACTIVE"))
    with pytest.raises(IncompleteAnswerError, match="taskDefinitionArns"):
        TaskDefinitions(script.aws).read(API)


def test_a_denied_listing_proves_nothing(script: Script) -> None:
    """Denied is not gone."""
    refused(script)
    script.refuse("ecs", "list_task_definitions", "AccessDeniedException", **listing("ACTIVE"))
    with pytest.raises(AwsError, match="AccessDenied"):
        TaskDefinitions(script.aws).read(API)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ServerException", "InvalidParameterException"])
def test_any_other_refusal_is_an_error_and_not_remembered(script: Script, code: str) -> None:
    """Only ClientException may mean that there is none; the next source asks again."""
    script.refuse("ecs", "describe_task_definition", code, taskDefinition=API)
    defines(script, API, tagged("v42"))
    read = TaskDefinitions(script.aws)
    with pytest.raises(AwsError, match=code):
        read.read(API)
    assert read.read(API) == names(tagged("v42"))


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ({}, "taskDefinition"),
        ({"taskDefinition": {}}, "containerDefinitions"),
        ({"taskDefinition": {"containerDefinitions": [{"image": "nginx"}, {"name": "api"}]}}, "image"),
    ],
)
def test_an_answer_that_lacks_a_member_is_no_answer(script: Script, answer: dict[str, Any], missing: str) -> None:
    """It does not say that there are no images."""
    script.cut_short("ecs", "describe_task_definition", answer, taskDefinition=API)
    with pytest.raises(
        IncompleteAnswerError, match=f"Incomplete response from DescribeTaskDefinition: field '{missing}' is missing"
    ):
        TaskDefinitions(script.aws).read(API)
