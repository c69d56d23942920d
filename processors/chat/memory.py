"""What was said within the hour (R9K): exact after normalisation, by keyed fingerprints, forgotten text by text."""

from collections.abc import Callable

from msgspec.structs import replace

from processors.chat.state import HEARD, HEARD_ORDER, SECOND_US, SKEW_US, Flow, Heard, HeardEntry
from processors.chat.text.canonical import canonical
from streams.fold import Rows

HOUR_US = 3_600 * SECOND_US
SWEPT = 2
"""Entries forgotten with a message, at most: one more than it may add, so the queue drains as fast as it fills."""

Fingerprint = Callable[[str], str]


def fingerprint_of(fingerprint: Fingerprint, channel_id: str, text: str) -> str:
    """A text's name in the memory of a channel: the same text has another one elsewhere."""
    return fingerprint(f"{channel_id}:{canonical(text)}")


def heard(rows: Rows, name: str, now: int) -> int | None:
    """Microseconds until a text may be said again; None where it may."""
    known: Heard | None = rows[HEARD].get(name)
    if known is None or not -SKEW_US <= now - known.time <= HOUR_US:
        return None
    return known.time + HOUR_US - now + 1


def remember(rows: Rows, flow: Flow, name: str, now: int) -> Flow:
    """Keeps a text in mind."""
    rows[HEARD][name] = Heard(now, flow.heard_next)
    rows[HEARD_ORDER][str(flow.heard_next)] = HeardEntry(name, now)
    return replace(flow, heard_next=flow.heard_next + 1)


def forget(rows: Rows, flow: Flow, now: int) -> Flow:
    """Lets go of the oldest texts where their hour is over, whatever clock it was taken by."""
    first = flow.heard_first
    for _ in range(SWEPT):
        if first == flow.heard_next:
            break
        entry = rows[HEARD_ORDER][str(first)]
        if now - entry.time <= HOUR_US + SKEW_US:
            break
        del rows[HEARD_ORDER][str(first)]
        known: Heard | None = rows[HEARD].get(entry.fingerprint)
        if known is not None and known.place == first:  # not said again since
            del rows[HEARD][entry.fingerprint]
        first += 1
    return flow if first == flow.heard_first else replace(flow, heard_first=first)
