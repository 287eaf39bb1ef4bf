"""The Pythons of this machine that the package supports.

Belongs here: finding them. Does not: what is installed for one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def interpreter(version: str) -> str | None:
    """A Python of this version that is on the machine, if any; pyenv's count, active or not."""
    own = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    pythons = [
        *sorted(own.glob(f"{version}.*/bin/python{version}")),
        *filter(None, [shutil.which(f"python{version}")]),
    ]
    for python in pythons:
        if subprocess.run([python, "-c", "import ssl, sqlite3"], capture_output=True).returncode == 0:
            return str(python)
    return None


def newest_interpreter() -> str:
    """The newest of them, for which an index has the newest releases: many need a Python that is not the oldest."""
    return next(filter(None, map(interpreter, reversed(VERSIONS))), sys.executable)
