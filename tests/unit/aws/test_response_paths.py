"""Paths through answers: which values lie at their end, and whether a service model knows them."""

from __future__ import annotations

from typing import Any, Final

import botocore.session
import pytest

from ecr_cleaner.aws.response_paths import shape_at, values

ANSWER: Final = {
    "name": "train",
    "empty": "",
    "nothing": None,
    "one": {"image": "a", "more": {"image": "b"}},
    "many": [{"image": "c"}, {}, {"image": None}, {"image": "d"}],
    "named": {"x": {"image": "e"}, "y": {"image": "f"}},
    "texts": ["g", "h"],
    "tables": [[1, 2], [3]],
    "groups": {"x": [{"image": "i"}], "y": []},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", [ANSWER]),
        ("name", ["train"]),
        ("empty", [""]),
        ("one.image", ["a"]),
        ("one.more.image", ["b"]),
        ("many[].image", ["c", "d"]),
        ("named{}.image", ["e", "f"]),
        ("texts[]", ["g", "h"]),
        ("texts", [["g", "h"]]),
        ("tables[][]", [1, 2, 3]),
        ("groups{}[].image", ["i"]),
    ],
)
def test_everything_at_the_end_of_a_path_is_found(path: str, expected: list[object]) -> None:
    """Through structures, lists and maps, in their order."""
    assert list(values(ANSWER, path)) == expected


@pytest.mark.parametrize(
    "path", ["missing", "nothing", "missing.image", "nothing[]", "one.missing.image", "missing{}.x"]
)
def test_what_is_absent_has_no_values(path: str) -> None:
    """AWS leaves out what does not apply; a null says the same."""
    assert list(values(ANSWER, path)) == []


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("name.image", "str"),
        ("name[]", "str"),
        ("one[]", "dict"),
        ("many{}", "list"),
        ("many.image", "list"),
        ("texts[].image", "str"),
        ("tables[].image", "list"),
    ],
)
def test_what_is_not_as_the_path_says_is_an_error(path: str, found: str) -> None:
    """Else an answer of another shape would look like one without images."""
    with pytest.raises(TypeError, match=f"lies {found}, not"):
        list(values(ANSWER, path))


@pytest.mark.parametrize("path", [".", "a.", ".a", "a..b", "a[", "a[]b", "[]", "a[0]", "a{x}", "a b", "a-b"])
def test_a_path_that_cannot_be_read_is_an_error(path: str) -> None:
    """It was written by us."""
    with pytest.raises(ValueError, match="is no step of a path"):
        list(values({}, path))


@pytest.fixture(scope="module")
def lightsail() -> Any:
    """A service model with structures, lists and maps in one answer."""
    return botocore.session.get_session().get_service_model("lightsail")


def output(model: Any, operation: str = "GetContainerServices") -> Any:
    """What an operation answers."""
    return model.operation_model(operation).output_shape


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("", ()),
        ("", ("structure",)),
        ("containerServices", ("list",)),
        ("containerServices[]", ("structure",)),
        ("containerServices[].containerServiceName", ("string",)),
        ("containerServices[].currentDeployment.containers{}.image", ("string", "list")),
        ("containerServices[].currentDeployment.containers{}.command[]", ()),
    ],
)
def test_a_model_knows_what_it_has(lightsail: Any, path: str, kinds: tuple[str, ...]) -> None:
    """Down to the type at the end."""
    end = shape_at(output(lightsail), path)
    assert end is not None
    assert not kinds or end.type_name in kinds


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("", ("list",)),
        ("services", ()),
        ("containerServices", ("string",)),
        ("containerServices.containerServiceName", ()),
        ("containerServices{}", ()),
        ("containerServices[][]", ()),
        ("containerServices[].currentDeployment.containers[].image", ()),
        ("containerServices[].currentDeployment.containers{}.image", ("list",)),
        ("containerServices[].currentDeployment.containers{}.image.uri", ()),
    ],
)
def test_a_model_does_not_know_what_it_has_not(lightsail: Any, path: str, kinds: tuple[str, ...]) -> None:
    """A name, a list in place of a map, a type."""
    end = shape_at(output(lightsail), path)
    assert end.type_name not in kinds if kinds else end is None


def test_an_operation_without_an_answer_knows_nothing() -> None:
    """There is no shape for it."""
    assert shape_at(None, "") is None
    assert shape_at(None, "name") is None
