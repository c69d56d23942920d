"""What machines are said to carry."""

import pytest

from processors.transcode.ladder import Source, ladder
from sinks.transcoder.capacity import OF_A_GPU, PER_OUTPUT, available, capacity, outputs


@pytest.mark.row("T7")
def test_two_cores_carry_two_720p30_partners_and_no_third():
    one = sum(rendition.load for rendition in ladder("partner", Source(1280, 720, 30.0)))
    assert 2 * one <= capacity(2) < 3 * one


def test_default_is_this_machines():
    assert capacity() > 0
    assert outputs() == available() // 2 // PER_OUTPUT


@pytest.mark.row("T8")
def test_half_of_the_memory_holds_outputs():
    assert outputs(memory=4 * 2**30) == 20
    assert outputs(memory=2**20) == 1
    assert outputs("nvenc") == OF_A_GPU


@pytest.mark.row("T8")
def test_memory_is_the_containers_where_that_is_less(tmp_path):
    limit = tmp_path / "memory.max"
    machine = available(limit)
    limit.write_text("max\n")
    assert available(limit) == machine
    limit.write_text(f"{machine // 2}\n")
    assert available(limit) == machine // 2
    limit.write_text(f"{2 * machine}\n")
    assert available(limit) == machine
