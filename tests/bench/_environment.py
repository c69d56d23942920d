"""A virtual environment of a peer's own, made once from its lock and kept in the cache."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

LOCKS = Path(__file__).parents[2] / "infra" / "locks"


def python_of(name: str) -> Path:
    """The interpreter of the environment that `infra/locks/{name}.lock` describes, made now where it is missing."""
    lock = LOCKS / f"{name}.lock"
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "chronicast"
    folder = cache / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        uv = shutil.which("uv")
        install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
        subprocess.run([*install, "--quiet", "--require-hashes", "-r", lock], check=True)
        made.touch()
    return python
