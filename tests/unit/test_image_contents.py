"""What is hashed, what is sent to the builder and what lies in lambda_src/ are the same; and what the files promise."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "lambda_src"
IMAGE_TF = (ROOT / "image.tf").read_text()
DOCKERFILE = (SOURCE / "Dockerfile").read_text()
REQUIREMENTS = (SOURCE / "requirements.txt").read_text()

# The builder reads these two itself; neither needs to be let through.
BUILDER_FILES = {"Dockerfile", ".dockerignore"}


def hashed_patterns() -> set[str]:
    """The names and patterns in image.tf's list of source files."""
    match = re.search(
        r"source_files = concat\(\s*\[(.*?)\],((?:\s*sort\(fileset\([^,]+, \".*?\"\)\),)+)\s*\)", IMAGE_TF, re.DOTALL
    )
    assert match
    return set(re.findall(r'"([^"]+)"', match[1] + match[2]))


def whitelist() -> list[str]:
    """The lines of .dockerignore without comments."""
    lines = (SOURCE / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def instructions(stage: int) -> list[str]:
    """The instructions of one stage of the Dockerfile, continued lines joined; stage 0 is what precedes the first."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    stages = re.split(r"^(?=FROM )", text, flags=re.MULTILINE)
    return [line for line in stages[stage].splitlines() if line.strip()]


def test_the_whitelist_is_what_is_hashed() -> None:
    """A file reaches the image exactly if it counts for the image's tag."""
    first, *rest = whitelist()
    assert first == "*"
    assert all(line.startswith("!") for line in rest)
    assert {line[1:] for line in rest} == hashed_patterns() - BUILDER_FILES
    assert hashed_patterns() >= BUILDER_FILES


def test_the_patterns_find_the_package_and_no_rubbish() -> None:
    """Every module and asset is shipped; byte code and stray files are not, wherever they lie."""
    patterns = {p for p in hashed_patterns() if "*" in p}
    assert patterns == {"ecr_cleaner/**/*.py", "ecr_cleaner/report/assets/*"}
    shipped = {path.relative_to(SOURCE).as_posix() for pattern in patterns for path in SOURCE.glob(pattern)}
    assert {"ecr_cleaner/__init__.py", "ecr_cleaner/report/assets/page.html"} <= shipped
    assert not [name for name in shipped if "__pycache__" in name]


def test_nothing_that_the_package_needs_is_left_behind() -> None:
    """Whatever lies in the package is a module, or what the report's page is made of, so the patterns are enough."""
    others = [
        path
        for path in (SOURCE / "ecr_cleaner").rglob("*")
        if path.is_file()
        and not fnmatch.fnmatch(path.name, "*.py")
        and "__pycache__" not in path.parts
        and path.parent != SOURCE / "ecr_cleaner" / "report" / "assets"
    ]
    assert others == []


def test_the_final_stage_runs_nothing() -> None:
    """Building for another architecture needs no emulation, because nothing is executed in the target's image."""
    final = instructions(-1)
    assert [line.split()[0] for line in final] == ["FROM", "COPY", "CMD"]
    assert final[-1] == 'CMD ["ecr_cleaner.handler.handler"]'


def test_the_build_stage_runs_on_the_builder() -> None:
    """And the final one is for the target."""
    assert "BUILDPLATFORM" in instructions(1)[0]
    assert "TARGETPLATFORM" in instructions(-1)[0]


def test_the_dockerfile_suits_the_oldest_builder() -> None:
    """No syntax line, mount, heredoc or COPY option that the legacy builder would refuse."""
    assert not re.search(r"^# *syntax *=", DOCKERFILE, re.MULTILINE | re.IGNORECASE)
    body = "\n".join(line for stage in (1, -1) for line in instructions(stage))
    assert not re.search(r"--mount|--link|--chmod|<<", body)


def test_both_defaults_of_the_base_image_are_one() -> None:
    """A build by hand and one by the module start from the same image."""
    variables = (ROOT / "variables.tf").read_text()
    match = re.search(r'variable "base_image" \{.*?default\s*=\s*"([^"]+)"', variables, re.DOTALL)
    assert match
    assert f"ARG BASE_IMAGE={match[1]}\n" in DOCKERFILE


def test_requirements_are_locked_by_hash() -> None:
    """Every package is pinned and hashed, and no line names an index or an address."""
    one = r"^[a-z0-9._-]+(?:\[[a-z,]+\])?==\S+(?: ;.*?)? \\\n((?: +--hash=\S+ ?\\?\n)+)"
    packages = re.findall(one, REQUIREMENTS, re.MULTILINE)
    names = re.findall(r"^[a-zA-Z0-9]\S*", REQUIREMENTS, re.MULTILINE)
    assert len(packages) == len(names) > 0
    assert "://" not in REQUIREMENTS
    assert "--index" not in REQUIREMENTS


def test_the_sdk_knows_delete_replication() -> None:
    """An older botocore drops that member silently and would call a dangerous rule harmless."""
    for package in ("boto3", "botocore"):
        match = re.search(rf"^{package}==(\d+)\.(\d+)\.(\d+)", REQUIREMENTS, re.MULTILINE)
        assert match
        assert tuple(map(int, match.groups())) >= (1, 44, 4)


def test_every_dependency_is_locked() -> None:
    """What pyproject.toml asks for is in the lock."""
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=!~ ]", line)[0] for line in project["dependencies"]}
    assert wanted <= set(re.findall(r"^([a-z0-9-]+)==", REQUIREMENTS, re.MULTILINE))
