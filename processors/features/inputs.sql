-- What the features are made of. $bootstrap, $registry and $scan (where reading begins and whether it ends) are filled in.
-- Columns are nullable, so that the topics' other events are read as rows of nulls and passed over by their type.
SET 'table.local-time-zone' = 'UTC';
SET 'pipeline.name' = 'features';

CREATE TABLE viewer_events (
    channel_id STRING,
    viewer_session_id STRING,
    occurred_at BIGINT,
    headers MAP<STRING NOT NULL, BYTES> METADATA,
    kind AS CAST(headers['ce_type'] AS STRING),
    event_time AS TO_TIMESTAMP_LTZ(occurred_at / 1000, 3),
    WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'viewer.session.events.v1',
    'properties.bootstrap.servers' = '$bootstrap',
    'properties.isolation.level' = 'read_committed',
    $scan,
    'value.format' = 'avro-confluent',
    'value.avro-confluent.url' = '$registry'
);

CREATE TABLE chat_events (
    channel_id STRING,
    user_id STRING,
    occurred_at BIGINT,
    headers MAP<STRING NOT NULL, BYTES> METADATA,
    kind AS CAST(headers['ce_type'] AS STRING),
    event_time AS TO_TIMESTAMP_LTZ(occurred_at / 1000, 3),
    WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'chat.message.events.v1',
    'properties.bootstrap.servers' = '$bootstrap',
    'properties.isolation.level' = 'read_committed',
    $scan,
    'value.format' = 'avro-confluent',
    'value.avro-confluent.url' = '$registry'
);

CREATE TABLE social_events (
    channel_id STRING,
    viewers INT,
    occurred_at BIGINT,
    headers MAP<STRING NOT NULL, BYTES> METADATA,
    kind AS CAST(headers['ce_type'] AS STRING),
    event_time AS TO_TIMESTAMP_LTZ(occurred_at / 1000, 3),
    WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'channel.social.events.v1',
    'properties.bootstrap.servers' = '$bootstrap',
    'properties.isolation.level' = 'read_committed',
    $scan,
    'value.format' = 'avro-confluent',
    'value.avro-confluent.url' = '$registry'
);
