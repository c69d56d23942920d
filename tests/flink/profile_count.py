"""A data engineer's session: plain Flink SQL over the channels' topic, with nothing of ours but broker, registry and jars.

Usage: profile_count.py BOOTSTRAP REGISTRY JARS; prints the rows as JSON.
"""

import json
import sys
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment

bootstrap, registry, jars = sys.argv[1:]
TABLE = f"""
    CREATE TABLE profiles (
        channel_id STRING NOT NULL,
        login STRING NOT NULL,
        mature BOOLEAN NOT NULL,
        created_at BIGINT NOT NULL,
        followers_only_minutes INT,
        `key` STRING NOT NULL,
        headers MAP<STRING NOT NULL, BYTES> METADATA
    ) WITH (
        'connector' = 'kafka',
        'topic' = 'channel.profile.state.v1',
        'properties.bootstrap.servers' = '{bootstrap}',
        'scan.startup.mode' = 'earliest-offset',
        'scan.bounded.mode' = 'latest-offset',
        'key.format' = 'raw',
        'key.fields' = 'key',
        'value.format' = 'avro-confluent',
        'value.fields-include' = 'EXCEPT_KEY',
        'value.avro-confluent.url' = '{registry}'
    )
"""
QUERY = """
    SELECT mature, COUNT(*), COUNT(DISTINCT channel_id), SUM(CASE WHEN `key` = channel_id THEN 1 ELSE 0 END), MAX(created_at),
        SUM(followers_only_minutes), MAX(CAST(headers['ce_type'] AS STRING))
    FROM profiles GROUP BY mature
"""

settings = EnvironmentSettings.in_batch_mode()
table = TableEnvironment.create(settings)
table.get_config().set("pipeline.jars", ";".join(path.as_uri() for path in sorted(Path(jars).glob("*.jar"))))
table.get_config().set("parallelism.default", "1")
table.execute_sql(TABLE)
with table.execute_sql(QUERY).collect() as rows:
    sys.stdout.write(json.dumps([list(row) for row in rows]))
