"""The ladder: tiers, sizes, rates."""

import pytest

from processors.transcode.ladder import Rendition, Source, ladder

FULL_HD = Source(1920, 1080, 60.0)


def described(tier, source):
    return [(r.name, r.width, r.height, r.frame_rate, r.bit_rate) for r in ladder(tier, source)]


@pytest.mark.row("T1")
def test_partner_gets_the_whole_ladder_of_a_full_hd_source():
    assert described("partner", FULL_HD) == [
        ("720p60", 1280, 720, 60.0, 3_000_000),
        ("480p30", 852, 480, 30.0, 1_500_000),
        ("360p30", 640, 360, 30.0, 800_000),
        ("160p30", 284, 160, 30.0, 400_000),
    ]


@pytest.mark.row("T2")
def test_affiliate_gets_two_and_regular_none():
    assert [r.name for r in ladder("affiliate", FULL_HD)] == ["720p60", "480p30"]
    assert ladder("regular", FULL_HD) == ()


def test_rungs_that_are_not_below_the_source_are_left_out():
    assert [r.name for r in ladder("partner", Source(1280, 720, 30))] == ["480p30", "360p30", "160p30"]
    assert [r.name for r in ladder("affiliate", Source(854, 480, 30))] == []


def test_portrait_source_gets_portrait_renditions():
    assert [(r.width, r.height) for r in ladder("partner", Source(1080, 1920, 30))] == [(720, 1280), (480, 852), (360, 640), (160, 284)]


@pytest.mark.parametrize(
    ("source_rate", "made"),
    [
        (60.0, 30.0),
        (59.94, 29.97),
        (50.0, 25.0),
        (48.0, 24.0),
        (30.0, 30.0),
        (25.0, 25.0),
        (120.0, 30.0),
        (60.02, 30.0),
        (40.0, 30.0),
        (12.5, 12.5),
        (0.0, 30.0),
    ],
)
def test_rate_is_cut_to_every_nth_frame(source_rate, made):
    assert ladder("partner", Source(1280, 720, source_rate))[0].frame_rate == pytest.approx(made, rel=1e-3)


def test_slow_source_keeps_its_rate_under_the_rungs_name():
    top = ladder("partner", Source(1920, 1080, 25.0))[0]
    assert (top.name, top.frame_rate, top.key_frame_interval) == ("720p60", 25.0, 50)


@pytest.mark.parametrize(
    ("source", "levels"),
    [
        (FULL_HD, ["3.2", "3.1", "3.0", "1.3"]),
        (Source(1280, 720, 30.0), ["3.1", "3.0", "1.3"]),
    ],
)
def test_level_is_the_lowest_that_holds_the_picture(source, levels):
    assert [r.level for r in ladder("partner", source)] == levels


def test_capacity_of_a_rendition_is_its_megapixels_a_second_and_its_limits_follow_its_rate():
    rendition = ladder("partner", FULL_HD)[1]
    assert rendition.load == pytest.approx(852 * 480 * 30 / 1e6)
    assert (rendition.max_rate, rendition.buffer_size, rendition.profile) == (2_250_000, 3_000_000, "high")


def test_level_beyond_the_table_is_its_last():
    assert Rendition("x", 16_000, 16_000, 60.0, 1).level == "5.2"
