"""An accepted consumer's wide usages do not count; everything else that it names does."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ReferenceScope, Usage, UsageKind
from ecr_cleaner.reference import named
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.accepted import beside_sources, without_accepted
from tests.builders import NOW, TARGET

MACHINE: Final = "arn:aws:states:us-east-1:123456789012:stateMachine:train"
OTHER: Final = f"{MACHINE}-2"
GAP: Final = f"usage:{MACHINE}"
SETTINGS: Final = Settings(accepted_gaps={GAP: "starts one image only", "other_accounts:shop/*": "a partner pulls"})

USAGES: Final = st.builds(
    lambda scope, evidence, arn, in_text: Usage(
        named("app", breadth=scope, tag="v1" if scope is ReferenceScope.IMAGE else None),
        "stepfunctions",
        "train",
        evidence,
        consumer_arn=arn,
        in_text=in_text,
    ),
    st.sampled_from(ReferenceScope),
    st.sampled_from(UsageKind),
    st.sampled_from([MACHINE, OTHER, ""]),
    st.booleans(),
)


@given(st.lists(USAGES, max_size=8))
def test_only_wide_usages_of_accepted_consumers_go(usages: list[Usage]) -> None:
    """Complete references stay, others' usages stay, and so does the image field of what runs, however odd it is."""
    counted, ignored = without_accepted(usages, SETTINGS)
    gone = [
        one
        for one in usages
        if one.consumer_arn == MACHINE
        and one.reference.breadth is not ReferenceScope.IMAGE
        and (one.in_text or one.evidence is not UsageKind.RUNNING)
    ]
    assert sorted(map(id, counted)) == sorted(id(one) for one in usages if not any(one is other for other in gone))
    assert ignored == ({GAP: len(gone)} if gone else {})
    assert without_accepted(usages, Settings()) == (tuple(usages), {})


def test_every_run_lists_what_is_accepted_with_its_number() -> None:
    """Also if nobody was asked, and if the entry took nothing out."""
    outcome = SourceOutcome(TARGET, "stepfunctions", SourceStatus.COMPLETE, ignored=((GAP, 3),))
    scan = UsageScan((), (outcome, replace(outcome, source="sagemaker", ignored=((GAP, 1),))), NOW)
    shop = "other_accounts:shop/*: a partner pulls"
    told = f"{GAP}: starts one image only; it took out {{}} usages that are wider than an image"
    assert beside_sources(SETTINGS, scan) == (shop, told.format(4))
    assert beside_sources(SETTINGS, None) == (shop, told.format(0))
