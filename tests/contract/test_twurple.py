"""@twurple/api and @twurple/eventsub-ws, unmodified and pointed here by the port that they take for the mock server."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from test_helix import Api, serving

from infra.accounts import Account
from schemas.events import StreamStarted, Subscribed
from tests.chat_stage import staged

CLIENTS = Path(__file__).with_name("chat_clients")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with staged(tmp_path, ()) as stage, serving(stage) as api:
        yield api


def live(api: Api, account: Account, session: str = "s1") -> None:
    """A channel goes live."""
    sizes = {"width": 1280, "height": 720, "frame_rate": 30.0, "has_audio": True}
    api.stage.publisher.publish(
        StreamStarted(
            channel_id=account.id, session_id=session, login=account.login, tier="regular", region="iad", ingest_node="ingest-1", **sizes
        )
    ).result(5)


async def node(api: Api, script: str, **given: str) -> Any:
    """What a client's script says."""
    environment = {**os.environ, "TWURPLE_MOCK_API_PORT": api.url.rpartition(":")[2]}
    process = await asyncio.create_subprocess_exec(
        "node", script, json.dumps(given), cwd=CLIENTS, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


@pytest.mark.row("U6", "R1")
async def test_twurple_reads_the_directory_and_writes_what_it_then_reads(api: Api) -> None:
    mia, ana, anna = [await api.stage.account(login) for login in ("mia", "ana", "anna")]
    for account in (anna, ana):
        live(api, account, f"s-{account.login}")
    headers = {"Authorization": f"Bearer {ana.access_token}", "Client-Id": ana.client_id}
    body = {"title": "Openings", "tags": ["Deutsch"], "broadcaster_language": "de"}
    status, _, _ = await api.call("PATCH", f"/helix/channels?broadcaster_id={ana.id}", json=body, headers=headers)
    assert status == 204
    api.stage.publisher.publish(Subscribed(channel_id=mia.id, user_id=ana.id, plan="prime", cumulative_months=3)).result(5)
    said = await node(api, "helix.mjs", client_id=mia.client_id, token=mia.access_token, other=ana.id)
    started = said["first"][0].pop(6)
    assert started.startswith("20")
    assert said == {
        "first": [["ana", "Openings", "", 0, "de", ["Deutsch"], "live"]],
        "all": ["ana", "anna"],
        "one": "ana",
        "offline": None,
        "found": [["ana", True, True], ["anna", True, True]],
        "category": "Chess",
        "channel": ["Endgames", "Chess", "de", ["calm"]],
        "games": [],
        "game": True,
        "followed": [1, ["ana"]],
        "followedStreams": ["ana"],
        "followers": 1,
        "unfollowed": 0,
        "subscriptions": [["ana", "1000", False]],
        "raid": [409, "Conflict"],
    }
