-- Tables and statements of the projection, by name. Every row carries the offset that it is at; a channel's events lie on one partition,
-- so a repeat, or an event that comes late, finds a newer offset and changes nothing.

-- name: tables
CREATE SCHEMA IF NOT EXISTS library;
CREATE TABLE IF NOT EXISTS library.positions (
    topic text NOT NULL,
    partition integer NOT NULL,
    next bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);
CREATE TABLE IF NOT EXISTS library.vods (
    vod_id text PRIMARY KEY,
    session_id text NOT NULL,
    channel_id text NOT NULL,
    login text NOT NULL,
    tier text NOT NULL,
    title text NOT NULL,
    category text NOT NULL,
    language text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    duration_ms bigint NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    frame_rate double precision NOT NULL,
    renditions text[] NOT NULL,
    segments bigint NOT NULL,
    size bigint NOT NULL,
    revision integer NOT NULL,
    retention_days integer NOT NULL,
    storage text NOT NULL DEFAULT 'hot',
    deleted_at timestamptz,
    "offset" bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS vods_of_channel ON library.vods (channel_id, started_at DESC);

CREATE TABLE IF NOT EXISTS library.clips (
    clip_id text PRIMARY KEY,
    channel_id text NOT NULL,
    creator_id text NOT NULL,
    source text NOT NULL,
    vod_id text,
    status text NOT NULL,
    attempt integer NOT NULL,
    created_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    step text,
    cause text,
    session_id text,
    begins_at timestamptz,
    size bigint,
    sha256 text,
    "offset" bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS clips_of_channel ON library.clips (channel_id, created_at DESC);
CREATE INDEX IF NOT EXISTS clips_of_session ON library.clips (session_id);

-- name: drop
DROP SCHEMA IF EXISTS library CASCADE;

-- name: positions
SELECT topic, partition, next FROM library.positions;

-- name: advance
INSERT INTO library.positions (topic, partition, next) VALUES (%(topic)s, %(partition)s, %(next)s)
ON CONFLICT (topic, partition) DO UPDATE SET next = greatest(positions.next, excluded.next);

-- name: rows
SELECT
    (SELECT count(*) FROM library.vods),
    (SELECT count(*) FROM library.clips),
    md5(concat(
        (SELECT string_agg(vods::text, E'\n' ORDER BY vod_id) FROM library.vods), E'\n',
        (SELECT string_agg(clips::text, E'\n' ORDER BY clip_id) FROM library.clips)
    ));

-- name: texts
SELECT vods::text FROM library.vods UNION ALL SELECT clips::text FROM library.clips;

-- name: VodArchived
INSERT INTO library.vods (
    vod_id, session_id, channel_id, login, tier, title, category, language, started_at, ended_at, duration_ms,
    width, height, frame_rate, renditions, segments, size, revision, retention_days, "offset"
) VALUES (
    %(vod_id)s, %(session_id)s, %(channel_id)s, %(login)s, %(tier)s, %(title)s, %(category)s, %(language)s,
    timestamptz 'epoch' + %(started_at)s * interval '1 microsecond', timestamptz 'epoch' + %(ended_at)s * interval '1 microsecond', %(duration_ms)s,
    %(width)s, %(height)s, %(frame_rate)s, %(renditions)s, %(segments)s, %(size)s, %(revision)s, %(retention_days)s, %(offset)s
)
ON CONFLICT (vod_id) DO UPDATE SET
    title = excluded.title, category = excluded.category, language = excluded.language, duration_ms = excluded.duration_ms,
    renditions = excluded.renditions, segments = excluded.segments, size = excluded.size, revision = excluded.revision,
    retention_days = excluded.retention_days, "offset" = excluded."offset"
WHERE vods."offset" < excluded."offset";

-- name: VodTierMoved
UPDATE library.vods SET storage = %(storage)s, "offset" = %(offset)s WHERE vod_id = %(vod_id)s AND "offset" < %(offset)s;

-- name: VodDeleted
UPDATE library.vods SET deleted_at = timestamptz 'epoch' + %(occurred_at)s * interval '1 microsecond', "offset" = %(offset)s
WHERE vod_id = %(vod_id)s AND "offset" < %(offset)s;

-- name: ClipRequested
INSERT INTO library.clips (clip_id, channel_id, creator_id, source, vod_id, status, attempt, created_at, duration_ms, "offset") VALUES (
    %(clip_id)s, %(channel_id)s, %(creator_id)s, %(source)s, %(vod_id)s, 'processing', %(attempt)s,
    timestamptz 'epoch' + %(created_at)s * interval '1 microsecond', %(duration_ms)s, %(offset)s
)
ON CONFLICT (clip_id) DO UPDATE SET status = 'processing', attempt = excluded.attempt, step = NULL, cause = NULL, "offset" = excluded."offset"
WHERE clips."offset" < excluded."offset";

-- name: ClipReady
UPDATE library.clips SET
    status = 'ready', duration_ms = %(duration_ms)s, session_id = %(session_id)s,
    begins_at = timestamptz 'epoch' + %(begins_at)s * interval '1 microsecond', size = %(size)s, sha256 = %(sha256)s, "offset" = %(offset)s
WHERE clip_id = %(clip_id)s AND "offset" < %(offset)s;

-- name: ClipFailed
UPDATE library.clips SET status = 'failed', step = %(step)s, cause = %(cause)s, "offset" = %(offset)s
WHERE clip_id = %(clip_id)s AND "offset" < %(offset)s;
