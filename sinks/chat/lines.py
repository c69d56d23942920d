"""A TCP connection of IRC: lines."""

import asyncio
from typing import ClassVar, cast

from sinks.chat.client import Client
from sinks.chat.hall import Hall
from sinks.chat.websocket import FRAME_MOST, Doors


class Lines(Client):
    """One of them. Bytes that are no UTF-8 become replacement characters: RFC 2812 knows no encoding."""

    kind: ClassVar[str] = "tcp"

    def __init__(self, hall: Hall, number: int, doors: Doors) -> None:
        super().__init__(hall, number)
        self._doors = doors
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A socket was accepted."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=self.hall.config.queue_bytes)
        self.origin = self.origin._replace(address=(transport.get_extra_info("peername") or ("",))[0])
        if not self._doors.register(self):
            self.close(1013, "Server at capacity")
            return
        self.begin(self._doors.irc)

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if len(line) > FRAME_MOST:
                break
            self.take(line.rstrip(b"\r").decode(errors="replace"))
        else:
            if len(self._rest) <= FRAME_MOST:
                return
        self.close(1009, "line too long")

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        super().connection_lost(exc)
        self._doors.lost(self)
