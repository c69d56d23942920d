"""Social facts and roles, by login: what the `account` command writes."""

import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from uuid import uuid4

from infra.accounts import ANSWER_S, Accounts
from schemas.event import Event
from schemas.events import CommandRefused, Followed, GrantRole, Raided, RoleChanged, Subscribed, Unfollowed
from schemas.events.chat import Role
from schemas.events.social import Plan
from schemas.wire import Codec
from streams.errors import StreamingError
from streams.log import Log, Record
from streams.publisher import Publisher
from streams.topics import OF_EVENT

ANSWERS = OF_EVENT[RoleChanged].name
DECIDED_S = 10.0
"""Seconds that the chat view may take; it answers within milliseconds, after a restart within a few seconds."""


class SocialError(ValueError):
    """The fact would not be one, or was refused. Operator action: the message says what to do instead."""


class NotDecidedError(StreamingError):
    """The chat view has not answered. Operator action: see whether the moderation process runs. The command will count."""


class Social:
    """Writes facts between the accounts of a log."""

    def __init__(self, log: Log, codec: Codec) -> None:
        self._log = log
        self._codec = codec
        self._accounts = Accounts(log, codec, "account")
        self._publisher = Publisher(log, codec, "account")

    def follow(self, login: str, channel: str) -> Event:
        """A user follows a channel from now on.

        Raises:
            AccountError, SocialError: one of them does not exist, or both are one.
        """
        user_id, channel_id = self._two(login, channel)
        return self._write(Followed(channel_id=channel_id, user_id=user_id))

    def unfollow(self, login: str, channel: str) -> Event:
        """A user does not follow it any more. Raises as `follow`."""
        user_id, channel_id = self._two(login, channel)
        return self._write(Unfollowed(channel_id=channel_id, user_id=user_id))

    def subscribe(self, login: str, channel: str, plan: Plan, months: int, gifter: str | None) -> Event:
        """A subscription begins or is renewed. Raises as `follow`."""
        user_id, channel_id = self._two(login, channel)
        gifter_id = None if gifter is None else self._accounts.get(gifter).channel_id
        return self._write(Subscribed(channel_id=channel_id, user_id=user_id, plan=plan, cumulative_months=months, gifter_id=gifter_id))

    def raid(self, login: str, channel: str, viewers: int) -> Event:
        """A channel sends its viewers to another one. Raises as `follow`."""
        from_id, channel_id = self._two(login, channel)
        return self._write(Raided(channel_id=channel_id, from_channel_id=from_id, viewers=viewers))

    def role(self, login: str, channel: str, role: Role, *, granted: bool) -> Event:
        """Gives or takes a role in the broadcaster's name; returns once the chat view has done it.

        Raises:
            AccountError: one of them does not exist.
            SocialError: it was refused.
            NotDecidedError: there was no answer in time.
        """
        user_id, channel_id = self._two(login, channel)
        asked = GrantRole(
            event_id=str(uuid4()), channel_id=channel_id, user_id=user_id, moderator_id=channel_id, role=role, granted=granted
        )
        arrived: SimpleQueue[Record] = SimpleQueue()
        starts = {(ANSWERS, partition): end for partition, end in self._log.ends(ANSWERS).items()}

        def deliver(records: Sequence[Record]) -> None:
            for record in records:
                arrived.put(record)

        tail = self._log.tail(starts, deliver)
        try:
            self._write(asked)
            answer = self._answer(arrived, asked.event_id)
        finally:
            tail.close()
        if isinstance(answer, CommandRefused):
            raise SocialError(f"the chat of {channel} refused: {answer.reason.replace('_', ' ')}")
        return answer

    def _answer(self, arrived: "SimpleQueue[Record]", command_id: str) -> Event:
        """The event that came of a command."""
        deadline = time.monotonic() + DECIDED_S
        while (left := deadline - time.monotonic()) > 0:
            try:
                record = arrived.get(timeout=left)
            except Empty:
                break
            event = None if record.value is None else self._codec.decode(record.value)
            if event is not None and event.causation_id == command_id:
                return event
        raise NotDecidedError(f"the chat view has not answered within {DECIDED_S:.0f} s. The command is on the log and will count.")

    def _two(self, login: str, channel: str) -> tuple[str, str]:
        """The ids of a user and a channel, which are two."""
        if login == channel:
            raise SocialError(f"{login!r} is user and channel at once: name two accounts")
        return self._accounts.get(login).channel_id, self._accounts.get(channel).channel_id

    def _write(self, event: Event) -> Event:
        self._publisher.publish(event).result(ANSWER_S)
        return event
