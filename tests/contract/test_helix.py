"""The API answers as clients made for Twitch expect: who calls, users, limits, errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn

from infra import ports
from infra.accounts import Account
from sinks.chat.replay import ChatReplay
from sinks.eventsub.service import EventSub
from sinks.helix.app import make_app
from sinks.helix.limits import POINTS
from sinks.helix.replay import VodChats
from sinks.helix.tokens import SCOPES
from sinks.helix.views import Views
from streams.edges.clips import ClipEdge
from streams.objects import StoredObjects
from tests.chat_stage import ChatStage, staged


class Api:
    """The API on a port of its own."""

    objects: StoredObjects
    """Where VODs lie."""

    def __init__(self, stage: ChatStage, views: Views, events: EventSub, url: str, client: aiohttp.ClientSession) -> None:
        self.stage = stage
        self.views = views
        self.events = events
        self.url = url
        self.client = client

    async def account(self, login: str) -> Account:
        """A new account, known to the API."""
        made = await self.stage.account(login)
        while self.views.accounts.by_login(login) is None:
            await asyncio.sleep(0.005)
        return made

    async def call(self, method: str, path: str, who: Account | str | None = None, **more: Any) -> tuple[int, Any, Any]:
        """(status, body, headers) of a call by an account, or with a token."""
        headers = {}
        if isinstance(who, Account):
            headers = {"Authorization": f"Bearer {who.access_token}", "Client-Id": who.client_id}
        elif who is not None:
            headers = {"Authorization": who}
        headers |= more.pop("headers", {})
        async with self.client.request(method, self.url + path, headers=headers, **more) as answer:
            return answer.status, await answer.json() if answer.content_length else None, answer.headers


class Server(uvicorn.Server):
    """Leaves signals to the test process."""

    def capture_signals(self) -> Any:
        """None are taken."""
        return nullcontext()


@asynccontextmanager
async def serving(stage: ChatStage) -> AsyncIterator[Api]:
    """The API for the block."""
    views = Views(stage.log, stage.codec)
    events = EventSub(views, stage.log, stage.codec, publisher=stage.publisher, keys=stage.ring, node="api-1", private=True)
    await views.start()
    await events.start()
    objects = StoredObjects.at("memory://")
    chats = VodChats(ChatReplay(lambda: stage.log, stage.codec, views.accounts), objects)
    clips = ClipEdge(stage.publisher, stage.ring)
    application = make_app(views, stage.edge, stage.publisher, events, playback=lambda _: "http://edge", clips_edge=clips, chats=chats)
    [port] = ports.free(1)
    server = Server(uvicorn.Config(application, port=port, log_level="warning", lifespan="off", ws="websockets-sansio"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        async with aiohttp.ClientSession() as client:
            api = Api(stage, views, events, f"http://127.0.0.1:{port}", client)
            api.objects = objects
            yield api
    finally:
        server.should_exit = True
        await running
        await events.close()
        await views.close()


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with staged(tmp_path, ()) as stage, serving(stage) as api:
        yield api


@pytest.mark.row("U6")
@pytest.mark.parametrize("prefix", ["/oauth2", "/auth"])
@pytest.mark.parametrize("kind", ["OAuth", "Bearer", "oauth"])
async def test_a_token_is_validated_under_both_addresses(api: Api, prefix: str, kind: str) -> None:
    mia = await api.account("mia")
    status, body, _ = await api.call("GET", f"{prefix}/validate", f"{kind} {mia.access_token}")
    assert (status, body["login"], body["user_id"], body["client_id"]) == (200, "mia", mia.id, mia.client_id)
    assert set(body["scopes"]) == set(SCOPES)
    assert isinstance(body["expires_in"], int)
    status, body, _ = await api.call("GET", f"{prefix}/validate", f"{kind} wrong")
    assert (status, body["message"]) == (401, "invalid access token")


@pytest.mark.row("U6")
async def test_an_app_token_has_no_user_and_ends_with_its_secret(api: Api) -> None:
    mia = await api.account("mia")
    given = {"grant_type": "client_credentials", "client_id": mia.client_id, "client_secret": mia.access_token}
    for where in ({"params": given}, {"data": given}):
        status, made, _ = await api.call("POST", "/oauth2/token", **where)
        assert (status, made["token_type"]) == (200, "bearer")
    token = made["access_token"]
    status, body, _ = await api.call("GET", "/oauth2/validate", f"Bearer {token}")
    assert (status, body["client_id"], "login" in body) == (200, mia.client_id, False)
    headers = {"Client-Id": mia.client_id}
    status, body, _ = await api.call("GET", "/helix/users?login=mia", f"Bearer {token}", headers=headers)
    assert [user["login"] for user in body["data"]] == ["mia"]
    status, body, _ = await api.call("GET", "/helix/users", f"Bearer {token}", headers=headers)
    assert (status, body["error"]) == (401, "Unauthorized")
    status, _, _ = await api.call("GET", "/oauth2/validate", f"Bearer {token[:-1]}{'0' if token[-1] != '0' else '1'}")
    assert status == 401
    status, body, _ = await api.call("POST", "/oauth2/token", params={**given, "client_secret": "another"})
    assert (status, body["error"]) == (403, "Forbidden")
    status, body, _ = await api.call("POST", "/oauth2/token", params={"grant_type": "password"})
    assert status == 400


@pytest.mark.row("U6")
async def test_users_by_id_login_and_token_in_helix_form(api: Api) -> None:
    mia, bob = await api.account("mia"), await api.account("bob")
    status, body, headers = await api.call("GET", f"/helix/users?id={bob.id}&login=MIA&login=nobody", mia)
    assert status == 200
    assert {user["login"] for user in body["data"]} == {"mia", "bob"}
    [own] = (await api.call("GET", "/mock/users", mia))[1]["data"]
    fields = "id login display_name type broadcaster_type description profile_image_url offline_image_url view_count created_at"
    assert set(own) == set(fields.split())
    assert own["id"] == mia.id
    assert own["created_at"].endswith("Z")
    assert all(name in headers for name in ("Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset"))


@pytest.mark.row("U6", "U10")
async def test_wrong_callers_are_told_why_in_helix_form(api: Api) -> None:
    mia, bob = await api.account("mia"), await api.account("bob")
    for who, headers, words in (
        (None, {}, "missing"),
        ("Bearer wrong", {"Client-Id": mia.client_id}, "Invalid OAuth token"),
        (f"Bearer {mia.access_token}", {"Client-Id": bob.client_id}, "do not match"),
        (f"Bearer {mia.access_token}", {}, "Client ID is missing"),
    ):
        status, body, _ = await api.call("GET", "/helix/users", who, headers=headers)
        assert (status, body["status"], body["error"]) == (401, 401, "Unauthorized")
        assert words in body["message"]
    status, body, _ = await api.call("GET", "/helix/no/such", mia)
    assert (status, body) == (404, {"error": "Not Found", "status": 404, "message": "Not Found"})
    status, body, _ = await api.call("GET", "/helix/chat/settings", mia)
    assert (status, body["error"]) == (400, "Bad Request")
    assert "broadcaster_id" in body["message"]


@pytest.mark.row("U6")
async def test_too_many_calls_are_told_when_to_come_back(api: Api) -> None:
    mia = await api.account("mia")
    statuses = []
    for _ in range(3 * POINTS):
        status, _, headers = await api.call("GET", "/helix/users", mia)
        statuses.append(status)
        if status == 429:
            break
    assert statuses[:POINTS] == [200] * POINTS
    assert statuses[-1] == 429
    assert headers["Ratelimit-Remaining"] == "0"
    assert int(headers["Ratelimit-Reset"]) > 0
