"""What stands in the encoder's options and commands for the ladder of any source."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.transcode.ladder import Source, below
from sinks.transcoder.encoder import ENDLESS, SegmentInput, codec_options, live_options, segment_command

LADDERS = (
    st.builds(Source, st.integers(170, 7680), st.integers(170, 4320), st.floats(5, 240))
    .map(lambda s: (s, below(s)))
    .filter(lambda made: made[1])
)
ENCODERS = st.sampled_from(["x264", "nvenc"])


def outputs_of(command):
    """Options of each output by its file, in order."""
    found, options = {}, {}
    words = iter(command[command.index("-map") :])
    for word in words:
        if word.startswith("-"):
            if word in ("-nostdin", "-hide_banner", "-copyts", "-y"):
                continue
            options[word] = next(words)
        else:
            found[word], options = options, {}
    return found


def command_of(encoder, source, ladder, **given):
    segment = SegmentInput(Path("source.mp4"), source.frame_rate, 10.0, (10.0, 10.2), **given)
    return segment_command(encoder, segment, {Path(f"{rendition.name}.mp4"): rendition for rendition in ladder})


@pytest.mark.row("T4", "T5")
@given(ENCODERS, LADDERS)
def test_command_has_rate_control_and_key_frames_of_each_rendition(encoder, made):
    source, ladder = made
    found = outputs_of(command_of(encoder, source, ladder))
    assert list(found) == [f"{rendition.name}.mp4" for rendition in ladder]
    for rendition, options in zip(ladder, found.values(), strict=True):
        assert options["-b:v"] == str(rendition.bit_rate)
        assert options["-maxrate"] == str(rendition.bit_rate * 3 // 2)
        assert options["-bufsize"] == str(rendition.bit_rate * 2)
        assert options["-g"] == str(max(1, round(rendition.frame_rate * 2)))
        assert options["-sc_threshold"] == "0"


@pytest.mark.row("T5")
@given(ENCODERS, LADDERS)
def test_audio_is_copied_where_it_is_aac_and_made_at_128k_elsewhere(encoder, made):
    for options in outputs_of(command_of(encoder, *made, audio="other")).values():
        assert (options["-c:a"], options["-b:a"]) == ("aac", "128k")
    for options in outputs_of(command_of(encoder, *made, audio="aac")).values():
        assert options["-c:a"] == "copy"
        assert "-b:a" not in options
    assert all("-c:a" not in options for options in outputs_of(command_of(encoder, *made)).values())


@pytest.mark.row("T6")
@given(LADDERS)
def test_nvenc_decodes_and_encodes_on_the_gpu(made):
    command = command_of("nvenc", *made)
    assert command[command.index("-hwaccel") + 1] == "cuda"
    assert command.index("-hwaccel") < command.index("-i")
    for options in outputs_of(command).values():
        assert (options["-c:v"], options["-preset"]) == ("h264_nvenc", "p4")


@pytest.mark.row("T6")
@given(LADDERS)
def test_x264_needs_no_gpu(made):
    command = command_of("x264", *made)
    assert "-hwaccel" not in command
    assert {options["-c:v"] for options in outputs_of(command).values()} == {"libx264"}


@given(ENCODERS, LADDERS)
def test_timeline_is_the_sources(encoder, made):
    command = command_of(encoder, *made)
    assert "-copyts" in command
    for options in outputs_of(command).values():
        assert (options["-muxdelay"], options["-muxpreload"], options["-fps_mode"]) == ("0", "0", "passthrough")
        assert (options["-enc_time_base"], options["-video_track_timescale"]) == ("1:90000", "90000")


@pytest.mark.row("T4", "T5")
@given(ENCODERS, LADDERS)
def test_live_path_differs_only_in_key_frames_and_threads(encoder, made):
    for rendition in made[1]:
        options = live_options(encoder, rendition)
        assert options == {**codec_options(encoder, rendition, rendition.key_frame_interval), "g": str(ENDLESS), "threads": "1"}
        assert options["forced-idr"] == "1"


@given(LADDERS)
def test_level_holds_the_buffer(made):
    for rendition in made[1]:
        assert 1.3 <= float(rendition.level) <= 5.2
