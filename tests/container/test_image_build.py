"""The build script with the real builders of this machine and a real registry; Terraform stays out of it here."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.container.engine import BASE_IMAGE, builders, container_tool
from tests.container.images import (
    GO_ARCHITECTURE,
    MANIFEST,
    OCI_MANIFEST,
    WHEEL_MACHINE,
    RegistryClient,
    RemoteImage,
    add_two_platform_base,
)
from tests.container.registry import Registry
from tests.container.workspace import PASSWORD
from tools.terraform import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.container

OTHER = {"arm64": "x86_64", "x86_64": "arm64"}


@pytest.fixture(scope="module")
def registry(architecture: str) -> Iterator[Registry]:
    """A registry that wants the password."""
    assert architecture
    with Registry(password=PASSWORD) as running:
        yield running


def build(
    registry: Registry, logs: Path, builder: str, *, architecture: str, base_image: str = BASE_IMAGE
) -> tuple[str, RemoteImage]:
    """Builds and pushes as image.tf does.

    Returns:
        The repository and the image.
    """
    repository = f"{builder}-{architecture}".replace("_", "-")
    client = RegistryClient(registry.url, "AWS", PASSWORD)
    values = {
        "IMAGE_URI": f"{registry.host}/{repository}:1",
        "SOURCE_DIR": str(ROOT / "lambda_src"),
        "PLATFORM": f"linux/{GO_ARCHITECTURE[architecture]}",
        "BUILD_ARGUMENTS": f"BASE_IMAGE={base_image}\nWHEEL_MACHINE={WHEEL_MACHINE[architecture]}",
        "CONTAINER_TOOL": container_tool(),
        "REGISTRY_ENDPOINT": registry.url,
        "REGISTRY_TOKEN": client.authorization,
        "LOG_DIR": str(logs),
    }
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "scripts/build-image.sh")],
        env={**os.environ, **builders()[builder], **values},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"({builder})" in done.stdout
    image = client.image(repository, "1")
    assert image
    return repository, image


def test_the_builders_that_ci_prepares_are_there(architecture: str) -> None:
    """Where all of them are expected, none of the following tests is quietly about fewer."""
    assert architecture
    assert set(os.environ.get("ECR_CLEANER_EXPECTED_BUILDERS", "legacy").split()) <= set(builders())


def test_every_builder_makes_an_image_that_lambda_takes(registry: Registry, tmp_path: Path, architecture: str) -> None:
    """One platform, no index, only what ships, readable by any user, from each builder that is there."""
    for builder in builders():
        repository, image = build(registry, tmp_path, builder, architecture=architecture)
        assert image.media_type in {MANIFEST, OCI_MANIFEST}
        assert (image.config["os"], image.config["architecture"]) == ("linux", GO_ARCHITECTURE[architecture])
        assert image.config["config"]["Cmd"] == ["ecr_cleaner.handler.handler"]
        client = RegistryClient(registry.url, "AWS", PASSWORD)
        files = client.files(repository, image.manifest["layers"][-1])
        ours = [name for name in files if name.startswith("var/task/ecr_cleaner/")]
        assert "var/task/ecr_cleaner/handler.py" in ours
        assert {name.rpartition(".")[2] for name in ours if files[name].isfile()} == {
            *("py", "pyc"),
            *("html", "css", "js", "LICENSE"),  # the page of the report
        }
        assert {oct(file.mode & 0o777) for file in files.values() if file.isfile()} == {"0o644"}


def test_cross_building_runs_nothing_of_the_target(registry: Registry, tmp_path: Path, architecture: str) -> None:
    """The other architecture's image is made from a base image without a single program: emulation cannot help."""
    other = OTHER[architecture]
    with Registry() as public:
        base = add_two_platform_base(public, BASE_IMAGE, architecture, other)
        for builder in builders():
            repository, image = build(registry, tmp_path, builder, architecture=other, base_image=base)
            assert image.media_type in {MANIFEST, OCI_MANIFEST}
            assert image.config["architecture"] == GO_ARCHITECTURE[other]
            client = RegistryClient(registry.url, "AWS", PASSWORD)
            files = client.files(repository, image.manifest["layers"][-1])
            libraries = [file for file in files if file.endswith(".so")]
            assert libraries
            assert all(WHEEL_MACHINE[other] in library for library in libraries)
