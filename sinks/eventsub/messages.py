"""EventSub's messages and subscriptions as JSON has them."""

from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec

from schemas.events import EventSubscription
from sinks.eventsub.notices import Notice
from streams.clock import now_us
from streams.envelope import rfc3339
from streams.letters.letter import place
from streams.log import Position

MAX_COST = 10_000
"""`max_total_cost`: nothing costs here, for every subscription is authorised or of what anybody may see."""


class Message(NamedTuple):
    """A message before it is sent."""

    id: str
    kind: str
    """`message_type`."""
    payload: dict[str, Any]
    at: Position | None = None
    """Where the event lies on the log."""


def message_id(event_id: str, subscription: EventSubscription) -> str:
    """A notification's id: the same for an event and what was asked, however often it is told and by whichever process."""
    asked = "&".join(sorted(f"{each.name}={each.value}" for each in subscription.condition))
    return str(uuid5(NAMESPACE_URL, f"{event_id}/{subscription.kind}/{subscription.version}?{asked}"))


def notification(event_id: str, at: Position, subscription: EventSubscription, notice: Notice) -> Message:
    """An event for a subscription."""
    payload = {"subscription": described(subscription), "event": notice.event}
    return Message(message_id(event_id, subscription), "notification", payload, at)


def revocation(subscription: EventSubscription) -> Message:
    """The end of a subscription; its status says why."""
    return Message(str(uuid4()), "revocation", {"subscription": described(subscription)})


def frame(message: Message) -> dict[str, Any]:
    """A message as a WebSocket carries it."""
    metadata = {"message_id": message.id, "message_type": message.kind, "message_timestamp": nanoseconds(now_us())}
    subscription = message.payload.get("subscription")
    if subscription is not None:
        metadata |= {"subscription_type": subscription["type"], "subscription_version": subscription["version"]}
    if message.at is not None:
        metadata["position"] = place(message.at)
    return {"metadata": metadata, "payload": message.payload}


def described(subscription: EventSubscription) -> dict[str, Any]:
    """A subscription as clients are told of it; never its secret."""
    created = nanoseconds(subscription.created_at)
    if subscription.method == "websocket":
        transport = {"method": "websocket", "session_id": subscription.session_id, "connected_at": created}
    else:
        transport = {"method": "webhook", "callback": subscription.callback}
    return {
        "id": subscription.subscription_id,
        "status": subscription.status,
        "type": subscription.kind,
        "version": subscription.version,
        "condition": {each.name: each.value for each in subscription.condition},
        "created_at": created,
        "transport": transport,
        "cost": 0,
    }


def encoded(body: dict[str, Any]) -> bytes:
    """JSON; texts that were opened are texts."""
    return msgspec.json.encode(body, enc_hook=str)


def nanoseconds(micros: int) -> str:
    """RFC 3339 with nine digits, as EventSub has times."""
    return f"{rfc3339(micros)[:-1]}000Z"
