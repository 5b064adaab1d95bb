"""``python -m tests.fake_aws``: the sandbox by hand, or for another process.

Prints one JSON line, ``{"endpoint": "http://127.0.0.1:40123"}``, when it is ready, and ends cleanly on SIGTERM,
SIGINT, or when the process named by ``--parent-pid`` is gone. With ``--explain`` it prints for people what to export,
and Terraform's provider block, instead.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from tools.pointing import instructions
from tools.provider_mirror import ProviderMirror
from tools.terraform import Terraform, ToolError

from .sandbox import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; returns the exit status."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Sandbox(
        port=options.port, registry_url=options.registry_url, registry_ecr_host=options.registry_ecr_host
    ) as sandbox:
        for scenario in options.scenario:
            sandbox.seed(scenario)
        if options.explain:
            sys.stdout.write(instructions(sandbox.endpoint, _provider_configuration()))
        else:
            sys.stdout.write(json.dumps({"endpoint": sandbox.endpoint}) + "\n")
        sys.stdout.flush()
        while not stop.wait(0.5):
            if options.parent_pid and not _alive(options.parent_pid):
                break
    return 0


def _provider_configuration() -> Path | None:
    """Terraform's configuration that offers the provider this project already has, if it has one."""
    try:
        path = ProviderMirror(Terraform.find()).configuration
    except ToolError:
        return None
    return path if path.exists() else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A dead child of somebody who does not wait for it still has its number.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_aws", description="An AWS account on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument(
        "--scenario", type=Path, action="append", default=[], help="YAML file to start with; may be repeated"
    )
    parser.add_argument("--registry-url", help="a registry whose content ECR shows, such as http://127.0.0.1:5001")
    parser.add_argument(
        "--registry-ecr-host",
        action="store_true",
        help="repository URIs keep ECR's host name; only the asking goes to --registry-url",
    )
    parser.add_argument("--explain", action="store_true", help="print what to export, and Terraform's provider block")
    parser.add_argument("--parent-pid", type=int, help="end when this process is gone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
