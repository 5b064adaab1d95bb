"""The past of a repository as if some consumers had never been seen."""

from __future__ import annotations

from ecr_cleaner.history import model, uses
from tests.builders import NOW, digest, image, usage


def test_only_what_nobody_else_used_was_not_in_use() -> None:
    """By the names that are stored, which can be printed."""
    images = [image(name) for name in ("mine", "shared", "others", "unused")]
    mine, others = usage(consumer="train\n"), usage(consumer="ecs service prod/api")
    used = {digest("mine"): [mine], digest("shared"): [mine, others], digest("others"): [others]}
    known = model.observe("app", images, used, NOW, complete=True)
    left = uses.without(known, {"train\n"})
    assert {key for key, entry in left.images.items() if entry.last_in_use} == {digest("shared"), digest("others")}
    assert {key for key, entry in uses.without(known, ()).images.items() if entry.last_in_use} == set(used)
