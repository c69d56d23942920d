"""What holds for the ladder of any source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.transcode.ladder import Source, below, ladder

SOURCES = st.builds(Source, st.integers(16, 7680), st.integers(16, 4320), st.floats(5, 240))


@pytest.mark.row("T2")
@given(st.sampled_from(["partner", "affiliate", "regular"]), SOURCES)
def test_no_rendition_exceeds_its_source_in_size_or_rate(tier, source):
    for rendition in ladder(tier, source):
        assert rendition.width < source.width
        assert rendition.height < source.height
        assert rendition.width % 2 == rendition.height % 2 == 0
        assert 0 < rendition.frame_rate <= min(source.frame_rate * 1.0001, 60)
        assert rendition.frame_rate <= int(rendition.name.split("p")[1])


@given(SOURCES)
def test_shape_is_kept_to_the_pixel_that_even_sizes_cost(source):
    for rendition in below(source):
        assert rendition.width / rendition.height == pytest.approx(
            source.width / source.height, rel=2 / min(rendition.width, rendition.height)
        )


@given(SOURCES)
def test_partner_has_what_affiliate_has(source):
    assert set(ladder("affiliate", source)) <= set(ladder("partner", source)) == set(below(source))
