"""What is in image fields and in lists: read, not ours, impossible, or odd; and never an error."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.reference import anywhere, named, parse
from ecr_cleaner.usage.image_names import read_listed, read_name
from tests.builders import ACCOUNT, HOST, REGION, digest

APP: Final = digest("app")
OTHER: Final = digest("other")
FOREIGN: Final = "999999999999.dkr.ecr.us-east-1.amazonaws.com"


def here(
    repository: str,
    tag: str | None = None,
    of: str | None = None,
    breadth: ReferenceScope = ReferenceScope.IMAGE,
) -> Reference:
    """A reference to the registry of the tests."""
    return named(repository, host=HOST, account=ACCOUNT, region=REGION, tag=tag, digest=of, breadth=breadth)


@pytest.mark.parametrize(
    "before",
    [
        "",
        "localhost:7439/",
        "registry.corp:5000/proxy/",
        "proxy.corp.example/",
        "docker://",
        "https://",
        "docker-pullable://",
        "oci://",
        "docker:",
        "AWS:secret@",
        "https://AWS:secret@",
        "[::1]:5000/",
        " ",
    ],
)
@pytest.mark.parametrize("host", [HOST, HOST.upper(), f"{HOST}:443", f"{HOST}."])
def test_a_name_that_can_be_read_counts_behind_anything(before: str, host: str) -> None:
    """A caching proxy, a scheme, a user: what stands behind it is the image."""
    assert read_name(f"{before}{host}/shop/api:live").references == (here("shop/api", "live"),)
    reading = read_name(f"{before}{host}/shop/api@{APP}")
    assert (reading.references, reading.problem) == ((here("shop/api", of=APP),), "")


@pytest.mark.parametrize(
    "text",
    [
        "nginx",
        "nginx:1.27",
        f"library/nginx@{'sha512:' + '0' * 128}",
        "ghcr.io/acme/dkr-ecr-login:1",
        "ghcr.io/acme/dkr-ecr/login:1",
        "public.ecr.aws/lambda/python:3.13",
        "localhost:5000/app",
        "Registry.example/app:V1",
        "[2001:db8::1]:5000/app",
        "aws/codebuild/amazonlinux-x86_64-standard:5.0",
        "a.b-c__d/e--f:v1",
    ],
)
def test_images_of_other_registries_need_nothing(text: str) -> None:
    """And nobody has to be told."""
    reading = read_name(text)
    assert (reading.references, reading.problem) == ((), "")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("None:None", "a repository's name is in lower case"),
        ("${PHP_FPM_IMAGE}", "a placeholder in it is not filled in"),
        ("{{ image }}:v1", "it has a blank in it"),
        ("%s/app:v1", "a placeholder in it is not filled in"),
        (f"${{ACCOUNT}}.{HOST[13:]}/app:v1", "a placeholder in it is not filled in"),
        (f"<aws_account_id>.{HOST[13:]}/my-repo:tag", "a placeholder in it is not filled in"),
        ("https://harbor.example/release/name:1.1.0", "a scheme stands before it"),
        (f"{HOST}/app:", "its tag is empty"),
        (f"{HOST}/app:@{APP[:20]}", "its tag is empty"),
        (f"{HOST}/App:v1", "a repository's name is in lower case"),
        (f"{HOST}/shop/App:v1", "a repository's name is in lower case"),
        (f"{FOREIGN}/Foreign/App:v1", "a repository's name is in lower case"),
        (f"{FOREIGN}/app:", "its tag is empty"),
        (f"localhost:7439/{HOST}/App", "a repository's name is in lower case"),
        (f"{HOST}//app:v1", "a part of it is empty"),
        (f"{HOST}/app/:v1", "a part of it is empty"),
        (f"{HOST}/:v1", "a part of it is empty"),
        (f"{HOST}/app:v 1", "it has a blank in it"),
        (f"{HOST}/app@sha256:abc", "a digest is sha256:<64 hex digits>"),
        (f"{HOST}/app@{APP}0", "a digest is sha256:<64 hex digits>"),
        (f"{HOST}/app:{'v' * 129}", "it is not [host/]repository[:tag][@sha256:<64 hex digits>]"),
        (f"{HOST}/{'a' * 257}:v1", "it is not [host/]repository[:tag][@sha256:<64 hex digits>]"),
        (f"{HOST}:/app:v1", "it is not [host/]repository[:tag][@sha256:<64 hex digits>]"),
        (HOST, "it names a registry, and no image in it"),
        (f"{HOST}/", "it names a registry, and no image in it"),
        (f"{HOST}:v1", "it names a registry, and no image in it"),
        ("a" * 1025, "it has at most 1024 characters"),
    ],
    ids=lambda text: text[:60],
)
def test_a_name_that_no_runtime_can_pull_needs_nothing(text: str, rule: str) -> None:
    """And is told, with the rule that it breaks."""
    for reading in (read_name(text), read_listed(text)):
        assert (reading.references, reading.problem) == ((), f"no runtime can pull it: {rule}")


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        (f"xxxxxxxxxxxx.{HOST[13:]}/app:v1", "app"),
        (f"12345.{HOST[13:]}/shop/app:v1", "shop/app"),
        (f"1{HOST}/app@{APP[:-1]}0", "app"),
        (f"{ACCOUNT}.dkr-ecr/app", "app"),
        (f"{ACCOUNT}.ecr.us-east-1.amazonaws.com/app:v1", "app"),
        (f"proxy-{HOST}/app:v1", "app"),
        ("registry.example/x/dkr.ecr.us-east-1.amazonaws.com/shop/app:v1", "shop/app"),
    ],
)
def test_a_host_that_may_be_ours_and_cannot_be_read_is_the_repository(text: str, repository: str) -> None:
    """In whichever registry."""
    reading = read_name(text)
    assert reading.references[0] == named(repository, breadth=ReferenceScope.REPOSITORY)
    assert "all of that repository counts" in reading.problem


def test_a_digest_of_another_algorithm_is_the_repository() -> None:
    """A runtime may ask for it; nobody knows which image that is."""
    reading = read_name(f"{HOST}/app:v1@sha512:{'0' * 128}")
    assert reading.references == (here("app", breadth=ReferenceScope.REPOSITORY),)
    assert "all of its repository counts" in reading.problem
    foreign = read_name(f"{FOREIGN}/app@sha512:{'0' * 128}")
    assert {one.account for one in foreign.references} == {FOREIGN[:12]}


@pytest.mark.parametrize("written", [f"@{APP.upper()}", f"@sha256:{APP[7:].upper()}", f":v1@sha256:{APP[7:].upper()}"])
def test_a_digest_in_capitals_is_the_same_content(written: str) -> None:
    """Some services write digests so."""
    reading = read_name(f"{HOST}/app{written}")
    assert [one.digest for one in reading.references] == [APP]
    assert reading.problem


@pytest.mark.parametrize("resolved", [APP, APP.upper(), f"sha256:{APP[7:].upper()}"])
def test_what_the_runtime_resolved_counts_beside_the_name(resolved: str) -> None:
    """In the repository that is named; anywhere, if none can be read: the image was there."""
    tagged, other = here("app", "v1"), here("app", of=OTHER)
    assert read_name(f"{HOST}/app:v1", resolved).references == (tagged, replace(tagged, tag=None, digest=APP))
    assert read_name(f"{HOST}/app@{APP}", resolved).references == (here("app", of=APP),)
    assert read_name(f"{HOST}/app@{OTHER}", resolved).references == (other, replace(other, digest=APP))
    proxied = read_name(f"localhost:1/{HOST}/app:v1", resolved)
    assert proxied == read_name(f"{HOST}/app:v1", resolved)
    for text in ("nginx", "harbor.example/app:v1", f"{HOST}/App:v1", f"{HOST}/app:", "None:None", "", "x" * 2000):
        assert read_name(text, resolved).references == (anywhere(APP),), text
    odd = read_name(f"xxxxxxxxxxxx.{HOST[13:]}/app:v1", resolved)
    assert odd.references == (named("app", breadth=ReferenceScope.REPOSITORY), anywhere(APP))


def test_a_resolved_digest_that_cannot_be_read_is_the_repository() -> None:
    """Under a name that is ours; under another one it says nothing."""
    reading = read_name(f"{HOST}/app:v1", "sha512:abc")
    assert reading.references == (here("app", breadth=ReferenceScope.REPOSITORY),)
    assert "digest" in reading.problem
    assert read_name("nginx", "sha512:abc").references == ()


def test_a_written_digest_counts_under_any_name() -> None:
    """Also in a name that no runtime can pull."""
    for text in (f"harbor.example/app@{APP}", f"nginx@{APP.upper()}", f"${{HOST}}/app@{APP}", f"{HOST}/App@{APP}"):
        assert read_name(text).references == (anywhere(APP),), text


def test_a_name_in_which_two_registries_are_named_means_both() -> None:
    """One of them may be a part of a repository's name, or a proxy in front."""
    references = read_name(f"{HOST}/{FOREIGN}/app:v1").references
    assert references[0] == here(f"{FOREIGN}/app", "v1")
    assert (references[1].account, references[1].repository) == (FOREIGN[:12], "app")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (APP, anywhere(APP)),
        ("api", Reference("api", repository="api")),
        ("shop/api:v1", Reference("shop/api:v1", repository="shop/api", tag="v1")),
        ("ghcr.io/shop/api:v1", Reference("ghcr.io/shop/api:v1", repository="ghcr.io/shop/api", tag="v1")),
        ("tools/dkr-ecr-login:1", Reference("tools/dkr-ecr-login:1", repository="tools/dkr-ecr-login", tag="1")),
        ("api:*", Reference("api:*", repository="api", breadth=ReferenceScope.REPOSITORY)),
        (f"{HOST}/api:*", here("api", breadth=ReferenceScope.REPOSITORY)),
        (f"localhost:1/{HOST}/api:*", here("api", breadth=ReferenceScope.REPOSITORY)),
        (f"localhost:5000/api@{APP}", Reference(f"localhost:5000/api@{APP}", digest=APP)),
        (f"localhost:7439/{HOST}/shop/api:live", here("shop/api", "live")),
    ],
    ids=str,
)
def test_what_is_listed_may_have_no_host(text: str, expected: Reference) -> None:
    """It may be of this registry; an asterisk for a tag is the whole repository."""
    reading = read_listed(text)
    assert (reading.references, reading.problem) == ((expected,), "")


@pytest.mark.parametrize(
    ("text", "breadth", "repository", "account"),
    [
        ("*", ReferenceScope.REGISTRY, "", None),
        (":*", ReferenceScope.REGISTRY, "", None),
        ("shop/*", ReferenceScope.PREFIX, "shop", None),
        ("api:**", ReferenceScope.REPOSITORY, "api", None),
        ("api:v1*", ReferenceScope.REPOSITORY, "api", None),
        (f"{HOST}/shop-*", ReferenceScope.PREFIX, "shop", ACCOUNT),
        (f"{HOST}/api:v*", ReferenceScope.REPOSITORY, "api", ACCOUNT),
        (f"{HOST}/*", ReferenceScope.REGISTRY, "", ACCOUNT),
        (f"{HOST}:*", ReferenceScope.REGISTRY, "", ACCOUNT),
        (f"xxxxxxxxxxxx.{HOST[13:]}/api:v*", ReferenceScope.REPOSITORY, "api", None),
    ],
)
def test_a_pattern_that_cannot_be_read_is_widened(
    text: str, breadth: ReferenceScope, repository: str, account: str | None
) -> None:
    """Whoever lists it means images that exist."""
    reading = read_listed(text)
    (reference,) = reading.references
    assert (reference.breadth, reference.repository, reference.account) == (breadth, repository, account)
    assert "asterisk" in reading.problem


@pytest.mark.parametrize("text", ["localhost:5000/api:*", "Registry.example/api:*"])
def test_a_pattern_of_another_registry_needs_nothing(text: str) -> None:
    """And is told."""
    reading = read_listed(text)
    assert reading.references == ()
    assert "another registry" in reading.problem


ODD: Final = st.text(alphabet="aA0.:/@-_*$ {}<>\n") | st.text()


@given(st.lists(st.sampled_from([HOST, FOREIGN, "app", ":v1", "@", APP, "/", "localhost:1", "dkr.ecr."]) | ODD), ODD)
@example(["a" * 5_000_000], "")
@example(["dkr.ecr/" * 100_000], APP)
def test_no_name_is_an_error(parts: list[str], resolved: str) -> None:
    """Whatever it is; and a name of ours protects something or is told."""
    text = "".join(parts)
    for reading in (read_name(text, resolved), read_listed(text)):
        assert all((one.account is None) == (one.region is None) for one in reading.references)
        assert all(len(one.text) <= 300 for one in reading.references)
        assert reading.references or reading.problem or f"{HOST}/" not in text


@given(st.from_regex(r"[a-z0-9]{1,9}(/[a-z0-9]{1,9}){0,2}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,9})?", fullmatch=True), ODD)
def test_what_can_be_parsed_is_read_alike(name: str, before: str) -> None:
    """Whatever stands in front of it."""
    written = parse(f"{HOST}/{name}")
    assert written is not None
    assert read_name(f"{HOST}/{name}").references == (written,)
    assert written in read_name(f"{before}/{HOST}/{name}").references


def test_a_runtime_digest_is_protected_beside_the_tag() -> None:
    """The tag may have moved since the runtime resolved it: both are needed."""
    references = read_name(f"{HOST}/app:v1", APP).references
    assert [(r.effective_tag, r.digest) for r in references] == [("v1", None), (None, APP)]


def test_a_runtime_digest_does_not_replace_a_written_one() -> None:
    """The written digest may be the index of the one that runs."""
    other = digest("child")
    references = read_name(f"{HOST}/app@{APP}", other).references
    assert {r.digest for r in references} == {APP, other}


def test_a_runtime_digest_that_was_written_already_adds_nothing() -> None:
    """ECS agents since 1.83 report repo:tag@digest as the image."""
    references = read_name(f"{HOST}/app:v1@{APP}", APP).references
    assert [(r.tag, r.digest) for r in references] == [("v1", APP)]


def test_a_digest_under_a_foreign_name_counts_wherever_it_lies() -> None:
    """A proxy or a name of one's own may stand before ECR; of Docker Hub's images none lies here."""
    assert read_name("registry.example.com/app:v1", APP).references == (anywhere(APP),)
    assert read_name(f"registry.example.com/app@{APP}", None).references == (anywhere(APP),)
    assert read_name(f"registry.example.com/app@{APP}", APP).references == (anywhere(APP),)
    assert read_name("nginx", None).references == read_name("nginx", "sha512:abc").references == ()
