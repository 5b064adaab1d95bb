"""The module's build against real builders and a real registry, without the function around it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.container.engine import BASE_IMAGE, builders
from tests.container.images import GO_ARCHITECTURE, MANIFEST, OCI_MANIFEST, add_two_platform_base
from tests.container.workspace import BUILD, TerraformError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.container.conftest import Place
    from tests.container.workspace import Workspace

pytestmark = [pytest.mark.container, pytest.mark.terraform]

OTHER = {"arm64": "x86_64", "x86_64": "arm64"}


def test_every_builder_of_this_machine_makes_an_image_that_lambda_takes(
    loopback: Place, make_workspace: Callable[..., Workspace], architecture: str
) -> None:
    """One platform, no index, only what ships, readable by any user, from each builder that is there."""
    assert set(os.environ.get("ECR_CLEANER_EXPECTED_BUILDERS", "legacy").split()) <= set(builders())
    for builder, env in builders().items():
        workspace = make_workspace(loopback, f"builder-{builder}", env)
        assert f"({builder})" in workspace.build()
        image = loopback.registry.image(f"builder-{builder}", workspace.built()["tag"])
        assert image
        assert image.media_type in {MANIFEST, OCI_MANIFEST}
        assert (image.config["os"], image.config["architecture"]) == ("linux", GO_ARCHITECTURE[architecture])
        assert image.config["config"]["Cmd"] == ["ecr_cleaner.handler.handler"]
        files = loopback.registry.files(f"builder-{builder}", image.manifest["layers"][-1])
        ours = [name for name in files if name.startswith("var/task/ecr_cleaner/")]
        assert "var/task/ecr_cleaner/handler.py" in ours
        assert {name.rpartition(".")[2] for name in ours if files[name].isfile()} == {"py", "pyc"}
        assert {oct(file.mode & 0o777) for file in files.values() if file.isfile()} == {"0o644"}


def test_cross_building_runs_nothing_of_the_target(
    loopback: Place, make_workspace: Callable[..., Workspace], architecture: str
) -> None:
    """The other architecture's image is made from a base image without a single program: emulation cannot help."""
    other = OTHER[architecture]
    assert loopback.local
    with_password, loopback.local.authorization = loopback.local.authorization, None  # base images are public
    try:
        base = add_two_platform_base(loopback.local, BASE_IMAGE, architecture, other)
        for builder, env in builders().items():
            name = f"cross-{builder}"
            workspace = make_workspace(loopback, name, env, architecture=other, base_image=base)
            workspace.build()
            image = loopback.registry.image(name, workspace.built()["tag"])
            assert image
            assert image.media_type in {MANIFEST, OCI_MANIFEST}
            assert image.config["architecture"] == GO_ARCHITECTURE[other]
            machine = {"arm64": "aarch64", "x86_64": "x86_64"}[other]
            files = loopback.registry.files(name, image.manifest["layers"][-1])
            libraries = [file for file in files if file.endswith(".so")]
            assert libraries
            assert all(machine in library for library in libraries)
    finally:
        loopback.local.authorization = with_password


def test_a_failed_apply_can_be_repeated(loopback: Place, make_workspace: Callable[..., Workspace]) -> None:
    """Without a tool the error names both ways out; the next apply builds; and what is there is not built again."""
    workspace = make_workspace(loopback, "repeated")
    with pytest.raises(TerraformError, match="No usable container tool") as failed:
        workspace.build(container_tool="no-such-tool")
    assert "image_uri" in str(failed.value)
    assert "Pushing." in workspace.build()
    # As after a crash between the push and the state: the registry knows, and no tool is needed.
    workspace.run("state", "rm", BUILD)
    assert "nothing to build" in workspace.build(container_tool="no-such-tool")


def test_another_architecture_is_another_tag(
    loopback: Place, make_workspace: Callable[..., Workspace], architecture: str
) -> None:
    """A change of the architecture shows in the plan as another image, and the same one again as none."""
    workspace = make_workspace(loopback, "architectures")
    workspace.build()
    planned = workspace.plan(f"-target={BUILD}", architecture=OTHER[architecture])
    changes = {change["address"]: change["change"] for change in planned["resource_changes"]}
    build = changes[f"{BUILD}[0]"]
    assert build["actions"] == ["delete", "create"]
    before, after = (build[when]["triggers_replace"]["image_uri"] for when in ("before", "after"))
    assert before.rpartition(":")[0] == after.rpartition(":")[0]
    assert before != after
    again = workspace.plan(f"-target={BUILD}", architecture=architecture)
    assert {tuple(change["change"]["actions"]) for change in again["resource_changes"]} <= {("no-op",), ("read",)}


def test_no_login_and_no_token_remain(loopback: Place, make_workspace: Callable[..., Workspace]) -> None:
    """The user's client configuration has not changed by a byte, and neither output nor log holds the token."""
    config = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    before = config.read_bytes() if config.exists() else None
    workspace = make_workspace(loopback, "login")
    written = workspace.build()
    assert (config.read_bytes() if config.exists() else None) == before
    (log,) = (workspace.folder / ".ecr-cleaner-build").iterdir()
    assert str(log) in written
    for text in (written, log.read_text()):
        assert loopback.registry.authorization not in text
        assert loopback.registry.password not in text
