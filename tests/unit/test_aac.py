"""AAC configurations and silence."""

import av
import numpy as np
import pytest

from streams.media.aac import FRAME_SAMPLES, AudioConfig, UnsupportedAudioError, parse_config, silent_frame


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("1210", AudioConfig(44_100, 2, 2)),
        ("1188", AudioConfig(48_000, 1, 1)),
        ("2b920800", AudioConfig(22_050, 2, 2)),  # HE-AAC: the core runs at half the output's 44.1 kHz
    ],
)
def test_configurations_are_read(config: str, expected: AudioConfig) -> None:
    assert parse_config(bytes.fromhex(config)) == expected


@pytest.mark.parametrize(
    ("config", "cause"),
    [("0a10", "object type 1"), ("1200", "layout 0"), ("1214", "960"), ("12", "1 bytes"), ("1690", "reserved"), ("1238", "layout 7")],
)
def test_what_cannot_be_carried_is_refused_with_its_cause(config: str, cause: str) -> None:
    with pytest.raises(UnsupportedAudioError, match=cause):
        parse_config(bytes.fromhex(config))


@pytest.mark.parametrize("layout", range(1, 7))
def test_silence_decodes_to_silence(layout: int) -> None:
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = (2 << 11 | 3 << 7 | layout << 3).to_bytes(2, "big")
    frames = [frame for _ in range(4) for frame in decoder.decode(av.Packet(silent_frame(layout)))]
    assert len(frames) >= 3
    for frame in frames:
        assert frame.samples == FRAME_SAMPLES
        assert len(frame.layout.channels) == layout
        assert not np.abs(frame.to_ndarray()).max()
