"""The chat edge: hands commands in for the gateways and the API of one process, on its event loop."""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any
from uuid import uuid4

import structlog

from schemas.errors import KeysUnavailableError, SchemaError
from schemas.event import Event
from schemas.events import PostMessage, ReportBacklog, UserSpoke, UserStyle
from streams.edges.accounts import Accounts
from streams.edges.chat import commands, metrics
from streams.edges.chat.request import InvalidCommandError, Origin, Person, ShedError
from streams.edges.chat.shedding import LIMITS, Buckets, Limits
from streams.edges.chat.text import clean
from streams.edges.chat.waiting import Waiting
from streams.errors import StreamingError
from streams.log import Position
from streams.privacy.ring import KeyRing
from streams.publisher import Publisher

logger = structlog.get_logger()
REPORTED = 50
"""Messages of a channel that wait until it is told: at 1,000 a second and 50 ms until an answer so many wait where all is well."""
REPORT_S = 1.0
"""Between two reports: what slow mode is switched by need not be fresher than what it slows, 1 message a second."""
FULL_WAIT_MS = 2_000
"""How long to wait where the log takes no more: the time of a broker's restart, less the time that its clients had. And where too much
waits for the chat view: what it decides in that time is some fifty thousand."""
KEY_TRIES = 3
"""A key that was shredded between `ready` and its use is made anew; more than once in a row it is something else."""
COLOR = re.compile(r"#[0-9A-Fa-f]{6}")


class ChatEdge:
    """Implements `sinks.chat.sending.Sending`.

    Nothing here waits for the broker but a subject's first key: while it is away, commands wait in the log's queue, in their order.
    """

    def __init__(
        self,
        publisher: Publisher,
        keys: KeyRing,
        accounts: Accounts,
        node: str,
        *,
        limits: Limits = LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`publisher` seals by `keys`; `node` is its producer's name. `clock` is steady, in seconds."""
        self._publisher = publisher
        self._keys = keys
        self._accounts = accounts
        self._node = node
        self._clock = clock
        self._waiting = Waiting()
        self._connections: Buckets[int] = Buckets(limits.connection)
        self._addresses: Buckets[str] = Buckets(limits.address)
        self._colors: Buckets[str] = Buckets(limits.color)
        self._reports: dict[str, Future[Position]] = {}
        """Of the channels that are told to have a backlog, the newest report."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reporting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to report backlogs."""
        self._loop = asyncio.get_running_loop()
        self._reporting = asyncio.create_task(self._report())

    async def close(self) -> None:
        """Ends that. What was handed in is the log's to send."""
        if self._reporting is not None:
            self._reporting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reporting

    async def say(
        self, who: Person, channel_id: str, text: str, *, origin: Origin, action: bool = False, reply_to: str | None = None
    ) -> str:
        """Hands a message in; its id.

        Raises:
            ShedError, InvalidCommandError: nothing was handed in.
        """
        with counted():
            self._admit(origin)
            self._check_channel(channel_id)
            if self._waiting.full:
                raise shed("backlog", "Too much that was said before waits for its answer", FULL_WAIT_MS / 1_000)
            text = clean(text)
            if not text:
                raise InvalidCommandError("There is nothing to say in this message: it has no visible characters.")
            if reply_to is not None and not commands.UUID.fullmatch(reply_to):
                raise InvalidCommandError(f"{reply_to[:50]!r} is no message id to reply to: it is a UUID.")
            message_id = str(uuid4())
            post = PostMessage(
                event_id=message_id,
                channel_id=channel_id,
                message_id=message_id,
                user_id=who.user_id,
                user_login=who.login,
                display_name=who.display_name,
                text=text,
                color=who.color,
                action=action,
                reply_to=reply_to,
            )
            await self._hand_in(post, who.user_id)
            self._waiting.add(message_id, channel_id, self._clock())
            spoke = UserSpoke(user_id=who.user_id, channel_id=channel_id, correlation_id=message_id, causation_id=message_id)
            try:
                self._publish(spoke)
            except StreamingError:  # the message is on its way: it is only not counted over all channels
                metrics.FAILED.inc()
            return message_id

    async def command(self, who: Person, kind: str, channel_id: str, *, origin: Origin, **values: Any) -> str:
        """Hands a moderator's command in; its id.

        Raises:
            ShedError, InvalidCommandError: nothing was handed in.
        """
        with counted():
            self._admit(origin)
            self._check_channel(channel_id)
            event_id = str(uuid4())
            asked = commands.read(who, kind, channel_id, event_id, values)
            target = getattr(asked.event, "user_id", who.user_id)
            if self._accounts.by_id(target) is None:
                raise InvalidCommandError(f"There is no user with the id {target}.")
            await self._hand_in(asked.event, asked.subject)
            return event_id

    async def color(self, who: Person, color: str) -> None:
        """Sets how the name is shown.

        Raises:
            InvalidCommandError: no colour, or one after another.
        """
        with counted():
            if not COLOR.fullmatch(color):
                raise InvalidCommandError(f"{color[:50]!r} is no colour: give it as #RRGGBB, such as #35A7FF.")
            now = self._clock()
            if wait := self._colors.wait(who.user_id, now):
                metrics.SHED.labels("user").inc()
                raise InvalidCommandError(f"The colour was changed too often. Change it again in {wait:.0f} s.")
            self._colors.take(who.user_id, now)
            await self._hand_in(UserStyle(user_id=who.user_id, color=color), None)

    def answered(self, command_id: str) -> None:
        """The chat view has answered."""
        since = self._waiting.remove(command_id)
        if since is not None:
            metrics.ANSWERED.observe(self._clock() - since)

    def _admit(self, origin: Origin) -> None:
        """Counts a command, or refuses it.

        Raises:
            ShedError: the text names the layer.
        """
        now = self._clock()
        if origin.connection and (wait := self._connections.wait(origin.connection, now)):
            raise shed("connection", "This connection sends too fast", wait)
        if wait := self._addresses.wait(origin.address, now):
            raise shed("address", "Your IP address sends too fast, over all its connections", wait)
        self._connections.take(origin.connection, now)
        self._addresses.take(origin.address, now)

    def _check_channel(self, channel_id: str) -> None:
        if self._accounts.by_id(channel_id) is None:
            raise InvalidCommandError(f"There is no channel with the id {channel_id[:50]}.")

    async def _hand_in(self, event: Event, subject: str | None) -> None:
        """Appends an event once its subject has a key.

        Raises:
            ShedError: the log takes no more.
            InvalidCommandError: a value does not fit.
        """
        try:
            for attempt in range(KEY_TRIES):
                if subject is not None:
                    ready = self._keys.ready(subject)
                    if not ready.done():  # others wait for it too: who goes away does not cancel it
                        await asyncio.shield(asyncio.wrap_future(ready))
                    ready.result()
                try:
                    self._publish(event)
                except KeysUnavailableError:
                    if attempt == KEY_TRIES - 1:
                        raise
                else:
                    break
        except (StreamingError, KeysUnavailableError) as cause:
            logger.warning("command not taken", kind=type(event).__name__, cause=str(cause))
            raise shed("log", "The platform cannot take it at the moment", FULL_WAIT_MS / 1_000) from cause
        except SchemaError as cause:
            raise InvalidCommandError(f"{type(event).__name__}: a value is outside of what it takes ({cause}).") from cause
        metrics.TAKEN.labels(type(event).__name__).inc()

    def _publish(self, event: Event) -> Future[Position]:
        """Appends; what the log refuses later is logged and no longer waited for."""
        sent = self._publisher.publish(event)
        sent.add_done_callback(lambda done: self._acknowledged(event, done))
        return sent

    def _acknowledged(self, event: Event, done: Future[Position]) -> None:
        """On the log's thread."""
        cause = done.exception()
        if cause is None:
            return
        metrics.FAILED.inc()
        logger.error("command lost", kind=type(event).__name__, id=event.event_id, cause=str(cause))
        if isinstance(event, PostMessage) and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._waiting.remove, event.message_id)

    async def _report(self) -> None:
        """Once a second tells of backlogs, and forgets what is over."""
        while True:
            await asyncio.sleep(REPORT_S)
            now = self._clock()
            for buckets in (self._connections, self._addresses, self._colors):
                buckets.sweep(now)
            metrics.GIVEN_UP.inc(self._waiting.sweep(now))
            metrics.WAITING.set(len(self._waiting))
            try:
                self.report(now)
            except Exception:  # the next one is a second away
                logger.exception("backlogs could not be told")

    def report(self, now: float) -> None:
        """Tells of channels with a backlog, and once of those where it is over. One whose last report waits itself is left out.

        Raises:
            StreamingError: the log takes no more.
        """
        backlogs = {backlog.channel_id: backlog for backlog in self._waiting.backlogs(now) if backlog.waiting >= REPORTED}
        for channel_id in [*backlogs, *(self._reports.keys() - backlogs.keys())]:
            former = self._reports.get(channel_id)
            if former is not None and not former.done():
                continue
            backlog = backlogs.get(channel_id)
            told = ReportBacklog(
                channel_id=channel_id,
                node=self._node,
                waiting=backlog.waiting if backlog else 0,
                oldest_ms=int(backlog.oldest_s * 1_000) if backlog else 0,
            )
            self._reports[channel_id] = self._publish(told)
            if backlog is None:
                del self._reports[channel_id]


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """Counts what is refused as invalid."""
    try:
        yield
    except InvalidCommandError:
        metrics.INVALID.inc()
        raise


def shed(layer: str, cause: str, wait: float) -> ShedError:
    """The refusal of a layer, counted."""
    metrics.SHED.labels(layer).inc()
    return ShedError(f"{cause}. Try again in {wait:.1f} s.", max(1, int(wait * 1_000 + 0.999)))
