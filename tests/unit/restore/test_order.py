"""Which image a person means, and in which order it comes back with all that belongs to it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.errors import RepositoryError
from ecr_cleaner.journal.reader import JournalRecord, by_digest
from ecr_cleaner.journal.schema import JournalEntry, Page
from ecr_cleaner.restore.order import find, layers, order
from tests.builders import INDEX, NOW, digest, image

PAGE = Page(account="1", region="r", repository="app", run_id="run", written_at=NOW, action="delete", images=[])


def entry(
    name: str, *tags: str, lists: tuple[str, ...] | None = None, subject: str | None = None, manifest: bool = True
) -> JournalEntry:
    """What the journal has of an image; with `lists` it is an index."""
    content = {} if lists is None else {"manifests": [{"digest": digest(one)} for one in lists]}
    return JournalEntry(
        digest=digest(name),
        manifest=json.dumps(content) if manifest else None,
        media_type=None if lists is None else INDEX,
        tags=list(tags),
        subject=digest(subject) if subject else None,
        pushed_at=NOW,
        reason="old_and_unused",
    )


def written(*entries: JournalEntry) -> dict[str, JournalRecord]:
    """The journal, the latest first."""
    return {one.digest: JournalRecord(one, PAGE) for one in entries}


def test_an_image_is_found_by_digest_by_present_tag_and_by_past_tag() -> None:
    """In this order; the last one that had a tag is meant."""
    past = written(entry("newer", "v1", "v2"), entry("older", "v1"))
    present = {digest("there"): image("there", tags=["v2"])}
    assert find(past, present, None, digest("older")) == digest("older")
    assert find(past, present, "v1", digest("there")) == digest("there")
    assert find(past, present, "v2", None) == digest("there")
    assert find(past, present, "v1", None) == digest("newer")


@pytest.mark.parametrize(("tag", "wanted"), [("v9", None), (None, "unknown")])
def test_what_nobody_knows_is_not_found(tag: str | None, wanted: str | None) -> None:
    """By tag or by digest."""
    with pytest.raises(RepositoryError, match="neither the repository nor the journal knows"):
        find(written(entry("a", "v1")), {}, tag, digest(wanted) if wanted else None)


def test_what_is_listed_comes_first_and_what_refers_last() -> None:
    """An index of indexes, signatures by field and by tag, and a signature of a signature."""
    hexadecimal = digest("top").removeprefix("sha256:")
    past = written(
        entry("top", "v1", lists=("inner", "b")),
        entry("inner", lists=("a",)),
        entry("a"),
        entry("b"),
        entry("signed", subject="a"),
        entry("resigned", subject="signed"),
        entry("cosign", f"sha256-{hexadecimal}.sig"),
        entry("else"),
    )
    names = {digest(n): n for n in ("top", "inner", "a", "b", "signed", "resigned", "cosign", "else")}
    assert [names[d] for d in order(past, {}, digest("top"))] == [
        "a", "signed", "resigned", "inner", "b", "top", "cosign",
    ]  # fmt: skip


def test_indexes_may_list_indexes_to_any_depth() -> None:
    """Whoever pushes chooses the depth."""
    depth = 3000
    past = written(*(entry(str(n), lists=(str(n + 1),)) for n in range(depth)), entry(str(depth)))
    assert order(past, {}, digest("0")) == [digest(str(n)) for n in range(depth, -1, -1)]


def test_what_nobody_knows_is_left_out() -> None:
    """What is listed and neither there nor in the journal may lie elsewhere; ECR has the last word."""
    past = written(entry("top", lists=("gone", "there")))
    present = {digest("there"): image("there"), digest("sbom"): image("sbom", subject="top")}
    assert order(past, present, digest("top")) == [digest("there"), digest("top"), digest("sbom")]


@given(st.dictionaries(st.integers(0, 7), st.tuples(st.sets(st.integers(0, 7)), st.none() | st.integers(0, 7))))
def test_every_order_is_sound(graph: dict[int, tuple[set[int], int | None]]) -> None:
    """Each once; what is listed before what lists it, unless they form a ring, which digests cannot."""
    past = written(
        *(
            entry(str(n), lists=tuple(str(child) for child in children if child < n), subject=str(s) if s else None)
            for n, (children, s) in graph.items()
        )
    )
    for start in past:
        found = order(past, {}, start)
        assert len(set(found)) == len(found)
        assert start in found
        for n, (children, _) in graph.items():
            if digest(str(n)) in found:
                listed = [digest(str(c)) for c in children if c < n and c in graph]
                assert all(c in found for c in listed)
                # A referrer that is an ancestor as well is met on the way down.
                if all(graph[c][1] is None for c in graph):
                    assert all(found.index(c) < found.index(digest(str(n))) for c in listed)


def test_layers_are_config_and_layers() -> None:
    """Without doubles; of Docker's first manifests likewise."""
    content = {"config": {"digest": "c"}, "layers": [{"digest": "a"}, {"digest": "b"}, {"digest": "a"}]}
    assert layers(json.dumps(content), "a") == ["c", "a", "b"]
    assert layers(json.dumps({"fsLayers": [{"blobSum": "a"}]}), "a") == ["a"]
    assert layers("{}", "a") == []


@pytest.mark.parametrize("text", ["{", "[]", '{"layers": 1}', '{"config": "x"}', '{"layers": [1]}', "[" * 100_000])
def test_layers_of_what_is_no_manifest_are_not_guessed(text: str) -> None:
    """The image was not pushed by this package."""
    with pytest.raises(RepositoryError, match=r"^the manifest of a is not one of an image$"):
        layers(text, "a")


def test_the_latest_word_counts_with_an_earlier_manifest() -> None:
    """What was deleted from the archive has no manifest of its own; it was written down when it was archived."""
    later = PAGE.model_copy(update={"images": [entry("a", "late", manifest=False), entry("b", manifest=False)]})
    earlier = PAGE.model_copy(update={"images": [entry("a", "early"), entry("c")], "run_id": "earlier"})
    found = by_digest([later, earlier])
    assert list(found) == [digest("a"), digest("b"), digest("c")]
    assert (found[digest("a")].entry.tags, found[digest("a")].entry.manifest) == (["late"], "{}")
    assert found[digest("a")].page.run_id == "run"
    assert found[digest("b")].entry.manifest is None
    assert found[digest("c")].page.run_id == "earlier"
