"""`chronicast topics`: the catalogue beside what is on the broker."""

from typing import Any

from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]
from rich.table import Table

from infra.cli.console import FAILED, AsJson, empty_table, out, parts, settings, show_json
from streams.log import Log
from streams.topics import CATALOGUE, DAY_MS, HOUR_MS, Topic


def topics(as_json: AsJson = False) -> None:
    """Show every topic: key, partitions, retention, records. Exits 1 where broker and catalogue differ."""
    with parts() as found:
        actual = _actual(settings().bootstrap)
        rows = [_row(topic, actual.get(topic.name, {}), found.log) for topic in CATALOGUE]
    if as_json:
        show_json(rows)
    else:
        out.print(_table(rows))
    if any(row["differs"] for row in rows):
        raise SystemExit(FAILED)


def _actual(bootstrap: str) -> dict[str, dict[str, Any]]:
    """What the broker has: name -> partitions and configuration."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    there = admin.list_topics(timeout=10).topics
    asked = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in CATALOGUE if topic.name in there]
    answers = admin.describe_configs(asked, request_timeout=10) if asked else {}
    return {
        resource.name: {
            "partitions": len(there[resource.name].partitions),
            **{name: entry.value for name, entry in answer.result().items() if name in ("retention.ms", "cleanup.policy")},
        }
        for resource, answer in answers.items()
    }


def _row(topic: Topic, actual: dict[str, Any], log: Log) -> dict[str, Any]:
    """A topic, and in what the broker differs from the catalogue."""
    declared = {"partitions": topic.partitions, "retention.ms": str(topic.retention_ms), "cleanup.policy": topic.cleanup}
    starts, ends = (log.starts_at(topic.name, None), log.ends(topic.name)) if actual else ({}, {})
    return {
        "name": topic.name,
        "key": topic.key,
        "partitions": topic.partitions,
        "retention_ms": topic.retention_ms,
        "cleanup": topic.cleanup,
        "owner": topic.owner,
        "events": [event.SCHEMA for event in topic.events],
        "starts": starts,
        "ends": ends,
        "records": sum(ends.values()) - sum(starts.values()),
        "differs": {name: actual.get(name) for name, value in declared.items() if actual.get(name) != value},
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    """One line a topic."""
    table = empty_table("topic", "key", "partitions", "kept", "records", "offsets", "broker differs in", whole=("topic", "key", "records"))
    for row in rows:
        offsets = " ".join(f"{row['starts'][p]}-{end}" for p, end in sorted(row["ends"].items()))
        differs = ", ".join(f"{name}: {value}" for name, value in row["differs"].items())
        table.add_row(row["name"], row["key"], str(row["partitions"]), _kept(row), str(row["records"]), offsets, f"[red]{differs}[/]")
    return table


def _kept(row: dict[str, Any]) -> str:
    """Retention in words."""
    if row["cleanup"] == "compact":
        return "newest per key"
    return f"{row['retention_ms'] // DAY_MS} d" if row["retention_ms"] >= DAY_MS else f"{row['retention_ms'] // HOUR_MS} h"
