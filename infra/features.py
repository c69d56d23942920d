"""The features' Flink SQL, filled in for a range of the log."""

from string import Template

from infra.settings import CHECKOUT, Settings

FOLDER = CHECKOUT / "processors" / "features"
STEP_US = 10_000_000
"""Between two vectors of a channel: the slide of all windows."""
REACH_S = 700
"""How far back the log is read for a vector: the longest window (600 s) and a session's 70 s before the trend's 300 s, and spare."""
AFTER_S = 10
"""How far past a vector's moment: events may come 2 s late, and a partition's order may be that much off."""


def bounded(settings: Settings, first_us: int, last_us: int) -> str:
    """A query that gives the vectors of moments from the first to the last, and ends."""
    begin_ms, end_ms = first_us // 1_000 - REACH_S * 1_000, last_us // 1_000 + AFTER_S * 1_000
    scan = (
        f"'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '{begin_ms}', "
        f"'scan.bounded.mode' = 'timestamp', 'scan.bounded.timestamp-millis' = '{end_ms}'"
    )
    text = "".join((FOLDER / name).read_text() for name in ("inputs.sql", "vectors.sql"))
    query = f"SELECT * FROM vectors WHERE window_end BETWEEN {first_us} AND {last_us} AND channel_id IS NOT NULL;\n"  # noqa: S608 - two numbers
    places = {"bootstrap": settings.bootstrap, "registry": settings.registry_url, "scan": scan}
    return Template(text).safe_substitute(places) + query
