"""What objects of Kubernetes name: by fields, by texts, and by parts that stand apart."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.usage.texts.kubernetes_manifests import images_in
from ecr_cleaner.usage.texts.search import MOST_REFERENCES
from tests.builders import ACCOUNT, HOST, REGION, digest

APP: Final = digest("app")


def texts(value: Any) -> set[str]:
    """The references by texts, without the host."""
    return {one.text.removeprefix(f"{HOST}/") for one in images_in(value).references}


def names(value: Any) -> set[str]:
    """The names by fields, without the host."""
    return {one.removeprefix(f"{HOST}/") for one in images_in(value).names}


def test_a_field_of_a_container_is_a_name() -> None:
    """Without a tag it means latest, so it is no text; in whatever object containers are."""
    container = {"name": "c", "image": f"{HOST}/app"}
    assert names({"spec": {"template": {"spec": {"containers": [container]}}}}) == {"app"}
    assert names({"script": {"image": f"{HOST}/app", "source": "run"}}) == {"app"}
    assert names({"volumes": [{"image": {"reference": f"{HOST}/data", "pullPolicy": "Always"}}]}) == {"data"}
    assert texts({"spec": {"template": {"spec": {"containers": [container]}}}}) == set()
    assert images_in({"name": "c", "image": "nginx"}).names == ("nginx",)


APART: Final[list[tuple[Any, set[str]]]] = [
    ({"image": f"{HOST}/shop/api"}, {"shop/api:*"}),
    ({"repository": f"{HOST}/shop/api", "tag": "v42"}, {"shop/api:v42"}),
    ({"repository": f"{HOST}/shop/api", "tag": 42}, {"shop/api:42"}),
    ({"repository": f"{HOST}/shop/api", "tag": 1.5}, {"shop/api:1.5"}),
    ({"repository": f"{HOST}/shop/api", "tag": "v42", "digest": APP}, {"shop/api:v42", f"shop/api@{APP}"}),
    ({"repository": f"{HOST}/shop/api", "tag": f"@{APP}"}, {f"shop/api@{APP}"}),
    ({"image": f"{HOST}/shop/api", "imageTag": "v42"}, {"shop/api:v42"}),
    ({"image": f"{HOST}/shop/api", "proxyTag": "v42"}, {"shop/api:v42", "shop/api:*"}),
    ({"apiImage": f"{HOST}/shop/api", "apiTag": "v42"}, {"shop/api:v42"}),
    ({"image": f"{HOST}/shop/api", "version": "1.2"}, {"shop/api:1.2", "shop/api:v1.2"}),
    ({"name": "x", "image": f"{HOST}/shop/api", "tag": "v42"}, {"shop/api:v42"}),
    ({"repository": f"{HOST}/shop/api", "tag": ""}, {"shop/api:*"}),
    ({"repository": f"{HOST}/shop/api", "tag": None}, {"shop/api:*"}),
    ({"image": f"{HOST}/shop/api", "appVersion": "1.2"}, {"shop/api:*"}),
    ({"image": f"{HOST}/shop/api", "tag": "not a tag"}, {"shop/api:*"}),
    ({"registry": HOST, "repository": "shop/api", "tag": "v42"}, {"shop/api:v42"}),
    ({"registry": HOST, "repository": "shop/api"}, {"shop/api:*"}),
    ({"registry": HOST, "image": "shop/api:v42"}, {"shop/api:v42"}),
    ({"registry": HOST, "name": "shop/api", "tag": "v42"}, {"shop/api:v42"}),
    (
        {"global": {"imageRegistry": HOST}, "api": {"image": {"repository": "shop/api", "tag": "v42"}}},
        {"shop/api:v42"},
    ),
    ({"chart": f"{HOST}/charts/app"}, {"charts/app:*"}),
    ({"global": {"repository": HOST}, "api": {"image": "shop/api", "tag": "v42"}}, {"shop/api:v42"}),
    ({"global": {"imageRegistry": HOST}, "image": {"repository": "shop/api"}}, {"shop/api:*"}),
    ({"global": {"imageRegistry": HOST}, "image": {"imageName": "shop/api", "tag": "v42"}}, {"shop/api:v42"}),
    ({"registry": f"{HOST}/team", "repository": "api", "tag": "v1"}, {"team:v1", "team/api:v1"}),
    ({"global": {"imageRegistry": f"{HOST}/mirror"}, "image": {"repository": "redis"}}, {"mirror:*", "mirror/*"}),
    ({"imagePrefix": f"{HOST}/team", "tag": "v1"}, {"team:v1", "team/*"}),
    ({"values": f"image:\n  registry: {HOST}\n  repository: shop/api\n  tag: v42\n"}, {"shop/api:*"}),
    ({"values": f"host: '{HOST}'\nimages:\n  - image: \"shop/api\"\n"}, {"shop/api:*"}),
    ({"containers": [{"name": "c", "image": "nginx", "env": [{"name": "R", "value": HOST}]}]}, set()),
    (
        {"repoURL": f"{HOST}/charts", "chart": "app", "targetRevision": "1.2.3+b"},
        {"charts/app:1.2.3_b", "charts/app:v1.2.3_b"},
    ),
    ({"repoURL": f"oci://{HOST}/charts", "chart": "app", "targetRevision": "1.*"}, {"charts/app:*"}),
    ({"repoURL": HOST, "chart": "app", "targetRevision": "v1"}, {"app:v1"}),
    ({"url": f"oci://{HOST}/charts"}, {"charts:*", "charts/*"}),
    ({"url": f"oci://{HOST}/charts/app", "ref": {"tag": "v1"}}, {"charts/app:v1"}),
    ({"url": f"oci://{HOST}/charts/app", "ref": {"digest": APP}}, {f"charts/app@{APP}"}),
    ({"url": f"oci://{HOST}"}, {"*"}),
    ({"url": f"https://{HOST}"}, set()),
    ({"data": {"registry": HOST}}, set()),
    ({"env": [{"name": "IMAGE_REPO", "value": f"{HOST}/app"}, {"name": "IMAGE_TAG", "value": "v1"}]}, {"app:v1"}),
    ({"env": [{"name": "IMAGE_REPO", "value": f"{HOST}/app"}]}, {"app:*"}),
    (
        {"env": [{"name": "R", "value": HOST}, {"name": "I", "value": "$(R)/app:v1"}]},
        {"app:v1"},
    ),
    ({"env": [{"name": "R", "value": HOST}], "args": ["run ${R}/app:v1", "$R/web:v2"]}, {"app:v1", "web:v2"}),
    ({"args": ["--repository", f"{HOST}/app", "--tag", "v1"]}, {"app:v1"}),
    ({"args": [f"--repository={HOST}/app", "--tag=v1"]}, {"app:v1"}),
    ({"args": [f"--a={HOST}/app:v1", f"--a={HOST}/app:v2"]}, {"app:v1", "app:v2"}),
    ({"args": ["sh", "-c", f"run {HOST}/app:v1"]}, {"app:v1"}),
    ({"data": {"config.yaml": f"image:\n  repository: {HOST}/app\n  tag: v1\n"}}, {"app:*"}),
    ({"data": {"pod.yaml": f"image: {HOST}/app:v1\nother: x"}}, {"app:v1"}),
    ({"data": {"a.json": json.dumps({"repository": f"{HOST}/app", "tag": "v1"})}}, {"app:v1"}),
    ({"data": {"a.json": json.dumps([{"name": "c", "image": f"{HOST}/app:v1"}])}}, set()),
    ({"volumeHandle": f"csi%2F{HOST}%2Fapp%3Av1"}, {"app:v1"}),
    ({"text": f"{HOST}\\/app:v1"}, {"app:v1"}),
    ({"kustomize": {"images": [f"app={HOST}/app:v1"]}}, {"app:v1"}),
    ({"labels": {f"{HOST}/app:v1": "yes"}}, {"app:v1"}),
    ({"metadata": {"managedFields": [{"manager": f"{HOST}/app:v1"}]}}, set()),
    ({"text": f"localhost:1/{HOST}/app:v1"}, {"app:v1"}),
    ({"text": "dkr is a word"}, set()),
]
"""Objects, and what their texts name; a list that is written of them has to have all of it too."""


@pytest.mark.parametrize(("value", "found"), APART)
def test_parts_that_stand_apart_are_joined(value: Any, found: set[str]) -> None:
    """With what stands beside them; where nothing does, all of the repository counts."""
    assert texts(value) == found


def test_names_within_json_count_as_names() -> None:
    """As in what kubectl applied last."""
    assert names({"applied": json.dumps({"containers": [{"name": "c", "image": f"{HOST}/app"}]})}) == {"app"}


def test_too_many_images_are_all() -> None:
    """No object of an ordinary cluster names so many."""
    found = images_in([f"{HOST}/app:v{number}" for number in range(MOST_REFERENCES + 2)])
    assert found.problem == f"it names more than {MOST_REFERENCES:,} images"
    assert found.references[0].breadth is ReferenceScope.REGISTRY


_KEYS: Final = st.sampled_from(
    ["image", "tag", "name", "value", "spec", "repository", "env", "args", "data", "version"]
)
_LEAVES: Final = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from(["", "v1", "x", HOST, "a b", "$(X)"])
)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    others = st.lists(_LEAVES, max_size=3)
    in_list = st.builds(lambda one, rest, at: [*rest[:at], one, *rest[at:]], inner, others, st.integers(0, 3))
    in_object = st.builds(
        lambda key, one, rest: {**rest, key: one}, _KEYS, inner, st.dictionaries(_KEYS, _LEAVES, max_size=3)
    )
    return st.one_of(in_list, in_object, inner.map(lambda one: json.dumps({"x": one})))


@given(st.recursive(st.just(f"{HOST}/shop/api:v42"), _around, max_leaves=4))
def test_a_complete_name_counts_wherever_it_stands(value: Any) -> None:
    """Beside whatever, in lists, objects and JSON in texts."""
    exact = Reference(f"{HOST}/shop/api:v42", ACCOUNT, REGION, "shop/api", "v42")
    found = images_in(value)
    assert exact in found.references or exact.text in found.names or any(r.covers("shop/api") for r in found.references)


@given(st.recursive(st.just(f"{HOST}/shop/api"), _around, max_leaves=4))
def test_a_repository_is_never_lost(value: Any) -> None:
    """Something of it counts: a tag that stands beside it, or all."""
    found = images_in(value)
    assert f"{HOST}/shop/api" in found.names or any(
        (one.repository or "").startswith("shop/api") or one.covers("shop/api") for one in found.references
    )
