"""Who comes and goes, for clients that asked for it: JOIN and PART of others, told in batches."""

import asyncio
from collections import Counter

from sinks.chat.dialect import Room
from sinks.chat.irc import capabilities
from sinks.chat.irc.client import Client
from sinks.chat.irc.line import format_line
from sinks.chat.irc.render import user_prefix

BATCH_S = 1.0
"""Between two batches of a room: who is present need not be fresher."""
MAX_PRESENT = 1_000
"""People in a room beyond whom comings and goings are not told, as Twitch has it: to tell all of all grows by the square."""


class _Gathering:
    """The IRC clients in a room here."""

    def __init__(self) -> None:
        self.clients: set[Client] = set()
        self.logins: Counter[str] = Counter()
        """Of those who are signed in, with the number of their connections."""
        self.changed: dict[str, bool] = {}
        """By login whether it was present when last told."""
        self.timer: asyncio.TimerHandle | None = None


class Membership:
    """Of all rooms of a gateway. For one event loop."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Gathering] = {}

    def joined(self, room: Room, client: Client) -> None:
        """A client is in a room now."""
        gathering = self._rooms.setdefault(room.login, _Gathering())
        gathering.clients.add(client)
        self._count(room.login, gathering, client, 1)

    def parted(self, room: Room, client: Client) -> None:
        """It is there no more."""
        gathering = self._rooms.get(room.login)
        if gathering is None or client not in gathering.clients:
            return
        gathering.clients.discard(client)
        self._count(room.login, gathering, client, -1)
        if not gathering.clients:
            if gathering.timer is not None:
                gathering.timer.cancel()
            del self._rooms[room.login]

    def _count(self, channel: str, gathering: _Gathering, client: Client, change: int) -> None:
        if client.person is None:
            return
        login = client.person.login
        if len(gathering.logins) <= MAX_PRESENT:
            gathering.changed.setdefault(login, gathering.logins[login] > 0)
        gathering.logins[login] += change
        if not gathering.logins[login]:
            del gathering.logins[login]
        if gathering.timer is None:
            gathering.timer = asyncio.get_running_loop().call_later(BATCH_S, self._tell, channel, gathering)

    def _tell(self, channel: str, gathering: _Gathering) -> None:
        gathering.timer = None
        changed, gathering.changed = gathering.changed, {}
        told = {
            login: format_line("JOIN" if login in gathering.logins else "PART", f"#{channel}", prefix=user_prefix(login))
            for login, was_present in changed.items()
            if (login in gathering.logins) != was_present
        }
        if len(gathering.logins) > MAX_PRESENT or not told:
            return
        for client in gathering.clients:
            if capabilities.MEMBERSHIP in client.capabilities:
                text = "".join(line for login, line in told.items() if login != client.nick)
                if text:
                    client.connection.send(text)
