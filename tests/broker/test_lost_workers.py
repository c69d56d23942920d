"""What a live stream's renditions lack where the process that makes them is killed."""

import pytest

from infra.settings import Settings
from tests.lost_workers import live


@pytest.mark.broker
@pytest.mark.media
@pytest.mark.kill
@pytest.mark.timeout(300)
@pytest.mark.row("T19")
async def test_renditions_of_a_killed_worker_lack_two_segments_at_most(settings: Settings) -> None:
    async with live(settings) as workers:
        for _ in range(2):
            job = await workers.settled()
            recovery = await workers.lose(job)
            assert recovery.reason == "worker_lost"
            assert recovery.lost <= 2
            assert (await workers.settled()).worker_id != job.worker_id
        parts = [(part.rendition, part.media_sequence, part.part) for part in workers.parts()]
        assert {rendition for rendition, _, _ in parts} == {"480p30", "360p30", "160p30"}
        assert len(set(parts)) == len(parts), "a part was made twice"
