"""Rules that the settings refuse or accept; Terraform has to say the same of them."""

from __future__ import annotations

from typing import Any, Final

IMAGE_CONFIG: Final = "application/vnd.oci.image.config.v1+json"

MINIMUM: Final = 7
"""``minimum_keep_days`` beside them."""

SOME: Final[dict[str, Any]] = {"repositories": ["*"], "keep_newest": 1}
"""A rule to which each of `REFUSED` adds its members."""

REFUSED: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"repositories": []}, "repositories", "[]"),
    ({"repositories": "*"}, "repositories", "'*'"),
    ({"repositories": None}, "repositories", "None"),
    ({"repositories": [""]}, "repositories: 0", "''"),
    ({"repositories": ["shop/*", "Shop"]}, "repositories: 1", "'Shop'"),
    ({"repositories": ["app\n"]}, "repositories: 0", "'app\\n'"),
    ({"repositories": ["app[12]"]}, "repositories: 0", "'app[12]'"),
    ({"keep_days": 0}, "keep_days", "0"),
    ({"keep_days": 6}, "keep_days", "6"),
    ({"keep_days": 7.5}, "keep_days", "7.5"),
    ({"keep_days": "7"}, "keep_days", "'7'"),
    ({"keep_days": True}, "keep_days", "True"),
    ({"keep_days": 100_000}, "keep_days", "100000"),
    ({"keep_newest": 0}, "keep_newest", "0"),
    ({"keep_pulled_within_days": -1}, "keep_pulled_within_days", "-1"),
    ({"keep_day": 90}, "keep_day", "90"),
    ({"keep_newest": None, "keep_days": None, "keep_pulled_within_days": None}, "keep", "False"),
    ({"keep": True}, "keep", "True"),
    ({"keep": "yes"}, "keep", "'yes'"),
    ({"untagged": 1}, "untagged", "1"),
    ({"except_tags": ["v*"], "untagged": True}, "untagged", "True"),
    *(
        ({name: value}, place, shown)
        for name in ("tags", "except_tags", "artifact_types")
        for value, place, shown in (
            ([], name, "[]"),
            (None, name, "None"),
            ("v*", name, "'v*'"),
            (["a", ""], f"{name}: 1", "''"),
            (["a b"], f"{name}: 0", "'a b'"),
            (["v[0-9"], f"{name}: 0", "'v[0-9'"),
            (["v0-9]"], f"{name}: 0", "'v0-9]'"),
            (["v[]"], f"{name}: 0", "'v[]'"),
            (["v[!]"], f"{name}: 0", "'v[!]'"),
            (["v[9-0]"], f"{name}: 0", "'v[9-0]'"),
            (["v[a-Z]"], f"{name}: 0", "'v[a-Z]'"),
            (["z-a[b-a]"], f"{name}: 0", "'z-a[b-a]'"),
            (["v[0-]"], f"{name}: 0", "'v[0-]'"),
            (["v[*]"], f"{name}: 0", "'v[*]'"),
            (["v[^0-9]"], f"{name}: 0", "'v[^0-9]'"),
        )
    ),
    ({"tags": ["a/b"]}, "tags: 0", "'a/b'"),
    ({"except_tags": ["v*", "*"]}, "except_tags", "['v*', '*']"),
    ({"artifact_types": [IMAGE_CONFIG]}, "artifact_types: 0", repr(IMAGE_CONFIG)),
]
"""Members of a rule, which of them is refused, and the value that is told."""

ACCEPTED: Final[list[dict[str, Any]]] = [
    {
        "repositories": ["shop/*", "web"],
        "tags": ["v*", "Prod_?.x-1", "[0-9]*", "[!a-zA-Z._]", "[ab1-3]"],
        "except_tags": ["*-rc*"],
        "untagged": True,
        "artifact_types": ["application/vnd.buildkit.*", "text/x+[a-z]"],
        "keep_days": 7,
        "keep_newest": 10,
        "keep_pulled_within_days": 14,
    },
    {"repositories": ["*"], "keep": True},
    {"repositories": ["team-?/a_b.c"], "except_tags": ["v[0-9]*", "a-[z]-b"], "keep": True},
    {"repositories": ["*"], "untagged": True, "keep_days": 99_999},
    {"repositories": ["*"], "untagged": False, "keep": False, "keep_pulled_within_days": 99_999},
    {"repositories": ["*"], "artifact_types": ["*"], "untagged": True, "keep_newest": 99_999},
    {"repositories": ["*"], "artifact_types": ["application/vnd.oci.image.*"], "keep_newest": 1},
]
"""Whole rules, all good."""
