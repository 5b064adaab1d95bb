"""Writes what follows from the code: what Terraform reads, a policy for people, tables of the pages.

``python -m tools.generate`` writes; a test compares.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "lambda_src"))

from ecr_cleaner.settings.schema import SettingsDocument  # noqa: E402 - the package is not installed
from ecr_cleaner.usage.catalog import SOURCES  # noqa: E402 - the package is not installed
from tools import deployer, reader, tables  # noqa: E402 - likewise
from tools.deployer import POLICY_CHARACTERS  # noqa: E402 - likewise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ecr_cleaner.usage.source import Grant, Source

SOURCES_FILE: Final = ROOT / "usage_sources.json"
TIME_ZONES_FILE: Final = ROOT / "time_zones.txt"
READER_FILE: Final = ROOT / "modules" / "usage-reader-policies" / "policy.json"
DEPLOYER_FILE: Final = ROOT / "docs" / "deployer-policy.json"
READ_ONLY_FILE: Final = ROOT / "docs" / "read-only-policy.json"

PART: Final = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[a-z-]+) -->)\n.*?(?P<end><!-- end: (?P=name) -->)", re.DOTALL
)
"""A part of a page that this writes."""

POLICIES: Final = 7
"""A role holds ten; one is for logging, one for subnets, and one is left for whoever applies the module."""

REGISTRY_READS: Final = (
    "ecr:DescribePullThroughCacheRules",
    "ecr:DescribeRegistry",
    "ecr:DescribeRepositories",
    "ecr:GetRegistryPolicy",
    "ecr:ListPullTimeUpdateExclusions",
    "ecr:ListTagsForResource",
    "tag:GetResources",
)
REGION_READS: Final = ("account:ListRegions", "ec2:DescribeRegions")
ACCOUNT_READS: Final = ("organizations:DescribeOrganization", "organizations:ListAccounts")
REPOSITORY_READS: Final = (
    "ecr:BatchGetImage",
    "ecr:DescribeImages",
    "ecr:GetLifecyclePolicy",
    "ecr:GetRepositoryPolicy",
)
"""What `iam.tf` allows the function to read of ECR, regions, other accounts, and what opted in (a test compares)."""

READER_ROLE: Final[str] = SettingsDocument().reader_role_name

LONGEST: Final = {
    "partition": "aws-us-gov",
    "region": "ap-southeast-99",
    "account": "123456789012",
    "inventory_bucket": 63 * "b",
    "inventory_prefix": 199 * "p" + "/",
}
"""What may stand for the placeholders, as long as it can be."""

_FRAME: Final = len(json.dumps({"Version": "2012-10-17", "Statement": []}))


def statement(grant: Grant) -> dict[str, Any]:
    """One statement of a policy, with placeholders in its resource and condition."""
    condition = {"Condition": {test: dict(keys) for test, keys in grant.condition.items()}} if grant.condition else {}
    return {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": sorted(set(grant.actions)),
        "Resource": [grant.resource],
        **condition,
    }


def size(statements: Iterable[dict[str, Any]]) -> int:
    """Characters that statements take at most, in the longest partition and region."""
    texts = [json.dumps(one, separators=(",", ":")) for one in statements]
    for name, value in LONGEST.items():
        texts = [text.replace(f"{{{name}}}", value) for text in texts]
    return sum(len(text) + 1 for text in texts)


def numbered(sources: Iterable[Source]) -> Iterator[tuple[Source, int]]:
    """Each source with the number of the policy that holds its statements: filled one after the other.

    Raises:
        ValueError: They do not fit into as many policies as a role may have.
    """
    number, filled = 1, _FRAME
    for source in sources:
        needed = size(map(statement, source.granted("own")))
        if filled + needed > POLICY_CHARACTERS:
            number, filled = number + 1, _FRAME
        if number > POLICIES or filled + needed > POLICY_CHARACTERS:
            raise ValueError(f"the permissions of {source.name} do not fit into {POLICIES} policies")
        filled += needed
        yield source, number


def sources_json() -> str:
    """What Terraform reads: every source with its setting, its policy and its statements."""
    told = {
        source.name: {
            "gap": source.gap,
            "policy": number,
            "statements": [statement(grant) for grant in source.granted("own")],
        }
        for source, number in numbered(SOURCES)
    }
    return json.dumps(told, indent=2) + "\n"


def time_zones() -> str:
    """The names of all time zones, which Terraform itself does not know; ``Factory`` stands for none."""
    names = (resources.files("tzdata") / "zones").read_text().split()
    return "\n".join(sorted({*names} - {"Factory"})) + "\n"


def read_only_json() -> str:
    """A policy for people who look from the command line: every read of a run, in a form that fits one policy.

    Raises:
        ValueError: It does not fit.
    """
    reading = {action for source in SOURCES for grant in source.granted("own") for action in grant.actions}
    # Where inventories lie, and which key is whose, only those who look know.
    usages = sorted(action for action in reading if not action.startswith("s3:"))
    # In whichever bucket: its name is a choice of whoever applied the module, and the prefix is not.
    of_cleaners = {"StringLike": {"s3:prefix": "ecr-cleaner/*"}}
    statements: list[dict[str, Any]] = [
        {"Sid": "ReadRegistry", "Action": [*REGISTRY_READS], "Resource": "*"},
        {"Sid": "ListRegions", "Action": [*REGION_READS], "Resource": "*"},
        {"Sid": "ListAccounts", "Action": [*ACCOUNT_READS], "Resource": "*"},
        # Where the role is of that name and lets people look.
        {"Sid": "AssumeReaders", "Action": ["sts:AssumeRole"], "Resource": f"arn:*:iam::*:role/{READER_ROLE}"},
        {"Sid": "ReadRepositories", "Action": [*REPOSITORY_READS], "Resource": "*"},
        {"Sid": "ReadUsages", "Action": usages, "Resource": "*"},
        {"Sid": "ReadFunction", "Action": ["lambda:GetFunctionConfiguration"], "Resource": "*"},
        {"Sid": "ReadHistory", "Action": ["s3:GetObject"], "Resource": "arn:*:s3:::*/ecr-cleaner/*"},
        {"Sid": "ListJournal", "Action": ["s3:ListBucket"], "Resource": "arn:*:s3:::*", "Condition": of_cleaners},
    ]
    told = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | one for one in statements]}
    if len(json.dumps(told, separators=(",", ":"))) > POLICY_CHARACTERS:
        raise ValueError("the policy for reading does not fit into one")
    return json.dumps(told, indent=2) + "\n"


def deployer_json() -> str:
    """A policy for whoever applies the module."""
    return json.dumps(deployer.policy(), indent=2) + "\n"


def with_parts(page: str) -> str:
    """A page with all its generated parts written anew, each between its two markers.

    Raises:
        LookupError: There is no such part.
    """
    return PART.sub(lambda found: f"{found['begin']}\n{tables.PARTS[found['name']]()}\n{found['end']}", page)


def pages() -> Iterator[Path]:
    """The pages with generated parts."""
    return (
        path for path in sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")]) if PART.search(path.read_text())
    )


def main() -> int:
    """Write the files."""
    SOURCES_FILE.write_text(sources_json())
    TIME_ZONES_FILE.write_text(time_zones())
    READ_ONLY_FILE.write_text(read_only_json())
    DEPLOYER_FILE.write_text(deployer_json())
    READER_FILE.write_text(reader.policy_json())
    for path in pages():
        path.write_text(with_parts(path.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
