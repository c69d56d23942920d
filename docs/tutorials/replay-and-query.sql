-- Parts of media, by rendition, in ten seconds each. Bounded: as far as the log goes now.
CREATE TABLE media (
    channel_id STRING NOT NULL,
    rendition STRING NOT NULL,
    occurred_at BIGINT NOT NULL,
    headers MAP<STRING NOT NULL, BYTES> METADATA,
    event_time AS TO_TIMESTAMP_LTZ(occurred_at / 1000, 3),
    WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'media.segment.events.v1',
    'properties.bootstrap.servers' = '$bootstrap',
    'scan.startup.mode' = 'earliest-offset',
    'scan.bounded.mode' = 'latest-offset',
    'value.format' = 'avro-confluent',
    'value.avro-confluent.url' = '$registry'
);
SET 'execution.runtime-mode' = 'batch';
SELECT rendition, window_start, COUNT(*) AS parts
FROM TABLE(TUMBLE(TABLE media, DESCRIPTOR(event_time), INTERVAL '10' SECOND))
WHERE CAST(headers['ce_type'] AS STRING) = 'chronicast.media.PartProduced'
GROUP BY rendition, window_start, window_end;
