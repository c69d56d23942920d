-- What the live job writes: vectors, and what came too late for one. A record that is sent again after a failure has the same id and
-- bytes, so readers pass it over. Ids are written as RFC 9562 has them, version 8: made of a hash.
CREATE TABLE stream_features (
    event_id STRING NOT NULL,
    occurred_at BIGINT NOT NULL,
    producer STRING NOT NULL,
    correlation_id STRING NOT NULL,
    causation_id STRING,
    channel_id STRING NOT NULL,
    window_end BIGINT NOT NULL,
    viewer_count BIGINT NOT NULL,
    viewer_trend BIGINT NOT NULL,
    join_count BIGINT NOT NULL,
    chat_rate BIGINT NOT NULL,
    chatter_count BIGINT NOT NULL,
    follow_count BIGINT NOT NULL,
    subscription_count BIGINT NOT NULL,
    raid_viewers BIGINT NOT NULL,
    headers MAP<STRING NOT NULL, BYTES> METADATA,
    record_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH (
    'connector' = 'kafka',
    'topic' = 'features.stream.state.v1',
    'properties.bootstrap.servers' = '$bootstrap',
    'properties.linger.ms' = '20',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'raw',
    'key.fields' = 'channel_id',
    'value.format' = 'avro-confluent',
    'value.avro-confluent.url' = '$registry',
    'value.avro-confluent.subject' = 'features.stream.state.v1-chronicast.features.StreamFeatures',
    'value.avro-confluent.schema' = '$features_schema'
);

CREATE TABLE late_inputs (
    event_id STRING NOT NULL,
    occurred_at BIGINT NOT NULL,
    producer STRING NOT NULL,
    correlation_id STRING NOT NULL,
    causation_id STRING,
    channel_id STRING NOT NULL,
    late_event_id STRING NOT NULL,
    kind STRING NOT NULL,
    late_ms BIGINT NOT NULL,
    headers MAP<STRING NOT NULL, BYTES> METADATA,
    record_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH (
    'connector' = 'kafka',
    'topic' = 'features.late.events.v1',
    'properties.bootstrap.servers' = '$bootstrap',
    'sink.delivery-guarantee' = 'at-least-once',
    'key.format' = 'raw',
    'key.fields' = 'channel_id',
    'value.format' = 'avro-confluent',
    'value.avro-confluent.url' = '$registry',
    'value.avro-confluent.subject' = 'features.late.events.v1-chronicast.features.FeatureInputLate',
    'value.avro-confluent.schema' = '$late_schema'
);

CREATE TEMPORARY VIEW sent_vectors AS
SELECT
    *,
    REGEXP_REPLACE(
        MD5(CONCAT('features.v1 ', channel_id, ' ', CAST(window_end AS STRING))),
        '^(.{8})(.{4}).(.{3}).(.{3})(.{12})$', '$1-$2-8$3-8$4-$5'
    ) AS event_id
FROM vectors
WHERE channel_id IS NOT NULL AND window_end >= $first;

CREATE TEMPORARY VIEW sent_late AS
SELECT
    *,
    REGEXP_REPLACE(
        MD5(CONCAT('features.v1 late ', late_event_id)), '^(.{8})(.{4}).(.{3}).(.{3})(.{12})$', '$1-$2-8$3-8$4-$5'
    ) AS event_id
FROM (
    SELECT
        event_id AS late_event_id,
        channel_id,
        kind,
        occurred_at,
        TIMESTAMPDIFF(SECOND, event_time, CURRENT_WATERMARK(event_time)) * 1000 AS late_ms
    FROM inputs
    WHERE NOT ($counted) AND kind IN (
        'chronicast.viewer.ViewerJoined', 'chronicast.viewer.ViewerHeartbeat', 'chronicast.viewer.ViewerLeft',
        'chronicast.chat.MessagePosted',
        'chronicast.social.Followed', 'chronicast.social.Subscribed', 'chronicast.social.Raided'
    )
);

INSERT INTO stream_features
SELECT
    event_id,
    window_end,
    'features.v1',
    event_id,
    CAST(NULL AS STRING),
    channel_id,
    window_end,
    viewer_count,
    viewer_trend,
    join_count,
    chat_rate,
    chatter_count,
    follow_count,
    subscription_count,
    raid_viewers,
    MAP[
        'ce_specversion', ENCODE('1.0', 'UTF-8'),
        'ce_id', ENCODE(event_id, 'UTF-8'),
        'ce_type', ENCODE('chronicast.features.StreamFeatures', 'UTF-8'),
        'ce_source', ENCODE('features.v1', 'UTF-8'),
        'ce_time', ENCODE(DATE_FORMAT(TO_TIMESTAMP_LTZ(window_end / 1000, 3), 'yyyy-MM-dd''T''HH:mm:ss.SSS000''Z'''), 'UTF-8'),
        'content-type', ENCODE('application/avro', 'UTF-8')
    ],
    TO_TIMESTAMP_LTZ(window_end / 1000, 3)
FROM sent_vectors;

INSERT INTO late_inputs
SELECT
    event_id,
    occurred_at,
    'features.v1',
    event_id,
    late_event_id,
    channel_id,
    late_event_id,
    kind,
    late_ms,
    MAP[
        'ce_specversion', ENCODE('1.0', 'UTF-8'),
        'ce_id', ENCODE(event_id, 'UTF-8'),
        'ce_type', ENCODE('chronicast.features.FeatureInputLate', 'UTF-8'),
        'ce_source', ENCODE('features.v1', 'UTF-8'),
        'ce_time', ENCODE(
            CONCAT(
                DATE_FORMAT(TO_TIMESTAMP_LTZ(occurred_at / 1000, 3), 'yyyy-MM-dd''T''HH:mm:ss.SSS'),
                LPAD(CAST(MOD(occurred_at, 1000) AS STRING), 3, '0'), 'Z'
            ),
            'UTF-8'
        ),
        'content-type', ENCODE('application/avro', 'UTF-8')
    ],
    TO_TIMESTAMP_LTZ(occurred_at / 1000, 3)
FROM sent_late;
