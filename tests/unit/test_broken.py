"""Who names what lies in the archive."""

from __future__ import annotations

from dataclasses import replace

from ecr_cleaner.broken import MOST, archived_in_use
from ecr_cleaner.model import Breadth, Reference, Usage
from tests.builders import ACCOUNT, REGION, digest, image, usage


def told(*images: object, usages: tuple[Usage, ...]) -> tuple[str, ...]:
    """The sentences."""
    return archived_in_use("app", images, usages, "cleaner", REGION)  # type: ignore[arg-type]


def test_consumer_image_and_command_are_named() -> None:
    """One sentence for an image, whoever else uses it."""
    old = image("old", tags=["v1"], active=False)
    others = (usage(tag="v1", consumer="b"), usage(of="old", consumer="a"), usage(tag="v2"))
    assert told(old, image("there", tags=["v2"]), usages=others) == (
        (
            "app:v1 is archived, so nothing can pull it, and a and 1 more names it: "
            f"ecr-cleaner restore --region us-east-1 --function cleaner app@{digest('old')}"
        ),
    )


def test_what_is_there_comes_back_or_is_covered_without_a_name_is_quiet() -> None:
    """Only what somebody means and cannot have rings."""
    wide = Usage(Reference("app:*", ACCOUNT, REGION, "app", breadth=Breadth.REPOSITORY), "extra", "extra_references")
    back = replace(image("back", tags=["v1"], active=False), activating=True)
    assert told(back, image("there", tags=["v2"]), usages=(usage(tag="v1"), usage(tag="v2"))) == ()
    assert told(image("old", active=False), usages=(wide,)) == ()


def test_many_are_counted() -> None:
    """A cause is no list of thousands."""
    images = [image(f"i{n}", tags=[f"v{n}"], active=False) for n in range(MOST + 2)]
    found = told(*images, usages=tuple(usage(tag=f"v{n}") for n in range(MOST + 2)))
    assert len(found) == MOST + 1
    assert found[-1] == "and 2 more archived images are in use"
