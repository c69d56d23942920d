"""Tags of what happened to a channel: subscriptions, gifts, raids, announcements (USERNOTICE)."""

import msgspec

from schemas.events import NoticePosted
from sinks.chat.dialect import Room
from sinks.chat.irc import tags as tag
from streams.edges.accounts import Accounts

PLANS = {"tier1": "1000", "tier2": "2000", "tier3": "3000", "prime": "Prime"}
"""As clients know the price tiers."""
PLAN_NAMES = {"tier1": "Tier 1", "tier2": "Tier 2", "tier3": "Tier 3", "prime": "Prime"}
ANONYMOUS = ("274598607", "ananonymousgifter", "AnAnonymousGifter")
"""Id, login and name that clients take for a giver who is not told."""


def usernotice(room: Room, event: NoticePosted, accounts: Accounts) -> dict[str, str]:
    """All tags of one. Names that the event leaves out are those of the accounts."""
    event = _named(event, accounts)
    if event.kind == "subgift":
        return _gift(room, event, accounts)
    params, words = _PARAMS.get(event.kind, _plain)(event)
    return _tags(event, event.user_login, params, words)


def _tags(author: NoticePosted, login: str, params: dict[str, str], words: str) -> dict[str, str]:
    own = {f"msg-param-{name}": value for name, value in params.items()}
    return {**tag.of_author(author), "login": login, "msg-id": author.kind, "system-msg": words, **own}


def _named(event: NoticePosted, accounts: Accounts) -> NoticePosted:
    account = accounts.by_id(event.user_id)
    login = event.user_login or (account.login if account else event.user_id)
    name = event.display_name or (account.display_name if account else login)
    color = event.color or (accounts.color(event.user_id) if account else "")
    return msgspec.structs.replace(event, user_login=login, display_name=name, color=color)


def _subscribed(event: NoticePosted) -> tuple[dict[str, str], str]:
    params = {
        "cumulative-months": str(event.months),
        "months": "0",
        "should-share-streak": "0",
        "streak-months": "0",
        **_plan(event),
        "was-gifted": "false",
    }
    words = f"{event.display_name} subscribed {_at(event.plan)}."
    return params, words if event.kind == "sub" else f"{words} They've subscribed for {event.months} months!"


def _raided(event: NoticePosted) -> tuple[dict[str, str], str]:
    params = {"displayName": event.display_name, "login": event.user_login, "profileImageURL": "", "viewerCount": str(event.viewers)}
    return params, f"{event.viewers} raiders from {event.display_name} have joined!"


def _announced(event: NoticePosted) -> tuple[dict[str, str], str]:
    return {"color": (event.accent or "primary").upper()}, ""


def _plain(event: NoticePosted) -> tuple[dict[str, str], str]:
    return {}, event.text


_PARAMS = {"sub": _subscribed, "resub": _subscribed, "raid": _raided, "announcement": _announced}


def _gift(room: Room, event: NoticePosted, accounts: Accounts) -> dict[str, str]:
    """In IRC a gift is told of the giver, with the subscriber as its recipient."""
    giver = accounts.by_id(event.gifter_id) if event.gifter_id else None
    user_id, login, name = (giver.channel_id, giver.login, giver.display_name) if giver else ANONYMOUS
    standing = room.standing(user_id)
    author = msgspec.structs.replace(
        event,
        user_id=user_id,
        user_login=login,
        display_name=name,
        color=accounts.color(user_id) if giver else "",
        badges=tuple(standing.badges),
        badge_info=tuple(standing.badge_info),
    )
    params = {
        "gift-months": "1",
        "months": str(event.months),
        "origin-id": event.message_id,
        "recipient-display-name": event.display_name,
        "recipient-id": event.user_id,
        "recipient-user-name": event.user_login,
        "sender-count": "0",
        **_plan(event),
    }
    return _tags(author, login, params, f"{name} gifted a {PLAN_NAMES.get(event.plan, event.plan)} sub to {event.display_name}!")


def _plan(event: NoticePosted) -> dict[str, str]:
    return {
        "sub-plan": PLANS.get(event.plan, event.plan),
        "sub-plan-name": f"Subscription ({PLAN_NAMES.get(event.plan, event.plan)})",
    }


def _at(plan: str) -> str:
    return "with Prime" if plan == "prime" else f"at {PLAN_NAMES.get(plan, plan)}"
