"""`chronicast status`: how each subsystem is."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any
from urllib.request import urlopen

from rich.table import Table

from infra import system
from infra.cli.console import ABSENT, FAILED, AsJson, CommandError, age, empty_table, out, settings, show_json
from infra.probing import ANSWER_S
from infra.run import noted
from infra.supervisor import Service


def status(as_json: AsJson = False) -> None:
    """Show whether every subsystem is healthy. Exits 0 if so, 1 if not, 3 if nothing runs."""
    now = settings()
    run = noted(now.folder)
    if run is None:
        raise CommandError(f"no system runs from {now.folder}. Start it: ./chronicast up", ABSENT)
    services = [service for stage in system.stages(now, demo=run.demo) for service in stage]
    lacks = dict(zip((s.name for s in services), asyncio.run(_look(services)), strict=True))
    states = {state.name: state for state in run.services}
    subsystems = {
        subsystem: {
            name: {
                "healthy": not lacks[name],
                "phase": states[name].phase,
                "pid": states[name].pid,
                "restarts": states[name].restarts,
                "seconds": round(time.time() - states[name].since),
                "lacks": lacks[name],
            }
            for name in names
            if name in lacks
        }
        for subsystem, names in {**system.SUBSYSTEMS, "demo": ("demo",)}.items()
        if not lacks.keys().isdisjoint(names)
    }
    healthy = not any(lacks.values())
    waiting = _not_landed(f"{now.inside}:{now.ports.lake}")
    if as_json:
        places = {"page": now.page_url, "rtmp": now.rtmp_url}
        show_json({"healthy": healthy, "since": run.since, **places, "subsystems": subsystems, "not_landed": waiting})
    else:
        out.print(_table(subsystems))
        if waiting is not None:
            out.print(f"{waiting:,} records are on the log and not in the lake yet")
        out.print(
            f"{'[green]healthy[/]' if healthy else '[red]not healthy[/]'}, up for {age(time.time() - run.since)}, page {now.page_url}"
        )
    if not healthy:
        raise SystemExit(FAILED)


async def _look(services: Sequence[Service]) -> list[str]:
    """What each lacks, all looked at at once."""
    return list(await asyncio.gather(*(service.lacks() for service in services)))


def _not_landed(lake: str) -> int | None:
    """Records that the lake does not hold yet, by its metrics; None where it does not answer."""
    with contextlib.suppress(OSError), urlopen(f"http://{lake}/metrics", timeout=ANSWER_S) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("lake_waiting_records "):
                return int(float(line.split()[1]))
    return None


def _table(subsystems: dict[str, dict[str, Any]]) -> Table:
    """One line a process."""
    table = empty_table("subsystem", "process", "state", "for", "restarts", "process id", "")
    for subsystem, processes in subsystems.items():
        for name, found in processes.items():
            mark = "[green]healthy[/]" if found["healthy"] else f"[red]{found['phase']}[/]"
            table.add_row(subsystem, name, mark, age(found["seconds"]), str(found["restarts"]), str(found["pid"]), found["lacks"])
    return table
