"""What machines are said to carry."""

import pytest

from processors.transcode.ladder import Source, ladder
from sinks.transcoder.capacity import capacity


@pytest.mark.row("T7")
def test_two_cores_carry_two_720p30_partners_and_no_third():
    one = sum(rendition.load for rendition in ladder("partner", Source(1280, 720, 30.0)))
    assert 2 * one <= capacity(2) < 3 * one


def test_default_is_this_machines():
    assert capacity() > 0
