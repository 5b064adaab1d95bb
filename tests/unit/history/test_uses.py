"""The past of a repository as if some consumers had never been seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ecr_cleaner import reference
from ecr_cleaner.history import model, unneeded, uses
from ecr_cleaner.model.usage import ReferenceScope
from tests.builders import ACCOUNT, NOW, REGION, digest, image, usage


def test_only_what_nobody_else_used_was_not_in_use() -> None:
    """By the names that are stored, which can be printed."""
    images = [image(name) for name in ("mine", "shared", "others", "unused")]
    mine, others = usage(consumer="train\n"), usage(consumer="ecs service prod/api")
    used = {digest("mine"): [mine], digest("shared"): [mine, others], digest("others"): [others]}
    known = model.observe("app", images, used, NOW, complete=True)
    left = uses.without(known, {"train\n"})
    assert {key for key, entry in left.images.items() if entry.last_in_use} == {digest("shared"), digest("others")}
    assert {key for key, entry in uses.without(known, ()).images.items() if entry.last_in_use} == set(used)


def test_a_use_is_noted_by_what_is_known_of_the_images() -> None:
    """By digest, tag, or the whole repository; older ones change nothing, and nobody was asked for the others."""
    later = NOW + timedelta(days=1)
    images = [image(name, tags=[name]) for name in ("tag", "digest", "unused")]
    known = unneeded.judged(
        model.observe("app", images, {}, NOW, complete=True), [digest(one.tags[0]) for one in images], NOW
    )
    by = [usage(tag="tag"), usage(of="digest", repository=None), usage(tag="unused", repository="other")]
    found = uses.noted(known, by, later)
    used = {digest("tag"), digest("digest")}
    assert {one for one, entry in found.images.items() if entry.last_in_use == later and entry.by} == used
    assert unneeded.since(found) == {digest("unused"): NOW}
    assert found.images[digest("unused")] == known.images[digest("unused")]
    assert uses.noted(found, by, NOW) == found
    whole = reference.named("app", account=ACCOUNT, region=REGION, breadth=ReferenceScope.REPOSITORY)
    assert unneeded.since(uses.noted(known, [replace(by[0], reference=whole)], later)) == {}
