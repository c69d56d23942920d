"""The real registry server for tests, on a port of its own."""

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from sinks.registry_api import make_app
from streams.log import Log


@contextmanager
def serving(log: Log) -> Iterator[str]:
    """The real server on a port of its own; its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(what):
        return asyncio.run_coroutine_threadsafe(what, loop).result(60)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner.addresses[0][1]

    runner = web.AppRunner(make_app(log))
    try:
        url = f"http://127.0.0.1:{run(start())}"
        while get(f"{url}/readyz")[0] != 200:
            time.sleep(0.01)
        yield url
    finally:
        run(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def get(url: str, method: str = "GET", body: object = None) -> tuple[int, str, str]:
    """Status, text and content type of an answer."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method)) as answer:
            return answer.status, answer.read().decode(), answer.headers.get_content_type()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode(), refused.headers.get_content_type()
