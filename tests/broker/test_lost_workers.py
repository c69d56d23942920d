"""What a live stream's renditions lack where the process that makes them is killed, or told to end."""

import signal

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


@pytest.mark.broker
@pytest.mark.media
@pytest.mark.kill
@pytest.mark.timeout(300)
@pytest.mark.row("T18", "T19")
async def test_renditions_of_a_worker_that_is_told_to_end_lack_nothing(settings: Settings) -> None:
    async with live(settings) as workers:
        for _ in range(2):
            job = await workers.settled()
            recovery = await workers.lose(job, signal.SIGTERM)
            assert recovery.reason == "handed_over"
            assert recovery.lost == 0
            assert (await workers.settled()).worker_id != job.worker_id
        parts = [(part.rendition, part.media_sequence, part.part) for part in workers.parts()]
        assert {rendition for rendition, _, _ in parts} == {"480p30", "360p30", "160p30"}
        assert len(set(parts)) == len(parts), "a part was made twice"
        sequences = [{number for name, number, _ in parts if name == each} for each in ("480p30", "360p30", "160p30")]
        assert all(made == set(range(min(made), max(made) + 1)) for made in sequences), "a segment was made by nobody"
