"""Where decoded pictures go."""

import pytest

from processors.transcode.ladder import Rendition
from sinks.transcoder.protocol import SourcePart
from sinks.transcoder.windows import Picture, Window, keeps, samples, tolerance, window
from streams.media.track import Sample

HALF = Rendition("480p30", 852, 480, 30.0, 1_500_000)
FRAME = 3000
"""Ticks of a frame at 30 a second."""


def pictures(*times):
    return [Picture(time, index == 0, b"x") for index, time in enumerate(times)]


def spans(made):
    return [(one.decode_time, one.duration, one.decode_time + one.composition_offset) for one in made]


def test_samples_fill_the_part_and_keep_presentation_times():
    part = Window(5, 0, 90_000, 3 * FRAME, 90_000)
    assert spans(samples(part, pictures(90_000, 93_000, 96_000))) == [
        (90_000, 3000, 90_000),
        (93_000, 3000, 93_000),
        (96_000, 3000, 96_000),
    ]


def test_delay_of_a_reordering_source_stays_as_composition_offset():
    part = Window(5, 0, 90_000, 2 * FRAME, 96_000)
    assert spans(samples(part, pictures(96_000, 99_000))) == [(90_000, 3000, 96_000), (93_000, 3000, 99_000)]


def test_part_with_fewer_pictures_than_its_source_is_as_long():
    part = Window(5, 1, 90_000, 6 * FRAME, 90_000)
    assert spans(samples(part, pictures(90_000, 96_000, 102_000))) == [
        (90_000, 6000, 90_000),
        (96_000, 6000, 96_000),
        (102_000, 6000, 102_000),
    ]


def test_more_pictures_than_fit_share_the_parts_time():
    """Leading pictures of the next, open GOP are shown before its key frame."""
    part = Window(5, 9, 90_000, 2 * FRAME, 96_000)
    assert spans(samples(part, pictures(96_000, 99_000, 102_000))) == [
        (90_000, 2000, 96_000),
        (92_000, 2000, 99_000),
        (94_000, 2000, 102_000),
    ]


def test_picture_that_came_a_millisecond_early_begins_its_part_on_time():
    part = Window(5, 1, 90_000, 2 * FRAME, 90_000)
    assert spans(samples(part, pictures(89_910, 93_000)))[0] == (90_000, 3000, 89_910)


@pytest.mark.parametrize(
    ("rate", "kept"),
    [(60, [0, 2, 4, 6, 8, 10]), (50, [0, 2, 3, 5, 7, 8, 10]), (30, list(range(12))), (0, list(range(12)))],
)
def test_every_frame_of_the_slower_rendition_shows_the_first_picture_of_its_time(rate, kept):
    times = [round(90_000 + index * 90_000 / (rate or 30)) for index in range(12)]
    shown = [index for index, time in enumerate(times) if keeps(time, times[index - 1] if index else None, times[0], rate, HALF)]
    assert shown == kept


@pytest.mark.row("I8")
def test_milliseconds_of_rtmp_do_not_disturb_the_choice():
    times = [round(index * 1000 / 60) * 90 for index in range(120)]
    shown = [index for index, time in enumerate(times) if keeps(time, times[index - 1] if index else None, 0, 60.0, HALF)]
    assert shown == list(range(0, 120, 2))


def test_first_picture_of_a_part_is_always_shown():
    assert keeps(91_500, None, 90_000, 60.0, HALF)
    assert not keeps(91_500, 90_000, 90_000, 60.0, HALF)


def test_window_begins_with_its_key_frame_and_else_by_the_sources_delay():
    first = Sample(90_000, FRAME, 9000, True, b"")
    assert window(SourcePart(5, 0, 90_000, 18_000, b""), first, 6000).begin == 99_000
    assert window(SourcePart(5, 1, 90_000, 18_000, b""), first._replace(key=False), 6000).begin == 96_000


def test_tolerance_is_a_quarter_of_a_frame():
    assert tolerance(30.0) == 750
    assert tolerance(0.0) == 750, "an unknown rate counts as 30"
