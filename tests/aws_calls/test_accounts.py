"""How the accounts of an organization are listed, and where a run looks in each account."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import ClientError

from ecr_cleaner.aws.client import AwsClients, OtherSession, connect
from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.scan import ACCOUNTS, ALL_SOURCES, REGIONS, SourceStatus
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.accounts import NOTHING_RUNS, targets
from tests.aws_calls.script import Script
from tests.builders import ACCOUNT, NOW, REGION, TARGET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

A, B, C, D = "222233334444", "333344445555", "444455556666", "888899990000"
ORGANIZATION: Final = "o-exampleorgid"
OF_ORGANIZATION: Final = Settings(organization=True)
DENIED: Final = ClientError(
    {"Error": {"Code": "AccessDenied", "Message": "User: f is not authorized to perform: sts:AssumeRole"}}, "AssumeRole"
)


def account(number: str, state: str = "ACTIVE") -> dict[str, str]:
    """As ListAccounts has it; its Status is another word for its State, and is not read."""
    return {"Id": number, "State": state, "Status": "SUSPENDED"}


@pytest.fixture
def home() -> AwsClients:
    """The clients of a run; another account has the same credentials, which the script does not mind."""
    made = connect(REGION, None)
    made.account_id = ACCOUNT
    made.other_accounts = lambda one: OtherSession(made.session, f"the role r of account {one}")
    return made


@pytest.fixture
def script(home: AwsClients) -> Iterator[Script]:
    """What is asked with the run's own credentials."""
    with Script(home) as made:
        yield made


@pytest.fixture
def there(home: AwsClients) -> Iterator[Callable[[str], Script]]:
    """What is asked in another account."""
    with ExitStack() as stack:
        yield lambda one: stack.enter_context(Script(home.for_target(ScanTarget(one, REGION))))


def enabled(script: Script, *regions: str) -> None:
    """The regions that an account can use; one that it cannot use is listed too."""
    listed = [{"RegionName": one, "RegionOptStatus": "ENABLED"} for one in regions]
    disabled = {"RegionName": "af-south-1", "RegionOptStatus": "DISABLED"}
    script.pages("account", "list_regions", "Regions", listed, [disabled], MaxResults=50)


def organization(script: Script, *pages: list[dict[str, str]]) -> None:
    """The accounts of the organization."""
    script.answer("organizations", "describe_organization", {"Organization": {"Id": ORGANIZATION}})
    script.pages("organizations", "list_accounts", "Accounts", *pages)


def test_without_other_accounts_nobody_is_asked(home: AwsClients) -> None:
    """As ever."""
    found = targets(home, Settings(), NOW)
    assert (found.targets, found.outcomes, found.others) == ((TARGET,), (), OtherAccounts())


def test_each_account_says_itself_which_regions_it_can_use(home: AwsClients, there: Callable[[str], Script]) -> None:
    """Of the regions that are looked at; two accounts may have enabled different ones."""
    settings = Settings(accounts=(B, A), regions=("eu-west-1", "eu-south-1"))
    enabled(there(A), "us-east-1", "eu-west-1", "us-west-2")
    enabled(there(B), "us-east-1", "eu-south-1")
    found = targets(home, settings, NOW)
    assert [str(one) for one in found.targets] == [
        str(TARGET),
        *(f"{ACCOUNT}/{one}" for one in ("eu-south-1", "eu-west-1")),
        *(f"{A}/{one}" for one in ("us-east-1", "eu-west-1")),
        *(f"{B}/{one}" for one in ("us-east-1", "eu-south-1")),
    ]
    assert found.outcomes == ()
    assert found.others == OtherAccounts(frozenset({A, B}))


def test_an_account_that_has_none_of_these_regions_was_looked_at() -> None:
    """Nothing can run there, and it is told."""
    home = connect("eu-south-1", None)
    home.account_id = ACCOUNT
    home.other_accounts = lambda one: OtherSession(home.session, one)
    with Script(home.for_target(ScanTarget(A, "eu-south-1"))) as script:
        enabled(script, "us-east-1", "us-west-2")
        found = targets(home, Settings(accounts=(A,), regions=("eu-west-1",)), NOW)
    assert [one.account_id for one in found.targets] == [ACCOUNT, ACCOUNT]
    (outcome,) = found.outcomes
    assert (outcome.target, outcome.source) == (ScanTarget(A, "eu-south-1"), REGIONS)
    assert outcome.status is SourceStatus.COMPLETE
    assert outcome.notes == (f"account {A} can use none of the regions that are looked at, so nothing runs there",)


@pytest.mark.parametrize("regions", [[], ["eu-west-1"]])
def test_a_list_without_the_region_that_every_account_has_is_a_failure(
    home: AwsClients, there: Callable[[str], Script], regions: list[str]
) -> None:
    """It may have been cut short; the account fails, what is in the list is looked at."""
    enabled(there(A), *regions)
    found = targets(home, Settings(accounts=(A,), regions=("eu-west-1",)), NOW)
    (outcome,) = found.outcomes
    assert (outcome.target, outcome.source, outcome.status) == (ScanTarget(A, REGION), REGIONS, SourceStatus.FAILED)
    assert "us-east-1, that every account can use, is not in the list" in outcome.detail
    assert [one.region for one in found.targets if one.account_id == A] == regions


def test_a_list_that_is_denied_names_role_module_and_account(home: AwsClients, there: Callable[[str], Script]) -> None:
    """To leave a source out is no way out."""
    there(A).refuse("account", "list_regions", "AccessDeniedException", MaxResults=50)
    (outcome,) = targets(home, Settings(accounts=(A,)), NOW).outcomes
    assert outcome.denial is not None
    remedy = f"apply modules/usage-reader of this version in account {A}, so that the role r of account {A} may do it"
    assert outcome.denial.remedy == remedy
    assert f"to mend this, {remedy}" in outcome.detail
    assert outcome.denial.gap == f"account:{A}"


def test_a_role_that_cannot_be_assumed_is_one_failure(home: AwsClients, there: Callable[[str], Script]) -> None:
    """Of that account alone, with what to do about it."""

    def refuse(one: str) -> OtherSession:
        if one == A:
            raise DENIED
        return OtherSession(home.session, one)

    home.other_accounts = refuse
    enabled(there(B), "us-east-1")
    found = targets(home, Settings(accounts=(A, B)), NOW)
    (outcome,) = found.outcomes
    assert (outcome.target, outcome.source, outcome.status) == (ScanTarget(A, REGION), ACCOUNTS, SourceStatus.FAILED)
    assert "AssumeRole failed with AccessDenied" in outcome.detail
    assert f"apply modules/usage-reader in account {A}, so that its role ecr-cleaner-reader is there" in outcome.detail
    assert f'accepted_gaps = {{ "account:{A}" = "<reason>" }}' in outcome.detail
    assert found.targets == (TARGET, ScanTarget(B, REGION))
    assert found.others.accounts == {A, B}


def test_an_accepted_account_is_not_asked_and_told(home: AwsClients) -> None:
    """Nobody is, so a role need not even be there."""
    found = targets(home, Settings(accounts=(A,), accepted_gaps={f"account:{A}": "a sandbox"}), NOW)
    (outcome,) = found.outcomes
    assert (outcome.target, outcome.source, outcome.status) == (
        ScanTarget(A, REGION),
        ALL_SOURCES,
        SourceStatus.DISABLED,
    )
    assert outcome.accepted == (f"account:{A}",)
    assert "a sandbox" in outcome.detail
    assert found.others == OtherAccounts(excepted=frozenset({A}))


def test_every_account_of_the_organization_in_which_something_may_run(
    home: AwsClients, script: Script, there: Callable[[str], Script]
) -> None:
    """A page may be empty and not the last; the own account is no other.

    A state that nobody knows must be read, and so must an account that is about to be closed: it works until it is.
    """
    closed = [account(f"{number}" * 12, state) for number, state in enumerate(sorted(NOTHING_RUNS), 5)]
    others = [account(C), account(D, "PENDING_CLOSURE")]
    organization(script, [account(ACCOUNT)], [], [account(A), *closed], [account(B, "SOMETHING_NEW")], others)
    for one in (A, B, D):
        enabled(there(one), "us-east-1")
    found = targets(home, Settings(organization=True, accepted_gaps={f"account:{C}": "a sandbox"}), NOW)
    assert found.targets == (TARGET, *(ScanTarget(one, REGION) for one in (A, B, D)))
    members = frozenset({ACCOUNT, A, B, C, D})
    unavailable = frozenset(one["Id"] for one in closed)
    assert found.others == OtherAccounts(frozenset({A, B, D}), ORGANIZATION, members, frozenset({C}), unavailable)
    notes = [note for one in found.outcomes for note in one.notes]
    assert [note.partition("it is ")[2] for note in notes] == sorted(NOTHING_RUNS)
    assert all(one.target == TARGET for one in found.outcomes if one.notes)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="no list"),
        pytest.param({"Accounts": []}, id="not even the own account"),
        pytest.param({"Accounts": [account(A)]}, id="without the own account"),
        pytest.param({"Accounts": [account(ACCOUNT, "CLOSED")]}, id="the own account closed"),
        pytest.param({"Accounts": [account(ACCOUNT), {"Id": A, "Status": "ACTIVE"}]}, id="no state"),
        pytest.param({"Accounts": [account(ACCOUNT), {"State": "ACTIVE"}]}, id="no id"),
        pytest.param({"Accounts": [account(ACCOUNT), account("22223333444")]}, id="an id that is none"),
    ],
)
def test_a_list_that_may_be_incomplete_is_none(home: AwsClients, script: Script, answer: dict[str, Any]) -> None:
    """No account is looked at by half a list; nothing of the own account fails."""
    script.answer("organizations", "describe_organization", {"Organization": {"Id": ORGANIZATION}})
    script.cut_short("organizations", "list_accounts", answer)
    found = targets(home, OF_ORGANIZATION, NOW)
    assert (found.targets, found.outcomes) == ((TARGET,), ())
    assert found.others == OtherAccounts(problem=found.others.problem)
    assert found.others.problem.startswith("the accounts of the organization cannot be listed: Incomplete response")


@pytest.mark.parametrize(
    ("method", "code", "remedy"),
    [
        ("describe_organization", "AWSOrganizationsNotInUseException", "this account is in no organization"),
        ("describe_organization", "AccessDeniedException", "aws_organizations_resource_policy"),
        ("list_accounts", "AccessDeniedException", "aws_organizations_resource_policy"),
    ],
)
def test_whoever_may_not_list_the_accounts_is_told_what_to_do(
    home: AwsClients, script: Script, method: str, code: str, remedy: str
) -> None:
    """The management account has to let it."""
    if method == "list_accounts":
        script.answer("organizations", "describe_organization", {"Organization": {"Id": ORGANIZATION}})
    script.refuse("organizations", method, code)
    found = targets(home, OF_ORGANIZATION, NOW)
    assert found.outcomes == ()
    assert f"failed with {code}" in found.others.problem
    assert remedy in found.others.problem.partition("; to mend this, ")[2]
    assert "accepted_gaps" not in found.others.problem
