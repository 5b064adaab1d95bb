"""How Lambda is read: every version of every function that is an image, by digest and by name."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Reference, Usage
from ecr_cleaner.usage.sources import awslambda
from tests.aws_calls.consumers import APP, account, anywhere, tagged, told, unreadable, written
from tests.builders import HOST

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

LISTING: Final = {"FunctionVersion": "ALL", "MaxItems": 50}
HEX: Final = APP.removeprefix("sha256:")
PINNED: Final = f"{HOST}/app@{APP}"
BASE64: Final = base64.b64encode(hashlib.sha256(b"code").digest()).decode()


UNTOLD: Final = "^lambda function api, version 7 is an image, but Lambda does not say which digest: its tag may have mo"


def version(number: str = "7", name: str = "api", code: str | None = HEX) -> dict[str, Any]:
    """A version that is an image, as ListFunctions tells it."""
    told = {"FunctionName": name, "Version": number, "PackageType": "Image", "CodeSha256": code}
    return {key: value for key, value in told.items() if value is not None}


def listed(script: Script, *versions: dict[str, Any]) -> None:
    """The versions, on one page."""
    script.pages("lambda", "list_functions", "Functions", versions, **LISTING)


def located(script: Script, code: dict[str, str], number: str = "7", name: str = "api") -> None:
    """Where a version's image lies."""
    script.answer("lambda", "get_function", {"Code": code}, FunctionName=name, Qualifier=number)


def used(script: Script) -> list[Usage]:
    """What Lambda uses."""
    return list(awslambda.collect(account(script)))


def usage(reference: Reference, number: str = "7", name: str = "api") -> Usage:
    """A usage by a version."""
    return Usage(reference, "lambda", f"lambda function {name}, version {number}")


RESOLVED: Final = usage(anywhere())


@pytest.mark.parametrize("number", ["7", "$LATEST"])
def test_a_version_uses_its_digest_and_its_names(script: Script, number: str) -> None:
    """The digest in whichever repository, the name it was given, and the name that was made of it."""
    listed(script, version(number))
    located(script, {"ImageUri": tagged("v1"), "ResolvedImageUri": PINNED}, number)
    references = (anywhere(), written(), written(PINNED, None, APP))
    assert used(script) == [usage(reference, number) for reference in references]


@pytest.mark.parametrize("package", [{"PackageType": "Zip"}, {}])
def test_a_function_of_files_uses_no_image(script: Script, package: dict[str, str]) -> None:
    """Nothing more is asked about it; without a type it is one."""
    listed(script, {"FunctionName": "zip", "Version": "1", "CodeSha256": BASE64, **package})
    assert used(script) == []


@pytest.mark.parametrize("number", ["$LATEST", "3"])
def test_a_variable_of_any_function_may_name_an_image(script: Script, number: str) -> None:
    """A launcher of files starts it; a repository alone names none."""
    variables = {"RUN_IMAGE": tagged("v1"), "REPOSITORY_URI": f"{HOST}/other"}
    listed(
        script,
        {"FunctionName": "launch", "Version": number, "PackageType": "Zip", "Environment": {"Variables": variables}},
    )
    assert used(script) == [usage(written(), number, "launch")]


def test_variables_of_files_that_cannot_be_decrypted_are_a_note_once(script: Script) -> None:
    """Nothing else is asked about such a function."""
    refusal = {"Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "as scripted"}}}
    listed(script, *({"FunctionName": "launch", "Version": number, **refusal} for number in ("1", "2")))
    context = account(script)
    assert list(awslambda.collect(context)) == []
    (note,) = context.notes
    assert note.startswith("the environment variables of lambda function launch cannot be read (AccessDeniedException)")


@unreadable
@pytest.mark.parametrize("key", ["ImageUri", "ResolvedImageUri"])
def test_an_image_that_cannot_be_read_stops_nothing(
    script: Script, key: str, text: str, references: tuple[Reference, ...]
) -> None:
    """The digest counts, and what the name may mean: it may point elsewhere by now."""
    listed(script, version())
    located(script, {key: text})
    assert told(used(script), text, [anywhere(), *references])


@pytest.mark.parametrize("code", [None, "", BASE64, HEX.upper(), HEX[:-1], f"{HEX}0", APP])
def test_a_checksum_that_is_no_digest_protects_nothing(script: Script, code: str | None) -> None:
    """The names do; the checksum of files would be in base64."""
    listed(script, version(code=code))
    located(script, {"ImageUri": tagged("v1"), "ResolvedImageUri": PINNED})
    assert used(script) == [usage(written()), usage(written(PINNED, None, APP))]


@pytest.mark.parametrize("code", [None, BASE64, APP])
@pytest.mark.parametrize(
    "resolved", [{}, {"ResolvedImageUri": ""}, {"ResolvedImageUri": tagged("v1")}], ids=["absent", "empty", "by tag"]
)
def test_a_version_whose_digest_nobody_tells_is_an_error(
    script: Script, code: str | None, resolved: dict[str, str]
) -> None:
    """What it runs may have lost its tag since, and would not be protected by the name."""
    listed(script, version(code=code))
    located(script, {"ImageUri": tagged("v1"), **resolved})
    with pytest.raises(SourceError, match=UNTOLD):
        used(script)


@pytest.mark.parametrize("code", [{}, {"ImageUri": "", "ResolvedImageUri": ""}, {"RepositoryType": "ECR"}])
def test_a_version_of_which_lambda_names_no_image(script: Script, code: dict[str, str]) -> None:
    """It is protected by its digest; without that nobody knows by what."""
    listed(script, version())
    located(script, code)
    assert used(script) == [RESOLVED]
    listed(script, version(code=BASE64))
    located(script, code)
    with pytest.raises(SourceError, match=UNTOLD):
        used(script)


def test_a_version_deleted_since_it_was_listed(script: Script) -> None:
    """The next one is read; one that is listed again is an error, though by another image now."""
    deleted = "ResourceNotFoundException"
    for left in (version("8"), version(code=None)):
        listed(script, version(), version("8"))
        script.refuse("lambda", "get_function", deleted, FunctionName="api", Qualifier="7")
        located(script, {"ImageUri": tagged("v1")}, "8")
        listed(script, left)
        if left["Version"] == "8":
            assert used(script) == [usage(anywhere(), "8"), usage(written(), "8")]
    with pytest.raises(AwsError, match=deleted):
        used(script)


def test_versions_are_read_page_by_page(script: Script) -> None:
    """Fifty a page, more Lambda does not hand out; the second page's version counts."""
    pages = [[version(), version("$LATEST")], [version("1", "worker", None)]]
    script.answer("lambda", "list_functions", {"Functions": pages[0], "NextMarker": "more"}, **LISTING)
    for number in ("7", "$LATEST"):
        located(script, {"ImageUri": "nginx"}, number)
    script.answer("lambda", "list_functions", {"Functions": pages[1]}, **LISTING, Marker="more")
    located(script, {"ImageUri": tagged("v1"), "ResolvedImageUri": PINNED}, "1", "worker")
    assert used(script) == [
        RESOLVED,
        usage(anywhere(), "$LATEST"),
        usage(written(), "1", "worker"),
        usage(written(PINNED, None, APP), "1", "worker"),
    ]


@pytest.mark.parametrize("member", ["StateReasonCode", "LastUpdateStatusReasonCode"])
def test_a_version_that_did_not_find_its_image_says_so(script: Script, member: str) -> None:
    """Of every name that its image has; what it uses is the same."""
    listed(script, version())
    code = {"ImageUri": tagged("v1"), "ResolvedImageUri": PINNED}
    answer = {"Code": code, "Configuration": {"State": "Failed", member: "ImageDeleted"}}
    script.answer("lambda", "get_function", answer, FunctionName="api", Qualifier="7")
    failed = [replace(usage(one), failure=f"{member} ImageDeleted") for one in (written(), written(PINNED, None, APP))]
    assert used(script) == [RESOLVED, *failed]


@pytest.mark.parametrize("code", ["ImageAccessDenied", "InvalidImage", "Idle", None])
def test_another_failure_is_none_for_want_of_an_image(script: Script, code: str | None) -> None:
    """Permissions, a platform that does not fit, sleep."""
    listed(script, version())
    told = {} if code is None else {"StateReasonCode": code, "LastUpdateStatusReasonCode": code}
    answer = {"Code": {"ImageUri": tagged("v1")}, "Configuration": told}
    script.answer("lambda", "get_function", answer, FunctionName="api", Qualifier="7")
    assert used(script) == [RESOLVED, usage(written())]


def test_variables_that_cannot_be_decrypted_are_a_note(script: Script) -> None:
    """Once a function: its image is known all the same."""
    listed(script, version("7"), version("8"))
    refusal = {"Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "as scripted"}}}
    for number in ("7", "8"):
        answer = {"Configuration": refusal, "Code": {"ImageUri": tagged("v1"), "ResolvedImageUri": tagged("v1")}}
        script.answer("lambda", "get_function", answer, FunctionName="api", Qualifier=number)
    context = account(script)
    assert len(list(awslambda.collect(context))) == 6
    (note,) = context.notes
    assert note.startswith("the environment variables of lambda function api cannot be read (AccessDeniedException): ")
    assert "kms:Decrypt" in note


OTHER: Final = "222233334444"
ARN: Final = f"arn:aws:lambda:us-east-1:{OTHER}:function:api"


@pytest.fixture
def foreign(script: Script, monkeypatch: pytest.MonkeyPatch) -> Script:
    """The same clients, taken for those of another account."""
    monkeypatch.setattr(type(script.aws), "is_foreign", property(lambda _: True))
    return script


def test_in_another_account_nobody_asks_for_code(foreign: Script) -> None:
    """The digest in the listing is enough, in whichever repository; tags are the function's, so they are read once."""
    latest = version("$LATEST") | {"FunctionArn": f"{ARN}:$LATEST"}
    listed(foreign, latest, version("7"))
    foreign.answer("lambda", "list_tags", {"Tags": {"base": tagged("v1")}}, Resource=ARN)
    found = used(foreign)
    assert [one for one in found if not one.in_text] == [usage(anywhere(), "$LATEST"), usage(anywhere(), "7")]
    assert [one.reference.tag for one in found if one.in_text] == ["v1"]


@pytest.mark.parametrize("code", [None, BASE64, HEX.upper()])
def test_in_another_account_a_digest_that_is_not_listed_is_a_failure(foreign: Script, code: str | None) -> None:
    """GetFunction would have it, and is not asked."""
    listed(foreign, version(code=code))
    with pytest.raises(SourceError, match=UNTOLD):
        used(foreign)


def test_a_function_of_another_account_that_was_deleted_meanwhile_uses_nothing(foreign: Script) -> None:
    """As the second listing shows."""
    listed(foreign, version("$LATEST") | {"FunctionArn": f"{ARN}:$LATEST"})
    foreign.refuse("lambda", "list_tags", "ResourceNotFoundException", Resource=ARN)
    listed(foreign)
    assert used(foreign) == []
