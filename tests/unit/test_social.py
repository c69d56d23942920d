"""Social facts from the command line: who follows, subscribes, raids, moderates."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from infra import social
from infra.accounts import AccountError, Accounts
from infra.social import ANSWERS, NotDecidedError, Social, SocialError
from schemas.event import Event
from schemas.events import CommandRefused, Followed, GrantRole, Raided, RoleChanged, Subscribed, Unfollowed
from schemas.wire import Codec
from streams.fold import At
from streams.follower import Follower
from streams.log_memory import MemoryLog
from streams.publisher import Publisher
from streams.topics import OF_EVENT


@pytest.fixture
def log(codec: Codec) -> MemoryLog:
    log = MemoryLog()
    for login in ("ann", "owl"):
        Accounts(log, codec, "account").create(login, "regular")
    return log


def ids(log: MemoryLog, codec: Codec) -> tuple[str, str]:
    accounts = Accounts(log, codec, "account")
    return accounts.get("ann").channel_id, accounts.get("owl").channel_id


def facts(log: MemoryLog, codec: Codec) -> list[Event]:
    topic = OF_EVENT[Followed].name
    return [codec.decode(r.value) for p, end in log.ends(topic).items() for batch in log.read(topic, p, 0, end) for r in batch]


@pytest.mark.row("S2", "U4")
def test_facts_between_accounts_are_on_the_social_topic_of_the_channel(log: MemoryLog, codec: Codec) -> None:
    ann, owl = ids(log, codec)
    writer = Social(log, codec)
    writer.follow("ann", "owl")
    writer.unfollow("ann", "owl")
    writer.subscribe("ann", "owl", "tier2", 14, None)
    writer.raid("ann", "owl", 250)
    followed, unfollowed, subscribed, raided = facts(log, codec)
    assert isinstance(followed, Followed)
    assert isinstance(unfollowed, Unfollowed)
    assert isinstance(subscribed, Subscribed)
    assert isinstance(raided, Raided)
    assert {event.channel_id for event in (followed, unfollowed, subscribed, raided)} == {owl}
    assert (followed.user_id, unfollowed.user_id, raided.from_channel_id, raided.viewers) == (ann, ann, ann, 250)
    assert (subscribed.user_id, subscribed.plan, subscribed.cumulative_months, subscribed.gifter_id) == (ann, "tier2", 14, None)


@pytest.mark.row("U10")
def test_what_is_no_fact_is_told_and_not_written(log: MemoryLog, codec: Codec) -> None:
    writer = Social(log, codec)
    with pytest.raises(AccountError, match="no account 'nobody'"):
        writer.follow("nobody", "owl")
    with pytest.raises(AccountError, match="no account 'nobody'"):
        writer.subscribe("ann", "owl", "tier1", 1, "nobody")
    with pytest.raises(SocialError, match="name two accounts"):
        writer.raid("owl", "owl", 3)
    assert not facts(log, codec)


Answer = Callable[[GrantRole], Event | None]


def answering(log: MemoryLog, codec: Codec, answer: Answer, done: Callable[[], object]) -> object:
    """Runs what waits for the chat view in a thread, and answers the command from here."""

    async def run() -> object:
        publisher = Publisher(log, codec, "chat.v1")

        def apply(event: Event, at: At) -> None:
            if isinstance(event, GrantRole) and (made := answer(event)) is not None:
                other = msgspec.structs.replace(made, event_id="", causation_id="another's")
                publisher.publish(other)
                publisher.publish(made)

        follower = Follower(log, codec, [OF_EVENT[GrantRole].name], apply)
        await follower.start()
        try:
            return await asyncio.to_thread(done)
        finally:
            await follower.close()

    return asyncio.run(run())


@pytest.mark.row("U4")
def test_a_moderator_is_one_once_the_chat_view_says_so(log: MemoryLog, codec: Codec) -> None:
    ann, owl = ids(log, codec)

    def changed(asked: GrantRole) -> Event:
        return RoleChanged(
            channel_id=asked.channel_id,
            user_id=asked.user_id,
            moderator_id=asked.moderator_id,
            role=asked.role,
            granted=asked.granted,
            causation_id=asked.event_id,
        )

    def refused(asked: GrantRole) -> Event:
        return CommandRefused(channel_id=owl, moderator_id=owl, reason="already_granted", causation_id=asked.event_id)

    writer = Social(log, codec)
    done = answering(log, codec, changed, lambda: writer.role("ann", "owl", "moderator", granted=True))
    assert isinstance(done, RoleChanged)
    assert (done.channel_id, done.user_id, done.moderator_id, done.granted) == (owl, ann, owl, True)
    with pytest.raises(SocialError, match="refused: already granted"):
        answering(log, codec, refused, lambda: writer.role("ann", "owl", "moderator", granted=True))


def test_without_an_answer_it_is_said_that_the_command_will_count(log: MemoryLog, codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(social, "DECIDED_S", 0.2)
    with pytest.raises(NotDecidedError, match="on the log and will count"):
        Social(log, codec).role("ann", "owl", "moderator", granted=False)
    assert not any(log.ends(ANSWERS).values())
