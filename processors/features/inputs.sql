-- What the features are made of: one table over all input topics, so that they share one time. Filled in are where log and registry
-- are, `scan` (where reading begins and whether it ends) and `counted` (which events count).
-- Columns are nullable, so that other events are read as rows of nulls and passed over by their type. The capacity topic is there for
-- its Ticks alone: time goes on where nothing else happens.
SET 'table.local-time-zone' = 'UTC';
SET 'pipeline.name' = 'features';

CREATE TABLE inputs (
    event_id STRING,
    channel_id STRING,
    viewer_session_id STRING,
    user_id STRING,
    viewers INT,
    occurred_at BIGINT,
    headers MAP<STRING NOT NULL, BYTES> METADATA,
    kind AS CAST(headers['ce_type'] AS STRING),
    event_time AS TO_TIMESTAMP_LTZ(occurred_at / 1000, 3),
    WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'viewer.session.events.v1;chat.message.events.v1;channel.social.events.v1;media.capacity.commands.v1',
    'properties.bootstrap.servers' = '$bootstrap',
    'properties.isolation.level' = 'read_committed',
    $scan,
    'value.format' = 'avro-confluent',
    'value.avro-confluent.url' = '$registry'
);

CREATE TEMPORARY VIEW events AS SELECT * FROM inputs WHERE $counted;
