"""Requests become viewers on the log: once they watch, every 30 s, and when they have gone."""

from itertools import pairwise

import pytest

from schemas.events import ViewerHeartbeat, ViewerJoined, ViewerLeft
from schemas.registry import LocalRegistry
from schemas.wire import Codec
from streams.edges.audience import HEARTBEAT_US, QUIET_US, SILENT_US, WATCHING_US, Audience
from streams.edges.sessions import Signer, device
from streams.log_memory import MemoryLog
from streams.publisher import Publisher

SECOND = 1_000_000
TOPIC = "viewer.session.events.v1"
SIGNER = Signer(b"k" * 32)


class Stage:
    """An audience with a clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1_000 * SECOND
        self.log, self.codec = MemoryLog(), Codec(LocalRegistry())
        publisher = Publisher(self.log, self.codec, "origin-1", lambda: self.now)
        self.audience = Audience(publisher, "iad", lambda: self.now)
        self.session = SIGNER.read(SIGNER.begin("42", "mobile"))

    def asks(self, seconds: float, every: float = 2.0) -> None:
        """The player asks for its playlist so often; the origin looks around once a second."""
        for _ in range(round(seconds / every)):
            self.now += round(every * SECOND)
            self.audience.asked(self.session)
            self.audience.sweep()

    def told(self) -> list[object]:
        partitions = self.log.ends(TOPIC)
        records = [record for partition in partitions for batch in self.log.read(TOPIC, partition, 0, 999) for record in batch]
        return [self.codec.decode(record.value) for record in records]


@pytest.mark.row("E5")
def test_whoever_looks_once_is_no_viewer_however_many_playlists_it_loads() -> None:
    stage = Stage()
    for _ in range(4):
        stage.audience.asked(stage.session)
        stage.now += WATCHING_US // 5
    stage.now += SILENT_US + SECOND
    stage.audience.sweep()
    assert stage.told() == []
    assert len(stage.audience) == 0


@pytest.mark.row("E5")
@pytest.mark.parametrize("every", [0.2, 1.0, 2.0])
def test_a_player_joins_beats_every_half_minute_and_leaves_when_it_falls_silent(every: float) -> None:
    stage = Stage()
    stage.asks(100, every)
    assert [type(event) for event in stage.told()] == [ViewerJoined, ViewerHeartbeat, ViewerHeartbeat, ViewerHeartbeat]
    joined, *beats = stage.told()
    assert (joined.device, joined.region, joined.channel_id) == ("mobile", "iad", "42")
    times = [joined.occurred_at, *(beat.occurred_at for beat in beats)]
    assert all(HEARTBEAT_US <= later - earlier <= HEARTBEAT_US + 2 * SECOND for earlier, later in pairwise(times))
    stage.now += SILENT_US + 1
    stage.audience.sweep()
    left = stage.told()[-1]
    assert isinstance(left, ViewerLeft)
    assert left.watched_ms == pytest.approx(100_000, abs=2_000)
    stage.audience.sweep()
    assert stage.told()[-1] == left, "told once"


@pytest.mark.row("E5")
def test_a_page_that_says_goodbye_has_gone_at_once_and_a_request_under_way_brings_nobody_back() -> None:
    stage = Stage()
    stage.asks(10)
    stage.audience.left(stage.session, 9_000)
    stage.audience.asked(stage.session)
    stage.now += SILENT_US + SECOND
    stage.audience.sweep()
    assert [type(event) for event in stage.told()] == [ViewerJoined, ViewerLeft]


def test_who_tells_by_heartbeats_has_the_time_of_two() -> None:
    stage = Stage()
    stage.audience.joined(stage.session)
    stage.audience.watching(stage.session)
    stage.now += QUIET_US
    stage.audience.sweep()
    assert [type(event) for event in stage.told()] == [ViewerJoined, ViewerHeartbeat]
    stage.now += 1
    stage.audience.sweep()
    assert type(stage.told()[-1]) is ViewerLeft


def test_a_session_is_read_back_and_no_other() -> None:
    token = SIGNER.begin("42", "tv")
    assert SIGNER.read(token)[:2] == ("42", "tv")
    assert SIGNER.begin("42", "tv") != token
    forged = [token.replace("42.", "43."), token.replace("tv", "mobile"), token[:-22] + "A" * 22, "", "x", token + "A", token.upper()]
    assert [SIGNER.read(each) for each in forged] == [None] * len(forged)
    assert Signer(b"other" * 7).read(token) is None


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", "mobile"),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 6.5) SamsungBrowser TV Safari", "tv"),
        ("Roku/DVP-12.5", "tv"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140", "desktop"),
        ("VLC/3.0.20 LibVLC", "desktop"),
        ("", "desktop"),
    ],
)
def test_the_device_is_what_the_player_says(agent: str, kind: str) -> None:
    assert device(agent) == kind
