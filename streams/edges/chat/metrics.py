"""Prometheus metrics of the chat edge. No label has a channel or a user: their number would be theirs."""

from prometheus_client import Counter, Gauge, Histogram

TAKEN = Counter("chat_edge_commands_total", "Commands handed in.", ["kind"])
SHED = Counter("chat_edge_shed_total", "Refused by rate, by the layer that refused.", ["layer"])
INVALID = Counter("chat_edge_invalid_total", "Refused because they cannot be handed in as they are.")
FAILED = Counter("chat_edge_failed_total", "Commands that the log refused after they were handed in.")
WAITING = Gauge("chat_edge_waiting_messages", "Handed in and not answered yet.")
GIVEN_UP = Counter("chat_edge_given_up_total", "Messages whose answer is no longer waited for.")
ANSWERED = Histogram(
    "chat_edge_answer_seconds",
    "From handing in to seeing the answer.",
    buckets=(0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0),
)
