"""A stand-in for AWS's Lambda base image, where no image can be pulled.

It has what the module and the tests touch, at the same paths as the original: the same Python minor version with pip,
the runtime client behind ``/var/runtime/bootstrap``, the emulator as ``/usr/local/bin/aws-lambda-rie``, the entry
point and the working directory. The rest is a minimal Debian.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.engine.daemon import docker
from tools.engine.layout import BASE_IMAGE, HERE
from tools.engine.packages import require
from tools.engine.shell import EngineError, run, say

if TYPE_CHECKING:
    from tools.engine.layout import Layout

_SUITE = "trixie"  # the Debian release with Python 3.13
_RUNTIME = HERE / "requirements-runtime.txt"
_EMULATOR = HERE / "requirements-emulator.txt"
_EMULATORS = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64"}

# As AWS's entry point: under the emulator unless something already speaks the runtime API.
_ENTRYPOINT = """\
#!/bin/sh
export _HANDLER="$1"
if [ -z "${AWS_LAMBDA_RUNTIME_API:-}" ]; then
  exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
fi
exec /var/runtime/bootstrap
"""

_BOOTSTRAP = """\
#!/bin/sh
PYTHONPATH=/var/task:/var/runtime
export PYTHONPATH
exec python3 -m awslambdaric "$_HANDLER"
"""

_IMPORT_CHANGES = (
    "WORKDIR /var/task",
    "ENV LAMBDA_TASK_ROOT=/var/task",
    'ENTRYPOINT ["/lambda-entrypoint.sh"]',
)


def ensure(layout: Layout) -> None:
    """Makes the image unless the engine has it, from the cached archive if there is one."""
    try:
        docker(layout, "image", "inspect", BASE_IMAGE)
    except EngineError:
        archive = _archive(layout)
        changes = [word for change in _IMPORT_CHANGES for word in ("--change", change)]
        docker(layout, "import", *changes, str(archive), BASE_IMAGE)
        say(f"imported {BASE_IMAGE}")


def ensure_buildx(layout: Layout) -> None:
    """Puts the buildx plugin into our client configuration, from the Debian release that has it."""
    plugin = layout.docker_config / "cli-plugins" / "docker-buildx"
    if plugin.exists():
        return
    root = _bootstrapped(layout)
    _in_root(root, "apt-get", "update", "-q")
    _in_root(root, "sh", "-c", "cd /tmp && apt-get download docker-buildx")
    package = next((root / "tmp").glob("docker-buildx_*.deb"))
    unpacked = layout.root / "buildx"
    run(["dpkg-deb", "--extract", str(package), str(unpacked)])
    plugin.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(next(unpacked.rglob("cli-plugins/docker-buildx")), plugin)
    package.unlink()


def _archive(layout: Layout) -> Path:
    """Returns the image's file system as an archive, made once for the same ingredients."""
    ingredients = [_SUITE, _ENTRYPOINT, _BOOTSTRAP, _RUNTIME.read_text(), _EMULATOR.read_text()]
    key = hashlib.sha256("\0".join(ingredients).encode()).hexdigest()[:16]
    archive = layout.root / f"base-{key}.tar"
    if not archive.exists():
        root = _bootstrapped(layout)
        _add_runtime(root)
        _add_emulator(layout, root)
        partial = archive.with_suffix(".partial")
        left_out = ("./var/cache/apt", "./var/lib/apt/lists", "./tmp/*")
        excludes = [f"--exclude={path}" for path in left_out]
        run(["tar", "--directory", str(root), *excludes, "--create", "--file", str(partial), "."])
        partial.replace(archive)
    return archive


def _bootstrapped(layout: Layout) -> Path:
    """Returns a minimal Debian with Python, pip and the machine's trusted certificates."""
    root = layout.root / "rootfs"
    done = layout.root / "rootfs.done"
    if not done.exists():
        shutil.rmtree(root, ignore_errors=True)
        say(f"making a minimal Debian {_SUITE}; this takes half a minute")
        packages = "python3,python3-pip,ca-certificates"
        run([require("debootstrap"), "--variant=minbase", f"--include={packages}", _SUITE, str(root)])
        # Networks with an inspecting proxy are trusted by the machine and have to be trusted by builds.
        bundle = Path("etc/ssl/certs/ca-certificates.crt")
        if (Path("/") / bundle).exists():
            shutil.copyfile(Path("/") / bundle, root / bundle)
        shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
        done.touch()
    return root


def _add_runtime(root: Path) -> None:
    shutil.copyfile(_RUNTIME, root / _RUNTIME.name)
    pip = ["python3", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--root-user-action", "ignore"]
    _in_root(root, *pip, "--require-hashes", "--target", "/var/runtime", "--requirement", f"/{_RUNTIME.name}")
    (root / _RUNTIME.name).unlink()
    (root / "var/task").mkdir(exist_ok=True)
    for path, content in (("var/runtime/bootstrap", _BOOTSTRAP), ("lambda-entrypoint.sh", _ENTRYPOINT)):
        (root / path).write_text(content)
        (root / path).chmod(0o755)


def _add_emulator(layout: Layout, root: Path) -> None:
    """Takes the emulator's binary out of the package that carries it; the rest of that package is not installed."""
    wheels = layout.root / "emulator"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]
    run([*pip, "--dest", str(wheels), "--requirement", str(_EMULATOR)])
    target = root / "usr/local/bin/aws-lambda-rie"
    with zipfile.ZipFile(next(wheels.glob("aws_sam_cli-*.whl"))) as wheel:
        target.write_bytes(wheel.read(f"samcli/local/rapid/{_EMULATORS[platform.machine()]}"))
    target.chmod(0o755)


def _in_root(root: Path, *command: str) -> None:
    """Runs a command inside the bootstrapped system, without the machine's own settings for pip and the like."""
    kept = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}
    env = {**kept, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    run([require("chroot"), str(root), *command], env=env)
