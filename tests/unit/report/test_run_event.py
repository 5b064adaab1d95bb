"""The event of a run, held against its published schema."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.report import run_event
from ecr_cleaner.report.summary import run_json
from tests.builders import ACCOUNT, NOW, REGION
from tests.endings import RUN_ID, ending, outcome, repository, summary
from tests.fake_aws.telling import MAX_BYTES, size
from tools.declared import ROOT

SCHEMA: Final[dict[str, Any]] = json.loads((ROOT / "docs" / "run-event.schema.json").read_text())


def detail(of: Any) -> dict[str, Any]:
    """The detail of an ending's event, after it was found to be as its schema says and no larger than allowed."""
    entry = run_event.entry(of, "default", NOW)
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == (
        "default",
        "ecr-cleaner",
        "ECR Cleaner Run",
    )
    assert size(entry) <= MAX_BYTES
    found: dict[str, Any] = json.loads(entry["Detail"])
    checker = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    assert [error.message for error in checker.iter_errors(found)] == []
    # Consumers take more than the schema says, the documentation tells all of it.
    assert set(found) == set(SCHEMA["properties"]) == set(SCHEMA["required"])
    return found


def test_the_schema_is_one() -> None:
    """And its own examples of what is wrong are refused: an unknown status, a total that is no number."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    told = detail(ending(summary()))
    wrong: list[dict[str, Any]] = [{"status": "done"}, {"totals": {}}, {"schema_version": 2}, {"causes": ["x" * 2001]}]
    for change in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(told | change, SCHEMA)


def test_a_run_reads_like_this() -> None:
    """What a program wants to know, whole."""
    of = summary(
        repository("web", removed=1),
        repository("api", removed=2),
        outcomes=[outcome("ecs"), outcome("eks", "failed", "no"), outcome("lambda", "disabled")],
        refusals=["source eks: no"],
    )
    found = detail(ending(of))
    assert {key: found[key] for key in found if key not in {"repositories", "totals"}} == {
        "schema_version": 1,
        "run_id": RUN_ID,
        "function_name": "ecr-cleaner",
        "account_id": "123456789012",
        "region": "us-east-1",
        "ended_at": "2026-03-01T12:00:00Z",
        "duration_seconds": 12.4,
        "status": "refused",
        "dry_run": False,
        "tripwire_tripped": False,
        "consumers_broken": 0,
        "wide_usages": 0,
        "causes": ["source eks: no"],
        "causes_omitted": 0,
        "sources": {"complete": 1, "not_offered": 0, "failed": 1, "disabled": 1, "closed": 0},
        "sources_failed": [{"account_id": ACCOUNT, "region": REGION, "source": "eks", "cluster": None}],
        "sources_disabled": [{"account_id": ACCOUNT, "region": REGION, "source": "lambda", "cluster": None}],
        "other_accounts": None,
        "repositories_omitted": 0,
    }
    assert found["totals"] == run_json(of)["totals"]
    assert found["repositories"][0] == {
        "name": "api",
        "status": "evaluated",
        "images": 5,
        "in_use": 1,
        "removable": 2,
        "in_grace": 0,
        "removed": 2,
        "archived": 0,
        "deferred": 0,
        "failed": 0,
        "bytes_total": 5 * 1024**2,
        "bytes_removable": 2 * 1024**2,
        "bytes_removed": 2 * 1024**2,
        "bytes_archived": 0,
    }
    assert set(found["repositories"][0]) == set(SCHEMA["$defs"]["repository"]["properties"])
    assert set(found["totals"]) == set(SCHEMA["$defs"]["totals"]["required"])


def test_what_ended_before_a_run_is_an_event_too() -> None:
    """With the cause, and null where nobody knows."""
    found = detail(ending(status=RunStatus.REFUSED, causes=("another run is under way",)))
    assert (found["status"], found["causes"]) == ("refused", ["another run is under way"])
    assert (found["totals"], found["account_id"], found["duration_seconds"]) == (None, None, None)
    assert (found["repositories"], found["sources"]["complete"]) == ([], 0)


def test_a_large_registry_is_cut_and_says_so() -> None:
    """EventBridge takes 256 KB: those with problems and the largest are told, the rest is counted."""
    many = [repository(f"team/{'x' * 200}/{n}", removed=n % 7) for n in range(5000)]
    found = detail(ending(summary(repository("broken", status="failed", detail="no"), *many)))
    assert found["repositories"][0]["name"] == "broken"
    assert found["repositories_omitted"] == 5001 - len(found["repositories"])
    assert found["repositories_omitted"] > 0
    assert len(found["repositories"]) > 300
    assert found["totals"]["images"] == 5001 * 5


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(["x", '"\\' * 4000, "\N{GRINNING FACE}" * 5000]), max_size=300),
    st.integers(0, 1500),
)
def test_no_event_is_larger_than_eventbridge_takes(causes: list[str], repositories: int) -> None:
    """However much there is to tell, in whatever script; and nothing is left out uncounted."""
    found = detail(ending(summary(*(repository("r" * 250 + str(n)) for n in range(repositories)), problems=causes)))
    assert len(found["causes"]) + found["causes_omitted"] == len(causes)
    assert len(found["repositories"]) + found["repositories_omitted"] == repositories
