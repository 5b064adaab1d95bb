"""The smallest account of ``benchmarks.account``: what is printed of its nights. Of how long they took, nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Final

import pytest

from benchmarks.account import BUCKETS, COLUMNS, SIZES, floor
from tests.fake_aws.recorder import Call
from tools.terraform import ROOT

SMALL: Final = SIZES["small"]
OLD: Final = SMALL.repositories * SMALL.images // 2


@pytest.mark.timeout(600)
def test_the_nights_of_the_smallest_account_are_told() -> None:
    """A row for each night, with its calls below: the first one removes what nothing needs, the next one what came."""
    command = [sys.executable, "-m", "benchmarks.account", "small", "--nights", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    header, _, *lines = done.stdout.splitlines()
    assert cells(header) == list(COLUMNS)
    rows = [dict(zip(COLUMNS, cells(line), strict=True)) for line in lines[::2]]
    calls = [{action: int(count) for action, count in re.findall(r"(\S+) (\d+)", line)} for line in lines[1::2]]
    assert [(row["size"], row["night"], row["status"]) for row in rows] == [
        ("small", "1", "completed"),
        ("small", "2", "completed"),
    ]
    indexes = SMALL.repositories * (SMALL.images // 100)
    assert int(rows[0]["images"]) == SMALL.repositories * SMALL.images + 2 * indexes
    # Each service and each function use one old image; no two of one kind the same.
    assert OLD - SMALL.services - SMALL.functions <= int(rows[0]["removed"]) <= OLD - SMALL.services
    pushed = int(rows[1]["images"]) - (int(rows[0]["images"]) - int(rows[0]["removed"]))
    assert pushed > 0
    assert int(rows[1]["removed"]) == pushed // 2
    for row, counted in zip(rows, calls, strict=True):
        assert sum(counted.values()) <= int(row["calls"])
        assert counted["ecr:DescribeImages"] >= SMALL.repositories
        assert float(row["floor s"]) > 0
        assert float(row["wall/floor"]) == pytest.approx(float(row["wall s"]) / float(row["floor s"]), rel=0.05)


def cells(line: str) -> list[str]:
    """Of a row."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_the_floor_is_that_of_the_bucket_that_takes_longest() -> None:
    """Operations of one bucket count together; what was throttled took nothing from it."""

    def calls(service: str, operation: str, number: int, error: str | None = None) -> list[Call]:
        made = [Call(service, operation, {}, ("*",), {}, "us-east-1", "123456789012") for _ in range(number)]
        for one in made:
            one.error = error
        return made

    (burst, rate) = next((b, r) for service, names, b, r in BUCKETS if "DescribeTaskDefinition" in names)
    reads = [*calls("ecs", "DescribeTaskDefinition", 100), *calls("ecs", "ListTaskDefinitions", 50)]
    others = calls("lambda", "GetFunction", 101)
    throttled = calls("ecs", "DescribeTaskDefinition", 900, "ThrottlingException")
    assert floor([*reads, *others, *throttled]) == pytest.approx((150 - burst) / rate)
    assert floor(calls("ecs", "DescribeTaskDefinition", 3)) == 0.0
    assert floor([]) == 0.0
