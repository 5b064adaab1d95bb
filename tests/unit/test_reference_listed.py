"""What people list as being in use, taken apart."""

from __future__ import annotations

from typing import Final

import pytest

from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.reference import listed
from tests.builders import ACCOUNT, HOST, REGION, digest

APP: Final = digest("app")


@pytest.mark.parametrize(
    "reference",
    [
        Reference(f"{HOST}/shop/api:v1", ACCOUNT, REGION, "shop/api", "v1"),
        Reference(f"{HOST}/api", ACCOUNT, REGION, "api"),
        Reference(f"{HOST}/api:v1@{APP}", ACCOUNT, REGION, "api", "v1", APP),
        Reference(f"{HOST}/api:*", ACCOUNT, REGION, "api", breadth=ReferenceScope.REPOSITORY),
        Reference("api", repository="api"),
        Reference("shop/api:V1.0_x-y", repository="shop/api", tag="V1.0_x-y"),
        Reference(f"api@{APP}", repository="api", digest=APP),
        Reference(f"api:v1@{APP}", repository="api", tag="v1", digest=APP),
        Reference("shop/api:*", repository="shop/api", breadth=ReferenceScope.REPOSITORY),
        # May be the name of a repository, as pull-through caches have it.
        Reference("ghcr.io/shop/api:v1", repository="ghcr.io/shop/api", tag="v1"),
        Reference(APP, digest=APP),
        Reference(f"localhost:5000/api:v1@{APP}", digest=APP),
    ],
    ids=lambda reference: reference.text,
)
def test_every_form_is_read(reference: Reference) -> None:
    """With or without a host; an asterisk for a tag is a whole repository."""
    assert listed(reference.text) == reference


@pytest.mark.parametrize("text", ["localhost:5000/api:v1", "Registry.example/api", f"a.b:1/api@sha512:{'0' * 128}"])
def test_other_registries_protect_nothing(text: str) -> None:
    """Unless a digest says what the image is."""
    assert listed(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        ":*",
        "api:",
        "api:v1:*",
        "api:**",
        f"api@{APP}:*",
        "api@sha256:12",
        "Api",
        "api v1",
        "api:v1\n",
        "docker://api:v1 ",
        "localhost:5000/api:*",
        f"{HOST}",
        f"{HOST}:*",
        f"{HOST}/Api",
        f"{HOST}/api:v1:*",
        "1234.dkr.ecr.us-east-1.amazonaws.com/api",
        f"docker-pullable://{HOST}/api",
        f"localhost:7439/{HOST}/api",
        "a" * 1025,
        "a" + ".a" * 2_400_000,
    ],
    ids=lambda text: text[:80],
)
def test_what_is_no_reference_is_an_error(text: str) -> None:
    """Nobody knows what it would protect."""
    with pytest.raises(UnreadableReferenceError):
        listed(text)
