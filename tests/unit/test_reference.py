"""Every image reference form there is, and what cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model.usage import Reference
from ecr_cleaner.reference import anywhere, is_digest, parse, shown
from tests.builders import ACCOUNT, HOST, digest

DIGEST = digest("app")

HOSTS = [
    f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com",
    f"{ACCOUNT}.dkr-ecr.us-east-1.on.aws",
    f"{ACCOUNT}.dkr-ecr-fips.us-east-1.on.aws",
    f"{ACCOUNT}.DKR.ecr.us-east-1.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com:443",
    f"https://{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com",
    f"docker://{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com",
]


@pytest.mark.parametrize("host", HOSTS)
def test_all_hosts_of_a_registry_are_one_registry(host: str) -> None:
    """IPv4, dual-stack, FIPS, both, with a port or a scheme: account and region tell registries apart."""
    reference = parse(f"{host}/shop/api:v1")
    assert reference is not None
    assert (reference.account, reference.region) == (ACCOUNT, "us-east-1")
    assert (reference.repository, reference.tag, reference.digest) == ("shop/api", "v1", None)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        (f"{ACCOUNT}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"),
        (f"{ACCOUNT}.dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        (f"{ACCOUNT}.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        (f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
    ],
)
def test_other_partitions_are_read(host: str, region: str) -> None:
    """China, GovCloud, isolated and sovereign regions have domains of their own."""
    reference = parse(f"{host}/app@{DIGEST}")
    assert reference is not None
    assert (reference.region, reference.digest) == (region, DIGEST)


@pytest.mark.parametrize(
    ("path", "repository", "tag", "named_digest", "effective"),
    [
        ("app", "app", None, None, "latest"),
        ("app:v1", "app", "v1", None, "v1"),
        (f"app@{DIGEST}", "app", None, DIGEST, None),
        (f"app:v1@{DIGEST}", "app", "v1", DIGEST, "v1"),
        ("a/b/c__d-e.f--g:V_1.0-x", "a/b/c__d-e.f--g", "V_1.0-x", None, "V_1.0-x"),
    ],
)
def test_tag_and_digest_forms(
    path: str, repository: str, tag: str | None, named_digest: str | None, effective: str | None
) -> None:
    """Tag, digest, both, or neither (which means latest)."""
    reference = parse(f"{HOST}/{path}")
    assert reference is not None
    assert reference.repository == repository
    assert reference.tag == tag
    assert reference.digest == named_digest
    assert reference.effective_tag == effective


@pytest.mark.parametrize(
    "text",
    [
        "nginx",
        "nginx:1.27",
        "library/nginx@" + DIGEST,
        "public.ecr.aws/lambda/python:3.13",
        "ghcr.io/owner/app:v1",
        "myorg/ecr-cleaner:1",
        "localhost:5000/app",
        "registry.example.com/ecr/app:v1",
    ],
)
def test_other_registries_protect_nothing_here(text: str) -> None:
    """What is no private ECR registry is none of our business, even if its name contains the letters."""
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        f"{HOST}",
        f"{HOST}/",
        f"{HOST}/App:v1",
        f"{HOST}/app:",
        f"{HOST}/app:v 1",
        f"{HOST}/app@sha256:abc",
        f"{HOST}/app@sha512:{'0' * 128}",
        f"{HOST}/app@{DIGEST.upper()}",
        "${ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app:v1",
        "12345.dkr.ecr.us-east-1.amazonaws.com/app:v1",
        f"{ACCOUNT}.dkr-ecr/app",
        f"{ACCOUNT}.ecr.us-east-1.amazonaws.com/app:v1",
    ],
)
def test_what_looks_like_ecr_and_cannot_be_read_is_an_error(text: str) -> None:
    """Nobody knows what such a text protects, so it must stop removal; the error quotes it."""
    with pytest.raises(UnreadableReferenceError) as caught:
        parse(text)
    assert repr(text) in str(caught.value)


def test_a_digest_anywhere_names_no_repository() -> None:
    """Lambda tells a digest without saying where it lies."""
    assert anywhere(DIGEST) == Reference(text=DIGEST, digest=DIGEST)
    with pytest.raises(UnreadableReferenceError):
        anywhere("abc")


COMPONENT = st.from_regex(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*", fullmatch=True)


@given(
    repository=st.lists(COMPONENT, min_size=1, max_size=4).map("/".join).filter(lambda name: len(name) <= 256),
    tag=st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True),
    named=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format),
    host=st.sampled_from(HOSTS),
)
def test_what_is_put_together_is_taken_apart_again(
    repository: str, tag: str | None, named: str | None, host: str
) -> None:
    """Every well-formed reference is read, and nothing of it is lost."""
    text = f"{host}/{repository}" + (f":{tag}" if tag else "") + (f"@{named}" if named else "")
    reference = parse(text)
    assert reference is not None
    assert (reference.repository, reference.tag, reference.digest) == (repository, tag, named)


@given(st.sampled_from(["", "proxy/", "localhost:1/", "//", "a b/"]), st.sampled_from(HOSTS), st.text(max_size=80))
@example("", f"12{HOSTS[0]}", "app:v1")
@example("", "dkr-ecr.", "app")
def test_no_name_with_a_registry_in_it_is_passed_over(before: str, host: str, after: str) -> None:
    """Whatever stands before and behind it: it is read or refused."""
    try:
        reference = parse(f"{before}{host}/{after}")
    except UnreadableReferenceError:
        return
    assert reference is not None


@given(st.text(max_size=80))
def test_a_name_without_the_letters_is_none_of_ours(text: str) -> None:
    """It is never refused, but for being empty."""
    if text.strip() and "ecr" not in text.lower():
        assert parse(text) is None


@pytest.mark.parametrize("text", ["ghcr.io/acme/dkr-ecr-login:1", "tools/dkr.ecr.helper:1", "dkr-ecr-login"])
def test_letters_in_a_repositorys_name_are_no_host(text: str) -> None:
    """A host stands before a slash."""
    assert parse(text) is None


def test_a_repository_has_at_most_256_characters() -> None:
    """As CreateRepository says; and what is quoted of a long name is bounded."""
    assert parse(f"{HOST}/{'a' * 256}") is not None
    with pytest.raises(UnreadableReferenceError) as caught:
        parse(f"{HOST}/{'a' * 100_000}")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("written", "normalised"),
    [
        (f"https://AWS:secret@{HOST}/app:v1", None),
        (f"docker://{HOST.upper()}:443/app:v1", f"{HOST}/app:v1"),
        (f" {HOST}./app ", f"{HOST}/app"),
        (f"{HOST}/app:v1@{DIGEST}", f"{HOST}/app:v1@{DIGEST}"),
    ],
)
def test_the_text_is_normalised(written: str, normalised: str | None) -> None:
    """Host in lower case without a port, repository, tag, digest; what stands around them is not in it."""
    if normalised is None:
        with pytest.raises(UnreadableReferenceError):
            parse(written)
    else:
        reference = parse(written)
        assert reference is not None
        assert reference.text == normalised


def test_a_long_text_is_cut() -> None:
    """At 300 characters, whatever the name's length."""
    reference = parse(f"{HOST}/{'a' * 250}:{'b' * 128}")
    assert reference is not None
    assert (len(reference.text), reference.text[-3:]) == (300, "...")
    assert reference.tag == "b" * 128


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("https://user:secret@host/app:v1?token=secret", "https://host/app:v1"),
        ("user:secret@host/app", "host/app"),
        (f"app@{DIGEST}", f"app@{DIGEST}"),
        ("x" * 5000, "x" * 297 + "..."),
    ],
)
def test_a_name_that_is_shown_has_no_secret_in_it(name: str, told: str) -> None:
    """No user, password or query."""
    assert shown(name) == told


def test_a_digest_is_lower_case_sha256() -> None:
    """As ECR writes it."""
    assert is_digest(DIGEST)
    assert not is_digest(DIGEST + "0")
    assert not is_digest(DIGEST.upper())
