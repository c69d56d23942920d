"""Parameter sets and access units of H.264."""

import pytest

from streams.media import h264


def record(sps: str) -> bytes:
    unit = bytes.fromhex(sps)
    return b"\x01" + unit[1:4] + b"\xff\xe1" + len(unit).to_bytes(2, "big") + unit + b"\x01\x00\x04\x68\xee\x3c\x80"


@pytest.mark.parametrize(
    ("sps", "expected"),
    [
        ("6742c01ed900a02ff9610000030001000003003c0f162e48", (640, 360, 30.0)),  # x264, baseline
        ("6764001facd9405005bb011000000300100000030320f1831960", (1280, 720, 25.0)),  # x264, high, closed captions absent
    ],
)
def test_size_and_rate_are_read(sps: str, expected: tuple[int, int, float]) -> None:
    assert h264.picture_format(record(sps)) == expected


@pytest.mark.parametrize("bytes_", [b"", b"\x01\x64\x00\x1f\xff\xe0\x00", b"\x01\x64\x00\x1f\xff\xe1\x00\xff\x67", record("67640000")])
def test_unreadable_configurations_are_refused(bytes_: bytes) -> None:
    with pytest.raises(h264.MalformedVideoError):
        h264.picture_format(bytes_)


def unit(content: str) -> bytes:
    raw = bytes.fromhex(content)
    return len(raw).to_bytes(4, "big") + raw


@pytest.mark.parametrize(
    ("data", "starts"),
    [
        (unit("09f0") + unit("6588"), True),  # delimiter, IDR
        (unit("0605020000") + unit("4188"), False),  # another SEI
        (unit("06" + "010180" + "060180" + "80") + unit("4188"), True),  # recovery point after a pic timing payload
        (unit("06" + "ff" * 3 + "010001") + unit("4188"), False),  # SEI cut short
        (unit("4188"), False),
    ],
)
def test_decoding_starts_at_idr_pictures_and_recovery_points(data: bytes, starts: bool) -> None:
    assert h264.starts_decoding(data) is starts


@pytest.mark.parametrize("data", [b"\0\0\0\0", b"\0\0\0\5\x65", b"\0\0"])
def test_lengths_that_lead_elsewhere_are_refused(data: bytes) -> None:
    with pytest.raises(h264.MalformedVideoError):
        h264.starts_decoding(data)
