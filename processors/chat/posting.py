"""What a message has to pass, in order, and what it becomes.

The order is that of what is most final and costs least: who may not write at all, how often one writes, who the room is for, and only
then what the text says. The first rule that refuses ends it, and a refused message leaves no trace: the pace is measured by what was
taken. What Twitch lets pass, passes here:

| | broadcaster, moderators | VIPs | others |
|---|---|---|---|
| ban, time-out | yes, for moderators | yes | yes |
| 1 message/s, pace over all channels, slow mode | - | - | yes |
| subscribers only, followers only | - | - | unless they subscribe |
| emote-only, unique chat | - | - | yes |
| length, global terms | yes | yes | yes |
| channel's terms, spam, AutoMod | - | yes | yes |

Times are those of the edges' clocks, which differ a little: where a stamp lies before that of the user's last message, the wait is
longer by as much, and is told so. A last one that lies more than SKEW_US ahead is a broken clock's and binds nobody.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from processors.chat import rules
from processors.chat.badges import badges_of
from processors.chat.blocking import Matchers
from processors.chat.emotes import spans
from processors.chat.memory import Fingerprint, fingerprint_of, heard, remember
from processors.chat.policy import LIVE, Policy
from processors.chat.reviews import hold
from processors.chat.state import FLOW, SELF, USERS, flow_of, power, room_of, user_of
from processors.chat.text.automod import Model, model
from processors.chat.text.terms import everywhere
from schemas.event import Event
from schemas.events import MessagePosted, MessageRefused, PostMessage
from schemas.privacy import ERASED, passed_on
from streams.fold import At, Rows

CONTEXT_WEIGHT = 0.1
"""Share of the newest score in the room's context: the last ten messages or so count."""
DIGITS = 4
"""Of scores in rows and events: processors differ in the last bits of a sum, and rows must not."""


class Poster:
    """Decides about messages. What it keeps are caches: no decision depends on them."""

    def __init__(self, fingerprint: Fingerprint, policy: Policy = LIVE) -> None:
        self._fingerprint = fingerprint
        self._matchers = Matchers(policy.blocked, policy.allowed)
        self._terms = everywhere(policy.allowed) if policy.allowed else None
        self._model = Model(policy.model) if policy.model else None
        self._levels, self._level = policy.levels, policy.level

    def post(self, rows: Rows, event: PostMessage, at: At) -> Iterable[Event]:
        """Takes a message, holds it, or refuses it."""
        now = at.time
        user, room, flow = user_of(rows, event.user_id), room_of(rows), flow_of(rows)
        rank = power(event.channel_id, event.user_id, user)
        subscriber = rank == "broadcaster" or user.subscribes(now)

        # Who writes, and how often.
        refusal = rules.sanction(user, now)
        if refusal is None and rank == "none":
            refusal = rules.pace(user, room, now) or rules.audience(user, room, now)
            refusal = refusal or rules.emote_only(room, event.text, subscriber=subscriber)
        if refusal is not None:
            return _refused(event, refusal)

        # What is said.
        name = ""
        if room.unique_chat and event.text != ERASED:  # what was erased repeats nothing
            name = fingerprint_of(self._fingerprint, event.channel_id, event.text)
            wait = heard(rows, name, now) if rank == "none" else None
            if wait is not None:
                return _refused(event, rules.Refusal("duplicate", wait))
        refusal = rules.length(event.text) or rules.global_terms(event.text, self._terms)
        score, version, held = 0.0, "", False
        if refusal is None and rank in ("none", "vip"):
            refusal = rules.BLOCKED_TERM if self._matchers.blocked(rows, room, event.text) else rules.spam(event.text)
            level = room.automod_level if self._level is None else self._level
            if refusal is None and level:
                automod = self._model or model()
                score, version = round(automod.score(event.text, flow.context), DIGITS), automod.version
                held = score >= self._levels[level]
                flow = replace(flow, context=round(flow.context + CONTEXT_WEIGHT * (score - flow.context), DIGITS))
        if refusal is not None:
            return _refused(event, refusal)

        # It is taken: what it leaves, and what it becomes.
        rows[USERS][event.user_id] = replace(user, last=now)
        if name:
            flow = remember(rows, flow, name, now)
        badges, badge_info = badges_of(rank, user, now)
        posted = MessagePosted(
            channel_id=event.channel_id,
            message_id=event.message_id,
            user_id=event.user_id,
            user_login=event.user_login,
            display_name=event.display_name,
            text=passed_on(event.text),
            color=event.color,
            badges=badges,
            emotes=spans(event.text, subscriber=subscriber),
            reply_to=event.reply_to,
            action=event.action,
            badge_info=badge_info,
            first_message=not user.last,
            automod_score=score,
            automod_model=version,
        )
        made: Event = posted
        if held:
            flow, made = hold(rows, flow, posted, now)
        rows[FLOW][SELF] = flow
        return (made,)


def _refused(event: PostMessage, refusal: rules.Refusal) -> tuple[MessageRefused]:
    return (
        MessageRefused(
            channel_id=event.channel_id,
            message_id=event.message_id,
            user_id=event.user_id,
            reason=refusal.reason,
            wait_ms=-(-refusal.wait_us // 1_000),  # rounded up: who waits so long is let in
        ),
    )
