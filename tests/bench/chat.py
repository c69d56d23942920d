"""Chat to many sockets of one channel: deliveries a second, delays, loss, and what it costs, beside two others.

`python -m tests.bench.chat [--connections 1000 5000 10000] [--servers ours websockets centrifuge] [--seconds 5] [--json]`

Each server is a process that makes 100-character messages itself; all viewers are one client process on the same machine, which compares
clocks with the text of each message. Ours takes them through a log in memory: encode, append, read, decode, render, send. For each number
of connections the rate grows until the p99 passes 100 ms or messages get lost.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench._machine import machine

ROOT = Path(__file__).parents[2]
SERVERS = ("ours", "websockets", "centrifuge")
RATES = {
    1_000: (10, 50, 100, 200, 400, 600, 800, 1_000, 1_300, 1_600, 2_000),
    5_000: (10, 20, 40, 60, 100, 150, 200, 300, 400),
    10_000: (10, 15, 20, 30, 50, 75, 100, 150),
}
"""Messages a second tried, by connections."""
LIMIT_MS = 100
TICKS = os.sysconf("SC_CLK_TCK")


def built() -> Path | None:
    """The centrifuge server; None where there is no Go."""
    if shutil.which("go") is None:
        return None
    binary = Path(tempfile.gettempdir()) / f"chronicast-bench-centrifuge-{os.getuid()}"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=ROOT / "tests" / "bench" / "centrifuge", check=True)
    return binary


def cost(pid: int) -> tuple[float, float]:
    """Processor seconds so far, and MiB resident."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return (int(fields[11]) + int(fields[12])) / TICKS, resident / 2**20


class Run:
    """A server and its viewers."""

    def __init__(self, name: str, command: list[str], connections: int) -> None:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
        self._server = subprocess.Popen(command, **pipes, stderr=subprocess.DEVNULL)
        self.port = int(self._line(self._server))
        command = [sys.executable, "-m", "tests.bench._chat_client", name, str(self.port), str(connections)]
        self._client = subprocess.Popen(command, **pipes)
        if self._line(self._client) != "ready":
            raise SystemExit(f"{name}: the viewers could not connect")
        time.sleep(1)
        self._measure(10, 1)  # warms up

    def at(self, rate: float, seconds: float) -> dict[str, Any]:
        """What comes of a rate."""
        before, began = cost(self._server.pid)[0], cost(self._client.pid)[0]
        start = time.monotonic()
        figures = self._measure(rate, seconds)
        took = time.monotonic() - start
        after, resident = cost(self._server.pid)
        figures["cores"] = round((after - before) / took, 2)
        figures["client_cores"] = round((cost(self._client.pid)[0] - began) / took, 2)
        figures["mib"] = round(resident)
        figures["per_second"] = round(figures["deliveries"] / max(seconds, figures.get("seconds", seconds)))
        return figures

    def close(self) -> None:
        """Ends both."""
        for process in (self._client, self._server):
            process.stdin.close()  # type: ignore[union-attr]
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _measure(self, rate: float, seconds: float) -> dict[str, Any]:
        self._say(self._server, f"{rate} {seconds}")
        self._line(self._server)
        time.sleep(0.5)
        self._say(self._client, "")
        return dict(json.loads(self._line(self._client)))

    @staticmethod
    def _say(process: subprocess.Popen[str], line: str) -> None:
        print(line, file=process.stdin, flush=True)

    @staticmethod
    def _line(process: subprocess.Popen[str]) -> str:
        while line := process.stdout.readline():  # type: ignore[union-attr]
            if not line.startswith("20"):  # a line of a log begins with its time
                return line.strip()
        raise SystemExit("a process of the bench ended early")


def measured(name: str, command: list[str], connections: int, rates: list[float], seconds: float, console: Console) -> list[dict[str, Any]]:
    """A server at rising rates, until it fails."""
    run, rows = Run(name, command, connections), []
    try:
        for rate in rates:
            figures = {"server": name, "connections": connections, "rate": rate, **run.at(rate, seconds)}
            rows.append(figures)
            console.log({key: figures[key] for key in figures if key not in ("seconds",)})
            if figures.get("p99_ms", 1e9) > LIMIT_MS * 2 or figures["closed"]:
                break
    finally:
        run.close()
    return rows


def best(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The most deliveries a second within the limit and without loss."""
    good = [row for row in rows if row.get("p99_ms", 1e9) <= LIMIT_MS and not row["lost"] and not row["repeated"] and not row["closed"]]
    return max(good, key=lambda row: row["per_second"], default=None)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=list(RATES))
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--rates", type=float, nargs="+")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    console = Console(stderr=True)
    commands = {name: [sys.executable, "-m", "tests.bench._chat_servers", name] for name in ("ours", "websockets")}
    if "centrifuge" in options.servers:
        binary = built()
        if binary is None:
            console.print("centrifuge is left out: no `go` on the path to build it with")
        else:
            commands["centrifuge"] = [str(binary)]
    rows: list[dict[str, Any]] = []
    for connections in options.connections:
        for name in options.servers:
            if name in commands:
                rates = options.rates or RATES.get(connections, (10, 20, 50, 100))
                rows += measured(name, commands[name], connections, list(rates), options.seconds, console)
    if options.json:
        print(json.dumps(rows))
        return
    table = Table(title=f"100-character messages in one channel; {machine()}")
    for column in ("server", "sockets", "best deliveries/s", "at msg/s", "p50", "p95", "p99", "max ms", "cores", "MiB", "p99 at 10 msg/s"):
        table.add_column(column, justify="right")
    for connections in options.connections:
        for name in options.servers:
            mine = [row for row in rows if row["server"] == name and row["connections"] == connections]
            top, ten = best(mine), next((row for row in mine if row["rate"] == 10), {})
            told = (
                [f"{top[key]:,}" for key in ("per_second", "rate", "p50_ms", "p95_ms", "p99_ms", "max_ms", "cores", "mib")]
                if top
                else ["-"] * 8
            )
            table.add_row(name, f"{connections:,}", *told, str(ten.get("p99_ms", "-")))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
