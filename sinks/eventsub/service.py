"""EventSub as a process runs it: the hub, its sessions and its webhooks, joined to the log."""

import asyncio

import structlog

from schemas.event import Event, as_new
from schemas.events import EventSubscription
from schemas.wire import Codec
from sinks.eventsub.hub import TOPICS, Hub
from sinks.eventsub.sessions import GRACE_S, Sessions
from sinks.eventsub.webhooks import Webhooks
from sinks.helix.views import Views
from streams.errors import StreamingError
from streams.letters.letter import position
from streams.log import Log
from streams.privacy.ring import KeyRing
from streams.publisher import Publisher

logger = structlog.get_logger()


class EventSub:
    """The whole. For one event loop."""

    def __init__(self, views: Views, log: Log, codec: Codec, *, publisher: Publisher, keys: KeyRing, node: str, private: bool) -> None:
        """`node` names the process; `private` as `Webhooks` has it."""
        self._views = views
        self._log = log
        self._publisher = publisher
        self._keys = keys
        self.hub = Hub(log, codec, views.accounts, keys, moderates=self._moderates, ended=self._write)
        self.sessions = Sessions(self.hub, node, self._delete)
        self._webhooks = Webhooks(self.hub, self._write, private=private)
        self._sweeping: asyncio.TimerHandle | None = None
        views.listeners.append(self.hub.heard)
        views.forgetting.append(self.hub.deleted)

    async def start(self) -> None:
        """Begins, once the views are up to date."""
        await self._webhooks.start()
        self._sweeping = asyncio.get_running_loop().call_later(GRACE_S, self.sessions.forget_lost)

    def leave(self) -> None:
        """Has clients reconnect, before the end."""
        self.sessions.leave()

    async def close(self) -> None:
        """Ends."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self._webhooks.close()

    async def ready(self, user_id: str) -> None:
        """Makes sure that a user's secret can be sealed."""
        await asyncio.shield(asyncio.wrap_future(self._keys.ready(user_id)))

    def expect(self, subscription: EventSubscription) -> None:
        """A subscription is on its way to the log: its session has it from now on, and is told once it is opened."""
        session = self.sessions.get(subscription.session_id)
        if session is not None:
            session.subscriptions.add(subscription.subscription_id)
            self.hub.attach(subscription.subscription_id, session)

    async def open(self, subscription_id: str) -> None:
        """The client knows of the subscription."""
        subscription = self.hub.get(subscription_id)
        if subscription is None:
            return
        if subscription.method == "webhook":
            self._webhooks.begin(subscription)
            return
        at = position(subscription.position)
        starts = await asyncio.to_thread(self.hub.starts_at, subscription, at, subscription.created_at) if at else None
        await self.hub.open(subscription_id, starts)

    async def end(self, subscription_id: str) -> None:
        """Ends a subscription at its client's wish."""
        await self._views.reached(await asyncio.wrap_future(self._log.append(TOPICS[0], subscription_id.encode(), None)))
        self._log.append(TOPICS[1], subscription_id.encode(), None)

    def _moderates(self, user_id: str, channel_id: str) -> bool:
        return user_id == channel_id or user_id in self._views.room(channel_id).moderators

    def _delete(self, subscription_id: str) -> None:
        try:
            self._log.append(TOPICS[0], subscription_id.encode(), None)
        except StreamingError as cause:  # it is found again at the next start
            logger.warning("subscription not taken off", subscription=subscription_id, cause=str(cause))

    def _write(self, event: Event) -> None:
        """Appends a fact as a new one, whatever it was copied from."""
        try:
            self._publisher.publish(as_new(event))
        except StreamingError as cause:  # said again with the next
            logger.warning("not written", kind=type(event).__name__, cause=str(cause))
