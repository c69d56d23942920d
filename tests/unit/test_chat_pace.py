"""The pace over all channels, and what becomes of society's events."""

import pytest

from processors.chat import PACE, SOCIETY
from processors.chat import pace as module
from processors.chat.pace import PACE as TABLE
from schemas.events import (
    Followed,
    Raided,
    RecordFollow,
    RecordRaid,
    RecordSubscription,
    Subscribed,
    Tick,
    Unfollowed,
    UserSpoke,
)
from streams.fold import At
from tests.chat_channel import BEGAN, SECOND
from tests.folding import MemoryRows


class Speaker:
    """One user."""

    def __init__(self) -> None:
        self.rows = MemoryRows(dict)

    def speaks(self, second: float, channel: str = "1") -> list[tuple[str, float]]:
        """Channels that are told, and until which second."""
        at = At("chat.user.events.v1", 0, 0, BEGAN + round(second * SECOND))
        told = PACE.apply(self.rows, UserSpoke(user_id="7", channel_id=channel), at)
        return [(each.channel_id, (each.until - BEGAN) / SECOND) for each in told]


@pytest.mark.row("C2", "M8")
def test_with_the_twentieth_message_in_30_s_every_channel_that_heard_one_is_told() -> None:
    speaker = Speaker()
    assert [speaker.speaks(n, str(n % 3)) for n in range(19)] == [[]] * 19
    assert speaker.speaks(19, "0") == [("0", 30), ("1", 30), ("2", 30)]
    assert speaker.speaks(20, "1") == []
    assert speaker.speaks(21, "9") == [("9", 30)], "a channel that had not heard of the user"
    assert speaker.speaks(22, "9") == []


@pytest.mark.row("C2")
def test_at_most_20_are_counted_in_any_30_s_and_what_was_asked_meanwhile_does_not_count() -> None:
    speaker, until, taken = Speaker(), 0, []
    for tenth in range(3_000):
        if tenth >= until:
            taken.append(tenth)
        told = speaker.speaks(tenth / 10)
        until = max([until, *(round(end * 10) for _, end in told)])
    assert max(sum(1 for other in taken if 0 <= other - one < 300) for one in taken) == 20
    assert len(taken) == 10 * 20


def test_twenty_messages_that_take_longer_are_nobodys_business() -> None:
    speaker = Speaker()
    assert [speaker.speaks(n * 1.6) for n in range(200)] == [[]] * 200
    assert len(speaker.rows[TABLE]["self"].spoken) == 19


def test_the_row_is_bounded_and_a_broken_clock_throttles_for_no_longer_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOLD", 5)
    speaker = Speaker()
    for n in range(500):
        speaker.speaks(n / 100, str(n))
    row = speaker.rows[TABLE]["self"]
    assert (len(row.spoken), len(row.told)) == (20, 5)
    ahead = Speaker()
    for _ in range(20):
        ahead.speaks(1e6)
    assert ahead.speaks(10) == []


@pytest.mark.row("S2")
def test_follows_subscriptions_and_raids_become_commands_of_the_channel() -> None:
    def said(event):
        return list(SOCIETY.apply(MemoryRows(dict), event, At("channel.social.events.v1", 0, 0, BEGAN)))

    assert said(Followed(channel_id="1", user_id="7")) == [RecordFollow(channel_id="1", user_id="7", since=BEGAN)]
    assert said(Unfollowed(channel_id="1", user_id="7")) == [RecordFollow(channel_id="1", user_id="7")]
    assert said(Subscribed(channel_id="1", user_id="7", plan="prime", cumulative_months=3, gifter_id="8")) == [
        RecordSubscription(channel_id="1", user_id="7", plan="prime", cumulative_months=3, gifter_id="8")
    ]
    assert said(Raided(channel_id="1", from_channel_id="7", viewers=5)) == [RecordRaid(channel_id="1", from_channel_id="7", viewers=5)]
    assert said(Tick()) == []
