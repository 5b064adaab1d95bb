"""``make demo`` does what it says, leaves nothing behind, and reaches nothing but this machine."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.container.engine import engine_problem
from tests.demo.conftest import Demo, RecordingProxy, alive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

WITHOUT_ENGINE = {"ECR_CLEANER_NO_ENGINE": "1"}

Start = Callable[[dict[str, str]], Demo]


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    """Starts demos that end with the test."""
    started: list[Demo] = []

    def make(environment: dict[str, str]) -> Demo:
        started.append(Demo(project, environment))
        return started[-1]

    yield make
    for demo in started:
        demo.close()


def contents(project: Path) -> dict[str, bytes]:
    """Every file outside of the demo's folder and of what all of the project's commands share."""
    paths = (path for path in project.rglob("*") if path.is_file())
    names = {path.relative_to(project): path for path in paths}
    return {str(name): path.read_bytes() for name, path in names.items() if name.parts[0] not in {".demo", ".cache"}}


def test_it_tells_the_whole_story_and_asks_nobody_outside(
    start: Start, proxy: RecordingProxy, project: Path, tmp_path: Path
) -> None:
    """In a shell that is logged in to a real account: that account is never spoken to, nor anybody else.

    A second one in the same checkout says so and touches nothing.

    Every child's way out of this machine is a proxy, which here writes down who comes. Getting the provider is the
    one thing that may need the network; it belongs to the set-up and is done before.
    """
    home = tmp_path / "home"
    home.mkdir()
    before = contents(project)
    ways_out = {"ECR_CLEANER_DEMO_PROXY": proxy.url, "HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url}
    demo = start(WITHOUT_ENGINE | ways_out | {"HOME": str(home)})
    demo.wait_for_program("terraform-provider-aws")
    children = demo.descendants()
    second = start(WITHOUT_ENGINE)
    assert second.end(60) == 1
    assert "Another demo runs" in second.said
    assert demo.end(400) == 0, demo.said

    assert proxy.asked == []
    assert alive(set(children)) == {}
    assert list(home.iterdir()) == []
    assert contents(project) == before
    assert sorted(path.name for path in (demo.folder / "terraform").iterdir() if not path.is_dir()) == [
        ".terraform.lock.hcl",
        "main.tf",
        "sandbox.auto.tfvars.json",
        "sandbox_override.tf.json",
        "terraform.tfstate",
        "terraform.tfstate.backup",
    ]

    said = re.sub(r"\s+", " ", demo.said)
    assert "The same handler runs from source" in said
    assert re.search(r"\b[1-9]\d* of \d+ images would be removed\. Nothing has been removed\.", said)
    # The dry run's denial lies in the role, not in the code alone.
    assert "aws_iam_role_policy.function[0] will be updated in-place" in said
    assert "aws_lambda_function.cleaner[0] will be updated in-place" in said
    assert "Resources: 0 added, 2 changed, 0 destroyed" in said
    assert re.search(r"keep reindex-7 150 d \S+ MiB in use: EKS cluster platform: CronJob shop/reindex", said)
    assert re.search(r"remove v3 200 d \S+ MiB old and unused", said)
    assert "shop/search:train-2 WorkflowTemplate shop/train-ranking" in said
    assert re.search(r"in use: ecs service prod/web, .*?app runner service landing|app runner service landing", said)
    assert re.search(r"Removed: 0\. In grace: [1-9]\d* images \(grace_days = 1\)\.", said)
    assert re.search(r"[1-9]\d* images went: exactly those that the dry run had named\.", said)
    assert "Removed: 0." in said
    assert re.search(
        r"Subject: \S+ us-east-1: [1-9]\d* images \(at most [\d.]+ GiB, \$[\d.]+ a month\) were removed", said
    )
    assert "Destroy complete!" in said
    report = demo.folder / "report.html"
    assert demo.said.rstrip().endswith(str(report))
    assert b"Content-Security-Policy" in report.read_bytes()


def test_it_leaves_nothing_running_when_it_is_stopped(start: Start) -> None:
    """In the middle of an apply, where the most is running."""
    demo = start(WITHOUT_ENGINE)
    demo.wait_for("2. terraform apply")
    time.sleep(8)
    demo.wait_for_program("terraform-provider-aws")
    _stopped(demo, signal.SIGINT)


def _stopped(demo: Demo, number: signal.Signals) -> None:
    children = demo.descendants()
    assert "tests.fake_aws" in " ".join(children.values())
    demo.process.send_signal(number)
    assert demo.end(120) == 128 + number, demo.said
    assert alive(set(children)) == {}
    assert not demo.folder.exists()
    assert "Nothing is left running" in demo.said


@pytest.mark.container
def test_with_an_engine_it_runs_the_image_that_the_module_built(start: Start) -> None:
    """Built by the module, pushed to a registry on a free port, run by AWS's emulator; after that it is as without one.

    So it is stopped there, and leaves nothing running either.
    """
    problem = engine_problem()
    if problem is not None:
        pytest.skip(problem)
    demo = start({})
    demo.wait_for("4. dry_run = false", 500)
    said = re.sub(r"\s+", " ", demo.said)
    assert "AWS's Lambda emulator runs it" in said
    assert re.search(r"\b[1-9]\d* of \d+ images would be removed\. Nothing has been removed\.", said)
    assert "in use: EKS cluster platform: CronJob shop/reindex" in said
    _stopped(demo, signal.SIGTERM)
