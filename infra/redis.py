"""A real Redis on loopback that keeps nothing on disk: what is in it is a projection of the log."""

import shutil
from pathlib import Path

MEMORY = "256mb"
"""100,000 vectors take 40 MB."""


class RedisMissingError(RuntimeError):
    """Redis is not installed. Operator action: install it (Debian: redis-server)."""


def command(folder: Path, port: int) -> list[str]:
    """Its command line; nothing is saved, and only this machine reaches it.

    Raises:
        RedisMissingError: there is none.
    """
    found = shutil.which("redis-server")
    if found is None:
        raise RedisMissingError("Redis is not installed (Debian: redis-server)")
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        "maxmemory": MEMORY,
        "maxmemory-policy": "volatile-ttl",
    }
    return [found, *(word for name, value in options.items() for word in (f"--{name}", value))]
