"""Whatever carries a live stream is killed once while a viewer watches. The long form: `./chronicast bench video_kill`."""

import asyncio
from pathlib import Path

import pytest

from tests.bench.video_kill import measure, summary, table
from tests.video_faults import AHEAD_S, SERVICES

pytestmark = [pytest.mark.media, pytest.mark.broker, pytest.mark.kill, pytest.mark.row("L1"), pytest.mark.timeout(420)]
MOST_S = 30.0
"""Several times what the log takes to start: the slowest of them."""
ASIDE = {"folds", "transcoder", "api", "registry"}
"""What a viewer of the source does not wait for."""


def test_a_viewer_has_every_segment_whatever_is_killed_and_waits_for_the_log_alone(tmp_path: Path) -> None:
    run = asyncio.run(measure(list(SERVICES), tmp_path / "home"))
    print(table(summary(run, 0)))
    assert [fault.service for fault in run.faults] == list(SERVICES)
    assert (run.missed, run.backwards) == (0, 0)
    for fault in run.faults:
        assert fault.late_s < (AHEAD_S if fault.service in ASIDE else MOST_S), fault
