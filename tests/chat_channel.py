"""A channel's chat as the fold has it, apart from every runner: commands in at chosen seconds, events out."""

from collections.abc import Sequence
from typing import Any

import msgspec

from processors.chat.fold import ChatFold
from schemas.event import Event
from schemas.events import ChangeMode, GrantRole, PostMessage, SanctionUser
from streams.fold import At
from tests.folding import MemoryRows

CHANNEL = "100"
"""The channel, and its broadcaster."""
ADA, BOB, MOD, VIP = "1", "2", "3", "4"
BEGAN = 1_700_000_000_000_000
SECOND = 1_000_000


class ChatChannel:
    """One channel; MOD and VIP have their roles."""

    def __init__(self, fold: ChatFold | None = None) -> None:
        self.fold = fold or ChatFold()
        self.rows = MemoryRows(dict)
        self.offset = 0
        self.do(GrantRole(channel_id=CHANNEL, user_id=MOD, moderator_id=CHANNEL, role="moderator", granted=True), 0)
        self.do(GrantRole(channel_id=CHANNEL, user_id=VIP, moderator_id=CHANNEL, role="vip", granted=True), 0)

    def do(self, event: Event, second: float) -> Sequence[Any]:
        """What comes of a command."""
        time = BEGAN + round(second * SECOND)
        self.offset += 1
        event = msgspec.structs.replace(event, event_id=f"e{self.offset}", occurred_at=time)
        return list(self.fold.apply(self.rows, event, At("chat.message.commands.v1", 0, self.offset, time)))

    def say(self, user: str, text: str, second: float, **more: Any) -> Any:
        """The first thing that comes of a message."""
        return self.post(user, text, second, **more)[0]

    def post(self, user: str, text: str, second: float, **more: Any) -> Sequence[Any]:
        """What comes of a message, whose id is its number."""
        message = PostMessage(
            channel_id=CHANNEL,
            message_id=f"m{self.offset + 1}",
            user_id=user,
            user_login=f"login{user}",
            display_name=f"Name{user}",
            text=text,
            **more,
        )
        return self.do(message, second)

    def mode(self, second: float, by: str = CHANNEL, **modes: Any) -> Sequence[Any]:
        """Modes changed."""
        return self.do(ChangeMode(channel_id=CHANNEL, moderator_id=by, **modes), second)

    def silence(self, user: str, second: float, seconds: int | None = None, by: str = MOD) -> Sequence[Any]:
        """A ban, or a time-out."""
        return self.do(SanctionUser(channel_id=CHANNEL, user_id=user, moderator_id=by, seconds=seconds, reason="rude"), second)

    def reasons(self, *said: tuple[str, str, float]) -> list[str]:
        """Of some messages why each was refused; empty for those that were taken."""
        return [getattr(self.say(*each), "reason", "") for each in said]
