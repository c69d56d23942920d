-- The features, every 10 s of event time. Each looks back 600 s at most, so a vector can be made again from so much of the log.

-- A session is present while its newest word is younger than 70 s and no farewell, as in processors/viewers. Twice the time and one
-- for a farewell: the newest word is the greatest, and of two at one moment the farewell.
CREATE TEMPORARY VIEW session_words AS
SELECT
    channel_id,
    viewer_session_id,
    window_start,
    window_end,
    window_time,
    MAX(occurred_at * 2 + CASE WHEN kind = 'chronicast.viewer.ViewerLeft' THEN 1 ELSE 0 END) AS newest
FROM TABLE(HOP(TABLE events, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '70' SECOND))
WHERE kind IN ('chronicast.viewer.ViewerJoined', 'chronicast.viewer.ViewerHeartbeat', 'chronicast.viewer.ViewerLeft')
GROUP BY channel_id, viewer_session_id, window_start, window_end, window_time;

CREATE TEMPORARY VIEW viewer_counts AS
SELECT channel_id, window_time AS moment, COUNT(*) FILTER (WHERE MOD(newest, 2) = 0) AS viewer_count
FROM session_words
GROUP BY channel_id, window_start, window_end, window_time;

CREATE TEMPORARY VIEW joins AS
SELECT channel_id, window_time AS moment, COUNT(DISTINCT viewer_session_id) AS join_count
FROM TABLE(HOP(TABLE events, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '60' SECOND))
WHERE kind = 'chronicast.viewer.ViewerJoined'
GROUP BY channel_id, window_start, window_end, window_time;

CREATE TEMPORARY VIEW chat_rates AS
SELECT channel_id, window_time AS moment, COUNT(*) AS chat_rate, COUNT(DISTINCT user_id) AS chatter_count
FROM TABLE(HOP(TABLE events, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '60' SECOND))
WHERE kind = 'chronicast.chat.MessagePosted'
GROUP BY channel_id, window_start, window_end, window_time;

CREATE TEMPORARY VIEW social_counts AS
SELECT
    channel_id,
    window_time AS moment,
    COUNT(*) FILTER (WHERE kind = 'chronicast.social.Followed') AS follow_count,
    COUNT(*) FILTER (WHERE kind = 'chronicast.social.Subscribed') AS subscription_count,
    SUM(CASE WHEN kind = 'chronicast.social.Raided' THEN CAST(viewers AS BIGINT) ELSE 0 END) AS raid_viewers
FROM TABLE(HOP(TABLE events, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '10' MINUTE))
WHERE kind IN ('chronicast.social.Followed', 'chronicast.social.Subscribed', 'chronicast.social.Raided')
GROUP BY channel_id, window_start, window_end, window_time;

CREATE TEMPORARY VIEW parts AS
SELECT channel_id, moment, viewer_count, CAST(0 AS BIGINT) AS join_count, CAST(0 AS BIGINT) AS chat_rate,
    CAST(0 AS BIGINT) AS chatter_count, CAST(0 AS BIGINT) AS follow_count, CAST(0 AS BIGINT) AS subscription_count,
    CAST(0 AS BIGINT) AS raid_viewers
FROM viewer_counts
UNION ALL
SELECT channel_id, moment, 0, join_count, 0, 0, 0, 0, 0 FROM joins
UNION ALL
SELECT channel_id, moment, 0, 0, chat_rate, chatter_count, 0, 0, 0 FROM chat_rates
UNION ALL
SELECT channel_id, moment, 0, 0, 0, 0, follow_count, subscription_count, raid_viewers FROM social_counts;

-- One row a channel and moment: a window's time is its last millisecond, so the 10 s that hold it end where it ends.
CREATE TEMPORARY VIEW counts AS
SELECT
    channel_id,
    window_end,
    window_time AS moment,
    SUM(viewer_count) AS viewer_count,
    SUM(join_count) AS join_count,
    SUM(chat_rate) AS chat_rate,
    SUM(chatter_count) AS chatter_count,
    SUM(follow_count) AS follow_count,
    SUM(subscription_count) AS subscription_count,
    SUM(raid_viewers) AS raid_viewers
FROM TABLE(TUMBLE(TABLE parts, DESCRIPTOR(moment), INTERVAL '10' SECOND))
GROUP BY channel_id, window_start, window_end, window_time;

CREATE TEMPORARY VIEW vectors AS
SELECT
    channel_id,
    EXTRACT(EPOCH FROM window_end) * 1000000 AS window_end,
    viewer_count,
    viewer_count - CASE
        WHEN FIRST_VALUE(moment) OVER past = moment - INTERVAL '5' MINUTE THEN FIRST_VALUE(viewer_count) OVER past
        ELSE 0
    END AS viewer_trend,
    join_count,
    chat_rate,
    chatter_count,
    follow_count,
    subscription_count,
    raid_viewers
FROM counts
WINDOW past AS (PARTITION BY channel_id ORDER BY moment RANGE BETWEEN INTERVAL '5' MINUTE PRECEDING AND CURRENT ROW);
