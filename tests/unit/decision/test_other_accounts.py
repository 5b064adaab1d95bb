"""How the look at other accounts ended: each account, and one sentence for what concerns many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision import other_accounts
from ecr_cleaner.decision.other_accounts import MOST_CAUSES
from ecr_cleaner.model.account_results import AccountStatus
from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.scan import Denial, PolicyType, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget
from tests.builders import ACCOUNT, NOW, REGION, TARGET

if TYPE_CHECKING:
    from ecr_cleaner.model.account_results import AccountResult, OtherAccountsResult

ONE, TWO, THREE, FOUR = (f"{number}" * 12 for number in (2, 3, 4, 5))
ROLE: Final = "the role arn:aws:iam::{}:role/ecr-cleaner-reader cannot be assumed; apply modules/usage-reader there"
MANY: Final = [f"{number:012}" for number in range(1, 41)]


def outcome(
    account: str, source: str = "ecs", detail: str = "", region: str = REGION, denial: Denial | None = None
) -> SourceOutcome:
    """How a source ended in another account: it failed if there is a detail."""
    status = SourceStatus.FAILED if detail else SourceStatus.COMPLETE
    return SourceOutcome(ScanTarget(account, region), source, status, detail=detail, denial=denial)


def result(*outcomes: SourceOutcome, accounts: set[str] | None = None, **more: object) -> OtherAccountsResult:
    """Of a scan in which these accounts were to be looked at; those that have an outcome if nobody says."""
    wanted = {one.target.account_id for one in outcomes} if accounts is None else accounts
    others = OtherAccounts(accounts=frozenset(wanted), **more)  # type: ignore[arg-type]
    own = SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE)
    found = other_accounts.result(UsageScan((), (own, *outcomes), NOW, account_id=ACCOUNT, others=others))
    assert found is not None
    return found


def statuses(found: OtherAccountsResult) -> dict[str, AccountStatus]:
    """Of each account."""
    return {one.account_id: one.status for one in found.accounts}


def of(found: OtherAccountsResult, account: str) -> AccountResult:
    """What is said of one account."""
    return next(one for one in found.accounts if one.account_id == account)


def test_without_other_accounts_there_is_nothing_to_say() -> None:
    """Whatever failed in the own one."""
    own = SourceOutcome(TARGET, "ecs", SourceStatus.FAILED, detail="cut short")
    assert other_accounts.result(UsageScan((), (own,), NOW, account_id=ACCOUNT)) is None


def test_an_organization_of_one_account_was_looked_at() -> None:
    """It has no other account, and that is not the same as that nobody asked."""
    found = result(accounts=set(), organization_id="o-1", members=frozenset({ACCOUNT}))
    assert (found.accounts, found.causes) == ((), ())


def test_each_account_has_a_status() -> None:
    """Complete if every source answered in each region; excepted ones were not asked."""
    found = result(
        outcome(ONE),
        outcome(ONE, "lambda", region="eu-west-1"),
        outcome(TWO),
        outcome(TWO, "lambda", "cut short", region="eu-west-1"),
        excepted=frozenset({FOUR}),
        accounts={ONE, TWO, THREE},
    )
    assert statuses(found) == {
        ONE: AccountStatus.COMPLETE,
        TWO: AccountStatus.FAILED,
        THREE: AccountStatus.FAILED,
        FOUR: AccountStatus.EXCEPTED,
    }
    assert of(found, ONE).regions == ("eu-west-1", REGION)
    assert of(found, TWO).regions == (REGION,)
    assert of(found, TWO).missing == ("source lambda in region eu-west-1: cut short",)
    assert of(found, THREE).missing == ("no scan of it came back; the next run asks again",)
    assert found.causes == (
        f"account {TWO}: source lambda in region eu-west-1: cut short",
        f"account {THREE}: no scan of it came back; the next run asks again",
    )


def test_what_fails_in_the_own_account_is_none_of_it() -> None:
    """It stops the run, and is a refusal."""
    own = SourceOutcome(TARGET, "lambda", SourceStatus.FAILED, detail="cut short")
    others = OtherAccounts(accounts=frozenset({ONE}))
    found = other_accounts.result(UsageScan((), (own, outcome(ONE)), NOW, account_id=ACCOUNT, others=others))
    assert found
    assert (found.causes, statuses(found)) == ((), {ONE: AccountStatus.COMPLETE})


def test_one_cause_of_forty_accounts_is_one_sentence() -> None:
    """With their number and the first of them; each account's own line has its own names."""
    found = result(*(outcome(one, "accounts", ROLE.format(one)) for one in MANY))
    assert found.causes == (
        "40 accounts (000000000001, 000000000002, 000000000003 and 37 more): " + ROLE.format("<account>"),
    )
    assert of(found, MANY[6]).missing == (ROLE.format(MANY[6]),)


def test_a_cause_in_every_region_is_one_sentence() -> None:
    """With the number of regions, and of sources."""
    regions = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2")
    failed = [outcome(ONE, source, "cut short", region) for region in regions for source in ("ecs", "lambda")]
    assert result(*failed).causes == (
        (
            f"account {ONE}: 2 sources (ecs, lambda) in 4 regions (eu-central-1, eu-west-1, us-east-1 and 1 more):"
            " cut short"
        ),
    )


def test_what_concerns_all_of_an_account_names_no_source() -> None:
    """Without credentials and without a list of regions nobody got as far as to ask one."""
    found = result(outcome(ONE, "regions", "ListRegions failed"), outcome(TWO, "*", "time ran out"))
    assert found.causes == (
        f"account {ONE}: ListRegions failed",
        f"account {TWO}: every source in region us-east-1: time ran out",
    )


def denied(account: str, permission: str, policy: PolicyType, *, is_explicit: bool = False) -> SourceOutcome:
    """A source that was denied something by the reader's role."""
    principal = f"arn:aws:sts::{account}:assumed-role/ecr-cleaner-reader"
    remedy = f"apply modules/usage-reader in account {account}" if policy is PolicyType.IDENTITY else ""
    denial = Denial(permission, principal, policy, is_explicit, remedy=remedy)
    return outcome(account, permission.partition(":")[0], "denied", denial=denial)


def test_all_that_a_role_lacks_is_one_cause() -> None:
    """With what mends it, which the denial may say; what the organization forbids, it alone can mend."""
    lacking = [denied(one, name, PolicyType.IDENTITY) for one in (ONE, TWO) for name in ("ecs:List", "batch:List")]
    forbidden = denied(THREE, "omics:List", PolicyType.SERVICE_CONTROL, is_explicit=True)
    assert result(*lacking, forbidden).causes == (
        (
            f"2 accounts ({ONE}, {TWO}): 2 sources (batch, ecs) in region us-east-1: no identity-based policy allows"
            " arn:aws:sts::<account>:assumed-role/ecr-cleaner-reader: batch:List, ecs:List; to mend this, apply"
            " modules/usage-reader in account <account>"
        ),
        (
            f"account {THREE}: source omics in region us-east-1: arn:aws:sts::{THREE}:assumed-role/ecr-cleaner-reader"
            " is denied by a service control policy: omics:List; to mend this, allow it for the caller in the"
            " organization's service control policies"
        ),
    )


def test_what_is_not_known_of_the_organization_comes_first() -> None:
    """It concerns every repository that the organization may pull from."""
    found = result(outcome(ONE, detail="cut short"), problem="ListAccounts failed; allow it")
    assert found.causes == (
        "ListAccounts failed; allow it",
        f"account {ONE}: source ecs in region us-east-1: cut short",
    )
    assert found.organization_problem == "ListAccounts failed; allow it"


def test_many_causes_are_begun_and_counted() -> None:
    """A mail and a message in a queue have an end."""
    found = result(*(outcome(one, detail=f"cause {one[-2:]}b") for one in MANY))
    assert len(found.causes) == MOST_CAUSES + 1
    assert found.causes[-1] == "and 20 more causes in other accounts: see the report"
    several = result(*(outcome(ONE, f"s{number}", f"cause {number:02}") for number in range(25)))
    assert of(several, ONE).missing[-1] == "and 5 more"
    assert len(of(several, ONE).missing) == MOST_CAUSES + 1


def test_what_failed_once_in_a_run_stays_failed() -> None:
    """The repositories that it kept from being cleaned stay skipped in this run."""
    first = result(outcome(ONE, detail="cut short"), outcome(TWO), outcome(THREE, detail="throttled"))
    second = result(outcome(ONE), outcome(TWO, detail="no such role"), outcome(THREE, detail="denied"))
    both = other_accounts.together(first, second)
    assert both
    assert both.ids(AccountStatus.FAILED) == {ONE, TWO, THREE}
    assert of(both, ONE).missing == ("source ecs in region us-east-1: cut short",)
    assert of(both, THREE).missing == ("source ecs in region us-east-1: denied",)
    assert set(both.causes) == {*first.causes, *second.causes}
    well = result(outcome(ONE), outcome(TWO))
    assert other_accounts.together(well, well) == well
    assert other_accounts.together(None, first) == other_accounts.together(first, None) == first
    assert other_accounts.together(None, None) is None
    unknown = result(accounts=set(), problem="ListAccounts failed")
    after = other_accounts.together(unknown, well)
    assert after
    assert (after.organization_problem, after.causes) == ("ListAccounts failed", ("ListAccounts failed",))


ACCOUNTS: Final = st.sampled_from([ONE, TWO, THREE, FOUR])
OUTCOMES: Final = st.lists(
    st.builds(
        outcome,
        ACCOUNTS,
        st.sampled_from(["ecs", "lambda"]),
        st.sampled_from(["", "", "cut short", "throttled"]),
        st.sampled_from([REGION, "eu-west-1"]),
    ),
    max_size=20,
)


@given(outcomes=OUTCOMES, wanted=st.sets(ACCOUNTS), excepted=st.sets(ACCOUNTS))
def test_nothing_that_failed_is_left_out(outcomes: list[SourceOutcome], wanted: set[str], excepted: set[str]) -> None:
    """An account is complete only if it was asked for, answered, and nothing of it failed; else a cause names it."""
    others = OtherAccounts(accounts=frozenset(wanted), excepted=frozenset(excepted), organization_id="o-1")
    found = other_accounts.result(UsageScan((), tuple(outcomes), NOW, account_id=ACCOUNT, others=others))
    assert found
    assert set(statuses(found)) == wanted | excepted
    for one in found.accounts:
        there = [each for each in outcomes if each.target.account_id == one.account_id]
        is_complete = bool(there) and all(each.status is SourceStatus.COMPLETE for each in there)
        if one.account_id in wanted:
            assert (one.status is AccountStatus.COMPLETE) is is_complete
            assert bool(one.missing) is not is_complete
        else:
            assert one.status is AccountStatus.EXCEPTED
    failed = found.ids(AccountStatus.FAILED)
    assert bool(found.causes) is bool(failed)
    shown = " ".join(found.causes)
    assert all(one in shown for one in sorted(failed)[:1])
    assert not any(one in shown for one in {ONE, TWO, THREE, FOUR} - failed)
