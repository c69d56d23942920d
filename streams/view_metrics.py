"""Prometheus metrics of a view: `view_<name>_...`."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

BUCKETS = (0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""Seconds: an idle batch takes about one millisecond, most of it the broker's acknowledgement."""


class ViewMetrics:
    """The metrics of one view in this process."""

    def __init__(self, name: str) -> None:
        prefix = f"view_{name}"
        self.lag = Gauge(f"{prefix}_lag", "Records on the input that are not folded yet.", ["partition"])
        self.events = Counter(f"{prefix}_events_total", "Records folded.")
        self.batch = Histogram(f"{prefix}_batch_seconds", "From a batch's delivery to its commit.", buckets=BUCKETS)
        self.dead_letters = Counter(f"{prefix}_dead_letters_total", "Records that could not be processed.", ["stage"])
        self.retries = Counter(f"{prefix}_retries_total", "Batches tried again after a transient error.")
        self.missed = Counter(f"{prefix}_missed_total", "Records that the transport skipped and the runner read itself.")
        self.expired = Counter(f"{prefix}_expired_total", "Records that retention took away before they were folded.")


@cache
def view_metrics(name: str) -> ViewMetrics:
    """The metrics of a view; a process has them once."""
    return ViewMetrics(name)
