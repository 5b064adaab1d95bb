"""A registry's host in a text of unknown grammar: by itself, as a piece, with placeholders."""

from __future__ import annotations

import pytest

from ecr_cleaner.model.usage import ReferenceScope
from ecr_cleaner.usage.texts.search import find
from tests.builders import ACCOUNT, HOST

IMAGE, REPOSITORY, REGISTRY = ReferenceScope.IMAGE, ReferenceScope.REPOSITORY, ReferenceScope.REGISTRY


def seen(text: str) -> list[tuple[ReferenceScope, str | None, str | None, str | None]]:
    """Breadth, repository, tag and digest of what is found."""
    return [(one.breadth, one.repository, one.tag, one.digest) for one in find(text)]


@pytest.mark.parametrize(
    "tail", ["/", "/${NAME}:v1", "/{}", "' & '/app:v1", "/App:v1", "//app", "%2Fapp", "${FOLDER}/app:v1"]
)
def test_a_registry_without_a_name_is_all_of_it(tail: str) -> None:
    """Whatever is put behind it; a placeholder there may hold the beginning of the name."""
    assert seen(f"'{HOST}{tail}'") == [(REGISTRY, "", None, None)]


@pytest.mark.parametrize(
    "text",
    [
        "%s",
        "%s.",
        "'%s'",
        '{"Name": "ECR_REGISTRY", "Value": "%s"}',
        '[{"Value": "%s", "Name": "ECR_REGISTRY"}]',
        '{\\"registry\\": \\"%s\\"}',
        '{"auths": {"%s": {"auth": "x"}}}',
        "docker login --username AWS --password-stdin %s && true",
        "docker login https://%s | cat",
        "registry: %s\nimage: x",
        "(%s)",
    ],
)
@pytest.mark.parametrize("host", [HOST, f"{HOST}:443", "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com"])
def test_a_host_by_itself_names_no_image(text: str, host: str) -> None:
    """As long as nothing is put behind it: it is signed in to, or kept under a name."""
    assert find(text % host) == ()


@pytest.mark.parametrize(
    "text",
    [
        "'%s' & '/app:v1'",
        '"%s" + path',
        '["%s", "/app:v1"]',
        "States.Format('{}/app:v1', '%s')\"",
        "'{}/app:v1'.format('%s')",
        "join('/', list, '%s')\"",
        "%s$SUFFIX",
        "%s/",
        "- %s\n- /app",
        "%s<tag>",
    ],
)
def test_a_host_that_is_put_together_with_something_is_all_of_it(text: str) -> None:
    """Operands, arguments, items of a list."""
    assert seen(text % HOST) == [(REGISTRY, "", None, None)]


@pytest.mark.parametrize(
    "text",
    [
        "'.dkr.ecr.'",
        "$account & '.dkr.ecr.us-east-1.amazonaws.com'",
        "the host has dkr.ecr in it",
        f"'{ACCOUNT}.dkr.ecr.us-east-1.'",
        f"'{ACCOUNT}.dkr.ecr.us-east-1.${{DOMAIN}}'",
    ],
)
def test_a_piece_of_a_host_may_become_any_image(text: str) -> None:
    """The rest of it, and the image, stand elsewhere."""
    assert seen(text) == [(REGISTRY, "", None, None)]


@pytest.mark.parametrize("text", ["States.Format('{}-arm', '%s')\"", "'{}-arm'.format('%s')", "printf('%%s-x', '%s');"])
def test_an_image_that_is_formatted_may_go_on(text: str) -> None:
    """What becomes of it stands in another text."""
    assert seen(text % f"{HOST}/app:v1") == [(REPOSITORY, "app", None, None)]
    assert seen(f"image('{HOST}/app:v1');") == [(IMAGE, "app", "v1", None)]


@pytest.mark.parametrize(
    "host",
    [
        "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com",
        "{account}.dkr.ecr.us-east-1.amazonaws.com",
        f"{ACCOUNT}.dkr.ecr.$REGION.amazonaws.com",
        f"{ACCOUNT}.dkr.ecr.$(REGION).amazonaws.com",
        f"{ACCOUNT}.dkr.ecr.us-east-1.${{DOMAIN}}",
        "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}",
        f"{ACCOUNT}.dkr.ecr.us-east-1.%s",
        f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com:$PORT",
        f"1{HOST}",
        "dkr.ecr.us-east-1.amazonaws.com",
    ],
)
def test_a_registry_that_is_filled_in_is_any(host: str) -> None:
    """Account and region are told apart only where both are written."""
    (found,) = find(f"{host}/app:v1")
    assert (found.account, found.region, found.repository, found.tag) == (None, None, "app", "v1")


def test_ecr_public_and_others_are_none() -> None:
    """They cannot be removed here."""
    assert find("FROM public.ecr.aws/lambda/python:3.13\nRUN docker pull ghcr.io/a/b ecr.io/x:1") == ()
