"""One sentence says what a run did, whatever it did, and can be passed on as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from ecr_cleaner.model.plan import PlanSummary
from ecr_cleaner.report.headline import headline
from ecr_cleaner.report.next_step import dry_run_command, next_step
from ecr_cleaner.report.summary import run_json
from tests.endings import repository, summary

BEGAN: Final = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
GIB: Final = 1024


def told(*repositories: Any, **more: Any) -> str:
    """The headline of a run on 30 November, with ECR's usual price."""
    price = more.pop("price", 0.1)
    return str(run_json(replace(summary(*repositories, **more), began_at=BEGAN, price=price))["headline"])


def skipped(name: str) -> Any:
    """A repository that is left alone."""
    return repository(name, images=0, removable=0, status="skipped")


WAITING: Final = PlanSummary("awaits_approval", "p", BEGAN + timedelta(days=3), 12, 5)


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (
            told(repository("a", 60, 57, 57 * GIB), skipped("b"), skipped("c"), skipped("d")),
            (
                "58,368 images (at most 57.0 GiB, $6.13 a month) were removed from 1 repository on 30 November 2026;"
                " 3 repositories were skipped."
            ),
        ),
        (
            told(repository("a", removed=1), repository("b", removed=1), repository("c")),
            "2 images (at most 2.0 MiB, $0.01 a month) were removed from 2 repositories on 30 November 2026.",
        ),
        (
            told(repository(removed=1, removals={"archived": 2}, bytes_archived=2 * 1024**2)),
            (
                "1 image (at most 1.0 MiB, $0.01 a month) was removed from 1 repository and 2 images (at most 2.0 MiB)"
                " were archived in 1 repository on 30 November 2026."
            ),
        ),
        (
            told(repository(removable=0, reasons={"in_grace": 3}), dry_run=True, price=None),
            (
                "Dry run on 30 November 2026: 3 images (at most 0 B) would be removed from 1 repository;"
                " 3 images are in grace."
            ),
        ),
        (
            told(repository(removable=0, keep_days=30), dry_run=True),
            "Dry run on 30 November 2026: nothing would be removed, because nothing is old and unused.",
        ),
        (
            told(repository(removable=0, keep_days=30)),
            "Nothing was removed on 30 November 2026, because nothing is old and unused.",
        ),
        (told(), "Nothing was removed on 30 November 2026, because no repository opted in."),
        (
            told(skipped("hub/x")),
            "Nothing was removed on 30 November 2026; 1 repository was skipped.",
        ),
        (told(repository(), refusals=["r"]), "Nothing was removed on 30 November 2026."),
        (
            told(repository(reasons={"in_grace": 1}), refusals=["r"], dry_run=True),
            "Dry run on 30 November 2026: what would be removed is unknown.",
        ),
        (
            told(repository(removed=1), problems=["p"], deferred=["a", "b"]),
            (
                "1 image (at most 1.0 MiB, $0.01 a month) was removed from 1 repository on 30 November 2026;"
                " time ran out before 2 repositories."
            ),
        ),
        (
            told(repository(removals={"limited": 2})),
            "Nothing was removed on 30 November 2026; 2 images wait for later runs.",
        ),
        (
            told(repository(), plan=WAITING),
            "Nothing was removed on 30 November 2026; 12 images wait for approval.",
        ),
    ],
)
def test_what_a_run_did_is_one_sentence(run: str, sentence: str) -> None:
    """Real and dry, refused and cut short, with something and with nothing to do."""
    assert run == sentence


def test_a_run_whose_beginning_is_not_known_names_no_day() -> None:
    """Nor does the subject of a mail, which has a date of its own."""
    of = run_json(replace(summary(repository(removed=1)), began_at=BEGAN))
    assert headline(of, dated=False) == "1 image (at most 1.0 MiB) was removed from 1 repository"
    assert headline(run_json(summary(repository(removed=1)))) == headline(of, dated=False)


@pytest.mark.parametrize("more", [{"refusals": ["r"]}, {"problems": ["p"]}])
def test_after_a_failure_one_looks_again(more: Any) -> None:
    """By a command that removes nothing."""
    step = next_step(run_json(summary(repository(), **more)), "cleaner")
    assert step
    assert step[1] == dry_run_command("cleaner", "us-east-1")
    assert '"dry_run":true' in step[1]


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_where_nothing_opted_in_the_command_does(region: str, partition: str) -> None:
    """In the partition of the region."""
    step = next_step(run_json(replace(summary(), region=region)), "cleaner")
    assert step
    assert step[1].startswith(f"aws ecr tag-resource --region {region} --tags Key=BoxCleanerEnabled,Value=true ")
    assert step[1].endswith(f" arn:{partition}:ecr:{region}:123456789012:repository/NAME")


def test_a_run_that_did_its_work_needs_nothing() -> None:
    """No command where there is nothing to do."""
    assert next_step(run_json(summary(repository())), "cleaner") is None
    assert next_step(run_json(summary(repository(), deferred=["app"])), "cleaner") is None
