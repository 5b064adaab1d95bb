"""What the settings accept to leave unprotected: the keys and reasons of ``accepted_gaps``."""

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, ValidationInfo

from ecr_cleaner.model.rules import REPOSITORY_GLOB
from ecr_cleaner.schema import refuse

GAP_KINDS: Final = (
    "source",
    "eks",
    "custom_resources",
    "other_accounts",
    "pull_through_cache",
    "delete_replication",
    "region",
    "account",
    "unreadable",
    "usage",
)
"""What a key of ``accepted_gaps`` begins with, before a colon."""

ACCOUNT: Final = "[0-9]{12}"

REGION: Final = "[a-z]{2,}(?:-[a-z]+)+-[0-9]+"

_ARN: Final = f"arn:aws(?:-[a-z]+)*:{{}}:{REGION.replace('{', '{{').replace('}', '}}')}:[0-9]{{{{12}}}}:{{}}"

CLUSTER_ARN: Final = _ARN.format("eks", "cluster/[A-Za-z0-9][A-Za-z0-9_-]{0,99}")

ARN: Final = _ARN.format("[a-z0-9-]+", r"[^\x00-\x20\x7f*?\x22<>{}\[\]\\^`|~]{1,1000}")
"""Of one thing in one account and region; names have no wildcards. `variables.tf` has the same expressions."""


_NAMES: Final = {
    "eks": (rf"\*|{CLUSTER_ARN}", "the ARN of an EKS cluster after eks:, or be eks:* for all of them"),
    "custom_resources": (CLUSTER_ARN, "the ARN of an EKS cluster after custom_resources:"),
    "region": (REGION, "a region after region:, such as region:eu-west-1"),
    "account": (ACCOUNT, "an account by its 12 digits after account:, such as account:222233334444"),
    "unreadable": (ARN, "the ARN of what cannot be read, with its region and account, after unreadable:"),
    "usage": (ARN, "the ARN of the consumer, with its region and account, after usage:"),
}
"""What may follow a kind, and how a message says it; the other kinds name repositories."""


@dataclass(frozen=True, slots=True)
class KnownSources:
    """The sources of usages that this package has; a document from outside is held against them.

    They come in as the validation context ``sources``: sources know the settings, and settings know no source.

    Attributes:
        excludable: Names that ``source:<name>`` in ``accepted_gaps`` may name.
        sha256: Of all names, for ``usage_sources_sha256``.
    """

    excludable: frozenset[str]
    sha256: str


def known_sources(info: ValidationInfo) -> KnownSources | None:
    """None for settings that code puts together, or that were held against them before."""
    found: KnownSources | None = (info.context or {}).get("sources")
    return found


def _is_gap(key: str, info: ValidationInfo) -> str:
    kind, _, name = key.partition(":")
    if kind not in GAP_KINDS:
        refuse(f"must be <kind>:<name>, where the kind is one of {', '.join(GAP_KINDS)}")
    elif kind == "source":
        known = known_sources(info)
        if known is not None and name not in known.excludable:
            names = ", ".join(sorted(known.excludable))
            refuse(f"must name a source that may be left out after source:, one of {names}")
    else:
        pattern, rule = _NAMES.get(kind, (REPOSITORY_GLOB, "repositories by a glob after {0}:, such as {0}:shop/*"))
        if not re.fullmatch(pattern, name):
            refuse(f"must name {rule.format(kind)}")
    return key


def _is_reason(text: str) -> str:
    if not text.strip():
        refuse("must say why the gap is accepted")
    return text


AcceptedGaps = Annotated[
    dict[Annotated[str, AfterValidator(_is_gap)], Annotated[str, AfterValidator(_is_reason)]],
    AfterValidator(lambda gaps: dict(sorted(gaps.items()))),
]
"""Gaps to the reasons why they are accepted, in order."""
