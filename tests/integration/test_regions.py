"""What runs in other regions of the account keeps the images that it pulls from this one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.usage.catalog import SOURCES
from tests.fake_aws import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

ENABLED: Final[dict[str, Any]] = {"regions": "enabled"}
ELSEWHERE: Final = "eu-west-1"
CLOSED: Final = "ap-south-1"
EMPTY: Final = "eu-central-1"


@pytest.fixture(autouse=True)
def shop(run: Runner, sandbox: Sandbox) -> None:
    """An image that runs in another region, one that runs nowhere, and a region that the account cannot use."""
    run.opted_in("app")
    for name in ("used", "unused"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    sandbox.seed({"regions": {ELSEWHERE: "ENABLED_BY_DEFAULT", "me-south-1": "DISABLED"}})
    service = {"task_definition": "app:1", "revisions": [{"task_definition": "app:1", "digests": {"app": "{used}"}}]}
    definitions = {"app:1": {"image": "{home}/app:used"}}
    ecs = {"task_definitions": definitions, "clusters": {"prod": {"services": {"app": service}}}}
    sandbox.seed({"region": ELSEWHERE, "ecs": ecs})


@pytest.mark.parametrize("regions", ["enabled", ["us-east-1", ELSEWHERE]])
def test_it_is_asked_in_every_region_that_the_account_can_use(run: Runner, sandbox: Sandbox, regions: Any) -> None:
    """And nowhere else; what names images of this registry alone is read once."""
    outcome = run(regions=regions, protected_images=["app:latest"])
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("unused")})
    evidence = outcome.kept()[sandbox.digest("used")][1]
    assert f"{ELSEWHERE} ecs service prod/app" in evidence
    assert {call.region for call in sandbox.calls} == {"us-east-1", ELSEWHERE}
    for source in ("inspector", "protected_images", "used_images_objects"):
        assert [one["region"] for one in outcome.told["sources"] if one["source"] == source] == ["us-east-1"]


def test_an_empty_region_takes_sixty_calls_at_most(run: Runner, sandbox: Sandbox) -> None:
    """No listing is made twice, whichever sources need it."""
    sandbox.seed({"regions": {EMPTY: "ENABLED_BY_DEFAULT"}})
    assert run(**ENABLED).status == "completed"
    made = Counter(
        (c.service, c.operation, repr(sorted(c.parameters.items()))) for c in sandbox.calls if c.region == EMPTY
    )
    assert [call for call, times in made.items() if times > 1] == []
    assert 0 < made.total() <= 60, made.total()


def test_without_a_word_of_it_the_run_looks_at_the_registrys_region_alone(run: Runner, sandbox: Sandbox) -> None:
    """As the original, which knew two variables."""
    assert run(environment={"DRY_RUN": "false", "DEFAULT_KEEP_DAYS": "30"}).gone == {"app": run.ids("unused", "used")}
    assert {call.region for call in sandbox.calls} == {"us-east-1"}


@pytest.mark.parametrize("kind", ["access_denied", "internal_error", "timeout", "cut_short", "missing_member"])
def test_if_the_regions_cannot_be_listed_nothing_goes(run: Runner, sandbox: Sandbox, kind: Any) -> None:
    """Whatever runs in one that is not known would look unused."""
    sandbox.inject(Fault(service="account", operation="ListRegions", kind=kind))
    outcome = run(**ENABLED)
    assert (outcome.status, outcome.gone) == ("refused", {})
    said = (
        "account:ListRegions (source regions)"
        if kind == "access_denied"
        else "source regions in 123456789012/us-east-1"
    )
    assert said in outcome.causes


def test_a_source_that_fails_in_another_region_stops_removal(run: Runner, sandbox: Sandbox) -> None:
    """By its name and region; the way out that is proposed is the region's, never the source's everywhere."""
    sandbox.inject(Fault(service="batch", operation="DescribeJobQueues", kind="internal_error", region=ELSEWHERE))
    outcome = run(**ENABLED)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert f"source batch in 123456789012/{ELSEWHERE}: " in outcome.causes
    assert f'accepted_gaps = {{ "region:{ELSEWHERE}" = "<reason>" }}' in outcome.causes
    assert "source:batch" not in outcome.causes


def test_a_region_may_be_left_out_for_a_reason(run: Runner, sandbox: Sandbox) -> None:
    """Every run lists it as unprotected; of a region that nobody can use the entry is told as unused."""
    gaps = {f"region:{ELSEWHERE}": "a test stage", "region:me-south-1": "gone"}
    outcome = run(**ENABLED, accepted_gaps=gaps)
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("unused", "used")})
    assert any(ELSEWHERE in line and "a test stage" in line for line in outcome.told["unprotected"])
    assert set(outcome.found("unused_accepted_gap")) == {"region:me-south-1"}
    assert {call.region for call in sandbox.calls} == {"us-east-1"}


@pytest.fixture
def closed(sandbox: Sandbox) -> Sandbox:
    """One more region, in which the organization's policies deny whatever a service can be denied."""
    sandbox.seed({"regions": {CLOSED: "ENABLED_BY_DEFAULT"}})
    # AWS Control Tower's policies let lightsail:Get* through.
    for service in {field.service for one in SOURCES for field in one.fields} - {"lightsail", "s3"}:
        sandbox.inject(Fault(service=service, kind="denied_by_organization", region=CLOSED))
    return sandbox


@pytest.mark.usefixtures("closed")
def test_a_region_that_the_organization_closed_stops_nothing(night: Callable[..., Outcome], run: Runner) -> None:
    """It is told as unprotected, night after night; nobody was ever answered there."""
    outcomes = [night(**ENABLED), night(**ENABLED)]
    assert [(one.status, one.causes) for one in outcomes] == [("completed", "")] * 2
    assert outcomes[0].gone == {"app": run.ids("unused")}
    for outcome in outcomes:
        (line,) = [line for line in outcome.told["unprotected"] if CLOSED in line]
        assert "service control policies deny every call there" in line


@pytest.mark.usefixtures("closed")
def test_without_a_history_it_may_have_been_open_until_yesterday(run: Runner) -> None:
    """One cause for all of its sources, with what leaves it out."""
    outcome = run(**ENABLED)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert outcome.causes.count(f"in 123456789012/{CLOSED}") == 1
    assert f'accepted_gaps = {{ "region:{CLOSED}" = "<reason>" }}' in outcome.causes


def test_a_region_that_answered_once_is_not_closed(night: Callable[..., Outcome], sandbox: Sandbox, past: Past) -> None:
    """What was made there before runs on, though nobody may look."""
    assert night(**ENABLED, dry_run=True).status == "completed"
    past.passes(days=1)
    sandbox.inject(Fault(kind="denied_by_organization", region=ELSEWHERE))
    outcome = night(**ENABLED)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert ELSEWHERE in outcome.causes


def test_a_region_that_is_lost_is_told(
    night: Callable[..., Outcome], run: Runner, sandbox: Sandbox, past: Past
) -> None:
    """Whoever disabled it may not have asked who runs there; for some days that stays as recently used."""
    assert night(**ENABLED, dry_run=True).told["unprotected"] == []
    past.passes(days=1)
    sandbox.seed({"regions": {ELSEWHERE: "DISABLED"}})
    outcome = night(**ENABLED)
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("unused")})
    (line,) = outcome.told["unprotected"]
    assert f"/{ELSEWHERE}: the account cannot use this region any more" in line
