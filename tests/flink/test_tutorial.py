"""The data engineer's tutorial, executed command by command on a running system."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from infra.settings import CHECKOUT, Settings

pytestmark = [pytest.mark.flink, pytest.mark.broker, pytest.mark.media, pytest.mark.timeout(400)]
TEXT = (CHECKOUT / "docs" / "tutorials" / "replay-and-query.md").read_text()
COMMAND = re.compile(r"^    \./chronicast (.+)$", re.MULTILINE)
QUERY = re.compile(r"```sql\n(.+?)```", re.DOTALL)
UP_S = 120


@pytest.fixture
def environment(settings: Settings) -> Iterator[dict[str, str]]:
    """A system that runs with the demo, and is in a hurry to fill its lake."""
    environment = {**os.environ, **settings.environment(), "CHRONICAST_LAKE_SECONDS": "4"}
    settings.folder.mkdir(parents=True)
    said = settings.folder / "up.out"
    with said.open("wb") as file:
        command = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "infra.cli", "up"]
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + UP_S
        while "Chronicast is up" not in said.read_text():
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.2)
        yield environment
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.row("U4", "U11", "E1")
def test_every_command_of_the_tutorial_does_what_it_says(environment: dict[str, str], settings: Settings, tmp_path: Path) -> None:
    time.sleep(12)  # what the tutorial takes for granted: that there is something to look at
    said: dict[str, list[str]] = {}
    for line in COMMAND.findall(TEXT):
        if line == "up":
            continue
        arguments = [str(tmp_path / word) if word == "slice.avro" else word for word in line.split()]
        command = [sys.executable, "-m", "infra.cli", *arguments]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, f"{line}: {done.stdout}\n{done.stderr}"
        said.setdefault(line, []).append(done.stdout)
    first, second = said["replay playlist --partition 1 --to 200"]
    assert digests(first) == digests(second) != []
    assert all("equal" in told for told in said["verify scheduler"])
    assert "source" in said["sql docs/tutorials/replay-and-query.sql"][0]
    rows = query(settings)
    assert {rendition for rendition, *_ in rows} >= {"source", "audio"}


def digests(told: str) -> list[str]:
    return re.findall(r"\b[0-9a-f]{32}\b", told)


def query(settings: Settings) -> list[tuple]:
    """The tutorial's question to the lake, once it has something to say."""
    (text,) = QUERY.findall(TEXT)
    text = text.replace(".chronicast/objects", str(settings.folder / "objects"))
    deadline = time.monotonic() + 30
    while True:
        try:
            return duckdb.sql(text).fetchall()
        except duckdb.IOException:  # no file yet
            assert time.monotonic() < deadline, json.dumps([str(file) for file in settings.folder.rglob("*.parquet")])
            time.sleep(1)
