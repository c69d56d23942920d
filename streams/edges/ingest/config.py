"""Settings of the ingest edge."""

import ssl
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class IngestConfig:
    """One ingest node. Ports of 0 are given by the system."""

    node: str
    """Name of the process in events, such as ingest-iad-1."""
    region: str
    host: str = "127.0.0.1"
    port: int = 1935
    app: str = "app"
    """First part of the path of the publish address: rtmp://host/app, with the stream key as stream name."""
    tls_port: int | None = None
    """Port of RTMPS; none without `tls`."""
    tls: ssl.SSLContext | None = None
    grace_s: float = 60.0
    """How long a session waits for a publisher that was lost."""
    unpublish_grace_s: float = 10.0
    """The same, after the publisher said that it is done: an encoder that reconnects says so too."""
    no_video_s: float = 5.0
    """How long a publisher may be without a first key frame."""
    backlog_s: float = 10.0
    """How long media may wait for the object store before the publisher is cut."""
    part_age_s: float = 120.0
    """How long parts are kept after their segment is there."""
    most_publishers: int = 500
    """A core carries about as many streams of 6 Mb/s."""
    most_connections: int = 1_000
