"""What a viewer who takes nothing costs all others of a gateway: `./chronicast bench chat_stall [--pairs 6]`.

One gateway process over a log in memory, as in `bench chat`; times with and without such a viewer take turns, and the order within a pair
too, since what else the machine does is more than what is measured.
"""

import argparse
import json
import socket
import statistics
import sys
from typing import Any

from tests.bench._chat_client import masked
from tests.bench._machine import machine
from tests.bench.chat import Run

LOGIN = "ana"
RATE = 200
"""Messages a second: some 60 KB, which fill the buffers of one who takes nothing (192 KiB, of which the kernel holds its own twice) in
6 s. Five later it is closed."""


def stalled(port: int) -> socket.socket:
    """A viewer who joins and reads nothing more. Its buffer is the smallest there is."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    made.connect(("127.0.0.1", port))
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    made.sendall(f"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}".encode())
    made.sendall(masked(json.dumps({"type": "join", "channel": LOGIN}).encode()))
    return made


def ended(idle: socket.socket) -> bool:
    """Whether the gateway has closed a connection, by what is left in it."""
    idle.settimeout(1)
    try:
        while idle.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    finally:
        idle.close()
    return True


def measured(viewers: int, pairs: int, seconds: float) -> dict[str, Any]:
    """By pair the others' figures alone and beside the stalled one."""
    run = Run("ours", [sys.executable, "-m", "tests.bench._chat_servers", "ours"], viewers)
    rows: list[dict[str, Any]] = []
    try:
        for pair in range(pairs):
            row: dict[str, Any] = {}
            for name in ("alone", "beside")[:: 1 if pair % 2 else -1]:
                idle = stalled(run.port) if name == "beside" else None
                row[name] = run.at(RATE, seconds)
                if idle is not None:
                    row["stalled_closed"] = ended(idle)
            rows.append(row)
    finally:
        run.close()
    changes = [row["beside"]["p99_ms"] / row["alone"]["p99_ms"] - 1 for row in rows]
    p99 = {name: statistics.median(row[name]["p99_ms"] for row in rows) for name in ("alone", "beside")}
    return {
        "viewers": viewers,
        "rows": rows,
        "p99_alone_ms": p99["alone"],
        "p99_beside_ms": p99["beside"],
        "p99_change_median": round(statistics.median(changes), 4),
        "cores_change_median": round(statistics.median(row["beside"]["cores"] / row["alone"]["cores"] - 1 for row in rows), 4),
        "closed": sum(row[name]["closed"] for row in rows for name in ("alone", "beside")),
        "lost": sum(row[name]["lost"] for row in rows for name in ("alone", "beside")),
        "stalled_closed": sum(row["stalled_closed"] for row in rows),
        "machine": machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=1_000)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=14, help="each of two times a pair")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    result = measured(asked.viewers, asked.pairs, asked.seconds)
    if asked.json:
        print(json.dumps(result, indent=2))
        return
    print("| pair | p50 alone | beside | p99 alone | beside | the stalled one |\n" + "|---" * 6 + "|")
    for number, row in enumerate(result["rows"], 1):
        delays = " | ".join(f"{row[name][key]} ms" for key in ("p50_ms", "p99_ms") for name in ("alone", "beside"))
        print(f"| {number} | {delays} | {'closed' if row['stalled_closed'] else 'open'} |")
    print(
        f"\n{result['viewers']:,} viewers, {RATE} messages a second: p99 {result['p99_alone_ms']} ms alone, "
        f"{result['p99_beside_ms']} ms beside, {result['p99_change_median']:+.1%} in the median pair; "
        f"the gateway's CPU {result['cores_change_median']:+.1%}; "
        f"{result['lost']} lost, {result['closed']} of the others closed; on {result['machine']}"
    )


if __name__ == "__main__":
    main()
