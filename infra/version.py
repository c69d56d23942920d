"""Which code this is: named in dead letters, slices and manifests, so that a result can be traced to what made it."""

import subprocess
import tomllib
from functools import cache

from infra.settings import CHECKOUT


@cache
def code_version() -> str:
    """`0.1.0+4f2a9c1d0b7e`: the package's version and the commit, with `.changed` where the checkout differs from it.

    Without git, or outside of a checkout, the version alone. Read once a process.
    """
    version: str = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return version
    return f"{version}+{commit}{'.changed' if _git('status', '--porcelain', '--untracked-files=no') else ''}"


def _git(*arguments: str) -> str:
    """What git answers; empty where it cannot."""
    try:
        done = subprocess.run(("git", *arguments), cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
