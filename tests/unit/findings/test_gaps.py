"""Which entries of ``accepted_gaps`` match nothing any more."""

from __future__ import annotations

from typing import Final

import pytest

from ecr_cleaner.findings import gaps
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.registry.pull_access import RegistryFacts
from tests.builders import ACCOUNT, NOW, TARGET

FACTS: Final = RegistryFacts(ACCOUNT, delete_replication_prefixes=("eu/",), pull_through_prefixes=("hub",))
CLUSTER: Final = f"eks:arn:aws:eks:us-east-1:{ACCOUNT}:cluster/shop"
MACHINE: Final = f"unreadable:arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:payments"
CONSUMER: Final = f"usage:arn:aws:ecs:us-east-1:{ACCOUNT}:service/a/b"


def scan(*accepted: str, status: SourceStatus = SourceStatus.COMPLETE) -> UsageScan:
    """A scan whose source left something out."""
    return UsageScan((), (SourceOutcome(TARGET, "eks", status, accepted=accepted),), NOW)


def told(*entries: str, last: UsageScan | None = None) -> list[str]:
    """The entries that match nothing, where ``open/*`` may be open to others."""
    opted_in = frozenset({"open/a", "shop", "hub/nginx", "eu/web"})
    reasons = dict.fromkeys(entries, "known")
    return [found.subject for found in gaps.unused(reasons, FACTS, opted_in, {"open/a"}, last)]


def test_an_entry_that_matches_nothing_is_a_warning() -> None:
    """With the reason that was given for it."""
    assert list(gaps.unused({"other_accounts:gone": "a partner pulls"}, FACTS, frozenset(), (), None)) == [
        Finding(
            FindingKind.UNUSED_ACCEPTED_GAP,
            Severity.WARNING,
            "other_accounts:gone",
            "nothing matches this entry of accepted_gaps any more (a partner pulls): remove it",
        )
    ]


@pytest.mark.parametrize(
    ("entry", "is_used"),
    [
        ("other_accounts:open/*", True),
        ("other_accounts:*", True),
        ("other_accounts:shop", False),
        ("other_accounts:gone/*", False),
        ("pull_through_cache:hub/*", True),
        ("pull_through_cache:open/*", False),
        ("delete_replication:eu/web", True),
        ("delete_replication:*", True),
        ("delete_replication:hub/*", False),
    ],
)
def test_globs_match_what_opted_in_and_has_the_cause(entry: str, *, is_used: bool) -> None:
    """A repository that is no longer under the rule, or no longer open, needs no entry."""
    assert told(entry) == ([] if is_used else [entry])


@pytest.mark.parametrize("entry", [CLUSTER, MACHINE, CONSUMER])
def test_what_sources_left_out_is_known_from_a_whole_scan_only(entry: str) -> None:
    """A run that asked nobody, and a source that failed, say nothing of it."""
    assert told(entry, last=scan(entry)) == []
    assert told(entry, last=scan()) == [entry]
    assert told(entry, last=scan(status=SourceStatus.FAILED)) == []
    assert told(entry) == []


def test_of_a_source_that_is_not_asked_nothing_is_known() -> None:
    """Neither whether it would fail, nor which clusters there are."""
    assert told("source:sagemaker", "eks:*", CLUSTER, MACHINE, last=scan()) == [MACHINE]
