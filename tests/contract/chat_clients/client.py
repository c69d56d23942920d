"""The same as client.mjs for the clients that are Python: a line of JSON says which one, where and as whom; then what to do."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Do = Callable[..., Awaitable[Any]]
RUNNING: list[asyncio.Task[None]] = []
"""Held, so that it goes on."""


def tell(event: str, **more: object) -> None:
    """What the client told its user."""
    print(json.dumps({"event": event, **more}), flush=True)


async def with_twitchio(asked: dict[str, Any]) -> dict[str, Do]:
    """TwitchIO 2.10. It has no events for CLEARCHAT, CLEARMSG and ROOMSTATE: users read its raw lines."""
    import aiohttp
    import twitchio
    from twitchio import websocket

    websocket.HOST = f"ws://{asked['host']}:{asked['port']}/"

    class Bot(twitchio.Client):
        async def event_ready(self) -> None:
            tell("connected")

        async def event_join(self, channel: Any, user: Any) -> None:
            if user.name == asked["login"]:
                tell("joined", channel=channel.name)

        async def event_message(self, message: Any) -> None:
            if message.echo:
                return
            text = message.content
            if text.startswith("\x01ACTION "):
                tell("action", user=message.author.name, text=text[8:].rstrip("\x01"))
            else:
                tell("message", user=message.author.name, text=text, id=message.id, emotes=message.tags["emotes"])

        async def event_notice(self, message: str, msg_id: str | None, channel: Any) -> None:
            tell("notice", id=msg_id)

        async def event_userstate(self, user: Any) -> None:
            tell("userstate", name=user.display_name)

        async def event_raw_usernotice(self, channel: Any, tags: dict[str, str]) -> None:
            kind = tags["msg-id"]
            if kind == "raid":
                tell("raid", user=tags["login"], viewers=int(tags["msg-param-viewerCount"]))
            else:
                tell(kind, user=tags["login"], months=int(tags["msg-param-cumulative-months"]))

        async def event_raw_data(self, data: str | int) -> None:
            for line in data.split("\r\n") if isinstance(data, str) else ():  # a close frame's is its code
                self.read(line)

        async def event_error(self, error: Exception, data: str | None = None) -> None:
            tell("failed", cause=repr(error), data=data)

        def read(self, line: str) -> None:
            if not line.startswith("@"):
                return
            written, _, rest = line[1:].partition(" ")
            tags = dict(pair.partition("=")[::2] for pair in written.split(";"))
            _, command, *params = rest.split(" ")
            if command == "CLEARMSG":
                tell("deleted", id=tags["target-msg-id"], user=tags["login"])
            elif command == "CLEARCHAT" and "target-user-id" not in tags:
                tell("clear")
            elif command == "CLEARCHAT" and "ban-duration" in tags:
                tell("timeout", user=params[1].removeprefix(":"), seconds=int(tags["ban-duration"]))
            elif command == "CLEARCHAT":
                tell("ban", user=params[1].removeprefix(":"))
            elif command == "ROOMSTATE" and "slow" in tags:
                tell("slow", seconds=int(tags["slow"]))

    bot = Bot(token=asked["token"], initial_channels=[asked["channel"]])  # others it does not join again
    # It would ask id.twitch.tv who it is, whose address is hard-wired.
    bot._http.nick = asked["login"]
    bot._http.session = aiohttp.ClientSession()
    RUNNING.append(asyncio.create_task(bot.start()))

    async def say(channel: str, text: str) -> None:
        await bot.get_channel(channel).send(text)

    return {
        "join": lambda channel: bot.wait_for_ready(),
        "say": say,
        "act": lambda channel, text: say(channel, f"/me {text}"),
        "part": lambda channel: bot.part_channels([channel]),
    }


async def with_twitchapi(asked: dict[str, Any]) -> dict[str, Do]:
    """twitchAPI 4.5. It keeps USERSTATE to itself."""
    from twitchAPI.chat import Chat, ChatEvent, EventData
    from twitchAPI.twitch import Twitch
    from twitchAPI.type import AuthScope

    origin = f"http://{asked['host']}:{asked['api']}"
    twitch = await Twitch(asked["client"], authenticate_app=False, base_url=f"{origin}/helix/", auth_base_url=f"{origin}/oauth2/")
    twitch.auto_refresh_auth = False
    await twitch.set_user_authentication(asked["token"], [AuthScope.CHAT_READ, AuthScope.CHAT_EDIT])
    chat = await Chat(twitch, connection_url=f"ws://{asked['host']}:{asked['port']}/")

    def on(event: ChatEvent, told: Callable[[Any], None]) -> None:
        async def heard(data: EventData) -> None:
            told(data)

        chat.register_event(event, heard)

    def message(data: Any) -> None:
        if data.is_me:
            tell("action", user=data.user.name, text=data.text)
        else:
            tell("message", user=data.user.name, text=data.text, id=data.id, emotes=data.emotes)

    def silenced(data: Any) -> None:
        if data.banned_user_id is None:
            tell("clear")
        elif data.duration is None:
            tell("ban", user=data.user_name)
        else:
            tell("timeout", user=data.user_name, seconds=data.duration)

    on(ChatEvent.READY, lambda data: tell("connected"))
    on(ChatEvent.JOINED, lambda data: tell("joined", channel=data.room_name))
    on(ChatEvent.MESSAGE, message)
    on(ChatEvent.MESSAGE_DELETE, lambda data: tell("deleted", id=data.message_id, user=data.user_name))
    on(ChatEvent.CHAT_CLEARED, silenced)
    on(ChatEvent.NOTICE, lambda data: tell("notice", id=data.msg_id))
    on(ChatEvent.ROOM_STATE_CHANGE, lambda data: tell("slow", seconds=data.new.slow))
    on(ChatEvent.SUB, lambda data: tell(data.sub_type, plan=data.sub_plan))
    on(ChatEvent.RAID, lambda data: tell("raid", user=data["tags"]["login"], viewers=int(data["tags"]["msg-param-viewerCount"])))
    await asyncio.to_thread(chat.start)
    return {
        "join": chat.join_room,
        "say": chat.send_message,
        "act": lambda channel, text: chat.send_message(channel, f"/me {text}"),
        "part": chat.leave_room,
    }


LIBRARIES = {"twitchio": with_twitchio, "twitchapi": with_twitchapi}


async def main() -> None:
    """Until stdin ends."""
    first = json.loads(await asyncio.to_thread(sys.stdin.readline))
    can = await LIBRARIES[first["library"]](first)
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        try:
            await can[asked["do"]](*asked["with"])
        except Exception as cause:
            tell("refused", what=asked["do"], cause=repr(cause))
        else:
            tell("done", what=asked["do"])


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)  # their threads and tasks do not end by themselves
