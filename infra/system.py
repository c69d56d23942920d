"""The whole system on one machine: its processes, in the order in which they need each other."""

import asyncio
import sys
from collections.abc import Callable, Sequence

from infra import nginx, probing, redis
from infra.demo import LOGIN
from infra.kafka import KafkaNode
from infra.postgres import PostgresNode
from infra.settings import Settings
from infra.supervisor import Service
from streams.log_admin import ensure_topics

SUBSYSTEMS = {
    "log": ("kafka", "registry"),
    "ingest": ("ingest",),
    "transcoding": ("folds", "transcoder"),
    "chat": ("moderation", "chat"),
    "delivery": ("origin", "api", "edge"),
    "archive": ("lake", "library", "postgres"),
    "features": ("redis", "features"),
}
"""What users know the processes as: the log carries, ingest takes in, transcoding makes renditions,
chat takes, moderates and hands out what people write, delivery shows, the archive keeps the log and the media,
features are what recommendations know of live streams."""


SERVERS = ("kafka", "postgres", "redis", "edge")
"""Those that are not of our making: they need no topics."""


def node(settings: Settings) -> KafkaNode:
    """Our own Kafka."""
    return KafkaNode(settings.folder / "kafka", settings.ports.kafka, settings.ports.controller, settings.listen_inside)


def stages(settings: Settings, *, demo: bool) -> list[list[Service]]:
    """The processes to run; those that outside ones replace are left out."""
    return [
        stage
        for stage in (
            [*_log(settings), *_postgres(settings)],
            _registry(settings),
            _workers(settings),
            _edge(settings),
            _demo(settings) if demo else [],
            _features(settings),
        )
        if stage
    ]


def _log(settings: Settings) -> list[Service]:
    if settings.kafka:
        return []
    kafka = node(settings)

    def command() -> list[str]:
        kafka.prepare()
        return kafka.command()

    async def topics() -> None:
        await asyncio.to_thread(ensure_topics, settings.bootstrap)

    ports = (settings.ports.kafka, settings.ports.controller)
    return [Service("kafka", command, probing.kafka(kafka), ports, {}, topics)]


def _postgres(settings: Settings) -> list[Service]:
    if settings.postgres:
        return []
    database = PostgresNode(settings.folder / "postgres", settings.ports.postgres)

    def command() -> list[str]:
        database.prepare()
        return database.command()

    return [Service("postgres", command, probing.postgres(database), (settings.ports.postgres,))]


def _registry(settings: Settings) -> list[Service]:
    return [] if settings.registry else [_app(settings, "registry", settings.ports.registry)]


def _workers(settings: Settings) -> list[Service]:
    ports = settings.ports
    return [
        _app(settings, "ingest", ports.ingest, ports.rtmp, *([ports.rtmps] if settings.tls_certificate else [])),
        _app(settings, "folds", ports.folds),
        _app(settings, "transcoder", ports.transcoder),
        _app(settings, "origin", ports.origin),
        _app(settings, "lake", ports.lake),
        _app(settings, "library", ports.library),
        _app(settings, "api", ports.api),
        _app(settings, "moderation", ports.moderation),
        *_gateways(settings),
    ]


def _gateways(settings: Settings) -> list[Service]:
    """The chat gateways, which share their ports."""
    ports = settings.ports
    first = _app(settings, "chat", ports.chat, ports.gateway, ports.irc)
    more = [_app(settings, "chat", ports.chat + n - 1, number=n) for n in range(2, settings.chat_gateways + 1)]
    return [first, *more]


def _edge(settings: Settings) -> list[Service]:
    look = probing.http(f"http://127.0.0.1:{settings.ports.edge}/readyz")
    return [Service("edge", lambda: nginx.command(settings), look, (settings.ports.edge,))]


def _demo(settings: Settings) -> list[Service]:
    look = probing.live(f"http://127.0.0.1:{settings.ports.edge}/api/channels/{LOGIN}")
    return [Service("demo", _python("infra.demo"), look, (), settings.environment())]


def _features(settings: Settings) -> list[Service]:
    """Last, and not waited for: a JVM's start takes both cores of a small machine, and ranking goes on without."""
    if not settings.features:
        return []
    port = settings.ports.redis
    store = Service("redis", lambda: redis.command(settings.folder / "redis", port), probing.listening(port), (port,))
    services = [*([] if settings.redis else [store]), _app(settings, "features", settings.ports.features)]
    return [service._replace(waited=False) for service in services]


def _app(settings: Settings, name: str, probes: int, *ports: int, number: int = 1) -> Service:
    """A process of ours, whose probes are on a port; `number` counts those of one kind."""
    look = probing.http(f"http://{settings.inside}:{probes}/readyz")
    several = [str(number)] if number > 1 else []
    command = _python(f"infra.apps.{name}", *several)
    return Service("-".join((name, *several)), command, look, (probes, *ports), settings.environment())


def _python(module: str, *arguments: str) -> Callable[[], Sequence[str]]:
    """The command line of one of our modules."""
    return lambda: [sys.executable, "-m", module, *arguments]
