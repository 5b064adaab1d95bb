"""The demo in a process of its own, watched from outside."""

from __future__ import annotations

import contextlib
import os
import shutil
import socketserver
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.provider_mirror import ProviderMirror
from tools.terraform import ROOT, Terraform

if TYPE_CHECKING:
    from collections.abc import Iterator

# A shell that is logged in to something, and that would lead Terraform astray.
MISLEADING = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "https://example.invalid",
    "AWS_ENDPOINT_URL_ECR": "https://example.invalid",
    "TF_VAR_dry_run": "false",
    "TF_CLI_ARGS_apply": "-refresh=false -no-such-option",
    "TF_WORKSPACE": "production",
}


@dataclass(slots=True)
class RecordingProxy:
    """A proxy that refuses everybody and remembers who asked.

    Attributes:
        asked: The first line of every request.
        url: Where it listens.
    """

    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def proxy() -> Iterator[RecordingProxy]:
    """A running one."""
    recorded = RecordingProxy()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            recorded.asked.append(self.rfile.readline().decode(errors="replace").strip())
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        recorded.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield recorded
        server.shutdown()
        thread.join()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, set up: getting the provider may need the network, the demo itself may not."""
    ProviderMirror(Terraform.find()).ensure()
    copy = tmp_path / "project"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".[!d]*", ".demo", "__pycache__", "node_modules"))
    (copy / ".cache").symlink_to(ROOT / ".cache")
    return copy


class Demo:
    """A running demo.

    Attributes:
        process: It.
        project: The copy of the project that it runs in, so that nobody else's work there is mistaken for its own.
        folder: Where it may write.
        said: What it has written so far, both streams.
    """

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        self.project, self.folder = project, project / ".demo"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demo"],
            cwd=project,
            env=os.environ | MISLEADING | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.append(line)

    @property
    def said(self) -> str:
        """All of it."""
        return "".join(self._lines)

    def wait_for(self, text: str, seconds: float = 120) -> None:
        """Waits until it says something."""
        deadline = time.monotonic() + seconds
        while text not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.1)

    def wait_for_program(self, name: str, seconds: float = 120) -> None:
        """Waits until a program runs beneath it."""
        deadline = time.monotonic() + seconds
        while not any(name in command for command in self.descendants().values()):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.2)

    def end(self, seconds: float) -> int:
        """Waits for its end; returns its exit status."""
        status = self.process.wait(seconds)
        self._reader.join(10)
        return status

    def descendants(self) -> dict[int, str]:
        """Every process that it started, and that these did: id and command."""
        table = {pid: (parent, command) for pid, parent, command in _processes()}
        found: dict[int, str] = {}
        parents = {self.process.pid}
        while parents:
            parents = {pid for pid, (parent, _) in table.items() if parent in parents and pid not in found}
            found |= {pid: table[pid][1] for pid in parents}
        return found

    def close(self) -> None:
        """Ends it if the test did not."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


def alive(pids: set[int]) -> dict[int, str]:
    """Which of some processes still run; the dead that nobody has waited for do not."""
    return {pid: command for pid, _, command in _processes() if pid in pids}


def _processes() -> list[tuple[int, int, str]]:
    """Id, parent's id and command of every process of this machine."""
    if not Path("/proc/self/stat").exists():
        told = subprocess.run(["/bin/ps", "-axo", "pid=,ppid=,stat=,command="], stdout=subprocess.PIPE, check=True)
        rows = [line.split(None, 3) for line in told.stdout.decode(errors="replace").splitlines()]
        return [(int(row[0]), int(row[1]), row[3]) for row in rows if len(row) == 4 and not row[2].startswith("Z")]
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            # The second field, a name in parentheses, may hold anything.
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if state != "Z":
                found.append((int(folder.name), int(parent), command))
    return found
