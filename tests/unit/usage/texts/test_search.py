"""The images that a value names: variables and arguments, bounds, and what never gets into a reference."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.reference import named
from ecr_cleaner.usage.texts import mentions
from ecr_cleaner.usage.texts.mentions import EVERYTHING
from ecr_cleaner.usage.texts.search import MOST_REFERENCES, Grammar, find, search
from ecr_cleaner.usage.texts.values import LONGEST
from tests.builders import ACCOUNT, HOST, REGION, digest

APP: Final = digest("app")
RUN: Final = named("run", host=HOST, account=ACCOUNT, region=REGION, tag="v1")


def variables(value: Any) -> tuple[Reference, ...]:
    """What variables name."""
    return search(value, Grammar.VARIABLES).references


@pytest.mark.parametrize(
    "value",
    [
        {"RUN_IMAGE": f"{HOST}/run:v1"},
        [{"name": "DAGSTER_CURRENT_IMAGE", "value": f"{HOST}/run:v1"}],
        ["--image", f"{HOST}/run:v1"],
        [f"--image={HOST}/run:v1"],
        ["sh", "-c", f"docker run --rm {HOST}/run:v1 && true"],
        {"CONFIG": json.dumps({"steps": [{"image": f"{HOST}/run:v1"}]})},
        {"IMAGES": f"nginx,{HOST}/run:v1,alpine"},
        {"IMAGE": f"docker://{HOST.upper()}/run:v1"},
        {"MOUNT": f"{HOST}/run:v1:ro"},
        f"image: {HOST}/run:v1\n",
        f'{{"x": "{HOST}\\/run:v1"}}',
    ],
)
def test_a_complete_reference_in_a_variable_is_that_image(value: Any) -> None:
    """In a value, a command, an argument, JSON in any of them."""
    assert variables(value) == (RUN,)


def test_a_digest_completes_a_reference() -> None:
    """With or without a tag."""
    assert [one.digest for one in variables([f"{HOST}/run@{APP}", f"{HOST}/run:v1@{APP}"])] == [APP, APP]


@pytest.mark.parametrize(
    "text",
    [
        HOST,
        f"{HOST}/",
        f"{HOST}/run",
        f"{HOST}/run:",
        f"{HOST}/run:$TAG",
        f"{HOST}/run:v1-${{ARCH}}",
        f"{HOST}/run:v1-#{{Build.Id}}",
        f"{HOST}/run:v1-((id))",
        f"{HOST}/run:v1@$DIGEST",
        f"{HOST}/run:{{{{ tag }}}}",
        f"{HOST}/run:v%s",
        f"{HOST}/run:<tag>",
        f"{HOST}/$NAME:v1",
        "nginx:1.27",
        "ghcr.io/acme/dkr-ecr-login:1",
    ],
)
def test_anything_else_in_a_variable_names_nothing(text: str) -> None:
    """A registry or a repository by itself is what something is pushed to as well; so the limits say."""
    for value in ({"X": text}, [text], {"X": text, "OTHER": "v1", "PORT": "80"}):
        assert variables(value) == ()


@pytest.mark.parametrize("account", ["$AWS_ACCOUNT_ID", "${AWS::AccountId}", "{account}", "$(aws)"])
def test_account_and_region_may_be_filled_in(account: str) -> None:
    """It is then the image of whichever registry."""
    assert variables([f"{account}.dkr.ecr.$AWS_REGION.amazonaws.com/run:v1"]) == (named("run", tag="v1"),)


@pytest.mark.parametrize(
    "value",
    [
        {"REPO": f"{HOST}/run", "TAG": "v1"},
        {"IMAGE": f"{HOST}/run", "IMAGE_TAG": "v1"},
        {"RUN_REPOSITORY": f"{HOST}/run", "RUN_TAG": ":v1"},
        {"repository": f"https://{HOST}/run", "imageVersion": "v1"},
        [{"name": "REPO", "value": f"{HOST}/run"}, {"name": "VERSION", "value": "v1"}],
        [{"Name": "A", "Value": f"{HOST}/run"}, {"Name": "tag", "Value": "v1"}],
        [f"REPO={HOST}/run", "TAG=v1"],
        [f"--repo={HOST}/run", "--image-tag", "v1"],
        {"CONFIG": json.dumps({"image": {"repository": f"{HOST}/run", "tag": "v1"}})},
    ],
)
def test_a_tag_beside_a_repository_is_joined(value: Any) -> None:
    """The two halves of a name are often two variables."""
    assert named("run", tag="v1") in variables(value)


def test_tags_of_other_things_are_joined_too() -> None:
    """Which one belongs to which repository nobody knows; a digest may stand there as well."""
    value = {"A": f"{HOST}/a", "B": f"{HOST}/b:v0", "C": f"{HOST}/c", "A_TAG": "v1", "RELEASE": APP, "TAG": "no tag"}
    joined = {(one.repository, one.tag, one.digest) for one in variables(value) if one.account is None}
    assert joined == {("a", "v1", None), ("a", None, APP), ("c", "v1", None), ("c", None, APP)}
    assert variables([{"REPO": f"{HOST}/run"}, {"TAG": "v1"}]) == ()


def test_an_item_that_is_too_long_may_name_everything() -> None:
    """It is said, and never silence."""
    for grammar in Grammar:
        inside, outside = search("x" * LONGEST, grammar), search("x" * (LONGEST + 1), grammar)
        assert (inside.references, inside.problem) == ((), "")
        assert outside.references == (EVERYTHING,)
        assert "1,048,576" in outside.problem
    assert find("x" * (LONGEST + 1)) == (EVERYTHING,)


def test_an_item_that_names_very_many_images_may_name_everything() -> None:
    """They would fill the memory."""
    names = [f"{HOST}/run:v{number}" for number in range(MOST_REFERENCES + 1)]
    for grammar in Grammar:
        assert search("\n".join(names[:-1]), grammar).problem == ""
        found = search("\n".join(names), grammar)
        assert found.references[0] == EVERYTHING
        assert len(found.references) == MOST_REFERENCES + 2
        assert found.problem


def test_a_structure_is_searched_as_a_whole() -> None:
    """What stands beside a text says whether it goes on."""
    assert [one.breadth for one in search({"Fn::Join": ["", [f"{HOST}/run:v1", "-arm64"]]}).references] == [
        ReferenceScope.REPOSITORY
    ]
    assert search({"image": f"{HOST}/run:v1", "other": [b"x", 1]}).references == (RUN,)
    assert search(f"{HOST}/run:v1".encode()).references == (RUN,)


UNITS: Final = ["dkr.ecr", "dkr.ecr/", "dkr.ecr.", "dkr.ecr/a:b')", "9.dkr.ecr.x/a:b ", '"dkr.ecr/a",', "dkr.ecr.{.{"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("grammar", Grammar)
def test_the_work_grows_with_the_text(unit: str, grammar: Grammar, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in the characters that are looked at behind and before hosts: not with the square of the text."""
    looked = 0
    real = mentions.window

    def counted(text: str, start: int, size: int) -> str:
        nonlocal looked
        seen = real(text, start, size)
        looked += len(seen)
        return seen

    monkeypatch.setattr(mentions, "window", counted)

    def work(times: int) -> int:
        nonlocal looked
        looked = 0
        search(unit * times, grammar)
        return looked

    few, many = work(2500), work(7500)
    assert many <= 3.1 * few
    assert many <= 7500 * 2000


SECRET: Final = "S3cr3tS3cr3t"
WRITTEN: Final = st.sampled_from(
    ["", "/app", "/shop/app:v1", f"/app@{APP}", "/app:$TAG", "/app-${X}", "/", "/v2/app/tags/list"]
)
BEFORE: Final = st.sampled_from(
    [f"https://AWS:{SECRET}@", f"TOKEN={SECRET} ", f"'{SECRET}' & '", f"{SECRET}/", f"-p {SECRET} ", ""]
)
BEHIND: Final = st.sampled_from(
    [f"?token={SECRET}", f" --password {SECRET}", f'", "password": "{SECRET}"', f"\\n{SECRET}", f"&x={SECRET}", ""]
)
VERBS: Final = st.sampled_from(["image: ", "docker run ", "docker push ", "REPO=", ""])


@given(WRITTEN, BEFORE, BEHIND, VERBS, st.sampled_from(Grammar))
def test_no_secret_around_a_reference_gets_into_it(
    written: str, before: str, after: str, first: str, grammar: Grammar
) -> None:
    """Neither what stands before the host nor what follows the name."""
    text = f"{first}{before}{HOST}{written}{after}"
    for value in (text, {"X": text, "TAG": "v1"}, [text, "v1"], json.dumps({"X": text})):
        for one in search(value, grammar).references:
            assert SECRET not in repr(one), text
            assert len(one.text) <= 300


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        (f"'{HOST}/app:v1'", f"{HOST}/app:v1"),
        (f"'{HOST.upper()}:443/app:v1@{APP}'", f"{HOST}/app:v1@{APP}"),
        (f"'{HOST}/app'", f"{HOST}/app:*"),
        (f"'{HOST}/app:${{TAG}}'", f"{HOST}/app:*"),
        (f"'{HOST}/app-${{NAME}}:v1'", f"{HOST}/app-*"),
        (f"'{HOST}/${{NAME}}:v1'", f"{HOST}/*"),
        ("'${A}.dkr.ecr.${B}.amazonaws.com/app:v1'", "*/app:v1"),
        ("'{}.dkr.ecr.{}.amazonaws.com/{}:{}'", "*/*"),
    ],
)
def test_the_text_of_a_reference_is_normalised(text: str, normalised: str) -> None:
    """An asterisk stands where it is widened."""
    assert [one.text for one in find(text)] == [normalised]
