"""What ``ecr:BatchDeleteImage`` does where AWS's documentation is silent (the function is safe either way)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.live_aws.pushing import Pusher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live_aws.account import Account


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of the table.

    Attributes:
        question: What was asked.
        answer: What AWS did.
    """

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """One repository, filled anew for each question."""

    ecr: Any
    repository: str

    def delete(self, *ids: dict[str, str]) -> list[str]:
        """Removes; returns the codes of what failed."""
        answer = self.ecr.batch_delete_image(repositoryName=self.repository, imageIds=list(ids))
        return sorted(failure["failureCode"] for failure in answer["failures"])

    def tags(self) -> dict[str, set[str]]:
        """What is there: digest to tags."""
        pages = self.ecr.get_paginator("describe_images").paginate(repositoryName=self.repository)
        return {
            image["imageDigest"]: set(image.get("imageTags", ())) for page in pages for image in page["imageDetails"]
        }


def ask(account: Account) -> Iterator[Answer]:
    """Every question about removal, one after the other."""
    ecr = account.client("ecr")
    questions: dict[str, Callable[[Shelf], str]] = {
        "An index and its manifests in one call, index first": lambda shelf: _family(shelf, index_first=True),
        "An index and its manifests in one call, manifests first": lambda shelf: _family(shelf, index_first=False),
        "An index, then its manifests in a second call": _family_in_two_calls,
        "One (digest, tag) pair of an image with two tags": _one_pair_of_two,
        "Both (digest, tag) pairs of an image in one call": _both_pairs,
        "The only (digest, tag) pair of an image": _only_pair,
        "A (digest, tag) pair whose tag has moved": _moved_tag,
        "The only pair of a tagged image that an index lists": _tagged_child,
    }
    for number, (question, answer) in enumerate(questions.items()):
        shelf = Shelf(ecr, account.repository(f"removal-{number}"))
        yield Answer(question, answer(shelf))


def _family(shelf: Shelf, *, index_first: bool) -> str:
    pusher = Pusher(shelf.ecr, shelf.repository)
    children = [pusher.image("amd"), pusher.image("arm", architecture="arm64")]
    index = pusher.index(children, "v1")
    ids = [{"imageDigest": child.digest} for child in children]
    pair = {"imageDigest": index.digest, "imageTag": "v1"}
    codes = shelf.delete(*([pair, *ids] if index_first else [*ids, pair]))
    left = shelf.tags()
    gone = f"index {'stays' if index.digest in left else 'goes'}"
    return f"{gone}, {sum(child.digest in left for child in children)} of 2 manifests stay{_told(codes)}"


def _family_in_two_calls(shelf: Shelf) -> str:
    pusher = Pusher(shelf.ecr, shelf.repository)
    children = [pusher.image("amd"), pusher.image("arm", architecture="arm64")]
    index = pusher.index(children, "v1")
    codes = shelf.delete({"imageDigest": index.digest, "imageTag": "v1"})
    codes += shelf.delete(*({"imageDigest": child.digest} for child in children))
    return f"{len(shelf.tags())} of 3 stay{_told(codes)}"


def _one_pair_of_two(shelf: Shelf) -> str:
    image = Pusher(shelf.ecr, shelf.repository).image("two tags", "v1", "v2")
    codes = shelf.delete({"imageDigest": image.digest, "imageTag": "v1"})
    return _state(shelf, image.digest, codes)


def _both_pairs(shelf: Shelf) -> str:
    image = Pusher(shelf.ecr, shelf.repository).image("two tags", "v1", "v2")
    codes = shelf.delete(*({"imageDigest": image.digest, "imageTag": tag} for tag in ("v1", "v2")))
    return _state(shelf, image.digest, codes)


def _only_pair(shelf: Shelf) -> str:
    image = Pusher(shelf.ecr, shelf.repository).image("one tag", "v1")
    codes = shelf.delete({"imageDigest": image.digest, "imageTag": "v1"})
    return _state(shelf, image.digest, codes)


def _moved_tag(shelf: Shelf) -> str:
    pusher = Pusher(shelf.ecr, shelf.repository)
    old = pusher.image("old", "v1")
    new = pusher.image("new", "v1")
    codes = shelf.delete({"imageDigest": old.digest, "imageTag": "v1"})
    return f"old: {_state(shelf, old.digest, codes)}; new: {_state(shelf, new.digest, [])}"


def _tagged_child(shelf: Shelf) -> str:
    pusher = Pusher(shelf.ecr, shelf.repository)
    child = pusher.image("child", "v1-amd64")
    pusher.index([child], "v1")
    codes = shelf.delete({"imageDigest": child.digest, "imageTag": "v1-amd64"})
    return _state(shelf, child.digest, codes)


def _state(shelf: Shelf, digest: str, codes: list[str]) -> str:
    left = shelf.tags()
    if digest not in left:
        return f"the image goes{_told(codes)}"
    tags = ", ".join(sorted(left[digest])) or "no tag"
    return f"the image stays with {tags}{_told(codes)}"


def _told(codes: list[str]) -> str:
    return f" ({', '.join(codes)})" if codes else " (no failure reported)"
