"""Which browser opens the report's page."""

from __future__ import annotations

import functools
import os
import shutil
from typing import Final

ENABLES: Final = "install one (Debian: apt-get install chromium), or name it in ECR_CLEANER_BROWSER"
ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@functools.cache
def executable() -> str | None:
    """The path of a Chromium, if there is one."""
    named = os.environ.get("ECR_CLEANER_BROWSER")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)


def problem() -> str | None:
    """Why no page can be opened, and what would enable it; None if one can."""
    return None if executable() else f"there is no Chromium to open the report's page with: {ENABLES}"
