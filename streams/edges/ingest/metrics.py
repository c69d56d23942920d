"""Prometheus metrics of the ingest edge. No label has a channel or a key: their number would be the channels'."""

from prometheus_client import Counter, Gauge, Histogram

CONNECTIONS = Gauge("ingest_connections", "Open RTMP connections.")
PUBLISHERS = Gauge("ingest_publishers", "Connections that publish.")
BYTES = Counter("ingest_received_bytes_total", "Media bytes received.")
FRAMES = Counter("ingest_video_frames_total", "Video frames, by what became of them.", ["fate"])
SILENCE = Counter("ingest_silent_audio_frames_total", "Silent AAC frames put into gaps.")
REJECTED = Counter("ingest_rejected_total", "Refused publishes and cut publishers.", ["reason"])
STORE_RETRIES = Counter("ingest_store_retries_total", "Objects that had to be stored again.")
LOST_EVENTS = Counter("ingest_lost_events_total", "Events that the log refused or never took.")
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
STORED = Histogram("ingest_part_store_seconds", "From a part's last frame received to its object stored.", buckets=BUCKETS)
APPENDED = Histogram("ingest_part_append_seconds", "From a part's object stored to its event on the log.", buckets=BUCKETS)
FIRST_PART = Histogram(
    "ingest_first_part_seconds", "From publish accepted to the first part's event.", buckets=(0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
)
REAPED = Counter("ingest_reaped_parts_total", "Part objects deleted after their segment.")
