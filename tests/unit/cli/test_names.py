"""Image names on the command line."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import pytest
from botocore.exceptions import ClientError

from ecr_cleaner.cli import names
from ecr_cleaner.cli.names import ImageName, Wanted, parse_argument, wanted
from ecr_cleaner.errors import NoSuchImageError
from tests.builders import ACCOUNT, HOST, REGION, digest, image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model.image import Image

ONE = "sha256:76e62fb80fd4" + "0" * 52
OTHER = "sha256:76e62fb80fd4" + "1" * 52
THIRD = digest("third")
HELD: dict[str, list[str]] = {"app": [ONE, THIRD], "copy": [OTHER], "76e62fb": []}


def parsed(text: str) -> ImageName:
    """A name as the argument of a command."""
    return parse_argument(click.Context(click.Command("any")), click.Argument(["image"]), text)


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A registry with three repositories, of which one cannot be read."""

    def listed(_: object, name: str) -> Iterator[Image]:
        if name == "76e62fb":
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeImages")
        return (replace(image(repository=name), digest=one) for one in HELD[name])

    monkeypatch.setattr(names, "repository_names", lambda _: iter((name, "") for name in HELD))
    monkeypatch.setattr(names.images, "images", listed)
    return SimpleNamespace(clients=SimpleNamespace(region=REGION), check=lambda: ACCOUNT)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("app:v1", Wanted("app", "v1")),
        ("app", Wanted("app")),
        (f"{HOST}/app:v1", Wanted("app", "v1")),
        ("app@sha256:76e6", Wanted("app", None, "sha256:76e6")),
        ("app@76e62fb80fd4", Wanted("app", None, "sha256:76e62fb80fd4")),
        (f"app:v1@{ONE}", Wanted("app", "v1", ONE)),
        (THIRD, Wanted("app", None, THIRD)),
        (THIRD[:19], Wanted("app", None, THIRD)),
        (THIRD[7:19], Wanted("app", None, THIRD)),
        ("76e62fb", Wanted("76e62fb")),
        ("sha256:76e62fb80fd40", Wanted("app", None, ONE)),
    ],
)
def test_a_name_is_found_however_it_is_written(connection: Any, text: str, meant: Wanted) -> None:
    """A digest without a repository is looked for in all of them; a repository of that name comes first."""
    assert wanted(parsed(text), connection) == meant


def test_the_beginning_of_several_digests_is_refused_with_all_of_them(connection: Any) -> None:
    """In several repositories or in one, there now or known from before."""
    with pytest.raises(click.UsageError, match=f"sha256:76e62fb80fd4 is the beginning of several: app@{ONE}, copy@"):
        wanted(parsed("sha256:76e62fb80fd4"), connection)
    with pytest.raises(click.UsageError, match=f"app@{THIRD}, old@{THIRD}$"):
        wanted(parsed(THIRD[:19]), connection, {"old": {THIRD}})
    with pytest.raises(click.UsageError, match=f"app@{ONE}, app@{OTHER}$"):
        Wanted("app", None, "sha256:76e6").whole([THIRD, OTHER, ONE, ONE])


def test_only_a_fitting_digest_is_completed() -> None:
    """One that nothing begins with stays as it is, and so does a tag."""
    assert Wanted("app", None, "sha256:76e6").whole([ONE, THIRD]) == Wanted("app", None, ONE)
    assert Wanted("app", None, "sha256:0000").whole([ONE]) == Wanted("app", None, "sha256:0000")
    assert Wanted("app", "v1").whole([ONE]) == Wanted("app", "v1")


def test_what_is_nowhere_says_where_was_looked(connection: Any) -> None:
    """And where that was not possible."""
    with pytest.raises(NoSuchImageError, match=r"in the 3 repositories .*; not looked at, .*: 76e62fb: "):
        wanted(parsed("sha256:dead"), connection)


def test_the_registry_of_a_host_has_to_be_this_one(connection: Any) -> None:
    """The image of the same name here is another image."""
    with pytest.raises(click.UsageError, match=f"region eu-west-1, but this is account {ACCOUNT}, region {REGION}"):
        wanted(parsed(f"{HOST.replace(REGION, 'eu-west-1')}/app:v1"), connection)
