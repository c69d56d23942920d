"""A chat gateway with the chat edge: hands out what the chat view decided, and hands in what people ask for.

`python -m infra.apps.chat N` is the N-th of several that share the ports.
"""

import asyncio
import contextlib
import resource
import sys
from ipaddress import ip_network

from infra.apps.chat_edge import chat_edge
from infra.apps.service import App, run
from schemas.privacy_codec import OpeningCodec
from sinks.chat.config import ChatConfig
from sinks.chat.gateway import Gateway
from sinks.chat.irc.session import Irc
from sinks.chat.web import JsonDialect
from streams.edges.accounts import Accounts
from streams.edges.chat.fleet import EVERY_S, FleetReports

DRAIN_S = 3.0
"""Seconds over which connections are closed at the end: of the 12 that a process has, the log's close may need most where the broker is
away."""
LINGER_MS = 2
"""A message is two records, of two topics: they go as one request with what others say meanwhile. At 500 messages a second on a busy
machine messages came in 42 ms (median of six runs' p50) with 2 or 3 ms, and in 78 (of four) without."""


async def chat(app: App, number: int = 1) -> None:
    """Serves until stopped."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # a connection is a descriptor
    settings, parts = app.settings, app.parts
    node = f"chat-{settings.region}-{settings.node}-{number}"
    keys = await asyncio.to_thread(parts.keys, node)
    publisher = await asyncio.to_thread(parts.publisher, node, keys)
    accounts = Accounts()
    edge = chat_edge(settings, publisher, keys, accounts, node)
    config = ChatConfig(
        name=node,
        capacity=settings.chat_connections,
        drain_s=DRAIN_S,
        reuse_port=settings.chat_gateways > 1,
        trusted=tuple(map(ip_network, settings.proxies.split(","))),
    )
    gateway = Gateway(config, parts.log, OpeningCodec(parts.registry, keys), edge, accounts=accounts, json=JsonDialect(), irc=Irc(accounts))
    reports = FleetReports(publisher, settings.region, node, settings.chat_connections)
    keys.watch(gateway.erased)
    app.checks["gateway"] = gateway.lacks
    async with app.serving(settings.ports.chat + number - 1):
        await gateway.start()
        edge.start()
        await gateway.listen(settings.listen_inside, settings.ports.gateway)
        await gateway.listen_lines(settings.listen, settings.ports.irc)
        while not app.stopping.is_set():
            reports.report(gateway.connections)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(app.stopping.wait(), EVERY_S)
        reports.report(gateway.connections, draining=True)
        await gateway.close()
        await edge.close()


if __name__ == "__main__":
    which = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    run("chat" if which == 1 else f"chat-{which}", lambda app: chat(app, which), linger_ms=LINGER_MS)
