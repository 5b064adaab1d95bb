"""A folder for ``PYTHONPATH``: see sitecustomize.py."""

from pathlib import Path
from typing import Final

FOLDER: Final = str(Path(__file__).parent)
