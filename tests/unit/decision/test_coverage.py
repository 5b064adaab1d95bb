"""Whether everybody who may pull from a repository was looked at: in doubt it is skipped, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision import coverage
from ecr_cleaner.decision.coverage import skipped
from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.pull_access import PullScope, PullScopeKind
from ecr_cleaner.model.scan import ALL_SOURCES, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget, SeenCluster
from tests.builders import ACCOUNT, NOW, REGION, TARGET, repository

if TYPE_CHECKING:
    from collections.abc import Iterable

ONE, TWO, THREE, OUTSIDE = "111111111111", "222222222222", "333333333333", "999999999999"
OURS, THEIRS = "o-ours123456", "o-theirs1234"
EVERYBODY: Final = PullScope("*", "from any account", "name someone")


def account(id_: str, *, is_registry: bool = False) -> PullScope:
    """One account whose root a policy names."""
    return PullScope(f"root of {id_}", "", f"remove {id_}", PullScopeKind.ACCOUNT, id_, is_registry)


def organization(id_: str) -> PullScope:
    """One organization that a condition asks for."""
    return PullScope("*", f"for organization {id_}", f"remove {id_}", PullScopeKind.ORGANIZATION, id_)


def outcome(id_: str, source: str = "ecs", *, failed: bool = False, region: str = REGION) -> SourceOutcome:
    """How a source of an account ended."""
    status = SourceStatus.FAILED if failed else SourceStatus.COMPLETE
    return SourceOutcome(ScanTarget(id_, region), source, status, detail="no answer" if failed else "")


def scan(others: OtherAccounts, *outcomes: SourceOutcome) -> UsageScan:
    """Every source of every account that was to be looked at answered, but for some."""
    complete = (outcome(one) for one in sorted({ACCOUNT} | others.accounts))
    return UsageScan((), (*complete, *outcomes), NOW, account_id=ACCOUNT, others=others)


LISTED: Final = OtherAccounts(frozenset({ONE, TWO}))
OUR_ORGANIZATION: Final = OtherAccounts(
    frozenset({ONE, TWO}), OURS, frozenset({ACCOUNT, ONE, TWO, THREE}), frozenset({THREE})
)


def uncovered(scopes: Iterable[PullScope], found: UsageScan) -> str | None:
    """Why one repository may not be cleaned."""
    return coverage.uncovered(scopes, found, coverage.incomplete(found))


@pytest.mark.parametrize(
    ("scopes", "others"),
    [
        ((), OtherAccounts()),
        ((account(ONE),), LISTED),
        ((account(ONE), account(TWO, is_registry=True)), LISTED),
        ((account(ONE),), OUR_ORGANIZATION),
        ((organization(OURS), account(TWO)), OUR_ORGANIZATION),
        ((organization(OURS),), OtherAccounts(frozenset(), OURS, frozenset({ACCOUNT}))),
    ],
)
def test_who_was_looked_at_completely_is_covered(scopes: tuple[PullScope, ...], others: OtherAccounts) -> None:
    """Accounts by their ids, and the organization by all its accounts but those that a person leaves out."""
    assert uncovered(scopes, scan(others)) is None


@pytest.mark.parametrize(
    ("scopes", "found", "told"),
    [
        ((EVERYBODY,), scan(OUR_ORGANIZATION), "its policy lets * pull from any account; to mend this, name someone"),
        (
            (account(OUTSIDE),),
            scan(OtherAccounts()),
            (
                f"its policy lets root of {OUTSIDE} pull; to mend this, remove {OUTSIDE};"
                f' or have the consumers of account {OUTSIDE} looked at: accounts = ["{OUTSIDE}"]'
            ),
        ),
        (
            (account(OUTSIDE, is_registry=True), account(ONE), account(THREE)),
            scan(LISTED),
            (
                f"its policy lets root of {THREE} pull; to mend this, remove {THREE};"
                f" the registry's policy lets root of {OUTSIDE} pull; to mend this, remove {OUTSIDE};"
                f" or have the consumers of account {THREE}, {OUTSIDE} looked at:"
                f' accounts = ["{ONE}", "{TWO}", "{THREE}", "{OUTSIDE}"]'
            ),
        ),
        (
            (organization(THEIRS),),
            scan(OtherAccounts()),
            (
                f"its policy lets * pull for organization {THEIRS}; to mend this, remove {THEIRS};"
                f" or, if {THEIRS} is the organization of this account, have it looked at: organization = {{}}"
            ),
        ),
        (
            (organization(OURS),),
            scan(LISTED),
            (
                f"its policy lets * pull for organization {OURS}; to mend this, remove {OURS}; or, if {OURS} is the"
                " organization of this account, have it looked at: organization = {} in place of accounts"
            ),
        ),
        (
            (organization(THEIRS),),
            scan(OUR_ORGANIZATION),
            (
                f"its policy lets * pull for organization {THEIRS}; to mend this, remove {THEIRS};"
                f" {THEIRS} is not the organization of this account, which is {OURS}"
            ),
        ),
        (
            (account(OUTSIDE),),
            scan(OUR_ORGANIZATION),
            (
                f"its policy lets root of {OUTSIDE} pull; to mend this, remove {OUTSIDE};"
                f" account {OUTSIDE} is not in the organization {OURS}, which is looked at"
            ),
        ),
        (
            (account(OUTSIDE),),
            scan(replace(OUR_ORGANIZATION, unavailable=frozenset({OUTSIDE}))),
            (
                f"its policy lets root of {OUTSIDE} pull; to mend this, remove {OUTSIDE};"
                f" account {OUTSIDE} cannot be looked at, because its state in the organization lets nothing run there"
            ),
        ),
        (
            (account(THREE),),
            scan(OUR_ORGANIZATION),
            (
                f"its policy lets root of {THREE} pull; to mend this, remove {THREE};"
                f" account {THREE} is left out by accepted_gaps: take account:{THREE} out of them"
            ),
        ),
        (
            (account(ONE), organization(OURS)),
            scan(OtherAccounts(problem="ListAccounts is denied: allow it")),
            (
                f"its policy lets * pull for organization {OURS}, and root of {ONE} pull; to mend this, remove {OURS};"
                f" remove {ONE}; ListAccounts is denied: allow it"
            ),
        ),
        (
            (account(ONE),),
            scan(LISTED, outcome(ONE, "batch", failed=True), outcome(TWO, "batch", failed=True)),
            (
                f"its policy lets root of {ONE} pull; to mend this, remove {ONE}; account {ONE} was not looked at"
                f" completely: source batch in {ONE}/{REGION}: no answer"
            ),
        ),
        (
            (account(ONE),),
            UsageScan((), (outcome(ACCOUNT),), NOW, account_id=ACCOUNT, others=LISTED),
            (
                f"its policy lets root of {ONE} pull; to mend this, remove {ONE}; account {ONE} was not looked at"
                " completely: nothing is known of it"
            ),
        ),
        (
            (organization(OURS),),
            scan(replace(OUR_ORGANIZATION, members=OUR_ORGANIZATION.members | {OUTSIDE})),
            (
                f"its policy lets * pull for organization {OURS}; to mend this, remove {OURS};"
                f" account {OUTSIDE} was not looked at"
            ),
        ),
    ],
)
def test_who_was_not_looked_at_is_told_with_what_mends_it(
    scopes: tuple[PullScope, ...], found: UsageScan, told: str
) -> None:
    """Who may pull, what of them was not looked at, and the setting or the cause: each once."""
    assert uncovered(scopes, found) == told


def test_a_few_causes_are_enough() -> None:
    """An account of which nothing could be read fails in each source and region."""
    failing = [outcome(ONE, source, failed=True) for source in ("a", "b", "c", "d", "e")]
    told = uncovered((account(ONE),), scan(LISTED, *failing))
    assert told is not None
    assert told.endswith(f"source c in {ONE}/{REGION}: no answer; and 2 more causes")
    every = [f"{number:012}" for number in range(5)]
    others = OtherAccounts(frozenset(every), OURS, frozenset(every))
    told = uncovered((organization(OURS),), scan(others, *(outcome(one, failed=True) for one in every)))
    assert told is not None
    assert told.count("was not looked at completely") == 3
    assert told.endswith("; and 2 more accounts")


def test_without_the_registrys_account_every_failure_is_its_own() -> None:
    """Whoever does not know whose a failure is removes nothing."""
    failed = outcome(ONE, failed=True)
    unknown = UsageScan((), (failed,), NOW)
    assert (unknown.own_failures, unknown.failures) == ((failed,), (failed,))
    known = replace(unknown, account_id=ACCOUNT)
    assert (known.own_failures, known.failures) == ((), (failed,))
    own = SourceOutcome(TARGET, "ecs", SourceStatus.FAILED)
    assert replace(known, outcomes=(own, failed)).own_failures == (own,)


IDS: Final = st.sampled_from([ACCOUNT, ONE, TWO, THREE, OUTSIDE])
SETS: Final = st.frozensets(IDS)
SCOPES: Final = st.frozensets(
    st.one_of(
        IDS.map(account),
        IDS.map(lambda one: account(one, is_registry=True)),
        st.sampled_from([organization(OURS), organization(THEIRS), EVERYBODY]),
    )
)
OTHERS: Final = st.builds(
    OtherAccounts, SETS, st.sampled_from(["", OURS]), SETS, SETS, st.sampled_from(["", "denied: allow it"])
)
OUTCOMES: Final = st.lists(
    st.builds(
        lambda id_, source, failed: outcome(id_, source, failed=failed), IDS, st.sampled_from("ab"), st.booleans()
    )
)


def is_complete(id_: str, found: UsageScan) -> bool:
    """Whether an account was looked at, and every source answered."""
    there = [one.status for one in found.outcomes if one.target.account_id == id_]
    return id_ in found.others.accounts and bool(there) and SourceStatus.FAILED not in there


@given(SCOPES, OTHERS, OUTCOMES)
def test_nothing_is_covered_that_somebody_unseen_may_pull(
    scopes: frozenset[PullScope], others: OtherAccounts, outcomes: list[SourceOutcome]
) -> None:
    """Neither everybody, nor an account that is not complete, nor an organization with one that is not."""
    found = UsageScan((), tuple(outcomes), NOW, account_id=ACCOUNT, others=others)
    is_covered = uncovered(scopes, found) is None
    for scope in scopes:
        match scope.kind:
            case PullScopeKind.EVERYBODY:
                seen = False
            case PullScopeKind.ACCOUNT:
                seen = is_complete(scope.id, found)
            case PullScopeKind.ORGANIZATION:
                wanted = others.members - others.excepted - {ACCOUNT}
                seen = scope.id == others.organization_id and all(is_complete(one, found) for one in wanted)
        assert seen or not is_covered
        assert (uncovered([scope], found) is None) is seen


@given(SCOPES, SCOPES, OTHERS, OUTCOMES, OUTCOMES)
def test_more_scopes_and_more_failures_never_cover_more(
    scopes: frozenset[PullScope],
    further: frozenset[PullScope],
    others: OtherAccounts,
    outcomes: list[SourceOutcome],
    later: list[SourceOutcome],
) -> None:
    """What is skipped stays skipped."""
    found = UsageScan((), tuple(outcomes), NOW, account_id=ACCOUNT, others=others)
    failures = tuple(replace(one, status=SourceStatus.FAILED) for one in later)
    if uncovered(scopes, found) is not None:
        assert uncovered(scopes | further, found) is not None
        assert uncovered(scopes, replace(found, outcomes=(*found.outcomes, *failures))) is not None
    else:
        fewer = replace(others, accounts=others.accounts - {ONE})
        for scope in scopes:
            if scope.id == ONE:
                assert uncovered(scopes, replace(found, others=fewer)) is not None


# The clusters that Amazon Inspector sees


def seeing(arn: str, others: OtherAccounts, *outcomes: SourceOutcome) -> UsageScan:
    """A scan in which Inspector sees images of ``app`` run in a cluster."""
    seen = replace(outcome(ACCOUNT, "inspector"), clusters_seen=(SeenCluster("app", arn),))
    return scan(others, seen, *outcomes)


def cluster(account_id: str, region: str = REGION, service: str = "ecs") -> str:
    """The ARN of a cluster."""
    return f"arn:aws:{service}:{region}:{account_id}:cluster/prod"


def left(found: UsageScan, accepted: frozenset[str] = frozenset()) -> dict[str, tuple[str, str]]:
    """The repositories that are skipped, with why and what would include them."""
    repositories = [repository("app"), repository("other")]
    return {
        name: (one.detail, one.setting) for name, one in skipped(repositories, found, accepted.__contains__).items()
    }


ELSEWHERE: Final = "eu-west-9"
INSPECTOR: Final = "Amazon Inspector sees its images run in"


@pytest.mark.parametrize(
    "found",
    [
        seeing(cluster(ACCOUNT), OtherAccounts()),
        seeing(cluster(ONE), LISTED),
        seeing(cluster(ACCOUNT, service="eks"), OtherAccounts(), outcome(ACCOUNT, "eks")),
        seeing(cluster(THREE), OUR_ORGANIZATION),
        seeing(
            cluster(ACCOUNT, ELSEWHERE),
            OtherAccounts(),
            replace(outcome(ACCOUNT, ALL_SOURCES, region=ELSEWHERE), status=SourceStatus.DISABLED),
        ),
        seeing(
            cluster(ACCOUNT, service="eks"),
            OtherAccounts(),
            outcome(ACCOUNT, "eks"),
            replace(outcome(ACCOUNT, "eks", failed=True), cluster="another"),
        ),
    ],
)
def test_a_cluster_that_was_looked_at_is_no_hole(found: UsageScan) -> None:
    """By its own source, or left out by a person."""
    assert left(found) == {}


@pytest.mark.parametrize(
    ("found", "told", "setting"),
    [
        (
            seeing(cluster(ACCOUNT, ELSEWHERE), OtherAccounts()),
            (
                f"{INSPECTOR} {cluster(ACCOUNT, ELSEWHERE)}, and that region was not looked at;"
                f" to mend this, let regions name {ELSEWHERE} too, or leave it out so that every region is looked at"
            ),
            f"region:{ELSEWHERE}",
        ),
        (
            seeing(cluster(OUTSIDE), OtherAccounts()),
            (
                f"{INSPECTOR} {cluster(OUTSIDE)}, in another account; it was not looked at; or"
                f' have the consumers of account {OUTSIDE} looked at: accounts = ["{OUTSIDE}"]'
            ),
            "other_accounts:app",
        ),
        (
            seeing(cluster(OUTSIDE), OUR_ORGANIZATION),
            (
                f"{INSPECTOR} {cluster(OUTSIDE)}, in another account; account {OUTSIDE} is not in"
                f" the organization {OURS}, which is looked at"
            ),
            "other_accounts:app",
        ),
        (
            seeing(cluster(ONE, service="eks"), LISTED, outcome(ONE, "eks", failed=True)),
            (
                f"{INSPECTOR} {cluster(ONE, service='eks')}, in another account; account {ONE}"
                f" was not looked at completely: source eks in {ONE}/{REGION}: no answer"
            ),
            "other_accounts:app",
        ),
        (
            seeing("arn:aws:ecs:somewhere", OtherAccounts()),
            (f"{INSPECTOR} arn:aws:ecs:somewhere, which is no ARN of a cluster that is understood"),
            "other_accounts:app",
        ),
    ],
)
def test_a_cluster_that_nobody_looked_at_skips_what_runs_there(found: UsageScan, told: str, setting: str) -> None:
    """No other repository; with the ARN, and what mends it."""
    assert left(found) == {"app": (told, setting)}


def test_who_accepts_other_accounts_accepts_their_clusters() -> None:
    """But no hole in the own account."""
    accepted = frozenset({"app"})
    assert left(seeing(cluster(OUTSIDE), OtherAccounts()), accepted) == {}
    assert left(seeing(cluster(ACCOUNT, ELSEWHERE), OtherAccounts()), accepted).keys() == {"app"}


def test_both_causes_are_told() -> None:
    """Who may pull, and where it runs."""
    found = seeing(cluster(OUTSIDE), OtherAccounts())
    shared = replace(repository("app"), pull_scopes=(EVERYBODY,))
    detail = skipped([shared], found, lambda _: False)["app"].detail
    assert detail.startswith(
        "its policy lets * pull from any account; to mend this, name someone; Amazon Inspector sees"
    )
