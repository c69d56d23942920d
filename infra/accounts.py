"""Accounts: a channel's profile on the log. Keys and tokens are shown once, the log holds their SHA-256 only."""

import hashlib
import re

import msgspec

from schemas.event import as_new
from schemas.events import ChannelProfile
from schemas.events.channel import Tier
from schemas.wire import Codec
from streams.clock import now_us
from streams.edges.passes import restricted
from streams.edges.stream_keys import LOWER, digest, rekeyed, retired, secret
from streams.log import Log, Position
from streams.publisher import Publisher
from streams.reading import whole
from streams.topics import OF_EVENT

TOPIC = OF_EVENT[ChannelProfile].name
LOGIN = re.compile(r"[a-z0-9][a-z0-9_]{1,24}")
RESERVED = {
    *("api", "assets", "auth", "chat", "eventsub", "healthz", "helix", "irc", "live"),
    *("media", "metrics", "mock", "oauth2", "readyz", "recommendations", "time", "ws"),
    *("browse", "dashboard"),
}
"""First parts of addresses at the edge: a channel's page is at `/{login}`."""
MARK = "cc_"
"""An access token begins with it, so that one that leaked is found."""
ANSWER_S = 10.0
"""Seconds that the broker may take; it answers within milliseconds."""


class AccountError(ValueError):
    """The account cannot be made or changed like this. Operator action: the message says what to do instead."""


class Account(msgspec.Struct, frozen=True):
    """What its owner is told, this once."""

    id: str
    login: str
    access_token: str
    client_id: str
    stream_key: str


class Accounts:
    """The accounts on a log. Each call reads what is there at that time."""

    def __init__(self, log: Log, codec: Codec, producer: str) -> None:
        self._log = log
        self._codec = codec
        self._publisher = Publisher(log, codec, producer)

    def create(self, login: str, tier: Tier) -> Account:
        """A new account.

        Two creations of one login at the same time have the same id and so the same partition: the first on the log
        wins, the other one restores its row and raises.

        Raises:
            AccountError: the login is taken or is no login.
        """
        if not LOGIN.fullmatch(login):
            raise AccountError(f"{login!r} is no login: 2 to 25 of a-z, 0-9 and _, not _ first. Choose another, such as 'night_owl'")
        if login in RESERVED:
            raise AccountError(f"{login!r} is an address of ours. Choose another login")
        number = identity(login)
        if present := self._rows().get(number):
            raise AccountError(taken(login, present[0][1]))
        made = Account(number, login, secret(MARK, LOWER), secret(""), secret(f"live_{number}_"))
        position = self._write(
            ChannelProfile(
                channel_id=number,
                login=login,
                display_name=login,
                tier=tier,
                stream_key_hash=digest(made.stream_key),
                access_token_hash=digest(made.access_token),
                client_id=made.client_id,
                created_at=now_us(),
            )
        )
        first_offset, first = self._rows()[number][0]
        if first_offset != position.offset and first.client_id != made.client_id:
            self._write(first)
            raise AccountError(taken(login, first))
        return made

    def rotate_key(self, login: str) -> str:
        """Gives a channel a new stream key and retires its present one; returns the new key.

        Raises:
            AccountError: there is no such account.
        """
        profile, key = rekeyed(self.get(login))
        self._write(profile)
        return key

    def revoke_key(self, login: str) -> None:
        """Takes a channel's key away: it cannot go live until one is made by `rotate_key`.

        Raises:
            AccountError: there is no such account.
        """
        self._write(msgspec.structs.replace(retired(self.get(login)), stream_key_hash=None))

    def promote(self, login: str, tier: Tier) -> None:
        """Gives a channel a tier. A stream that is live gets that tier's ladder within seconds, and its recording that tier's retention.

        Raises:
            AccountError: there is no such account.
        """
        self._write(msgspec.structs.replace(self.get(login), tier=tier))

    def turbo(self, login: str, *, on: bool) -> None:
        """Says whether a channel's owner has Turbo or Prime: VODs of streams that end from now on get that retention.

        Raises:
            AccountError: there is no such account.
        """
        self._write(msgspec.structs.replace(self.get(login), turbo=on))

    def restrict(self, login: str, *, mature: bool | None, subscribers_only: bool | None) -> ChannelProfile:
        """Says who may watch a channel; None leaves a part as it is. It holds within seconds.

        Raises:
            AccountError: there is no such account.
        """
        profile = restricted(self.get(login), mature=mature, subscribers_only=subscribers_only)
        self._write(profile)
        return profile

    def rotate_token(self, login: str) -> str:
        """Gives an account a new access token in the place of the present one; returns it.

        Raises:
            AccountError: there is no such account.
        """
        token = secret(MARK, LOWER)
        self._write(msgspec.structs.replace(self.get(login), access_token_hash=digest(token)))
        return token

    def get(self, login: str) -> ChannelProfile:
        """A channel's profile.

        Raises:
            AccountError: there is no such account.
        """
        for profile in self.all():
            if profile.login == login:
                return profile
        raise AccountError(f"no account {login!r}. `./chronicast account list` shows those that are, `account create {login}` makes it")

    def all(self) -> list[ChannelProfile]:
        """All channels, by login."""
        return sorted((rows[-1][1] for rows in self._rows().values()), key=lambda profile: profile.login)

    def _rows(self) -> dict[str, list[tuple[int, ChannelProfile]]]:
        """Per channel its rows on the log and their offsets, oldest first; compaction leaves at least the newest."""
        rows: dict[str, list[tuple[int, ChannelProfile]]] = {}
        for record in whole(self._log, TOPIC):
            event = self._codec.decode(record.value) if record.value is not None else None
            if isinstance(event, ChannelProfile):
                rows.setdefault(event.channel_id, []).append((record.offset, event))
        return rows

    def _write(self, profile: ChannelProfile) -> Position:
        """Appends a row, as a new fact whatever it was copied from."""
        return self._publisher.publish(as_new(profile)).result(ANSWER_S)


def identity(login: str) -> str:
    """The channel id of a login: decimal, below 2^53 so that JavaScript holds it as a number."""
    return str(int.from_bytes(hashlib.sha256(login.encode()).digest()[:8]) >> 11)


def taken(login: str, holder: ChannelProfile) -> str:
    """Why an account cannot be made."""
    if holder.login != login:  # two of 2^53 ids
        return f"{login!r} has the same id as {holder.login!r}. Choose another login"
    return f"{login!r} is taken. Choose another login, or make a new key for it: ./chronicast account rotate-key {login}"
