"""How long a VOD is kept: by its channel's tier, and by what its owner pays for."""

import pytest
from msgspec.structs import replace

from schemas.events import ShelveVod, VodArchived
from schemas.events.channel import Tier
from sinks.archive.archivist import SHELF, Archivist
from sinks.archive.config import ArchiveConfig
from sinks.archive.vods import TOPIC
from streams.objects_tiered import TieredObjects
from tests.ingest_stage import KEY, Stage, profile, send_media
from tests.rtmp_client import RtmpClient

CHANNELS: dict[str, tuple[Tier, bool, int]] = {
    "1": ("partner", False, 60),
    "2": ("affiliate", False, 14),
    "3": ("regular", False, 14),
    "4": ("affiliate", True, 60),
    "5": ("regular", True, 60),
}
"""Tier, Turbo, and days by default."""


@pytest.mark.row("V6")
async def test_a_vod_is_kept_by_tier_and_by_turbo() -> None:
    stage = Stage()
    for channel_id, (tier, turbo, _) in CHANNELS.items():
        row = profile(f"{KEY}{channel_id}", channel_id)
        stage.publisher.publish(replace(row, tier=tier, turbo=not turbo))
        stage.publisher.publish(replace(row, tier=tier, turbo=turbo))  # the newest counts
    objects = TieredObjects({"hot": stage.objects})
    archivist = Archivist(stage.log, stage.codec, objects, stage.publisher, ArchiveConfig(late_us=0), rest_s=0.01)
    await archivist.start()
    async with stage.ingest() as edge:
        for channel_id in CHANNELS:
            client = await RtmpClient.open(edge.port)
            await client.publish(f"{KEY}{channel_id}")
            await send_media(client, 90)
            await client.leave()
        await stage.wait(lambda: len(stage.events(ShelveVod, SHELF)) == len(CHANNELS))
    await archivist.close()
    wanted = {channel_id: days for channel_id, (_, _, days) in CHANNELS.items()}
    for kind, topic in ((VodArchived, TOPIC), (ShelveVod, SHELF)):
        assert {event.channel_id: event.retention_days for event in stage.events(kind, topic)} == wanted
