"""`chronicast sql`: the log as Flink sees it, by one command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from registry_server import serving

from infra.cli.sql import cause
from infra.settings import CHECKOUT
from schemas import events as e
from schemas.registry_http import HttpRegistry
from schemas.wire import Codec
from streams.flink_driver import statements
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.publisher import Publisher

SECOND = 1_000_000
NOON = 1_767_225_600 * SECOND
FOLLOWS = """
-- Who was followed, in ten seconds each; 'a;b' is no end of a statement
CREATE TABLE social (
    channel_id STRING NOT NULL,
    occurred_at BIGINT NOT NULL,
    headers MAP<STRING NOT NULL, BYTES> METADATA,
    event_time AS TO_TIMESTAMP_LTZ(occurred_at / 1000, 3),
    WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'channel.social.events.v1',
    'properties.bootstrap.servers' = '$bootstrap',
    'scan.startup.mode' = 'earliest-offset',
    'scan.bounded.mode' = 'latest-offset',
    'value.format' = 'avro-confluent',
    'value.avro-confluent.url' = '$registry'
);
SET 'execution.runtime-mode' = 'batch';
SELECT channel_id, window_start, COUNT(*) AS follows
FROM TABLE(TUMBLE(TABLE social, DESCRIPTOR(event_time), INTERVAL '10' SECOND))
WHERE CAST(headers['ce_type'] AS STRING) = 'chronicast.social.Followed'
GROUP BY channel_id, window_start, window_end;
"""


@pytest.mark.flink
@pytest.mark.broker
@pytest.mark.row("U11")
def test_a_window_over_the_log_counts_every_event_of_its_type_once(private_kafka, tmp_path: Path) -> None:
    ensure_topics(private_kafka.bootstrap)
    log = KafkaLog(private_kafka.bootstrap)
    try:
        with serving(log) as registry:
            publisher = Publisher(log, Codec(HttpRegistry(registry)), "test")
            for n in range(60):
                publisher.publish(e.Followed(channel_id=str(n % 3), user_id=str(n), occurred_at=NOON + n * SECOND))
            publisher.publish(e.Unfollowed(channel_id="0", user_id="0", occurred_at=NOON))
            assert log.flush(60)
            found = rows(private_kafka.bootstrap, registry, FOLLOWS, tmp_path)
    finally:
        log.close()
    assert len(found) == 18
    assert sum(row["follows"] for row in found) == 60


def rows(bootstrap: str, registry: str, text: str, folder: Path) -> list[dict]:
    """What the command prints for a script, in an order of its own."""
    (folder / "query.sql").write_text(text)
    environment = {**os.environ, "CHRONICAST_KAFKA": bootstrap, "CHRONICAST_REGISTRY": registry, "CHRONICAST_HOME": str(folder)}
    command = [sys.executable, "-m", "infra.cli", "sql", str(folder / "query.sql"), "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return sorted((json.loads(line) for line in done.stdout.splitlines()), key=str)


def test_semicolons_in_strings_names_and_comments_end_nothing() -> None:
    text = "SET 'a;b' = 'it''s;'; -- one; two\n/* ; */ SELECT `x;y`, 1 - 2 / 3 FROM t;\n -- the end;\n"
    assert list(statements(text)) == ["SET 'a;b' = 'it''s;'", "-- one; two\n/* ; */ SELECT `x;y`, 1 - 2 / 3 FROM t"]


def test_of_a_trace_the_innermost_cause_is_told() -> None:
    trace = (
        "Traceback (most recent call last):\n  File 'x'\npy4j.Py4JJavaError: An error\n"
        ": org.apache.flink.table.api.ValidationException: SQL validation failed. From line 1\n\tat org.apache.Foo.bar(Foo.java:1)\n"
        "Caused by: org.apache.calcite.runtime.CalciteContextException: From line 1: Object 'nothing' not found\n\tat x.Y.z(Y.java:2)\n"
    )
    assert cause(trace) == "From line 1: Object 'nothing' not found"
