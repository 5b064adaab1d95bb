"""What of an image shows that it was pulled."""

from __future__ import annotations

from ecr_cleaner.removal.drift import parts
from tests.builders import image


def test_every_index_that_an_image_lists_is_followed() -> None:
    """A runtime may have pulled a manifest of either one; what refers to a manifest says nothing of the index."""
    outer, one, two = (image(name, kind="index") for name in ("outer", "one", "two"))
    leaf, other, signature = image("leaf"), image("other"), image("signature")
    dependents = {outer.digest: [one, two], one.digest: [leaf], two.digest: [other], leaf.digest: [signature]}
    found = parts(outer, dependents)
    assert found[0] == outer
    assert {part.digest for part in found[1:]} == {part.digest for part in (one, two, leaf, other)}
    assert parts(leaf, dependents) == [leaf, signature]
