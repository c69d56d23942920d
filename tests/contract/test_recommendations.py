"""`/recommendations` over HTTP, on a log in memory: pages, clicks, rows, and who may ask for whose."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import uvicorn
from fastapi import FastAPI

from infra import ports
from infra.cli.recommend import compared
from processors.recommend.rankers import FILE, Model
from schemas.event import Event
from schemas.events import (
    EditorialRow,
    RecommendationClicked,
    RecommendationServed,
    StreamEnded,
    StreamStarted,
    ViewerHeartbeat,
    ViewerJoined,
)
from sinks.helix import errors
from sinks.helix.views import Views
from sinks.recommend.aside import Aside
from sinks.recommend.routes import router
from sinks.recommend.view import TOPICS, Recommendations
from streams.clock import now_us
from streams.reading import whole
from streams.topics import OF_EVENT
from tests.chat_stage import ChatStage, staged
from tests.contract.test_helix import Server

PAGES = OF_EVENT[RecommendationServed].name


class Site:
    """The routes on a port of their own."""

    def __init__(self, stage: ChatStage, aside: Aside, url: str, client: aiohttp.ClientSession) -> None:
        self.stage, self.aside, self.url, self.client = stage, aside, url, client

    async def ready(self) -> None:
        """Returns once there are pages."""
        self.aside.start()
        await self.aside.started()

    def pages(self) -> list[Event]:
        return [self.stage.codec.decode(record.value) for record in whole(self.stage.log, PAGES) if record.value]


def started(channel_id: str, at: int) -> StreamStarted:
    return StreamStarted(
        occurred_at=at,
        channel_id=channel_id,
        session_id=f"{channel_id}-1",
        login="",
        tier="partner",
        region="iad",
        ingest_node="ingest-1",
        width=1_920,
        height=1_080,
        frame_rate=60.0,
        has_audio=True,
    )


@asynccontextmanager
async def serving(stage: ChatStage) -> AsyncIterator[Site]:
    views = Views(stage.log, stage.codec)
    await views.start()
    aside = Aside(Recommendations(stage.log, stage.codec, stage.publisher, views.directory.viewers))
    app = FastAPI()
    errors.install(app)
    app.include_router(router(aside, views))
    [port] = ports.free(1)
    server = Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        async with aiohttp.ClientSession() as client:
            yield Site(stage, aside, f"http://127.0.0.1:{port}", client)
    finally:
        server.should_exit = True
        await running
        await aside.close()
        await views.close()


@pytest.mark.row("R2", "R15", "E3", "U10")
async def test_a_page_shows_what_is_live_tells_why_and_is_on_the_log_with_its_clicks(tmp_path: Path) -> None:
    async with staged(tmp_path, ()) as stage:
        mia, bob, eve = [await stage.account(name) for name in ("mia", "bob", "eve")]
        now = now_us()
        session = {"channel_id": bob.id, "viewer_session_id": "s", "user_id": eve.id}
        for event in (
            started(mia.id, now - 60_000_000),
            started(bob.id, now - 60_000_000),
            ViewerJoined(occurred_at=now - 30_000_000, **session),
            ViewerHeartbeat(occurred_at=now - 1_000_000, **session),
            EditorialRow(row="hidden-gems", label="Hidden Gems", channel_ids=(mia.id,)),
        ):
            stage.publisher.publish(event)
        async with serving(stage) as site:
            async with site.client.get(f"{site.url}/recommendations") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
            async with site.client.get(f"{site.url}/recommendations/rows") as answer:
                [row] = (await answer.json())["rows"]
                assert (row["label"], [(each["login"], each["viewers"]) for each in row["data"]]) == ("Hidden Gems", [("mia", 0)])
            await site.ready()
            async with site.client.get(f"{site.url}/recommendations") as answer:
                assert answer.status == 200
                body = await answer.json()
            assert {item["channel_id"] for item in body["data"]} == {mia.id, bob.id}
            assert all(item["why"] and item["sources"] and 0 < item["probability"] < 1 for item in body["data"])
            assert [(row["label"], [item["channel_id"] for item in row["data"]]) for row in body["rows"]] == [("Hidden Gems", [mia.id])]
            headers = {"Authorization": f"Bearer {eve.access_token}"}
            async with site.client.get(f"{site.url}/recommendations?user_id={eve.id}&limit=1", headers=headers) as answer:
                own = await answer.json()
            assert len(own["data"]) == 1
            assert own["stages"]["union"] == 2
            clicks = f"{site.url}/recommendations/{own['request_id']}/clicks"
            opened = own["data"][0]["channel_id"]
            for url, status in (
                (f"{clicks}?channel_id={opened}", 204),
                (f"{clicks}?channel_id=77", 404),
                (f"{site.url}/recommendations/none/clicks?channel_id={opened}", 404),
                (clicks, 400),
            ):
                async with site.client.post(url) as answer:
                    assert answer.status == status, url
            for query, more, status in (
                (f"user_id={eve.id}", {}, 401),
                (f"user_id={eve.id}", {"Authorization": f"Bearer {bob.access_token}"}, 401),
                ("limit=0", {}, 400),
                ("limit=many", {}, 400),
            ):
                async with site.client.get(f"{site.url}/recommendations?{query}", headers=more) as answer:
                    assert (answer.status, (await answer.json())["status"]) == (status, status)
            stage.log.flush(5)
            served = [event for event in site.pages() if isinstance(event, RecommendationServed) and event.request_id == own["request_id"]]
            [click] = [event for event in site.pages() if isinstance(event, RecommendationClicked)]
            assert served[0].user_id == eve.id
            assert len(served[0].items[0].features) == 17
            assert (click.request_id, click.channel_id, click.place) == (own["request_id"], opened, 0)
            watched = {item.channel_id: item.features[4] for page in site.pages() if hasattr(page, "items") for item in page.items}
            assert watched == {mia.id: 0, bob.id: 1}
            events = [stage.codec.decode(record.value) for topic in {*TOPICS, PAGES} for record in whole(stage.log, topic) if record.value]
            found = compared(events, Model(FILE.read_bytes()), 0, now_us() + 1)
            assert found is not None
            assert (found.pages, found.moved, found.gain.value) == (1, 0, 0)
            ended = dict.fromkeys(("media_sequence", "frames_in", "frames_out", "frames_dropped", "bytes_in", "media_ms"), 0)
            stage.publisher.publish(StreamEnded(channel_id=mia.id, session_id=f"{mia.id}-1", reason="unpublished", **ended))
            async with asyncio.timeout(30):  # the page and the rows are of two views
                while len(body["data"]) > 1 or body["rows"]:
                    async with site.client.get(f"{site.url}/recommendations") as answer:
                        body = await answer.json()
                    await asyncio.sleep(0.05)
            assert [item["channel_id"] for item in body["data"]] == [bob.id]


@pytest.mark.row("R2")
async def test_while_a_page_is_worked_out_other_calls_are_answered(tmp_path: Path) -> None:
    async with staged(tmp_path, ()) as stage, serving(stage) as site:
        await site.ready()
        answered, threads = threading.Event(), set()

        def work(view: Recommendations) -> bool:
            threads.add(threading.current_thread())
            view.page(None, 20, adult=False)
            return answered.wait(60)

        page = asyncio.create_task(site.aside.call(work))
        while not threads:
            await asyncio.sleep(0.005)
        async with site.client.get(f"{site.url}/recommendations?limit=0") as answer:
            assert answer.status == 400
        assert not page.done()
        answered.set()
        assert await page, "the other call came while the page was under way"
        assert threading.main_thread() not in threads
