"""What is asked of the archive by command, on a system of which log, registry and store run."""

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.cli.__main__ import app
from infra.parts import Parts
from infra.settings import Settings
from schemas.events import ClipReady, ClipRequested, VodArchived, VodTierMoved
from streams.clock import now_us
from streams.log_admin import ensure_topics
from streams.log_kafka import KafkaLog
from streams.media import address
from tests.conftest import Broker
from tests.registry_server import serving

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]
GB = 1_000_000_000


def archived(session_id: str, size: int) -> VodArchived:
    ended_at = now_us() - 3_600_000_000
    return VodArchived(
        channel_id="7", vod_id=address.vod_id(session_id), session_id=session_id, revision=1, login="ana", tier="regular",
        retention_days=14, started_at=ended_at - 1_000_000, ended_at=ended_at, duration_ms=1_000, width=2, height=2, frame_rate=30.0,
        renditions=("source",), segments=1, size=size, documents=(),
    )  # fmt: skip


def answer(settings: Settings, *words: str, code: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(app, [*words, "--json"], env=settings.environment(), catch_exceptions=False)
    assert done.exit_code == code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.row("V5", "E14")
def test_the_archive_is_billed_and_read_through(private_kafka: Broker, tmp_path: Path) -> None:
    ensure_topics(private_kafka.bootstrap)
    with closing(KafkaLog(private_kafka.bootstrap)) as log, serving(log) as registry:
        settings = Settings(home=str(tmp_path / "home"), kafka=private_kafka.bootstrap, registry=registry)
        about = {"channel_id": "7", "clip_id": "c1", "attempt": 1, "duration_ms": 5_000}
        video, thumb = address.clip("c1", "video.mp4"), address.clip("c1", "thumb.jpg")
        with Parts(settings) as parts:
            publisher = parts.publisher("test")
            for made in (archived("s1", 10 * GB), archived("s2", 100 * GB)):
                publisher.publish(made)
            publisher.publish(VodTierMoved(channel_id="7", vod_id=address.vod_id("s2"), storage="cold", objects=1, size=1))
            publisher.publish(ClipRequested(**about, creator_id="8", source="vod", vod_id="gone", ends_at=0, offset_ms=0, created_at=1))
            publisher.publish(
                ClipReady(
                    **about, session_id="s1", begins_at=1, frames=1, copied=1, address=video, size=1, sha256="0",
                    thumbnail_address=thumb, thumbnail_size=1, thumbnail_sha256="0",
                )
            ).result()  # fmt: skip
            for place in (thumb, address.clip("c9", "video.mp4"), address.vod("9", "nobodys", "manifest.m3u8"), "lake/other"):
                asyncio.run(parts.objects.put(place, b"?"))

        billed = answer(settings, "vod", "cost")
        assert (billed["vods"], billed["size"]) == (2, {"hot": 10 * GB, "warm": 0, "cold": 100 * GB})
        assert billed["dollars"] == pytest.approx({"hot": 0.23, "warm": 0.0, "cold": 0.4})
        assert billed["total"] == pytest.approx(0.63)
        assert answer(settings, "vod", "cost", address.vod_id("s1"))["days"] == {"hot": 7, "warm": 7, "cold": 0}
        assert answer(settings, "vod", "cost", "--hours", "4")["size"] == pytest.approx(21.3 * GB, rel=0.01)

        found = answer(settings, "scrub", code=1)
        problems = {finding["address"]: finding["problem"] for finding in found["findings"]}
        assert problems == {
            video: "missing",
            thumb: "rotten",
            address.vod("7", address.vod_id("s1"), "segments.json"): "missing",
            address.vod("7", address.vod_id("s2"), "segments.json"): "missing",
            address.clip("c9", "video.mp4"): "orphan",
            address.vod("9", "nobodys", "manifest.m3u8"): "orphan",
        }
        assert {name: found[name] for name in ("vods", "clips", "mended", "lost", "orphans")} == {
            "vods": 2, "clips": 1, "mended": 0, "lost": 4, "orphans": 2,
        }  # fmt: skip
        assert [each["address"] for each in answer(settings, "scrub", "c1", code=1)["findings"]] == [thumb, video]
