"""A store is read while another process writes it as fast as it can: each reading is one moment, whole."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.errors import FatalError
from streams.rows import Batch
from streams.views.store_reading import NoStoreError, open_reading, partitions_of, progress_at
from tests.simulation.store_writer import DECODERS, NUMBERS, ROWS, Number

SECONDS = 4
"""Some dozen readings; the writer flushes and compacts about ten times a second."""


def test_readings_beside_a_writer_are_whole_and_go_forward(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.simulation.store_writer", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        said: list[int] = []
        path = tmp_path / "writer.v1" / "0"
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline or len(said) < 6:
            for _ in range(200):
                process.stdout.readline()  # the pipe must not fill: the writer would wait
            reading = open_reading(path)
            assert reading.whole
            rows = dict(Batch(reading.store, DECODERS).rows(b"key")[NUMBERS].items())
            number = reading.progress.watermark
            assert rows == {str(i): Number(number, bytes(number % 400)) for i in range(ROWS)}
            reading.store.close()
            said.append(number)
        assert said == sorted(said)
        assert said[-1] > said[0]
        assert process.poll() is None  # it holds the store all the time
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_what_is_not_there_or_no_database_is_told_so(tmp_path: Path) -> None:
    for read in (open_reading, progress_at):
        with pytest.raises(NoStoreError):
            read(tmp_path / "0")
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "CURRENT").write_text("nonsense")
    for read in (open_reading, progress_at):
        with pytest.raises(FatalError, match="cannot be read"):
            read(tmp_path / "0")
    assert partitions_of(tmp_path) == [0]
