"""Texts of unknown grammar: whatever image is written in one is found, and never narrower than it is."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ecr_cleaner.errors import UnreadableReferenceError
from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.reference import parse
from ecr_cleaner.usage.texts.search import find
from tests.builders import ACCOUNT, HOST, digest

APP: Final = digest("app")
IMAGE, REPOSITORY, PREFIX = ReferenceScope.IMAGE, ReferenceScope.REPOSITORY, ReferenceScope.PREFIX

HOSTS: Final = st.sampled_from(
    [
        HOST,
        f"{HOST}:443",
        HOST.upper(),
        f"https://{HOST}",
        f"docker://{HOST}",
        f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        f"{ACCOUNT}.dkr-ecr.eu-central-1.on.aws",
        f"{ACCOUNT}.dkr-ecr-fips.us-east-1.on.aws",
        f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn",
        f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu",
    ]
)
REPOSITORIES: Final = st.from_regex(r"[a-z0-9]{1,6}((\.|_|__|-{1,2}|/)[a-z0-9]{1,6}){0,3}", fullmatch=True)
TAGS: Final = st.one_of(st.just(""), st.from_regex(r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}", fullmatch=True))
DIGESTS: Final = st.one_of(st.just(""), st.from_regex(r"@sha256:[0-9a-f]{64}", fullmatch=True))
WRITTEN: Final = st.builds("{}/{}{}{}".format, HOSTS, REPOSITORIES, TAGS, DIGESTS)

# What no reference has in it, so that the one in the middle is that one and no longer one.
SEPARATORS: Final = st.sampled_from([*" \t\n\"'`,;|&<>()[]{}=#!?*^$%~+\\äß\u2028", '\\"', "\\n", '", "', "}}", "]]>"])


def covers(found: Reference, meant: Reference) -> bool:
    """Whether everything that the one protects is protected by the other."""
    if (found.account, found.region) not in {(None, None), (meant.account, meant.region)}:
        return False
    name, repository = found.repository or "", meant.repository or ""
    match found.breadth:
        case ReferenceScope.REGISTRY:
            return True
        case ReferenceScope.PREFIX:
            return repository.startswith(name)
        case ReferenceScope.REPOSITORY:
            return repository == name
        case ReferenceScope.IMAGE:
            return (name, found.effective_tag, found.digest) == (repository, meant.effective_tag, meant.digest)


def meaning(text: str) -> Reference:
    """What an image field with this text would mean."""
    reference = parse(text)
    assert reference is not None
    return reference


def seen(text: str) -> list[tuple[ReferenceScope, str | None, str | None, str | None]]:
    """Breadth, repository, tag and digest of what is found."""
    return [(one.breadth, one.repository, one.tag, one.digest) for one in find(text)]


@given(st.text(), SEPARATORS, WRITTEN, SEPARATORS, st.text())
@example("", " ", f"{HOST}/app:v1", ".", "")
@example("", '"', f"{HOST}/app:v1", '"', ', "-x"]')
@example("9", " ", f"{HOST}/app", " ", ":v1")
def test_whatever_is_written_in_a_text_is_found(before: str, left: str, written: str, right: str, after: str) -> None:
    """As that image, or wider."""
    text = f"{before}{left}{written}{right}{after}"
    assert any(covers(found, meaning(written)) for found in find(text)), find(text)


@given(WRITTEN, st.sampled_from([".", "-", "_", "...", ".)", ":", "@", "/", "//"]))
def test_what_ends_a_sentence_ends_a_reference(written: str, mark: str) -> None:
    """A full stop may belong to the tag or to the sentence: both are kept."""
    assert any(covers(found, meaning(written)) for found in find(f"It pulls {written}{mark}"))


@given(WRITTEN, WRITTEN, SEPARATORS)
def test_each_of_several_is_found(first: str, second: str, between: str) -> None:
    """Whatever stands between them."""
    found = find(f"{first}{between}{second}")
    assert all(any(covers(one, meaning(written)) for one in found) for written in (first, second)), found


@given(
    HOSTS,
    REPOSITORIES,
    TAGS,
    st.sampled_from(
        ['" + "', "' & '", '" "', '", "', '","', "' ~ '", '" ,\n "', "'\n  - '", '"."', "\\\n", "\\\\", '""']
    ),
    st.from_regex(r"[a-z0-9._-]{0,3}[a-z0-9]", fullmatch=True),
)
@example(HOST, "app", ":v1", "') & '", "-x")
@example(HOST, "app", ":v1", "' }}", "-x")
@example(HOST, "app", ":v1", '".concat("', "-x")
def test_a_reference_that_is_put_together_is_covered(host: str, name: str, tag: str, glue: str, more: str) -> None:
    """A string goes on in the next one, in any language: what comes of it is covered."""
    assume(glue != "\\\\" or more[0] not in "nrt")  # in JSON within JSON that is the end of a line
    text = f'"{host}/{name}{tag}{glue}{more}"'
    try:
        meant = meaning(f"{host}/{name}{tag}{more}")
    except UnreadableReferenceError:
        return  # a name that cannot be
    assert any(covers(found, meant) for found in find(text)), (text, find(text))


@given(
    st.integers(0, 200),
    st.sampled_from(["${X}", "$X", "{}", "{{ x }}", "%s", "<x>", "$(x)", "' & $x & '", '" + x + "', "\\u0061", "~"]),
    WRITTEN.filter(lambda written: "://" not in written),
)
def test_a_placeholder_widens(at: int, placeholder: str, written: str) -> None:
    """Wherever it stands behind the account: what is found covers what was written before a part was taken out."""
    first, slash = written.lower().index("ecr") + len("ecr"), written.index("/")
    cut = first + at % (len(written) - first + 1)
    # A part of the host or of the path, or everything from there on.
    for end in (cut, min(cut + 3, slash if cut <= slash else len(written)), len(written)):
        text = f"'{written[:cut]}{placeholder}{written[end:]}'"
        assert any(covers(found, meaning(written)) for found in find(text)), (text, find(text))


@given(st.text() | st.text(alphabet="0123456789.dkrec-fipsamzonw/:@{}$\\\"' \n,&abc_[]()"))
@example("dkr.ecr")
@example("dkr.ecr/" + "a" * 5000)
@example("dkr-ecr" + "." * 5000)
def test_it_never_raises(text: str) -> None:
    """A text is no field: nothing in it is wrong."""
    for found in find(text):
        assert (found.account is None) == (found.region is None)
        assert found.repository is not None


@given(st.text())
def test_a_text_without_a_registry_names_nothing(text: str) -> None:
    """Whatever else it says."""
    assert "ecr" in text.lower() or find(text) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{{"Image": "{HOST}/app:v1", "Cpu": 1}}', [(IMAGE, "app", "v1", None)]),
        (f'{{\\"Image\\": \\"{HOST}/app:v1\\"}}', [(IMAGE, "app", "v1", None)]),
        (f'{{"Image": "{HOST}\\/app:v1"}}', [(IMAGE, "app", "v1", None)]),
        (f"image: {HOST}/shop/app:v1\ncpu: 1", [(IMAGE, "shop/app", "v1", None)]),
        (f"docker run --rm {HOST}/app:v1 --fast && true", [(IMAGE, "app", "v1", None)]),
        (f"<image>{HOST}/app:v1</image>", [(IMAGE, "app", "v1", None)]),
        (f"FROM {HOST}/app@{APP} AS build", [(IMAGE, "app", None, APP)]),
        (f"'{HOST}/app:v1@{APP}' & $x", [(IMAGE, "app", "v1", APP)]),
        (f"see {HOST}/app:v1.", [(IMAGE, "app", "v1.", None), (IMAGE, "app", "v1", None)]),
        (f"{HOST}:443/app:v1", [(IMAGE, "app", "v1", None)]),
        (f"{HOST}/app:v1 {HOST}/app:v1", [(IMAGE, "app", "v1", None)]),
    ],
)
def test_a_whole_reference_is_an_image(text: str, expected: list[object]) -> None:
    """In JSON, in JSON within JSON, YAML, a script, XML, a Dockerfile; a digest ends by itself; no doubles."""
    assert seen(text) == expected


@pytest.mark.parametrize(
    "tail",
    [
        "' & $tag",
        '" + tag',
        "-${ARCH}",
        "{{ x }}",
        '", "-arm64"]',
        "' }}-arm64",
        "' | replace('1', '2')",
        "\\u0032",
        "%s",
    ],
)
def test_a_tag_that_may_go_on_is_the_whole_repository(tail: str) -> None:
    """As soon as anything is put behind it."""
    assert seen(f"'{HOST}/app:v1{tail}") == [(REPOSITORY, "app", None, None)]


@pytest.mark.parametrize("tail", [":", ":${TAG}", "@", "@{digest}", ":{{ tag }}", ":$TAG", "@sha256:12", ":<tag>"])
def test_a_tag_or_digest_that_is_filled_in_is_the_whole_repository(tail: str) -> None:
    """Its name is known by then."""
    assert seen(f"'{HOST}/shop/app{tail}'") == [(REPOSITORY, "shop/app", None, None)]


@pytest.mark.parametrize(
    ("tail", "beginning"),
    [
        ("${NAME}", "shop/app"),
        ("-${NAME}", "shop/app-"),
        ("__${NAME}", "shop/app__"),
        ("/{}:v1", "shop/app/"),
        ("' & $name", "shop/app"),
        ('", "/app:v1"]', "shop/app"),
        ("%2Fapp:v1", "shop/app"),
        ("X:v1", "shop/app"),
        # It may be the end of a sentence, or a part that is taken away again.
        (".${NAME}", "shop/app"),
        ("//x", "shop/app"),
    ],
)
def test_a_name_that_may_go_on_is_every_repository_of_that_beginning(tail: str, beginning: str) -> None:
    """With the separator that stands behind it: what follows is then another part of the name."""
    assert seen(f"'{HOST}/shop/app{tail}'") == [(PREFIX, beginning, None, None)]


@pytest.mark.parametrize("end", ["'", "' ", "',\n 'other': 1", "'}", " --flag", "\n", "\\n"])
def test_a_name_that_has_ended_is_that_repository(end: str) -> None:
    """And no other one that begins like it: which of its images it means is said elsewhere."""
    quote = "'" if end.startswith("'") else ""
    assert seen(f"{quote}{HOST}/shop/app{end}") == [(REPOSITORY, "shop/app", None, None)]


@pytest.mark.parametrize("mark", ["/", "-", "_", "."])
def test_a_mark_at_the_end_may_belong_to_the_name(mark: str) -> None:
    """Or to the sentence: both are covered."""
    assert seen(f"'{HOST}/shop/app{mark}'") == [
        (REPOSITORY, "shop/app", None, None),
        (PREFIX, f"shop/app{mark}", None, None),
    ]


@pytest.mark.parametrize("hidden", ["dkr\\u002eecr", "\\u0064kr.ecr", "dkr\\\\u002Decr"])
def test_a_host_that_json_writes_by_numbers_is_found(hidden: str) -> None:
    """Any character may be written so."""
    text = f'{{"image": "{ACCOUNT}.{hidden}.us-east-1.amazonaws.com/app:v1"}}'
    assert seen(text) == [(IMAGE, "app", "v1", None)]


def test_a_call_of_the_registrys_own_api_names_the_repository_in_its_middle() -> None:
    """As a script does that asks for a manifest."""
    found = seen(f"curl https://{HOST}/v2/shop/app/manifests/v1")
    assert (PREFIX, "shop/app", None, None) in found
    assert (ReferenceScope.REGISTRY, "", None, None) in seen(f"curl https://{HOST}/v2/${{NAME}}/manifests/v1")


@pytest.mark.parametrize(
    "text",
    [
        '"%s/app:v" . $n;',
        '"%s/app:v" .. n',
        '"%s/app:v" << n',
        '"%s/app:v" <> n',
        '"%s/app:v" f"{n}"',
        "'%s/app:v' || n",
        "'%s/app:v'||n",
    ],
)
def test_a_text_that_an_operator_lengthens_has_not_ended(text: str) -> None:
    """In whichever language it is put together: the tag may be any."""
    assert {found.breadth for found in find(text % HOST)} == {ReferenceScope.REPOSITORY}
