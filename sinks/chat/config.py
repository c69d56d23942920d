"""What can be set on a chat gateway."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec


class ChatConfig(msgspec.Struct, frozen=True):
    """Read once at start."""

    name: str = "gateway-1"
    """This gateway among its fleet."""
    fleet: Mapping[str, str] = {}
    """WebSocket URL of each gateway by name, this one's too; empty is a fleet of this one, which serves every channel."""
    replicas: int = 1
    """Gateways that serve one partition's channels."""
    capacity: int = 10_000
    """Connections; the next one is closed with 1013."""
    tick_s: float = 0.02
    """Shortest time between two frames of a room: what comes within is joined. The requirement's 20 ms."""
    sample_above: float = 20
    """Messages a second that a viewer gets of a room; of more a fair sample. 0 is everything. People read fewer than ten lines a second."""
    queue_bytes: int = 65_536
    """What may wait in this process for one socket before its room goes on without it; the kernel holds `send_buffer` beside."""
    send_buffer: int = 131_072
    """SO_SNDBUF: without it the kernel grows a stalled socket's to 4 MiB."""
    slow_s: float = 5
    """A client for which more waits for longer is closed (4008)."""
    kept: int = 500
    """Events of a room in memory: for history, replies, deletions and resumes."""
    kept_in_all: int = 50_000
    """The same over all rooms, some 1.5 KB each: 75 MB."""
    newest: int = 20_000
    """Records of a partition read at start, at most: about a second of work."""
    silent_s: float = 30
    """Without a word from a client: time to ping. Three times that without one and it is given up."""
    drain_s: float = 5
    """Over so long the connections are closed at a stop, so that they do not come back all at once."""
    reuse_port: bool = False
    """Whether several processes listen on one port (SO_REUSEPORT)."""
    trusted: tuple[IPv4Network | IPv6Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1"))
    """Proxies whose X-Real-IP is believed."""
