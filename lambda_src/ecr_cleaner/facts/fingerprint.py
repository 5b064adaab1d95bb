"""Which code read a fact: other code may find more in the same response, so it believes only what it read itself."""

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Final

import ecr_cleaner
from ecr_cleaner.aws.client import SDK_VERSION

PACKAGE: Final = Path(ecr_cleaner.__file__).parent


@cache
def sha256(package: Path = PACKAGE) -> str:
    """Of every file of the package, and of the version of the service models, by which texts are found in responses.

    Nobody has to remember to raise a number: whatever is changed, the next night asks for everything again, once.
    """
    files = sorted(package.rglob("*.py"))
    if not files:  # in an archive, or compiled: nobody can tell what it is
        return hashlib.sha256(os.urandom(32)).hexdigest()
    found = hashlib.sha256(SDK_VERSION.encode())
    for file in files:
        body = file.read_bytes()
        found.update(f"\n{file.relative_to(package).as_posix()} {len(body)}\n".encode())
        found.update(body)
    return found.hexdigest()
