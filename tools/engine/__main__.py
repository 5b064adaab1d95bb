"""``python3 -m tools.engine up`` prints the environment to use, as shell lines; ``down`` ends what it started."""

from __future__ import annotations

import argparse
import os
import shlex
import sys

from tools.engine import base_image, daemon, packages, tls_registry
from tools.engine.layout import ECR_HOST, HERE, Layout
from tools.engine.shell import EngineError, say


def up(layout: Layout) -> dict[str, str]:
    """Installs, starts and makes what is missing.

    Returns:
        The environment in which the tests find it all.
    """
    packages.install_missing()
    daemon.start(layout)
    base_image.ensure(layout)
    base_image.ensure_buildx(layout)
    tls_registry.start(layout)
    return {
        "DOCKER_HOST": layout.docker_host,
        "DOCKER_CONFIG": str(layout.docker_config),
        "ECR_CLEANER_CONTAINER_TOOL": str(HERE / "docker-host-network"),
        "ECR_CLEANER_TLS_REGISTRY": f"https://{ECR_HOST}",
        "ECR_CLEANER_EXPECTED_BUILDERS": "buildkit buildx legacy",
        # curl's, Python's, and requests' name for the same thing.
        **dict.fromkeys(("CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(layout.ca_bundle)),
    }


def down(layout: Layout) -> None:
    """Stops what `up` started and takes back what it changed on the machine; the cache stays."""
    tls_registry.stop(layout)
    daemon.stop(layout)


def main() -> int:
    """Runs the command line; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.engine", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "clean"], help="clean: down, and remove the engine's data")
    command = parser.parse_args().command
    if os.geteuid() != 0:
        say("this needs root; an engine that is there already needs none of it")
        return 2
    layout = Layout.from_environment()
    try:
        if command == "up":
            for name, value in up(layout).items():
                sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
        else:
            down(layout)
        if command == "clean":
            daemon.remove_data(layout)
    except EngineError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
