"""What a bare Debian machine lacks, from Debian's own archive."""

from __future__ import annotations

import os
import shutil

from tools.engine.shell import EngineError, run, say

# command → Debian package that has it
_NEEDED = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "docker-registry": "docker-registry",
    "debootstrap": "debootstrap",
    "curl": "curl",
    "openssl": "openssl",
}

# Daemons lie outside an ordinary user's search path, and CI may have such a one.
_SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def find(command: str) -> str | None:
    """Returns the full path of a command, None if there is none."""
    return shutil.which(command, path=_SEARCH_PATH)


def require(command: str) -> str:
    """Returns the full path of a command; raises EngineError if there is none."""
    path = find(command)
    if path is None:
        message = f"there is no command {command}"
        raise EngineError(message)
    return path


def install_missing() -> None:
    """Installs the packages whose commands are missing; asks nothing and starts no service."""
    missing = sorted({package for command, package in _NEEDED.items() if find(command) is None})
    if not missing:
        return
    say(f"installing {', '.join(missing)}")
    # invoke-rc.d starts no service in run level 1: the package of the registry would take a port.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    run(["apt-get", "update", "-q"], env=env)
    run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing], env=env)
