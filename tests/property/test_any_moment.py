"""A view at any moment is the fold of the events up to it, wherever snapshots lie."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.events import Followed, Tick
from streams.objects import StoredObjects
from streams.snapshots import Snapshots
from streams.store import key_prefix
from streams.store_memory import MemoryStore
from streams.views.moments import Archive, GoneError, key_at, view_at
from streams.views.refolding import Refold
from tests.live_view import BEGAN_US, LiveView
from tests.simulation.counting import INPUT, CountingFold

pytestmark = pytest.mark.row("E12")
CHANNELS = "12345"
EVENTS = st.lists(st.builds(Followed, channel_id=st.sampled_from(CHANNELS), user_id=st.sampled_from("abc")), min_size=1, max_size=80)


async def folded(live: LiveView, partition: int, end: int) -> dict[bytes, bytes]:
    """The rows of the events before an offset, by the plain way."""
    store = MemoryStore()
    await Refold(live.fold, live.codec, store, partition).fold(live.records(partition, 0, end))
    return dict(store.scan(b""))


async def check(folder: Path, events, cuts, moments, ticks) -> None:
    live = LiveView(folder, CountingFold())
    snapshots = Snapshots(StoredObjects.at("memory://"), [live.fold])
    done = 0
    for cut in [*sorted(cuts), len(events)]:
        live.append(events[done:cut])
        if done in ticks:
            live.publisher.tick(Tick(event_id=f"tick-{done}", occurred_at=BEGAN_US), INPUT, done % 4).result()
        done = max(done, cut)
        await live.fold_on(snapshots=snapshots, every=3)
    archive = Archive(live.fold, live.log, live.codec, live.view, snapshots)
    for number, moment in enumerate(moments):
        at = BEGAN_US // 1_000 + moment
        ends = archive.positions(at)
        expected = {
            p: await folded(live, p, next((r.offset for r in live.records(p) if r.timestamp > at), len(live.records(p)))) for p in ends
        }
        view = await view_at(archive, ends, folder / f"at-{number}")
        found = {p: {address: row for q, address, row in view.rows() if p == q} for p in ends}
        view.close()
        assert found == expected
        for key in CHANNELS:
            told = []
            past = await key_at(
                archive, key, ends, folder / f"key-{number}-{key}", told=lambda done, total, told=told: told.append((done, total))
            )
            assert [done for done, _ in told] == sorted(done for done, _ in told)
            assert not told or told[-1] == (past.folded, past.folded)
            rows = {address: row for _, address, row in past.rows()}
            past.close()
            whole = {
                address: row for rows in expected.values() for address, row in rows.items() if address.startswith(key_prefix(key.encode()))
            }
            assert rows == whole


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS, st.lists(st.integers(0, 80), max_size=4), st.lists(st.integers(0, 90), min_size=1, max_size=3), st.sets(st.integers(0, 80)))
def test_the_view_at_any_moment_is_the_fold_of_the_events_up_to_it(events, cuts, moments, ticks) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder), events, cuts, moments, ticks))


async def test_a_look_at_the_past_leaves_snapshots_for_the_next(tmp_path: Path, objects, monkeypatch) -> None:
    monkeypatch.setattr("streams.views.moments.EVERY", 100)
    monkeypatch.setattr("streams.views.refolding.BATCH", 50)
    live = LiveView(tmp_path, CountingFold())
    live.append(Followed(channel_id=str(i % 5), user_id=str(i % 7)) for i in range(2_000))
    archive = Archive(live.fold, live.log, live.codec, live.view, Snapshots(objects, [live.fold]))
    ends = archive.positions(BEGAN_US // 1_000 + 1_900)
    told = []
    first = await view_at(archive, ends, tmp_path / "first", keep=True, told=lambda done, total: told.append((done, total)))
    second = await view_at(archive, ends, tmp_path / "second")
    assert first.folded == 1_900 == told[-1][0] == told[-1][1]
    assert second.folded < 4 * 150
    assert list(first.rows()) == list(second.rows()) != []
    first.close()
    second.close()
    assert not (tmp_path / "first").exists()


async def test_a_moment_whose_events_are_gone_is_refused(tmp_path: Path, monkeypatch) -> None:
    live = LiveView(tmp_path, CountingFold())
    live.append(Followed(channel_id=str(i % 5), user_id="1") for i in range(100))
    archive = Archive(live.fold, live.log, live.codec, live.view)
    ends, real = archive.positions(BEGAN_US // 1_000 + 50), live.log.starts_at
    monkeypatch.setattr(live.log, "starts_at", lambda topic, at: dict.fromkeys(real(topic, at), 5))
    with pytest.raises(GoneError, match="begins at offset 5; what lay before is gone"):
        await view_at(archive, ends, tmp_path / "view")
    view = await view_at(archive._replace(whole=False), ends, tmp_path / "partly")
    view.close()
