"""The engine: dockerd with its data in our folder and without a network of its own."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from tools.engine import processes
from tools.engine.packages import require
from tools.engine.shell import EngineError, run, wait_for

if TYPE_CHECKING:
    from tools.engine.layout import Layout

_NAME = "dockerd"


def client_environment(layout: Layout) -> dict[str, str]:
    """Returns the environment in which the client speaks to our engine."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
    return {**inherited, "DOCKER_HOST": layout.docker_host, "DOCKER_CONFIG": str(layout.docker_config)}


def docker(layout: Layout, *arguments: str) -> str:
    """Runs the client against our engine and returns what it prints."""
    return run([require("docker"), *arguments], env=client_environment(layout))


def answers(layout: Layout) -> bool:
    """Tells whether the engine answers."""
    try:
        docker(layout, "version")
    except EngineError:
        return False
    return True


def start(layout: Layout) -> None:
    """Starts the engine unless it runs.

    No bridge and no packet filter rules: both need kernel modules that small machines lack. Builds and containers
    then use the machine's own network (see docker-host-network).
    """
    layout.docker_config.mkdir(parents=True, exist_ok=True)
    processes.ensure(
        layout,
        _NAME,
        [
            require("dockerd"),
            *("--data-root", str(layout.root / "docker")),
            *("--exec-root", str(layout.root / "docker-exec")),
            *("--pidfile", str(layout.root / "docker.pid")),
            *("--storage-driver", "overlay2"),
            "--iptables=false",
            "--bridge=none",
            *("--host", layout.docker_host),
        ],
    )
    wait_for("the engine", lambda: answers(layout), layout.log(_NAME))


def stop(layout: Layout) -> None:
    """Stops the engine."""
    processes.stop(layout, _NAME)


def remove_data(layout: Layout) -> None:
    """Removes the engine's images and caches; it must not be running."""
    shutil.rmtree(layout.root / "docker", ignore_errors=True)
