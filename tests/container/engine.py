"""The machine's container engine: whether it can be used, and running the function's image on it.

The demo uses this too. Nothing here needs root or changes the engine's configuration.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.container.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BASE_IMAGE = "public.ecr.aws/lambda/python:3.13"  # the module's default

_PULL_SECONDS = 600
_ANSWER_SECONDS = 60


class ToolError(Exception):
    """The container tool failed; the message has the end of what it said."""


def container_tool() -> str:
    """Returns the container tool to use: ``ECR_CLEANER_CONTAINER_TOOL``, else docker."""
    return os.environ.get("ECR_CLEANER_CONTAINER_TOOL") or "docker"


def tool(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    merged: bool = False,
    seconds: float = _ANSWER_SECONDS,
) -> str:
    """Runs the container tool to its end.

    Args:
        arguments: Its arguments.
        env: More for its environment.
        merged: Whether to return what it wrote to standard error too.
        seconds: How long it may take.

    Returns:
        What it wrote, without the last line break.

    Raises:
        ToolError: It failed, took too long, or there is none.
    """
    command = [*shlex.split(container_tool()), *arguments]
    try:
        done = subprocess.run(  # the developer's own tool
            command,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            timeout=seconds,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(str(error)) from error
    if done.returncode != 0:
        said = done.stdout if merged else done.stderr
        raise ToolError(said.decode(errors="replace").strip()[-600:])
    return done.stdout.decode(errors="replace").rstrip("\n")


def native_architecture() -> str:
    """Returns the engine's own architecture as the module spells it: ``arm64`` or ``x86_64``."""
    return {"amd64": "x86_64", "arm64": "arm64"}[tool("version", "--format", "{{.Server.Arch}}")]


@functools.cache
def engine_problem(base_image: str = BASE_IMAGE) -> str | None:
    """Tells why the container path cannot be walked on this machine.

    Asks once; the base image is pulled if it is missing and can be had.

    Returns:
        What is missing and what would enable it, in one line; None if all is there.
    """
    checks = (_switched_off, _no_tool, _no_answer, _no_loopback, functools.partial(_no_base_image, base_image))
    return next((problem for check in checks if (problem := check())), None)


def _switched_off() -> str | None:
    off = os.environ.get("ECR_CLEANER_NO_ENGINE")
    return "ECR_CLEANER_NO_ENGINE is set; unset it to use the container engine" if off else None


def _no_tool() -> str | None:
    command = shlex.split(container_tool())[0]
    if shutil.which(command):
        return None
    return f"there is no command {command}; install a container engine or name one in ECR_CLEANER_CONTAINER_TOOL"


def _no_answer() -> str | None:
    try:
        system = tool("version", "--format", "{{.Server.Os}}")
    except ToolError as error:
        return f"the container engine does not answer ({_last_line(error)}); start it"
    return None if system == "linux" else f"the container engine runs {system} containers; switch it to Linux ones"


def _no_loopback() -> str | None:
    """An engine in a virtual machine of its own has another loopback, where no registry of ours listens."""
    with Registry() as registry:
        try:
            tool("pull", f"{registry.host}/probe:none")
        except ToolError as error:
            if registry.requests:
                return None  # it came, and was told that there is no such image
            reason = _last_line(error)
        else:
            return None
    return f"the container engine cannot reach this machine's loopback address ({reason}); use one that runs on it"


def _no_base_image(base_image: str) -> str | None:
    try:
        tool("image", "inspect", base_image)
    except ToolError:
        try:
            tool("pull", base_image, seconds=_PULL_SECONDS)
        except ToolError as error:
            return f"the base image {base_image} is missing and cannot be pulled ({_last_line(error)}); pull it"
    return None


def _last_line(error: ToolError) -> str:
    return (str(error).splitlines() or ["no reason given"])[-1]


def builders() -> dict[str, dict[str, str]]:
    """Returns the ways to build that this machine has.

    Returns:
        The name that the build script gives each, and the environment that makes it the one in use.
    """
    found: dict[str, dict[str, str]] = {"legacy": {"DOCKER_BUILDKIT": "0"}}
    if _works("buildx", "version"):
        found["buildx"] = {}
    # A client from before 23 brings BuildKit itself; an empty configuration hides the plugin from it.
    for client in ("docker", "/usr/bin/docker"):
        env = {"ENGINE_DOCKER": client, "DOCKER_CONFIG": os.devnull, "DOCKER_BUILDKIT": "1"}
        if not _works("buildx", "version", env=env) and "--secret" in _said("build", "--help", env=env):
            found["buildkit"] = env
    return found


def _works(*arguments: str, env: Mapping[str, str] | None = None) -> bool:
    try:
        tool(*arguments, env=env)
    except ToolError:
        return False
    return True


def _said(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    try:
        return tool(*arguments, env=env)
    except ToolError:
        return ""


def remove_images(references: Sequence[str]) -> None:
    """Removes images from the engine; what is not there is fine."""
    for reference in references:
        _works("image", "rm", "--force", reference)
