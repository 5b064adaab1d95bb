"""What a report of many images takes: to write it, to keep it, to open it.

Writing happens in a process of its own, over repositories of `IMAGES_PER_REPOSITORY` images, of which most go. Its peak
of memory is told before that, after a run without AWS (which holds usages and how removals ended), and after the report
is written. Opening happens in a Chromium on this machine, from disk; the best of `OPENINGS`.

    .venv/bin/python -m benchmarks.report_size [IMAGES ...]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import sync_playwright

from tests.report_page.browser import ARGUMENTS, executable, problem

SIZES: Final = (1_000, 10_000, 50_000)
IMAGES_PER_REPOSITORY: Final = 500
OPENINGS: Final = 3

_CHILD: Final = """
import json, resource, sys, time
from tests.report_page.made import Night
from ecr_cleaner.report import page
from ecr_cleaner.report.record import Recorder

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

images, document, html, each = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
Night(each, 1).page()  # what is loaded and held in any case
before, recording, judged = peak(), 0.0, Recorder.evaluated

def timed(*told, **more):
    global recording
    started = time.perf_counter()
    judged(*told, **more)
    recording += time.perf_counter() - started

Recorder.evaluated = timed
night = Night(images, max(1, images // each))
ran, started = peak(), time.perf_counter()
with open(document, "wb") as target:
    night.recorder.write(target, night.summary)
documented = time.perf_counter()
with open(document, "rb") as source, open(html, "wb") as target:
    page.write(source, target)
ended = time.perf_counter()
print(json.dumps({
    "recording": recording, "document": documented - started, "page": ended - documented,
    "before": before, "ran": ran, "written": peak(),
}))
"""


def write(images: int, document: Path, html: Path) -> dict[str, float]:
    """Write a report in a process of its own; returns seconds and MiB."""
    environment = os.environ | {"PYTHONPATH": "lambda_src:.", "PYTHONDONTWRITEBYTECODE": "1"}
    words = [str(images), str(document), str(html), str(IMAGES_PER_REPOSITORY)]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _CHILD, *words], env=environment, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def open_page(browser: Any, html: Path, images: int) -> tuple[float, float]:
    """Open a page and search in it; returns the seconds that each took, the pause after the last key included."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    started = time.perf_counter()
    page.goto(html.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached", timeout=120_000)
    opened = time.perf_counter() - started
    started = time.perf_counter()
    page.locator("#images-search").fill("shop/api:v7")
    page.wait_for_function(
        "(all) => !document.querySelector('#images-hits').textContent.startsWith(all + ' image')", arg=f"{images:,}"
    )
    searched = time.perf_counter() - started
    context.close()
    return opened, searched


def main() -> None:
    """Print one line for each size."""
    missing = problem()
    if missing is not None:
        sys.exit(missing)
    sizes = [int(size) for size in sys.argv[1:]] or list(SIZES)
    head = (
        "images",
        "record s",
        "JSON s",
        "HTML s",
        "MiB: start",
        "run",
        "report",
        "JSON MB",
        "HTML MB",
        "open s",
        "search s",
    )
    sys.stdout.write("  ".join(f"{word:>10}" for word in head) + "\n")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
        document, html = Path(folder) / "report.json", Path(folder) / "report.html"
        for images in sizes:
            told = write(images, document, html)
            openings = [open_page(browser, html, images) for _ in range(OPENINGS)]
            opened, searched = (min(one) for one in zip(*openings, strict=True))
            megabytes = [path.stat().st_size / 1e6 for path in (document, html)]
            seconds = [told["recording"], told["document"], told["page"]]
            values = [*seconds, told["before"], told["ran"], told["written"], *megabytes, opened, searched]
            sys.stdout.write(f"{images:>10,}  " + "  ".join(f"{value:>10.1f}" for value in values) + "\n")
            sys.stdout.flush()
        browser.close()


if __name__ == "__main__":
    main()
