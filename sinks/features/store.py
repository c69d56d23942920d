"""`features:{stream_id}` in Redis: the newest vector of each live stream, gone 30 s after the moment that it is of."""

from collections.abc import Mapping, Sequence

import msgspec
from redis.asyncio import Redis

from schemas.events import StreamFeatures
from streams.clock import now_us
from streams.fold import Clock

TTL_US = 30_000_000
"""Three vectors missed: the source has stopped, and a ranker is better off with its default."""
BATCH = 1_300
"""Keys of one pipeline or MGET: the candidates of a page. Redis serves nobody else meanwhile, about a millisecond."""


class Vector(msgspec.Struct, frozen=True):
    """What a ranker reads, as JSON under the key."""

    window_end: int
    """UTC microseconds."""
    viewer_count: int
    viewer_trend: int
    join_count: int
    chat_rate: int
    chatter_count: int
    follow_count: int
    subscription_count: int
    raid_viewers: int


READ = """
local values = redis.call('MGET', unpack(KEYS))
for place = 1, #KEYS do values[place] = values[place] or '' end
return table.concat(values, '\\n')
"""
"""MGET with all values in one, a line each, empty where there is none: a client in Python takes longer over 1,300 answers than Redis."""
ANSWER_S = 2.0
"""For an answer of Redis, which takes milliseconds; later it has none."""
_DECODER = msgspec.json.Decoder(Vector)


class FeatureStore:
    """Writes and reads vectors. Raises redis.RedisError where Redis does not answer."""

    def __init__(self, url: str, clock: Clock = now_us) -> None:
        self._redis = Redis.from_url(url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S)
        self._read = self._redis.register_script(READ)
        self._clock = clock
        self._newest: dict[str, int] = {}
        """What was written, by channel: a job that goes on from a checkpoint sends again what it had sent."""

    async def put(self, events: Sequence[StreamFeatures]) -> None:
        """Writes the newest vector of each stream; one that is older than what was written, or than its time to live, changes nothing."""
        now = self._clock()
        newest: dict[str, StreamFeatures] = {}
        for event in sorted(events, key=lambda event: event.window_end):
            if event.window_end > max(now - TTL_US, self._newest.get(event.channel_id, 0)):
                newest[event.channel_id] = event
        due = list(newest.values())
        for first in range(0, len(due), BATCH):
            some = due[first : first + BATCH]
            pipeline = self._redis.pipeline(transaction=False)
            for event in some:
                vector = msgspec.convert(event, Vector, from_attributes=True)
                lives_ms = max(1, (event.window_end + TTL_US - now) // 1_000)
                pipeline.set(_key(event.channel_id), msgspec.json.encode(vector), px=lives_ms)
            await pipeline.execute()
            self._newest |= {event.channel_id: event.window_end for event in some}

    async def get(self, stream_ids: Sequence[str]) -> Mapping[str, Vector]:
        """The vectors of the streams that have one."""
        found: dict[str, Vector] = {}
        for first in range(0, len(stream_ids), BATCH):
            some = stream_ids[first : first + BATCH]
            lines: bytes = await self._read([_key(stream_id) for stream_id in some])
            found |= {stream_id: _DECODER.decode(line) for stream_id, line in zip(some, lines.split(b"\n"), strict=True) if line}
        return found

    async def close(self) -> None:
        """Closes its connections."""
        await self._redis.aclose()


def _key(stream_id: str) -> str:
    return f"features:{stream_id}"
