"""A real Redis of a test's own."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import ports
from infra.redis import command


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """Its port. It dies with the test process."""
    (port,) = ports.free(1)
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command(folder / "redis", port)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not ports.taken(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Redis did not start: {(folder / 'redis.log').read_text()[-1000:]}")
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait(30)
