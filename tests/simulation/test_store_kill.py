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


def listen(stream, said: list[int]) -> None:
    """Numbers said; the kill may cut the last line."""
    said.extend(int(line) for line in stream if line.endswith("\n"))


@pytest.mark.kill
def test_twenty_kills_leave_whole_batches(tmp_path: Path) -> None:
    dice = random.Random(3)
    watermark = -1
    for _ in range(KILLS):
        process = subprocess.Popen([*WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        said = [int(process.stdout.readline())]
        reader = threading.Thread(target=listen, args=(process.stdout, said))
        reader.start()
        time.sleep(dice.uniform(0.01, 0.1))
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()
        store = RocksStores(tmp_path).open("writer.v1", 0)
        progress = store.progress()
        rows = dict(Batch(store, DECODERS).rows(b"key")[NUMBERS].items())
        assert progress.digest == digest_of(store)
        store.close()
        assert progress.watermark >= said[-1] > watermark
        assert rows == {str(i): Number(progress.watermark, bytes(progress.watermark % 400)) for i in range(ROWS)}
        watermark = progress.watermark
    assert watermark > KILLS
