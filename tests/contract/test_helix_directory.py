"""The directory over HTTP: order, pages, search, what an owner changes, going live, and what bad input is told."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from test_helix import Api, serving
from test_twurple import live
from twitchAPI.eventsub.websocket import EventSubWebsocket
from twitchAPI.helper import first
from twitchAPI.object.eventsub import StreamOnlineEvent
from twitchAPI.twitch import Twitch
from twitchAPI.type import AuthScope

from infra.accounts import Account
from processors.directory.categories import category_id
from schemas.events import ChannelInfo, IngestAssigned, IngestNode, StreamUpdated, ViewerJoined, ViewerLeft
from sinks.helix.tokens import SCOPES
from streams.clock import now_us
from streams.reading import whole
from tests.chat_stage import staged


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with staged(tmp_path, ()) as stage, serving(stage) as api:
        yield api


async def logins(api: Api, who: Account, path: str, name: str = "user_login") -> list[str]:
    status, body, _ = await api.call("GET", path, who)
    assert status == 200, body
    return [each[name] for each in body["data"]]


@pytest.mark.row("R1")
async def test_live_channels_page_by_page_both_ways_while_the_order_changes(api: Api) -> None:
    accounts = [await api.account(f"user{number}") for number in range(7)]
    for number, account in enumerate(accounts[:6]):
        live(api, account, f"s{number}")
    while len(api.views.directory.live) < 6:
        await api.call("GET", "/helix/streams", accounts[0])
    for number, account in enumerate(accounts):
        api.views.directory.watched(account.id, number * 10)
    _, body, _ = await api.call("GET", "/helix/streams?first=2", accounts[0])
    seen, cursor = [each["user_login"] for each in body["data"]], body["pagination"]["cursor"]
    assert seen == ["user5", "user4"]
    api.views.directory.watched(accounts[0].id, 1_000)  # comes to stand before what was read
    while cursor:
        _, body, _ = await api.call("GET", f"/helix/streams?first=2&after={cursor}", accounts[0])
        seen += [each["user_login"] for each in body["data"]]
        last, cursor = cursor, body["pagination"].get("cursor")
    assert seen == ["user5", "user4", "user3", "user2", "user1"]
    assert await logins(api, accounts[0], f"/helix/streams?first=2&before={last}") == ["user4", "user3"]
    assert await logins(api, accounts[0], "/helix/streams?order=viewers_ascending&first=3") == ["user1", "user2", "user3"]
    assert await logins(api, accounts[0], "/helix/streams?user_login=user2&user_login=user6&user_login=user0") == ["user0", "user2"]


@pytest.mark.row("R1")
async def test_anybody_reads_what_is_live_page_by_page_both_ways_of_one_category_or_by_words(api: Api) -> None:
    accounts = [await api.account(f"user{number}") for number in range(5)]
    for number, account in enumerate(accounts[:4]):
        live(api, account, f"s{number}")
        api.stage.publisher.publish(ChannelInfo(channel_id=account.id, category="Chess"))
    while len(api.views.directory.ranking(category_id("Chess"))) < 4:
        await asyncio.sleep(0.005)
    for number, account in enumerate(accounts):
        api.views.directory.watched(account.id, number * 10)

    async def read(asked: str) -> tuple[list[str], Any]:
        status, body, _ = await api.call("GET", f"/api/channels?{asked}")
        assert status == 200, body
        return [each["login"] for each in body["channels"]], body

    for order, expected in (("viewers", ["user3", "user2", "user1", "user0"]), ("viewers_ascending", ["user0", "user1", "user2", "user3"])):
        seen, cursor = [], ""
        while cursor is not None:
            names, body = await read(f"order={order}&first=3&after={cursor}")
            assert ("categories" in body) == (not cursor)
            seen, cursor = seen + names, body["cursor"]
        assert seen == expected
    _, body = await read("")
    [category] = body["categories"]
    assert (body["total"], category["channels"], category["viewers"]) == (4, 4, 60)
    assert (await read(f"category={category['name']}&first=1"))[0] == ["user3"]
    assert (await read("category=Nothing"))[0] == []
    assert (await read("query=user2"))[0][0] == "user2"
    assert (await read(f"channel_id={accounts[1].id}&channel_id={accounts[4].id}&channel_id={accounts[0].id}"))[0] == ["user1", "user0"]
    for asked in ("after=nonsense", "first=0", "first=101", "order=sideways"):
        status, body, _ = await api.call("GET", f"/api/channels?{asked}")
        assert (status, bool(body["message"])) == (400, True)


@pytest.mark.row("R1")
async def test_a_stream_has_as_many_viewers_as_sessions_watch(api: Api) -> None:
    mia = await api.account("mia")
    live(api, mia)
    for number in range(3):
        api.stage.publisher.publish(ViewerJoined(channel_id=mia.id, viewer_session_id=f"v-{number}", device="tv", region="")).result(5)
    last = api.stage.publisher.publish(ViewerLeft(channel_id=mia.id, viewer_session_id="v-1", watched_ms=9)).result(5)
    assert await api.views.reached(last)
    while not len(api.views.directory.live):
        await asyncio.sleep(0.005)
    list(api.views.directory.count(now_us()))
    [stream] = (await api.call("GET", "/helix/streams", mia))[1]["data"]
    assert stream["viewer_count"] == 2
    list(api.views.directory.count(now_us() + 70_000_000))
    [stream] = (await api.call("GET", "/helix/streams", mia))[1]["data"]
    assert stream["viewer_count"] == 0


@pytest.mark.row("R1")
async def test_search_forgives_an_error_and_has_live_channels_first(api: Api) -> None:
    owl, night, _ = [await api.account(login) for login in ("night_owl", "nightly", "knight")]
    live(api, night)
    while not api.views.directory.live:
        await api.call("GET", "/helix/streams", owl)
    find = "/helix/search/channels?query="
    assert await logins(api, owl, find + "nigh", "broadcaster_login") == ["nightly", "night_owl", "knight"]
    assert await logins(api, owl, find + "ngiht", "broadcaster_login") == ["nightly", "night_owl"]
    assert await logins(api, owl, find + "owl+night", "broadcaster_login") == ["night_owl"]
    assert await logins(api, owl, find + "night&live_only=true", "broadcaster_login") == ["nightly"]
    assert await logins(api, owl, find + "zebra", "broadcaster_login") == []
    assert "Chess" in await logins(api, owl, "/helix/search/categories?query=chss", "name")


@pytest.mark.row("R1", "U6")
async def test_an_owner_describes_a_live_channel_and_the_stream_says_so(api: Api) -> None:
    mia = await api.account("mia")
    live(api, mia, "s1")
    while not api.views.directory.live:
        await api.call("GET", "/helix/streams", mia)
    [chess] = (await api.call("GET", "/helix/games?name=chess", mia))[1]["data"]
    body = {"title": "Endgames", "game_id": chess["id"], "broadcaster_language": "de", "tags": ["calm", "Deutsch"]}
    status, _, headers = await api.call("PATCH", f"/helix/channels?broadcaster_id={mia.id}", mia, json=body)
    assert status == 204
    assert await logins(api, mia, "/helix/games/top", "name") == ["Chess"]
    [stream] = (await api.call("GET", f"/helix/streams?game_id={chess['id']}&language=de", mia))[1]["data"]
    assert (stream["title"], stream["game_name"], stream["tags"]) == ("Endgames", "Chess", ["calm", "Deutsch"])
    topic, partition, offset = headers["Log-Position"].split("/")
    [[record]] = api.stage.log.read(topic, int(partition), int(offset), int(offset) + 1)
    event = api.stage.codec.decode(record.value or b"")
    assert isinstance(event, StreamUpdated)
    assert (event.title, event.session_id) == ("Endgames", "s1")


@pytest.mark.row("U6")
async def test_a_read_waits_for_the_position_that_it_names(api: Api) -> None:
    mia, ana = await api.account("mia"), await api.account("ana")
    follows = f"/helix/users/follows?from_id={mia.id}&to_id={ana.id}"
    _, _, headers = await api.call("POST", follows, mia)
    at = headers["Log-Position"]
    path = f"/helix/channels/followed?user_id={mia.id}"
    status, body, _ = await api.call("GET", path, mia, headers={"Log-Position": at})
    assert (status, [each["broadcaster_login"] for each in body["data"]]) == (200, ["ana"])
    later = f"{at.rpartition('/')[0]}/999"
    status, body, headers = await api.call("GET", path, mia, headers={"Log-Position": later})
    assert (status, headers["Retry-After"]) == (503, "1")
    for wrong in ("yesterday", "no.such.topic.v1/0/1", f"{at.split('/')[0]}/77/1"):
        status, body, _ = await api.call("GET", path, mia, headers={"Log-Position": wrong})
        assert (status, body["error"]) == (400, "Bad Request")
    assert "Log-Position" not in (await api.call("POST", follows, mia))[2], "nothing happened the second time"


@pytest.mark.row("L3", "I5")
async def test_a_stream_is_made_with_an_endpoint_a_key_and_an_address_and_the_decision_is_written_down(api: Api) -> None:
    mia = await api.account("mia")
    status, body, _ = await api.call("POST", "/helix/streams", mia, json={})
    assert (status, body["error"]) == (503, "Service Unavailable")
    for name, north, east in (("iad", 38.9, -77.5), ("tyo", 35.6, 139.8)):
        place = {"latitude": north, "longitude": east, "publishers": 0, "capacity": 10, "region": name}
        told = IngestNode(node_id=f"ingest-{name}", url=f"rtmp://{name}:1935/app", occurred_at=now_us(), **place)
        api.stage.publisher.publish(told).result(5)
    while len(api.views.routes.nodes()) < 2:
        await asyncio.sleep(0.005)
    status, body, _ = await api.call("POST", "/helix/streams", mia, json={"latitude": -33.9, "longitude": 151.2})
    [made] = body["data"]
    assert status == 201
    assert (made["ingest_endpoint"], made["latency"]) == ("rtmp://tyo:1935/app", "low")
    assert made["playback_url"] == "http://edge/live/mia/master.m3u8"
    profile = api.views.accounts.by_login("mia")
    assert profile is not None
    assert profile.stream_key_hash == hashlib.sha256(made["stream_key"].encode()).hexdigest()
    assert hashlib.sha256(mia.stream_key.encode()).hexdigest() in profile.retired_key_hashes
    records = list(whole(api.stage.log, "media.route.events.v1"))
    decisions = [api.stage.codec.decode(record.value or b"") for record in records]
    assert [each.node_id for each in decisions if isinstance(each, IngestAssigned)] == ["", "ingest-tyo"]
    assert not any(made["stream_key"].encode() in (record.value or b"") for record in records)
    assert (await api.call("GET", f"/helix/streams/key?broadcaster_id={mia.id}", mia))[0] == 404
    [renewed] = (await api.call("POST", f"/helix/streams/key?broadcaster_id={mia.id}", mia))[1]["data"]
    assert renewed["stream_key"] not in (made["stream_key"], mia.stream_key)
    live(api, mia)
    while not api.views.directory.live:
        await api.call("GET", "/helix/streams", mia)
    assert (await api.call("POST", "/helix/streams", mia, json={}))[0] == 409


@pytest.mark.row("S2", "U6")
async def test_a_raid_goes_from_one_live_channel_to_another(api: Api) -> None:
    mia, ana = await api.account("mia"), await api.account("ana")
    path = f"/helix/raids?from_broadcaster_id={mia.id}&to_broadcaster_id="
    assert (await api.call("POST", path + ana.id, mia))[0] == 409
    for account in (mia, ana):
        live(api, account, account.login)
    while len(api.views.directory.live) < 2:
        await api.call("GET", "/helix/streams", mia)
    status, body, _ = await api.call("POST", path + ana.id, mia)
    assert (status, body["data"][0]["is_mature"]) == (200, False)
    assert (await api.call("POST", path + mia.id, mia))[0] == 400
    assert (await api.call("POST", path + ana.id, ana))[0] == 401


BAD: list[tuple[str, str, Any, int]] = [
    ("GET", "/helix/streams?first=0", None, 400),
    ("GET", "/helix/streams?first=many", None, 400),
    ("GET", "/helix/streams?after=%27%20OR%201%3D1--", None, 400),
    ("GET", "/helix/streams?after=AAAA&before=AAAA", None, 400),
    ("GET", "/helix/streams?type=dead", None, 400),
    ("GET", "/helix/streams?user_login=" + "&user_login=".join(map(str, range(101))), None, 400),
    ("GET", "/helix/channels", None, 400),
    ("GET", "/helix/channels/followers?broadcaster_id=1%00", None, 400),
    ("GET", "/helix/search/channels", None, 400),
    ("GET", "/helix/search/channels?query=" + "x" * 101, None, 400),
    ("GET", "/helix/search/channels?query=%3Cscript%3E", None, 200),
    ("GET", "/helix/search/channels?query=a&after=-1", None, 400),
    ("GET", "/helix/search/channels?query=a&after=" + "9" * 5_000, None, 400),
    ("GET", "/helix/games", None, 400),
    ("GET", "/helix/subscriptions?broadcaster_id=1", None, 401),
    ("PATCH", "/helix/channels?broadcaster_id=1", {"title": "mine"}, 401),
    ("PATCH", "/helix/channels?broadcaster_id={}", {}, 400),
    ("PATCH", "/helix/channels?broadcaster_id={}", {"title": ""}, 400),
    ("PATCH", "/helix/channels?broadcaster_id={}", {"title": 7}, 400),
    ("PATCH", "/helix/channels?broadcaster_id={}", {"game_id": "1; DROP TABLE"}, 400),
    ("PATCH", "/helix/channels?broadcaster_id={}", {"tags": ["two words"]}, 400),
    ("PATCH", "/helix/channels?broadcaster_id={}", {"tags": ["t"] * 11}, 400),
    ("PATCH", "/helix/channels?broadcaster_id={}", {"delay": 10}, 400),
    ("POST", "/helix/users/follows?from_id={}&to_id={}", None, 400),
    ("POST", "/helix/users/follows?from_id={}&to_id=1", None, 400),
    ("POST", "/helix/streams", {"latitude": 91}, 400),
    ("DELETE", "/helix/eventsub/subscriptions?id=1", None, 404),
]


@pytest.mark.row("U6", "U10")
async def test_bad_input_is_told_in_helix_form(api: Api) -> None:
    mia = await api.account("mia")
    for method, path, body, status in BAD:
        got, told, _ = await api.call(method, path.replace("{}", mia.id), mia, json=body)
        assert got == status, (path, told)
        if status != 200:
            assert set(told) == {"error", "status", "message"}
            assert told["status"] == status


@pytest.mark.row("U6")
async def test_twitchapi_reads_the_directory_and_hears_events(api: Api) -> None:
    mia, ana = await api.account("mia"), await api.account("ana")
    bases = {"base_url": f"{api.url}/helix/", "auth_base_url": f"{api.url}/oauth2/"}
    twitch = Twitch(mia.client_id, mia.access_token, authenticate_app=False, **bases)
    twitch.auto_refresh_auth = False
    await twitch.authenticate_app([])
    scopes = [scope for scope in AuthScope if scope.value in SCOPES]
    await twitch.set_user_authentication(mia.access_token, scopes, validate=True)
    live(api, ana)
    while not api.views.directory.live:
        await api.call("GET", "/helix/streams", mia)
    found = await first(twitch.get_streams(user_login=["ana"]))
    assert found is not None
    assert (found.user_login, found.type) == ("ana", "live")
    assert [each.broadcaster_login async for each in twitch.search_channels("ana")] == ["ana"]
    [channel] = await twitch.get_channel_information(ana.id)
    assert channel.broadcaster_name == "ana"
    followers = await twitch.get_channel_followers(mia.id)
    assert followers.total == 0
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def online(event: StreamOnlineEvent) -> None:
        await heard.put(event.event.broadcaster_user_login)

    events = EventSubWebsocket(
        twitch,
        connection_url=f"{api.url.replace('http', 'ws')}/ws",
        subscription_url=f"{api.url}/helix/",
        callback_loop=asyncio.get_running_loop(),
    )
    await asyncio.to_thread(events.start)
    await events.listen_stream_online(mia.id, online)
    live(api, mia, "s2")
    assert await asyncio.wait_for(heard.get(), 30) == "mia"
    loop, thread = events._socket_loop, events._socket_thread
    await asyncio.to_thread(asyncio.run, events.stop())
    await asyncio.to_thread(thread.join)
    loop.close()  # it leaves it open
    await twitch.close()
