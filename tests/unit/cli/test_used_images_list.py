"""References as a list of used images for another registry names them."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner import reference as references
from ecr_cleaner.cli.used_images_list import listed, may_mean, registry
from ecr_cleaner.model.usage import Reference, ScanTarget
from tests.builders import digest

THERE = ScanTarget("210987654321", "us-east-1")
HOST = "210987654321.dkr.ecr.us-east-1.amazonaws.com"

NAMES = st.builds(
    lambda host, name, tag, of: f"{host}{name}{tag}{of}",
    st.sampled_from(["", f"{HOST}/", "210987654321.dkr-ecr.us-east-1.on.aws/"]),
    st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8})?", fullmatch=True),
    st.sampled_from(["", ":v1", ":1.2_x"]),
    st.sampled_from(["", f"@{digest('one')}"]),
)


@given(NAMES)
def test_what_reads_the_list_makes_the_same_reference_of_it(name: str) -> None:
    """With host, tag and digest, as far as there are any; so the image is protected as it would be here."""
    found = references.listed(name)
    assert found is not None
    assert references.listed(listed(found)) == found


def test_whole_repositories_and_digests_alone_are_listed() -> None:
    """As the list of a person may name them."""
    for name in ("app:*", f"{HOST}/app:*", digest("one")):
        found = references.listed(name)
        assert found is not None
        assert (listed(found), references.listed(listed(found))) == (name, found)


def test_a_name_that_a_runtime_resolved_is_listed_with_its_digest() -> None:
    """Its text is the name that it had."""
    found = Reference(f"{HOST}/app:v1", "210987654321", "us-east-1", "app", "v1", digest("one"))
    assert listed(found) == f"{HOST}/app:v1@{digest('one')}"


def test_only_that_registry_counts_and_what_names_none() -> None:
    """An image of the registry in another region is another image."""
    for name, counts in (
        (f"{HOST}/app:v1", True),
        (f"{HOST.replace('us-east-1', 'eu-west-1')}/app:v1", False),
        (f"{HOST.replace('2109', '1109')}/app:v1", False),
        ("app:v1", True),
        (digest("one"), True),
    ):
        found = references.listed(name)
        assert found is not None
        assert may_mean(found, THERE) is counts, name
    assert not may_mean(Reference("None:None"), THERE)


@pytest.mark.parametrize(
    "text", ["", "210987654321", "us-east-1/210987654321", "210987654321/us", "21098765432/us-east-1"]
)
def test_what_is_no_registry_is_wrong_usage(text: str) -> None:
    """With an example."""
    with pytest.raises(click.BadParameter, match="such as 123456789012/eu-west-1"):
        registry(click.Context(click.Command("any")), click.Option(["--for-registry"]), text)


@pytest.mark.parametrize(
    "text", ["210987654321/us-east-1", "210987654321/us-gov-west-1", "210987654321/eusc-de-east-1"]
)
def test_a_registry_is_an_account_and_a_region(text: str) -> None:
    """In every partition."""
    found = registry(click.Context(click.Command("any")), click.Option(["--for-registry"]), text)
    assert str(found) == text
