"""Flink SQL reads the lake by its own `filesystem` connector and `parquet` format."""

import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lake_stage import TOPIC, codec, fill

from schemas.events import MessagePosted
from sinks.lake.lake import Lake, Limits
from streams.lake.layout import hour
from streams.lake.shelf import Shelf
from streams.log_memory import MemoryLog
from tests.flink_script import rows_of

pytestmark = [pytest.mark.flink, pytest.mark.row("U11")]
SCRIPT = Path(__file__).with_name("lake_count.py")


def test_flink_sql_counts_what_was_landed(tmp_path: Path) -> None:
    code, registry = codec()
    log, ends = MemoryLog({TOPIC: 2}), {0: 0, 1: 0}
    fill(log, code, ends, 5_000)
    lake = Lake(log, registry, Shelf.at(f"file://{tmp_path}"), {TOPIC: 2}, Limits(rows=2_000, age_s=0))
    lake.open()
    while lake.lag():
        lake.land_due()
        time.sleep(0.002)
    lake.close()
    wanted = defaultdict(list)
    for partition, end in ends.items():
        for batch in log.read(TOPIC, partition, 0, end):
            for record in batch:
                if record.offset % 29 >= 9:
                    event = code.decode(record.value or b"")
                    assert isinstance(event, MessagePosted)
                    wanted[hour(record.timestamp)].append((record.offset, event))
    assert sorted(rows_of(SCRIPT, str(tmp_path / "lake" / TOPIC), scratch=tmp_path)) == sorted(
        [
            at,
            len(rows),
            len({event.channel_id for _, event in rows}),
            sum(event.reply_to is not None for _, event in rows),
            sum(len(event.emotes) for _, event in rows),
            max(offset for offset, _ in rows),
            max(event.text for _, event in rows),
            datetime.fromtimestamp(max(event.occurred_at for _, event in rows) / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
        ]
        for at, rows in wanted.items()
    )
