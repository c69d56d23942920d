"""The page and a chat whose every frame a test decides: the protocol of docs/reference/chat.md over a real WebSocket, one room."""

import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import WSMsgType, web

from sinks.page.routes import routes

Frame = dict[str, Any]
CHANNEL = {"id": "7", "login": "night_owl", "name": "Night_Owl"}
MODE = {
    "slow_seconds": 0,
    "followers_only_minutes": -1,
    "subscribers_only": False,
    "emote_only": False,
    "unique_chat": False,
    "automod_level": 2,
    "auto_slow": False,
}
HISTORY = 50


def user(user_id: str, name: str, color: str = "#35a7ff") -> Frame:
    """A person as frames name them."""
    return {"id": user_id, "login": name.lower(), "name": name, "color": color}


OWNER = user("7", "Night_Owl", "#5b4bff")
VIEWER = user("2", "Robin", "#ff4f6d")
PEOPLE = {"owner-token": OWNER, "viewer-token": VIEWER}
_numbers = itertools.count(1)


def message(text: str, author: Frame = VIEWER, **more: Any) -> Frame:
    """A `message` event."""
    number = next(_numbers)
    now = int(time.time() * 1000)
    return {"type": "message", "id": f"m{number}", "user": author, "badges": [], "text": text, "emotes": [], "at": now, **more}


class _Client:
    """One connection."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.user: Frame | None = None
        self.joined = False

    @property
    def moderates(self) -> bool:
        return self.user == OWNER


class ScriptedChat:
    """One room. `log` is all that happened; a resume token is a position in it."""

    def __init__(self) -> None:
        self.url = ""
        self.log: list[Frame] = []
        self.asked: list[Frame] = []
        """What clients sent, in order."""
        self.refusals: list[Frame] = []
        """What the next messages are answered with."""
        self.open = True
        """Whether connections are let in."""
        self.mode = dict(MODE)
        self.offline = {"channel_id": "7", "login": "night_owl", "display_name": "Night_Owl", "live": False, "tier": "regular"}
        self._clients: list[_Client] = []

    @property
    def page(self) -> str:
        """The channel's page."""
        return f"{self.url}/night_owl"

    async def publish(self, *events: Frame, skipped: int = 0) -> None:
        """Something happens in the room: one frame to everybody in it."""
        begin = len(self.log)
        self.log += events
        for client in list(self._clients):
            if client.joined:
                await self._give(client, begin, {"skipped": skipped} if skipped else {})

    async def cut(self, code: int = 1011) -> None:
        """Ends all connections."""
        for client in list(self._clients):
            await client.socket.close(code=code)

    async def _give(self, client: _Client, begin: int, more: Frame) -> None:
        mine = [event for event in self.log[begin:] if client.moderates or not event["type"].startswith("held")]
        frame = {"type": "room", "channel": CHANNEL["id"], "at": str(len(self.log)), "events": mine, **more}
        with contextlib.suppress(ConnectionError):  # it may have gone meanwhile
            await client.socket.send_json(frame)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = _Client(socket)
        self._clients.append(client)
        if not self.open:
            await socket.close(code=1013, message=b"Server at capacity")
        async for received in socket:
            if received.type is WSMsgType.TEXT:
                await self._answer(client, received.json())
        self._clients.remove(client)
        return socket

    async def _answer(self, client: _Client, asked: Frame) -> None:
        self.asked.append(asked)
        nonce = {"nonce": asked.get("nonce")}
        match asked["type"]:
            case "hello":
                client.user = PEOPLE.get(asked["token"])
                known = {"type": "welcome", "user": client.user}
                await client.socket.send_json(
                    known if client.user else {"type": "error", "code": "token", "text": "Nobody has this token."}
                )
            case "join":
                await self._join(client, asked.get("resume"))
            case "say" if self.refusals:
                await client.socket.send_json({"type": "refused", "text": "", **nonce, **self.refusals.pop(0)})
            case "say":
                assert client.user is not None
                said = message(asked["text"], client.user, **({"action": True} if asked.get("action") else {}))
                await client.socket.send_json({"type": "accepted", "id": said["id"], **nonce})
                await self.publish(said)
            case "moderate" if client.moderates:
                await client.socket.send_json({"type": "done", **nonce})
                await self.publish(*self._moderated(asked))
            case "moderate":
                await client.socket.send_json({"type": "denied", "reason": "no_permission", "text": "That is for moderators.", **nonce})
            case kind:
                await client.socket.send_json({"type": "pong" if kind == "ping" else "done", **nonce})

    async def _join(self, client: _Client, resume: str | None) -> None:
        you = {"broadcaster": client.moderates, "moderator": False, "vip": False, "subscriber": client.moderates}
        joined = {"type": "joined", "channel": CHANNEL, "mode": self.mode, "you": you, "resumed": resume is not None}
        await client.socket.send_json(joined)
        await self._give(client, int(resume) if resume is not None else max(0, len(self.log) - HISTORY), {"history": True})
        client.joined = True

    def _moderated(self, asked: Frame) -> list[Frame]:
        """What comes of a moderator's command."""
        match asked["do"]:
            case "delete":
                return [{"type": "deleted", "id": asked["message_id"]}]
            case "ban" | "timeout":
                target = next(event["user"] for event in self.log if event.get("user", {}).get("login") == asked["user"])
                return [{"type": "silenced", "user": target, **({"seconds": asked["seconds"]} if asked["do"] == "timeout" else {})}]
            case "clear":
                return [{"type": "cleared"}]
            case "mode":
                changed = {name: value for name, value in asked.items() if name in MODE}
                self.mode |= changed
                return [{"type": "mode", **changed}]
            case "approve":
                held = next(event for event in self.log if event["type"] == "held" and event["id"] == asked["message_id"])
                return [{**held, "type": "message"}]
            case "refuse":
                return [{"type": "held_closed", "id": asked["message_id"], "approved": False}]
            case what:
                raise AssertionError(what)

    async def _channels(self, _: web.Request) -> web.Response:
        return web.json_response({"channels": []})

    async def _channel(self, request: web.Request) -> web.Response:
        return web.json_response(self.offline, status=200 if request.match_info["login"] == "night_owl" else 404)

    async def _time(self, _: web.Request) -> web.Response:
        return web.Response(text=str(time.time()))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedChat"]:
        """Serves page, API and chat on one origin for the block."""
        app = web.Application()
        served = [web.get("/chat", self._serve), web.get("/time", self._time)]
        served += [web.get("/api/channels", self._channels), web.get("/api/channels/{login}", self._channel)]
        app.add_routes([*served, *routes()])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await self.cut(1001)
            await runner.cleanup()
