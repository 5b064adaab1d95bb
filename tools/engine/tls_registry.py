"""Debian's docker-registry under the ECR host name of the sandbox's account: TLS, a password, port 443.

With it the module's build pushes to exactly the name that it would push to on AWS. It needs root and changes the
machine (hosts file, the engine's trusted certificates), so only CI uses it.
"""

from __future__ import annotations

import os
import shutil
import ssl
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tools.engine import processes
from tools.engine.layout import ECR_HOST, ECR_PASSWORD, ECR_USER
from tools.engine.packages import require
from tools.engine.shell import run, wait_for

if TYPE_CHECKING:
    from tools.engine.layout import Layout

_NAME = "docker-registry"
_HOSTS = Path("/etc/hosts")
_HOSTS_LINE = f"127.0.0.1 {ECR_HOST} # ecr-cleaner tests\n"
_TRUSTED = Path("/etc/docker/certs.d") / ECR_HOST

_CONFIG = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {folder}/storage}}
  delete: {{enabled: true}}
http:
  addr: 127.0.0.1:443
  secret: loopback
  tls: {{certificate: {folder}/certificate.pem, key: {folder}/key.pem}}
auth:
  htpasswd: {{realm: ecr, path: {folder}/htpasswd}}
"""


def start(layout: Layout) -> None:
    """Starts the registry unless it runs, and makes the machine know its name and trust it."""
    folder = layout.root / "registry"
    if processes.running(layout, _NAME) is None:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "storage").mkdir(parents=True)
        (folder / "config.yml").write_text(_CONFIG.format(folder=folder))
        (folder / "htpasswd").write_text(f"{ECR_USER}:{_bcrypt(ECR_PASSWORD)}\n")
        _make_certificate(folder)
        _TRUSTED.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "certificate.pem", _TRUSTED / "ca.crt")
        _write_bundle(layout, folder / "certificate.pem")
    if _HOSTS_LINE not in _HOSTS.read_text():
        with _HOSTS.open("a") as hosts:
            hosts.write(_HOSTS_LINE)
    processes.ensure(layout, _NAME, [require(_NAME), "serve", str(folder / "config.yml")])
    wait_for("the registry", lambda: _answers(layout), layout.log(_NAME))


def stop(layout: Layout) -> None:
    """Stops the registry and takes back what was changed on the machine."""
    processes.stop(layout, _NAME)
    shutil.rmtree(_TRUSTED, ignore_errors=True)
    text = _HOSTS.read_text()
    if _HOSTS_LINE in text:
        # Written in place, not replaced: in a container this file is a mount.
        _HOSTS.write_text(text.replace(_HOSTS_LINE, ""))


def _bcrypt(password: str) -> str:
    """Returns the only form of a password that the registry reads; perl is part of every Debian and has crypt(3)."""
    return run(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, "$2y$05$" + "ecrcleanertestsloopback"[:22]])


def _make_certificate(folder: Path) -> None:
    key = ["-newkey", "rsa:2048", "-noenc", "-keyout", str(folder / "key.pem")]
    name = ["-subj", f"/CN={ECR_HOST}", "-addext", f"subjectAltName=DNS:{ECR_HOST}"]
    run(["openssl", "req", "-x509", "-days", "7", *key, *name, "-out", str(folder / "certificate.pem")])


def _write_bundle(layout: Layout, certificate: Path) -> None:
    """Writes what curl and Python shall trust: all that the machine trusts, and the registry."""
    inherited = os.environ.get("SSL_CERT_FILE")
    trusted = inherited if inherited and inherited != str(layout.ca_bundle) else None
    bundle = Path(trusted or ssl.get_default_verify_paths().openssl_cafile)
    system = bundle if bundle.exists() else Path("/etc/ssl/certs/ca-certificates.crt")
    known = system.read_text() if system.exists() else ""
    layout.ca_bundle.write_text(known + "\n" + certificate.read_text())


def _answers(layout: Layout) -> bool:
    """Tells whether the registry answers; it refuses us, since nobody logs in here."""
    context = ssl.create_default_context(cafile=str(layout.ca_bundle))
    try:
        urlopen(f"https://{ECR_HOST}/v2/", timeout=2, context=context).close()
    except HTTPError as error:
        return error.code == HTTPStatus.UNAUTHORIZED
    except (URLError, OSError):
        return False
    return True
