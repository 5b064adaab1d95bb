"""``python -m demo``: see ``make demo``."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys

from demo.function import FromSource, InEmulator
from demo.screen import Screen
from demo.story import FOLDER, Story
from tests.container.engine import ToolError as EngineError
from tests.container.engine import engine_problem
from tools.processes import CLOSED_PROXY, Children, StoppedError, loopback_only, stoppable
from tools.provider_mirror import ProviderMirror
from tools.terraform import Terraform, ToolError, cleaned

PROXY_VARIABLE = "ECR_CLEANER_DEMO_PROXY"
"""Names a proxy in place of the closed one; a test listens there, and hears nothing."""


def main() -> int:
    """Shows the demo; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="The whole life of the module, on this machine."
    )
    parser.add_argument("--keep", action="store_true", help="leave it running at the end, to look around")
    keep = parser.parse_args().keep
    _forget_the_shell()
    screen = Screen()
    with stoppable() as deafen, Children() as children:
        try:
            _claim_folder()
            with screen.working("finding Terraform and its AWS provider"):
                terraform = Terraform.find()
                environment = loopback_only(
                    ProviderMirror(terraform).ensure(), os.environ.get(PROXY_VARIABLE, CLOSED_PROXY)
                )
            with screen.working("looking for a container engine"):
                problem = engine_problem()
            function = InEmulator() if problem is None else FromSource(children, environment, problem)
            Story(screen, children, terraform, environment, function).tell(keep=keep)
        except StoppedError as stopped:
            screen.say(f"{str(stopped).capitalize()}: ending what runs.", "yellow")
            children.stop_all()
            shutil.rmtree(FOLDER, ignore_errors=True)
            screen.say(f"Nothing is left running, and {os.path.relpath(FOLDER)}/ is removed.")
            return 128 + stopped.number
        except (ToolError, EngineError) as error:
            deafen()
            screen.say(str(error), "red")
            return 1
    return 0


def _claim_folder() -> None:
    """Makes sure that no other demo runs here; the claim ends with this process.

    Raises:
        ToolError: One does.
    """
    FOLDER.mkdir(exist_ok=True)
    try:
        fcntl.flock(os.open(FOLDER, os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ToolError("Another demo runs in this checkout. Let it end, or end it.") from None


def _forget_the_shell() -> None:
    """Takes what could lead this process or a child to anything real out of the environment."""
    kept = cleaned(os.environ)
    # The container tool may need a proxy to fetch a base image; what is on this machine needs none.
    for name in ("no_proxy", "NO_PROXY"):
        kept[name] = ",".join(filter(None, ["127.0.0.1", "localhost", "::1", os.environ.get(name, "")]))
    # What decides where Terraform looks for its provider; tools/provider_mirror.py takes it from there.
    for name in ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR"):
        if name in os.environ:
            kept[name] = os.environ[name]
    os.environ.clear()
    os.environ.update(kept)


if __name__ == "__main__":
    sys.exit(main())
