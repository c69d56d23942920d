"""A data engineer's session: plain Flink SQL over the lake's files, with nothing of ours but those and Flink's jars.

Usage: lake_count.py FOLDER JARS; prints the rows as JSON. FOLDER is a topic's, such as `.chronicast/objects/lake/chat.message.events.v1`.
"""

import json
import sys
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment

folder, jars = sys.argv[1:]
TABLE = f"""
    CREATE TABLE messages (
        channel_id STRING,
        occurred_at TIMESTAMP(6),
        text STRING,
        reply_to STRING,
        emotes ARRAY<ROW<emote_id STRING, `begin` INT, `end` INT>>,
        _offset BIGINT,
        _value BYTES,
        event STRING,
        `hour` STRING
    ) PARTITIONED BY (event, `hour`) WITH (
        'connector' = 'filesystem',
        'path' = 'file://{folder}',
        'format' = 'parquet'
    )
"""
QUERY = """
    SELECT `hour`, COUNT(*), COUNT(DISTINCT channel_id), COUNT(reply_to), SUM(CARDINALITY(emotes)), MAX(_offset), MAX(text),
        CAST(MAX(occurred_at) AS STRING)
    FROM messages WHERE event = 'MessagePosted' GROUP BY `hour`
"""

table = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
table.get_config().set("pipeline.jars", ";".join(path.as_uri() for path in sorted(Path(jars).glob("*.jar"))))
table.get_config().set("parallelism.default", "1")
table.execute_sql(TABLE)
with table.execute_sql(QUERY).collect() as rows:
    sys.stdout.write(json.dumps([list(row) for row in rows]))
