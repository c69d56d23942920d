"""Start codes to lengths."""

import pytest

from sinks.transcoder import annexb

SPS = bytes.fromhex("6764001facd9")
PPS = bytes.fromhex("68ebecb2")


def test_units_are_split_at_short_and_long_start_codes():
    assert annexb.units(b"\0\0\0\1" + SPS + b"\0\0\1" + PPS) == [SPS, PPS]


def test_zeros_inside_a_unit_stay():
    unit = b"\x65\x88\x00\x00\x03\x01\x80"
    assert annexb.length_prefixed(b"\0\0\1" + unit) == b"\0\0\0\x07" + unit


def test_configuration_of_high_profile_tells_the_chroma_format():
    record = annexb.configuration(b"\0\0\0\1" + SPS + b"\0\0\0\1" + PPS)
    assert record == bytes.fromhex("0164001fffe10006") + SPS + bytes.fromhex("010004") + PPS + bytes.fromhex("fdf8f800")


def test_configuration_of_main_profile_ends_with_the_parameter_sets():
    main = b"\x67\x4d" + SPS[2:]
    assert annexb.configuration(b"\0\0\1" + main + b"\0\0\1" + PPS).endswith(PPS)


def test_missing_parameter_set_is_refused():
    with pytest.raises(ValueError, match="no parameter sets"):
        annexb.configuration(b"\0\0\1" + SPS)
