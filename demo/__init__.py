"""``make demo``: the whole life of the module on this machine, with nothing real at stake."""

import sys
from pathlib import Path

# The package is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lambda_src"))
