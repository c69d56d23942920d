"""TCP ports: free ones, and who holds a taken one."""

import contextlib
import random
import socket
from pathlib import Path

LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp, proc(5)."""


LISTENED = range(20_000, 32_768)
"""From above most servers' ports to where Linux begins to take ports for outgoing connections (ip_local_port_range, ip(7)): a port
from there could be lost again before somebody listens on it."""


EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - told from others, not listened on


def reached(address: str) -> str:
    """Where processes of this machine reach what listens on an address."""
    return "127.0.0.1" if address in EVERYWHERE else address


def free(count: int) -> list[int]:
    """So many free ports, all different, that no outgoing connection takes."""
    found = [port for port in random.sample(LISTENED, 10 * count) if not taken(port)]
    if len(found) < count:
        raise OSError(f"no {count} free ports among {LISTENED.start}-{LISTENED.stop - 1}")
    return found[:count]


def taken(port: int) -> bool:
    """Whether somebody listens on it, on any address of ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return True
    return False


def holder(port: int) -> str:
    """Who listens on a port, such as `nginx (process 812)`; empty where it cannot be seen (another user's process)."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net") / table, port)}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # another user's, or it has ended
            if any(_target(descriptor) in inodes for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _target(descriptor: Path) -> str:
    """What a descriptor is of; empty where it was closed meanwhile."""
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


def _listening(table: Path, port: int) -> list[str]:
    """Inodes of the sockets that listen on a port, of one of the kernel's tables."""
    with contextlib.suppress(FileNotFoundError):  # no IPv6 on this machine
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
        return [row[9] for row in rows if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port]
    return []
