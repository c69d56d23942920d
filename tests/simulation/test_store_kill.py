"""A store whose process is killed again and again is whole each time, and has everything that it said was committed."""

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from streams.rows import Batch
from streams.store import digest_of
from streams.store_rocksdict import RocksStores
from tests.simulation.store_writer import DECODERS, NUMBERS, ROWS, Number

KILLS = 20
WRITER = [sys.executable, "-m", "tests.simulation.store_writer"]


def killed(arguments: list[str], seconds: float) -> list[int]:
    """Runs the writer for some seconds from its first number on, kills it; the numbers that it said."""

    def listen() -> None:
        said.extend(int(line) for line in stream if line.endswith("\n"))  # the kill may cut the last line

    process = subprocess.Popen([*WRITER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    stream = process.stdout
    said = [int(stream.readline())]
    reader = threading.Thread(target=listen)
    reader.start()
    time.sleep(seconds)
    process.kill()
    process.wait()
    reader.join()
    stream.close()
    return said


@pytest.mark.kill
def test_twenty_kills_leave_whole_batches(tmp_path: Path) -> None:
    dice = random.Random(3)
    watermark = -1
    for _ in range(KILLS):
        said = killed([str(tmp_path)], dice.uniform(0.01, 0.1))
        store = RocksStores(tmp_path).open("writer.v1", 0)
        progress = store.progress()
        rows = dict(Batch(store, DECODERS).rows(b"key")[NUMBERS].items())
        assert progress.digest == digest_of(store)
        store.close()
        assert progress.watermark >= said[-1] > watermark
        assert rows == {str(i): Number(progress.watermark, bytes(progress.watermark % 400)) for i in range(ROWS)}
        watermark = progress.watermark
    assert watermark > KILLS
