"""What was decided stays decided: the record is there, and nothing contradicts it."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEBRTC = {"aiortc", "pylibsrtp", "aioice", "livekit", "janus-client"}
"""Python packages that carry WebRTC media."""


@pytest.mark.row("P19")
def test_broadcast_without_webrtc_is_recorded_with_its_figures() -> None:
    record = (ROOT / "docs/why/no-webrtc.md").read_text()
    assert "**Decision**" in record
    assert re.search(r"\| glass to glass \| .*\d", record)
    assert re.search(r"500 Gb/s", record)


@pytest.mark.row("P19")
def test_nothing_that_we_install_carries_webrtc() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert not WEBRTC & {re.split(r"[<>=\[]", line)[0] for line in declared}
    assert "RTCPeerConnection" not in "".join(path.read_text() for path in (ROOT / "sinks/page/assets").rglob("*.js"))
