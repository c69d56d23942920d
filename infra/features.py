"""The features' Flink SQL, filled in: for the job that goes on, and for a range of the log that is over."""

import hashlib
import json
import re
from collections.abc import Iterable
from operator import itemgetter
from string import Template
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.store import from_url

from infra.settings import CHECKOUT, Settings
from schemas.released import latest, load

FOLDER = CHECKOUT / "processors" / "features"
STEP_US = 10_000_000
"""Between two vectors of a channel: the slide of all windows."""
REACH_S = 700
"""How far back the log is read for a vector: the longest window (600 s) and a session's 70 s before the trend's 300 s, and spare."""
AFTER_S = 10
"""How far past a vector's moment: events may come 2 s late, and a partition's order may be that much off."""
LIVE = """
SET 'execution.checkpointing.interval' = '10 s';
SET 'execution.checkpointing.dir' = '{folder}';
SET 'execution.checkpointing.externalized-checkpoint-retention' = 'RETAIN_ON_CANCELLATION';
-- A partition without events holds time up for so long. Vectors live for 30 s, so it must be well below; and well above what a start
-- takes until all partitions answer, or what lies on one of them is late then.
SET 'table.exec.source.idle-timeout' = '10 s';
-- For one small job: the default is made for a server's.
SET 'taskmanager.memory.managed.size' = '16 mb';
SET 'taskmanager.memory.network.min' = '16 mb';
SET 'taskmanager.memory.network.max' = '16 mb';
"""
RECOVERED = """
SET 'execution.state-recovery.path' = '{checkpoint}';
SET 'execution.state-recovery.claim-mode' = 'CLAIM';
"""
REMOTE = """
SET 'pipeline.name' = '{name}';
SET 'execution.target' = 'remote';
SET 'rest.address' = '{host}';
SET 'rest.port' = '{port}';
"""
CHECKPOINT = re.compile(r"[^/]+/chk-\d+/_metadata")
"""Below a job's checkpoint folder; Flink writes it last."""
ON_TIME = """
    CURRENT_WATERMARK(event_time) IS NULL
    OR TO_TIMESTAMP_LTZ((occurred_at / 10000000 + 1) * 10000 - 1, 3) > CURRENT_WATERMARK(event_time)
"""
"""Live, an event counts unless the first window that it belongs to has been sent."""


def live(settings: Settings, now_us: int) -> str:
    """The job that publishes vectors, from its last checkpoint on; where it has none, those of the moments from now on."""
    text = _text("inputs.sql", "vectors.sql", "publish.sql")
    # Another text is another job: it cannot go on with the state of this one.
    folder = f"{settings.flink_checkpoints_url}/features-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    newest = newest_checkpoint(folder)
    # What came before the first moment is read for its windows alone: a vector is sent if all that it looks back on was read.
    first = 0 if newest else now_us // STEP_US * STEP_US
    begin_ms = now_us // 1_000 - REACH_S * 1_000
    head = LIVE.format(folder=folder) + (RECOVERED.format(checkpoint=newest) if newest else "")
    cluster = urlsplit(settings.flink)
    tail = REMOTE.format(name=job_name(settings), host=cluster.hostname, port=cluster.port) if settings.flink else ""
    places = {
        "scan": f"'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '{begin_ms}'",
        "counted": ON_TIME,
        "first": str(first),
        "features_schema": _schema("StreamFeatures"),
        "late_schema": _schema("FeatureInputLate"),
    }
    return head + _filled(settings, text, places) + tail


def bounded(settings: Settings, first_us: int, last_us: int, late: Iterable[str] = ()) -> str:
    """A query that gives the vectors of moments from the first to the last, and ends.

    `late` are ids of events that count in none, as the live job told.
    """
    begin_ms, end_ms = first_us // 1_000 - REACH_S * 1_000, last_us // 1_000 + AFTER_S * 1_000
    ids = ", ".join(f"'{each}'" for each in late)
    places = {
        "scan": (
            f"'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '{begin_ms}', "
            f"'scan.bounded.mode' = 'timestamp', 'scan.bounded.timestamp-millis' = '{end_ms}'"
        ),
        "counted": f"event_id NOT IN ({ids})" if ids else "TRUE",
    }
    query = f"SELECT * FROM vectors WHERE window_end BETWEEN {first_us} AND {last_us} AND channel_id IS NOT NULL;\n"  # noqa: S608 - two numbers
    return _filled(settings, _text("inputs.sql", "vectors.sql"), places) + query


def job_name(settings: Settings) -> str:
    """The job's name on its cluster; systems that share one differ by their Kafka."""
    return f"chronicast features of {settings.bootstrap}"


def newest_checkpoint(folder: str) -> str | None:
    """URL of the newest checkpoint in a folder by URL that is whole; None where there is none."""
    store = from_url(folder, mkdir=True) if folder.startswith("file:") else from_url(folder)
    whole = [found for page in obstore.list(store) for found in page if CHECKPOINT.fullmatch(found["path"])]
    return f"{folder}/{max(whole, key=itemgetter('last_modified'))['path'].rpartition('/')[0]}" if whole else None


def _text(*names: str) -> str:
    return "".join((FOLDER / name).read_text() for name in names)


def _filled(settings: Settings, text: str, places: dict[str, str]) -> str:
    return Template(text).safe_substitute(places, bootstrap=settings.bootstrap, registry=settings.registry_url)


def _schema(record: str) -> str:
    """An event's schema as Flink's tables can say it: its columns of time are plain numbers, and a quote is doubled in SQL."""

    def plain(node: Any) -> Any:
        if isinstance(node, dict):
            kept = {name: plain(value) for name, value in node.items() if name != "logicalType"}
            return kept["type"] if kept.keys() == {"type"} else kept
        return [plain(each) for each in node] if isinstance(node, list) else node

    return json.dumps(plain(load(latest()["features"][record]))).replace("'", "''")
