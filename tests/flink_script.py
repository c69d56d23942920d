"""Runs one of the tests' scripts that use pyflink, in a process of its own: Flink's JVM goes with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from infra.java import JARS, pyflink_environment


def rows_of(script: Path, *arguments: str, scratch: Path) -> list[list[object]]:
    """The rows that the script's query gives; it is told where Flink's jars are after its other arguments."""
    command = [sys.executable, str(script), *arguments, str(JARS / "flink")]
    environment = {**os.environ, **pyflink_environment(scratch)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 0, done.stderr[-4000:]
    rows: list[list[object]] = json.loads(done.stdout.splitlines()[-1])
    return rows
