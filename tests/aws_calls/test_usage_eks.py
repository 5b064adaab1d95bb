"""How Kubernetes is dealt with: that there are clusters is all that can be seen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.errors import IncompleteAnswerError, UnscannedConsumersError
from ecr_cleaner.usage.sources import eks
from tests.aws_calls.consumers import account

if TYPE_CHECKING:
    from ecr_cleaner.model.usage import Usage
    from tests.aws_calls.script import Script

LISTING: Final = {"maxResults": 100, "include": ["all"]}


def used(script: Script) -> list[Usage]:
    """What Kubernetes uses, as far as is known."""
    return list(eks.collect(account(script)))


@pytest.mark.parametrize("pages", [[[]], [[], []]])
def test_without_clusters_nothing_is_used(script: Script, pages: list[list[str]]) -> None:
    """An empty page that another one follows is not the end."""
    script.pages("eks", "list_clusters", "clusters", *pages, **LISTING)
    assert used(script) == []


@pytest.mark.parametrize(
    ("pages", "names"),
    [
        ([["shop"]], "shop"),
        ([[], ["shop"]], "shop"),
        ([["web", "batch"], ["shop"]], "batch, shop, web"),
    ],
)
def test_clusters_are_an_error_that_names_them_all(script: Script, pages: list[list[str]], names: str) -> None:
    """Of every page, sorted: somebody has to say that they are known."""
    for _ in range(2):
        script.pages("eks", "list_clusters", "clusters", *pages, **LISTING)
    keys = ", ".join(f"used_images_uri + eks/us-east-1/{name}.json" for name in names.split(", "))
    message = (
        f"EKS clusters cannot be scanned, and their pods may use any image: {names}; "
        f"a fresh inventory of each lets the run go on: {keys}"
    )
    with pytest.raises(UnscannedConsumersError, match=f"^{re.escape(message)}$"):
        used(script)


def test_a_cluster_that_is_deleted_meanwhile_is_no_error(script: Script) -> None:
    """Its inventory may have been deleted first; the others are still named."""
    for left in ([], ["batch"]):
        script.pages("eks", "list_clusters", "clusters", ["shop", "batch"], **LISTING)
        script.pages("eks", "list_clusters", "clusters", left, **LISTING)
        if not left:
            assert used(script) == []
    with pytest.raises(UnscannedConsumersError, match=": batch; a fresh inventory"):
        used(script)


def test_a_listing_with_nothing_for_its_items_is_no_answer(script: Script) -> None:
    """It does not say that there are no clusters."""
    script.cut_short("eks", "list_clusters", {"clusters": None}, **LISTING)
    with pytest.raises(
        IncompleteAnswerError, match="Incomplete response from ListClusters: field 'clusters' is missing"
    ):
        used(script)
