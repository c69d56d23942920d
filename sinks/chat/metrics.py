"""What a gateway tells Prometheus. Nothing of it names a person or a channel."""

from prometheus_client import Counter, Gauge, Histogram

CONNECTIONS = Gauge("chat_connections", "Open connections.", ["dialect"])
ROOMS = Gauge("chat_rooms", "Rooms with at least one connection.")
DELIVERIES = Counter("chat_deliveries_total", "Events written to connections.")
FRAMES = Counter("chat_frames_total", "Frames written to connections.")
BYTES = Counter("chat_bytes_total", "Bytes written to connections by rooms.")
TICK = Histogram(
    "chat_tick_seconds",
    "What it took to write one tick of a room.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
)
LATENCY = Histogram(
    "chat_delivery_seconds",
    "From an event's time to its last socket's write.",
    buckets=(0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5),
)
SKIPPED = Counter("chat_sampled_out_total", "Messages that a sample left out, once per room.")
RESUMED = Counter("chat_resumes_total", "Joins with a token, by where what was missed came from.", ["source"])
CLOSED = Counter("chat_closes_total", "Connections that the gateway closed, by close code.", ["code"])
